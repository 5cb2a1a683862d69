"""Many rows at once by their natural key: what is new is created, what differs is updated, the rest stays.

Rows come checked, as dicts of model fields with related rows in place of their names. A field that a row leaves out
keeps its value. Everything happens in one transaction, with history where the model keeps one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import models, transaction

from crm.errors import EndcapError
from crm.models import Brand, BrandOwned

CHUNK = 2000
BATCH = 500

Row = dict[str, Any]


class KeyTaken(EndcapError):
    """Another row has this key already."""

    status = 409


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row that was not stored: its place in what was sent (from 0), the field, the value and why."""

    index: int
    field: str
    value: Any
    reason: str


@dataclass(slots=True)
class Upserted:
    """What became of the rows: instances in the order they came, by place."""

    rows: dict[int, Any] = field(default_factory=dict)
    created: set[int] = field(default_factory=set)
    updated: set[int] = field(default_factory=set)
    refused: list[Refusal] = field(default_factory=list)

    @property
    def unchanged(self) -> int:
        return len(self.rows) - len(self.created) - len(self.updated)


@dataclass(frozen=True, slots=True)
class Keys:
    """By which fields a row of `model` is found again, and which further sets of fields no two rows share.

    A blank or missing value in a further set is shared freely.
    """

    model: type[BrandOwned]
    natural: tuple[str, ...]
    further: tuple[tuple[str, ...], ...] = ()

    def of(self, values: Mapping[str, Any], names: Sequence[str]) -> tuple[Any, ...]:
        return tuple(_plain(values.get(name)) for name in names)

    def of_row(self, row: Any, names: Sequence[str]) -> tuple[Any, ...]:
        return tuple(getattr(row, _column(self.model, name)) for name in names)


def upsert(*, brand: Brand, keys: Keys, rows: Sequence[tuple[int, Row]], by: Any, source: str) -> Upserted:
    """Store `rows`, pairs of place and values. Refuses, row by row, a key that comes twice or belongs to another row.

    `by` and `source` are written into the history of models that keep one.
    """
    done = Upserted()
    with transaction.atomic():
        known = _known(brand, keys, keys.natural, [values for _, values in rows])
        fresh, differing, touched = [], [], set()
        for place, values in _once(keys, rows, done):
            key = keys.of(values, keys.natural)
            row = known.get(key)
            if row is None:
                done.rows[place] = row = _new(brand, keys.model, values)
                done.created.add(place)
                fresh.append(place)
                continue
            done.rows[place] = row
            changed = apply(row, values)
            if changed:
                done.updated.add(place)
                differing.append(place)
                touched |= changed
        _refuse_shared(brand, keys, dict(rows), done)
        _write(keys.model, [done.rows[place] for place in fresh if place in done.rows], set(), by, source)
        _write(keys.model, [done.rows[place] for place in differing if place in done.rows], touched, by, source)
    return done


def apply(row: Any, values: Mapping[str, Any]) -> set[str]:
    """Put `values` into the row; returns the names of the fields that changed. Does not save."""
    changed = set()
    for name, value in values.items():
        if getattr(row, _column(type(row), name)) != _plain(value):
            setattr(row, name, value)
            changed.add(name)
    return changed


def stamped(model: type[models.Model], changed: set[str]) -> set[str]:
    """`changed` with the fields that say when a row was changed."""
    return changed | {field.name for field in model._meta.concrete_fields if getattr(field, "auto_now", False)}


def refuse_taken(*, brand: Brand, keys: Keys, values: Mapping[str, Any], row: Any = None) -> None:
    """Raises KeyTaken when another row than `row` has the key, or a further unique set, that `values` would give."""
    for names in (keys.natural, *keys.further):
        wanted = {name: values[name] if name in values else getattr(row, name, None) for name in names}
        if names != keys.natural and any(value in (None, "") for value in wanted.values()):
            continue
        others = keys.model.objects.for_brand(brand).filter(**_lookup(wanted))
        if others.exclude(pk=row.pk if row is not None else None).exists():
            value = " / ".join(str(each) for each in wanted.values())
            said = f"Another row has this {' and '.join(names)} already: {value}."
            raise KeyTaken(said, field=names[-1], value=value)


