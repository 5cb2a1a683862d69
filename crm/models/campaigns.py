"""Campaigns at retailers, what was planned for them, and how their parts hang together."""

from __future__ import annotations

from django.db import models
from simple_history.models import HistoricalRecords

from crm.models.audiences import AudienceSegment
from crm.models.retail import Retailer
from crm.models.tenancy import Brand, BrandOwned


class Campaign(BrandOwned):
    """A placement at a retailer with a budget and dates."""

    class Status(models.TextChoices):
        PLANNED = "planned", "Planned"
        LIVE = "live", "Live"
        PAUSED = "paused", "Paused"
        ENDED = "ended", "Ended"

    class BudgetPeriod(models.TextChoices):
        DAY = "day", "A day"
        WEEK = "week", "A week"
        MONTH = "month", "A month"
        TOTAL = "total", "In all"

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="campaigns")
    retailer = models.ForeignKey(Retailer, on_delete=models.CASCADE, related_name="campaigns")
    external_id = models.CharField(max_length=80)
    name = models.CharField(max_length=200)
    objective = models.CharField(max_length=60, blank=True)
    budget = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    budget_period = models.CharField(max_length=5, choices=BudgetPeriod, default=BudgetPeriod.WEEK)
    currency = models.CharField(max_length=3, blank=True, help_text="ISO 4217; blank: the retailer's, then the brand's")
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.LIVE)
    constraints = models.JSONField(
        default=dict, blank=True, help_text="Rules for whoever plans it: min_spend, max_spend, min_roas, note"
    )
    audiences = models.ManyToManyField(AudienceSegment, blank=True, related_name="campaigns")

    history = HistoricalRecords(m2m_fields=[audiences])

    class Meta:
        ordering = ("name",)
        constraints = [
            models.UniqueConstraint(fields=["brand", "external_id"], name="campaign_once_per_brand"),
            models.CheckConstraint(
                condition=models.Q(starts_on__isnull=True)
                | models.Q(ends_on__isnull=True)
                | models.Q(ends_on__gte=models.F("starts_on")),
                name="campaign_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CampaignPlan(BrandOwned):
    """What is planned for one period of a campaign; days inclusive. Null: nothing planned for that figure."""

    brand_path = "campaign__brand"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="plans")
    starts_on = models.DateField()
    ends_on = models.DateField()
    spend = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    impressions = models.PositiveBigIntegerField(null=True, blank=True)
    clicks = models.PositiveBigIntegerField(null=True, blank=True)
    orders = models.PositiveBigIntegerField(null=True, blank=True)
    sales = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    source = models.CharField(max_length=60, default="person")
    changed_at = models.DateTimeField(auto_now=True)

    history = HistoricalRecords()

    class Meta:
        ordering = ("campaign", "starts_on")
        constraints = [
            models.UniqueConstraint(fields=["campaign", "starts_on"], name="plan_once_per_period"),
            models.CheckConstraint(
                condition=models.Q(ends_on__gte=models.F("starts_on")), name="plan_ends_after_start"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign} from {self.starts_on}"


class AdEntity(BrandOwned):
    """An ad group, ad or keyword of a network: its name and what it belongs to, from the network's own lists.

    Reports that name only an ad or an ad group find their campaign through these rows.
    """

    class Kind(models.TextChoices):
        PORTFOLIO = "portfolio", "Portfolio"
        AD_GROUP = "ad_group", "Ad group"
        AD = "ad", "Ad"
        TARGET = "target", "Keyword or target"

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="ad_entities")
    retailer = models.ForeignKey(Retailer, on_delete=models.CASCADE, related_name="ad_entities")
    kind = models.CharField(max_length=9, choices=Kind)
    external_id = models.CharField(max_length=120)
    name = models.CharField(max_length=300, blank=True)
    parent_id = models.CharField(max_length=120, blank=True, help_text="External id of the ad group, for an ad")
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, null=True, blank=True, related_name="entities")
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ("kind", "external_id")
        constraints = [
            models.UniqueConstraint(fields=["brand", "retailer", "kind", "external_id"], name="ad_entity_once")
        ]

    def __str__(self) -> str:
        return self.name or self.external_id
