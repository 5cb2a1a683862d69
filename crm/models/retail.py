"""What the brand sells, where, and what its campaigns did. Small version: reports of retailers arrive with issue 3."""

from __future__ import annotations

from django.db import models

from crm.models.tenancy import Brand, BrandOwned, slug_validator


class Retailer(BrandOwned):
    """A shop or network that carries the brand's campaigns."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="retailers")
    name = models.CharField(max_length=120)
    slug = models.CharField(max_length=60, validators=[slug_validator])

    class Meta:
        ordering = ("name",)
        constraints = [models.UniqueConstraint(fields=["brand", "slug"], name="retailer_slug_once_per_brand")]

    def __str__(self) -> str:
        return self.name


class SKU(BrandOwned):
    """A product with the facts that a text may quote."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="skus")
    code = models.CharField(max_length=60)
    name = models.CharField(max_length=200)
    category = models.CharField(max_length=120, blank=True)
    price = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    facts = models.JSONField(
        default=list, blank=True, help_text="List of {id, text, kind}: kind is feature, proof, offer or use"
    )

    class Meta:
        ordering = ("code",)
        constraints = [models.UniqueConstraint(fields=["brand", "code"], name="sku_code_once_per_brand")]

    def __str__(self) -> str:
        return self.name


class Campaign(BrandOwned):
    """A placement at a retailer with a budget and dates."""

    class Status(models.TextChoices):
        PLANNED = "planned", "Planned"
        LIVE = "live", "Live"
        ENDED = "ended", "Ended"

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="campaigns")
    retailer = models.ForeignKey(Retailer, on_delete=models.CASCADE, related_name="campaigns")
    external_id = models.CharField(max_length=80)
    name = models.CharField(max_length=200)
    objective = models.CharField(max_length=60, blank=True)
    budget = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.LIVE)

    class Meta:
        ordering = ("name",)
        constraints = [models.UniqueConstraint(fields=["brand", "external_id"], name="campaign_once_per_brand")]

    def __str__(self) -> str:
        return self.name


class PerformanceMetric(BrandOwned):
    """One campaign on one day: money out, attention and money in."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="performance")
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="performance")
    measured_on = models.DateField()
    impressions = models.PositiveIntegerField(default=0)
    clicks = models.PositiveIntegerField(default=0)
    orders = models.PositiveIntegerField(default=0)
    spend = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    sales = models.DecimalField(max_digits=14, decimal_places=2, default=0)

    class Meta:
        ordering = ("measured_on",)
        constraints = [models.UniqueConstraint(fields=["campaign", "measured_on"], name="performance_once_per_day")]

    def __str__(self) -> str:
        return f"{self.campaign} on {self.measured_on}"