def _once(keys: Keys, rows: Sequence[tuple[int, Row]], done: Upserted) -> Iterable[tuple[int, Row]]:
    """Rows whose keys, natural and further, did not come before in the same call."""
    seen: dict[tuple[Any, ...], int] = {}
    for place, values in rows:
        clash = None
        for names in (keys.natural, *keys.further):
            key = keys.of(values, names)
            if names != keys.natural and any(part in (None, "") for part in key):
                continue
            if (names, *key) in seen:
                clash = names, seen[names, *key]
                break
        if clash is not None:
            names, first = clash
            said = f"The same {' and '.join(names)} came in row {first} already. Send each row once."
            done.refused.append(Refusal(place, names[-1], _shown(values, names), said))
            continue
        for names in (keys.natural, *keys.further):
            seen[names, *keys.of(values, names)] = place
        yield place, values


def _refuse_shared(brand: Brand, keys: Keys, sent: Mapping[int, Row], done: Upserted) -> None:
    """Takes rows out of `done` whose further unique values belong to another row of the table."""
    for names in keys.further:
        places = [place for place in done.rows if place in done.created or place in done.updated]
        held = _known(brand, keys, names, [sent[place] for place in places])
        for place in places:
            owner = held.get(keys.of_row(done.rows[place], names))
            if owner is not None and owner.pk != done.rows[place].pk:
                said = f"Another row has this {' and '.join(names)} already: {owner}."
                done.refused.append(Refusal(place, names[-1], _shown(sent[place], names), said))
                del done.rows[place]
                done.created.discard(place)
                done.updated.discard(place)


def _known(
    brand: Brand, keys: Keys, names: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> dict[tuple[Any, ...], Any]:
    """The brand's rows with the keys of `rows`, locked, by key."""
    found: dict[tuple[Any, ...], Any] = {}
    given = [values for values in rows if any(values.get(name) not in (None, "") for name in names)]
    for start in range(0, len(given), CHUNK):
        part = given[start : start + CHUNK]
        query = models.Q()
        for name in names:
            wanted = {_plain(values.get(name)) for values in part}
            one = models.Q(**{f"{_column(keys.model, name)}__in": wanted - {None}})
            query &= one | models.Q(**{f"{name}__isnull": True}) if None in wanted else one
        for row in keys.model.objects.for_brand(brand).filter(query).select_for_update(of=("self",)):
            found[keys.of_row(row, names)] = row
    return found


def _new(brand: Brand, model: type[BrandOwned], values: Row) -> Any:
    owner = {"brand": brand} if model.brand_path == "brand" else {}
    return model(**owner, **values)


def _write(model: type[BrandOwned], rows: list[Any], changed: set[str], by: Any, source: str) -> None:
    """Insert new rows (`changed` empty) or update the changed fields of stored ones."""
    if not rows:
        return
    manager = model.across_brands
    if changed:
        # One statement for each batch, and several times faster than bulk_update's CASE for every row and field.
        manager.bulk_create(
            rows,
            batch_size=BATCH,
            update_conflicts=True,
            unique_fields=["pk"],
            update_fields=sorted(stamped(model, changed)),
        )
    else:
        manager.bulk_create(rows, batch_size=BATCH)
    history = getattr(model, "history", None)
    if history is not None:
        history.bulk_history_create(
            rows, batch_size=BATCH, update=bool(changed), default_user=by, default_change_reason=source
        )


def _column(model: type[models.Model], name: str) -> str:
    """`retailer_id` for `retailer`."""
    return str(getattr(model._meta.get_field(name), "attname", name))


def _plain(value: Any) -> Any:
    return value.pk if isinstance(value, models.Model) else value


def _lookup(wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{name}__isnull" if value is None else name: True if value is None else value
            for name, value in wanted.items()}  # fmt: skip


def _shown(values: Mapping[str, Any], names: Sequence[str]) -> str:
    return " / ".join(str(values.get(name)) for name in names)
