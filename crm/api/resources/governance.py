"""Who said what about being addressed, and who must not be. Addresses go in; keyed hashes are kept and come out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from crm.api.filters import Choice, DayOf, Order, RowFilters, Text, YesNo
from crm.api.inputs import Strict
from crm.api.references import Reference
from crm.api.resource import SOURCE, Resource
from crm.models import Brand, Consent, Contact, Membership, Suppression
from crm.privacy import consent
from crm.privacy.keys import person_of
from crm.upserts import Upserted

ADDRESS = "E-mail address, phone number or customer id. It is not kept: only its keyed hash is."


class OwnersOnly(Resource):
    """Everybody of the brand may read; owners write."""

    changeable = False

    @classmethod
    def may_write(cls, membership: Membership) -> bool:
        return membership.role == Membership.Role.OWNER

    @classmethod
    def refuse_taken(cls, brand: Brand, values: dict[str, Any], row: Any = None) -> None:
        """Saying the same again is no conflict."""


class SuppressionOutput(serializers.ModelSerializer[Suppression]):
    """Somebody who must not be addressed."""

    class Meta:
        model = Suppression
        fields = ("id", "person", "reason", "source", "since")
        read_only_fields = fields


class SuppressionInput(Strict):
    """Somebody who must not be addressed any more."""

    address = serializers.CharField(max_length=254, help_text=ADDRESS)
    reason = serializers.ChoiceField(
        [pair for pair in Suppression.Reason.choices if pair[0] != Suppression.Reason.ERASED],
        default=Suppression.Reason.MANUAL,
    )
    source = serializers.CharField(max_length=120, required=False, default=SOURCE)  # type: ignore[assignment]


class SuppressionFilters(RowFilters):
    person = Text("person", "Keyed hash")
    reason = Choice("reason", Suppression.Reason, "Why")
    since_from = DayOf("since", "gte", "First day")
    since_to = DayOf("since", "lte", "Last day, included")
    ordering = Order({"since": "since", "reason": "reason"}, default="-since")


class Suppressions(OwnersOnly):
    name, one, many = "suppressions", "suppression", "suppressions"
    model, key = Suppression, ("address",)
    output, input, filters = SuppressionOutput, SuppressionInput, SuppressionFilters

    @classmethod
    def upsert(cls, brand: Brand, rows: Sequence[tuple[int, dict[str, Any]]], by: Any) -> Upserted:
        done = Upserted()
        for place, values in rows:
            if consent.suppress(brand=brand, **values):
                done.created.add(place)
            done.rows[place] = consent.suppressed(brand, address=values["address"]).get()
        return done

    @classmethod
    def delete(cls, brand: Brand, row: Any) -> None:
        consent.take_off_row(brand=brand, pk=row.pk)


class ConsentOutput(serializers.ModelSerializer[Consent]):
    """One person's word on one purpose; the newest one of a person and purpose holds."""

    contact = serializers.SlugRelatedField[Contact](slug_field="external_id", read_only=True, allow_null=True)

    class Meta:
        model = Consent
        fields = ("id", "person", "contact", "purpose", "given", "source", "said_at")
        read_only_fields = fields


class ConsentInput(Strict):
    """What somebody said, and when. Saying the same again changes nothing."""

    address = serializers.CharField(max_length=254, help_text=ADDRESS)
    purpose = serializers.ChoiceField(Consent.Purpose.choices)
    given = serializers.BooleanField()
    said_at = serializers.DateTimeField()
    source = serializers.CharField(max_length=120, required=False, default=SOURCE)  # type: ignore[assignment]
    contact = Reference(Contact, required=False, allow_null=True)


class ConsentFilters(RowFilters):
    person = Text("person", "Keyed hash")
    contact = Text("contact__external_id", "External id of the contact")
    purpose = Choice("purpose", Consent.Purpose, "What for")
    given = YesNo("given", "Yes or no was said")
    said_from = DayOf("said_at", "gte", "First day")
    said_to = DayOf("said_at", "lte", "Last day, included")
    ordering = Order({"said": "said_at", "purpose": "purpose"}, default="-said")


class Consents(OwnersOnly):
    """Words are never changed or deleted: a newer one holds."""

    name, one, many = "consents", "consent", "consents"
    model, key, deletable = Consent, ("address", "purpose", "said_at"), False
    output, input, filters = ConsentOutput, ConsentInput, ConsentFilters
    joins = ("contact",)

    @classmethod
    def upsert(cls, brand: Brand, rows: Sequence[tuple[int, dict[str, Any]]], by: Any) -> Upserted:
        done = Upserted()
        for place, values in rows:
            said = {"person": person_of(brand, values["address"]), "purpose": values["purpose"]}
            known = Consent.objects.for_brand(brand).filter(**said, said_at=values["said_at"], given=values["given"])
            row = known.first()
            if row is None:
                row = consent.record(brand=brand, **values)
                done.created.add(place)
            done.rows[place] = row
        return done
