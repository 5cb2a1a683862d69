"""What the API knows about one kind of row: who reads and writes it, by which key it is found, what goes in and out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db.models import ProtectedError, QuerySet
from rest_framework import serializers

from crm import upserts
from crm.api.filters import RowFilters
from crm.errors import EndcapError
from crm.models import Brand, BrandOwned, Membership
from crm.upserts import Keys

SOURCE = "api"


class StillNeeded(EndcapError):
    """Other rows hang on this one."""

    status = 409


@dataclass(slots=True)
class Written:
    """One stored row with the parts of the input that are no fields of it."""

    row: Any
    beside: dict[str, Any]
    created: bool


class Resource:
    """Subclasses fill in the class attributes. `beside` names the input fields that `settle` stores after the row."""

    name: ClassVar[str]
    one: ClassVar[str]
    many: ClassVar[str]
    model: ClassVar[type[BrandOwned]]
    key: ClassVar[tuple[str, ...]] = ("external_id",)
    further_keys: ClassVar[tuple[tuple[str, ...], ...]] = ()
    output: ClassVar[type[serializers.Serializer[Any]]]
    input: ClassVar[type[serializers.Serializer[Any]] | None] = None
    filters: ClassVar[type[RowFilters]]
    joins: ClassVar[tuple[str, ...]] = ()
    prefetch: ClassVar[tuple[str, ...]] = ()
    beside: ClassVar[tuple[str, ...]] = ()
    changeable: ClassVar[bool] = True
    deletable: ClassVar[bool] = True
    personal: ClassVar[tuple[str, ...]] = ()
    """Columns that hold what people may be known by; exports treat them by the brand's privacy policy."""

    @classmethod
    def rows(cls, brand: Brand) -> QuerySet[Any]:
        """The brand's rows with what the output reads beside them."""
        found: QuerySet[Any] = cls.model.objects.for_brand(brand).select_related(*cls.joins)
        return found.prefetch_related(*cls.prefetch) if cls.prefetch else found

    @classmethod
    def may_write(cls, membership: Membership) -> bool:
        return membership.may_plan

    @classmethod
    def keys(cls) -> Keys:
        return Keys(cls.model, cls.key, cls.further_keys)

    @classmethod
    def refuse_taken(cls, brand: Brand, values: dict[str, Any], row: Any = None) -> None:
        """Raises KeyTaken when another row than `row` has a key that `values` would give."""
        upserts.refuse_taken(brand=brand, keys=cls.keys(), values=values, row=row)

    @classmethod
    def upsert(cls, brand: Brand, rows: Sequence[tuple[int, dict[str, Any]]], by: Any) -> upserts.Upserted:
        """Store checked rows by key, and what stands beside them. Call it inside a transaction."""
        plain = [(place, {n: v for n, v in values.items() if n not in cls.beside}) for place, values in rows]
        beside = {place: {n: values[n] for n in cls.beside if n in values} for place, values in rows}
        done = upserts.upsert(brand=brand, keys=cls.keys(), rows=plain, by=by, source=SOURCE)
        written = {place: Written(row, beside[place], place in done.created) for place, row in done.rows.items()}
        done.updated |= cls.settle(brand, written, by) - done.created
        return done

    @classmethod
    def settle(cls, brand: Brand, written: dict[int, Written], by: Any) -> set[int]:
        """Store what stands beside the rows; returns the places of those for which that changed something."""
        return set()

    @classmethod
    def delete(cls, brand: Brand, row: Any) -> None:
        """Raises StillNeeded when other rows hang on it."""
        try:
            row.delete()
        except ProtectedError as error:
            held = sorted({str(each._meta.verbose_name) for each in error.protected_objects})
            said = f"This {cls.one} is still needed by: {', '.join(held)}. Move or delete those first."
            raise StillNeeded(said) from None
