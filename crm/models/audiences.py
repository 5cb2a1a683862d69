"""Groups of people a campaign may reach, with the ground on which they may be used."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from crm.models.pipeline import Lead
from crm.models.retail import Retailer
from crm.models.tenancy import Brand, BrandOwned


class AudienceSegment(BrandOwned):
    """A definition with an estimate of its reach. Where its people are known here, they are `members`."""

    class Source(models.TextChoices):
        FIRST_PARTY = "first_party", "Our own customers"
        RETAILER = "retailer", "The retailer's shoppers"
        CLEAN_ROOM = "clean_room", "Clean room"
        MODELLED = "modelled", "Modelled"

    class Consent(models.TextChoices):
        CONSENT = "consent", "Consent given"
        CONTRACT = "contract", "Needed for a contract"
        INTEREST = "interest", "Legitimate interest"
        AGGREGATE = "aggregate", "Aggregates only, no persons"
        UNKNOWN = "unknown", "Not recorded"

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="audiences")
    retailer = models.ForeignKey(Retailer, on_delete=models.CASCADE, null=True, blank=True, related_name="audiences")
    external_id = models.CharField(max_length=120)
    name = models.CharField(max_length=200)
    definition = models.JSONField(default=dict, blank=True, help_text="Rules in words of the source, by name")
    reach_estimate = models.PositiveBigIntegerField(null=True, blank=True, help_text="People")
    reach_estimated_on = models.DateField(null=True, blank=True)
    source = models.CharField(max_length=11, choices=Source, default=Source.RETAILER)
    consent_basis = models.CharField(max_length=9, choices=Consent, default=Consent.UNKNOWN)
    members = models.ManyToManyField(Lead, through="SegmentMember", related_name="segments")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("name",)
        constraints = [models.UniqueConstraint(fields=["brand", "external_id"], name="audience_once_per_brand")]

    def __str__(self) -> str:
        return self.name


class SegmentMember(BrandOwned):
    """One person of a segment."""

    brand_path = "segment__brand"

    segment = models.ForeignKey(AudienceSegment, on_delete=models.CASCADE, related_name="memberships")
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="memberships")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "lead"], name="segment_member_once")]

    def __str__(self) -> str:
        return f"{self.lead} in {self.segment}"
