"""Insert or update rows by external id, and say for each whether anything changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from crm.imports.faults import Fault
from crm.imports.lookups import CHUNK, in_chunks
from crm.imports.tally import Tally
from crm.models import Brand
from crm.models.tenancy import BrandOwned


def upsert(
    model: type[BrandOwned],
    brand: Brand,
    wanted: Mapping[str, dict[str, Any]],
    tally: Tally,
    *,
    key: str = "external_id",
    counted: bool = True,
) -> dict[str, Any]:
    """Rows by `key` after storing `wanted` (key to fields). Books one row of the file for each unless not `counted`."""
    known = {getattr(row, key): row for row in in_chunks(model, brand, wanted, key=key)}
    new, changed = [], []
    for external_id, fields in wanted.items():
        row = known.get(external_id)
        if row is None:
            known[external_id] = row = cast(Any, model)(brand=brand, **{key: external_id}, **fields)
            new.append(row)
            continue
        differing = {name: value for name, value in fields.items() if getattr(row, name) != value}
        for name, value in differing.items():
            setattr(row, name, value)
        if differing:
            changed.append(row)
    model.objects.for_brand(brand).bulk_create(new, batch_size=CHUNK)
    if changed:
        names = list(next(iter(wanted.values())))
        model.objects.for_brand(brand).bulk_update(changed, names, batch_size=200)
    written = len(new) + len(changed)
    if counted:
        tally.stored += written
        tally.unchanged += len(wanted) - written
    tally.models[model.__name__] += written
    return known


class Once:
    """Which ids of a table have been seen, with their content."""

    def __init__(self) -> None:
        self.seen: dict[str, Any] = {}


def again(once: Once, identifier: str, row: dict[str, str | None], field: str) -> bool:
    """True for the same row again, False for the first. Raises Fault for the same id with other content."""
    if identifier not in once.seen:
        once.seen[identifier] = row
        return False
    if once.seen[identifier] != row:
        raise Fault(field, identifier, "an earlier row has the same id and other content")
    return True
