"""Facts of retail media: one row of a report, with what it delivered and what was attributed to it.

Figures of different attribution windows stand in one row but never in one sum: `orders` to `ntb_sales` are those of
`window_days` and `attribution`; further windows that the source gives stand in `other_windows`. On PostgreSQL the
table is partitioned by month of `measured_on`.
"""

from __future__ import annotations

from django.db import models

from crm.models.audiences import AudienceSegment
from crm.models.campaigns import Campaign
from crm.models.imports import Import
from crm.models.products import SKU
from crm.models.retail import Retailer
from crm.models.tenancy import Brand, BrandManager, BrandOwned, BrandQuerySet
from crm.models.windows import WindowsField


class Facts(BrandQuerySet):
    """Questions about the facts of one brand."""

    def counting(self) -> Facts:
        """One reading of every figure of a campaign and day (see crm/facts/choosing.py). The same spend stands in the
        report by campaign, by product and by keyword; adding all of them would count it three times."""
        return self.filter(counts=True)


class FactManager(BrandManager.from_queryset(Facts)):  # type: ignore[misc]
    """Default-deny, with the questions of `Facts`."""


class PerformanceMetric(BrandOwned):
    """One row of a report. Null: the source does not say; it is never read as 0."""

    class Grain(models.IntegerChoices):
        """What one row is about. Where a day of a campaign was reported at several, the smallest number counts."""

        CAMPAIGN = 1, "Campaign"
        AD_GROUP = 2, "Ad group"
        AD = 3, "Ad"
        PRODUCT = 4, "Product"
        TARGET = 5, "Keyword or target"
        SEARCH_TERM = 6, "Search term"
        BREAKDOWN = 7, "Region, device, placement or audience"
        ACCOUNT = 9, "Whole account"

    class Attribution(models.TextChoices):
        CLICK = "click", "After a click"
        CLICK_VIEW = "click_view", "After a click or a view"
        VIEW = "view", "After a view"
        LINEAR = "linear", "Shared among touches"
        MODELLED = "modelled", "Modelled by the network"
        EXPOSURE = "exposure", "Bought after being reached"
        UNKNOWN = "unknown", "Not said"

    brand = models.ForeignKey(
        Brand, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="performance"
    )
    retailer = models.ForeignKey(
        Retailer, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="performance"
    )
    campaign = models.ForeignKey(
        Campaign,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        null=True,
        blank=True,
        related_name="performance",
    )
    measured_on = models.DateField()
    hour = models.PositiveSmallIntegerField(null=True, blank=True, help_text="0 to 23, where the source gives hours")
    grain = models.PositiveSmallIntegerField(choices=Grain, default=Grain.CAMPAIGN)
    ad_group = models.CharField(max_length=120, blank=True, help_text="External id, else the name")
    ad = models.CharField(max_length=120, blank=True)
    target = models.CharField(max_length=255, blank=True, help_text="Keyword, target or search term")
    match_type = models.CharField(max_length=30, blank=True)
    breakdown = models.CharField(max_length=200, blank=True, help_text="device=MOBILE;network=SEARCH")
    item = models.CharField(max_length=80, blank=True, help_text="The retailer's code of the product")
    sku = models.ForeignKey(
        SKU,
        on_delete=models.SET_NULL,
        db_constraint=False,
        db_index=False,
        null=True,
        blank=True,
        related_name="performance",
    )
    audience = models.ForeignKey(
        AudienceSegment, on_delete=models.SET_NULL, db_constraint=False, db_index=False, null=True, blank=True,
        related_name="performance",
    )  # fmt: skip
    impressions = models.BigIntegerField(null=True, blank=True)
    clicks = models.BigIntegerField(null=True, blank=True)
    spend = models.DecimalField(max_digits=18, decimal_places=6, null=True, blank=True)
    window_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Attribution window in days; blank: the source does not say"
    )
    attribution = models.CharField(max_length=10, choices=Attribution, default=Attribution.UNKNOWN)
    orders = models.DecimalField(max_digits=16, decimal_places=4, null=True, blank=True)
    units = models.DecimalField(max_digits=16, decimal_places=4, null=True, blank=True)
    sales = models.DecimalField(max_digits=18, decimal_places=6, null=True, blank=True)
    ntb_orders = models.DecimalField(max_digits=16, decimal_places=4, null=True, blank=True)
    ntb_units = models.DecimalField(max_digits=16, decimal_places=4, null=True, blank=True)
    ntb_sales = models.DecimalField(max_digits=18, decimal_places=6, null=True, blank=True)
    other_windows = WindowsField(
        null=True, blank=True,
        help_text='{"30|click": {"orders": 2, "units": 2, "sales": 9.8}}: days, attribution and figures',
    )  # fmt: skip
    currency = models.CharField(max_length=3, blank=True)
    report = models.CharField(max_length=60, blank=True, help_text="Name of the mapping that read it")
    source = models.ForeignKey(
        Import,
        on_delete=models.SET_NULL,
        db_constraint=False,
        db_index=False,
        null=True,
        blank=True,
        related_name="facts",
    )
    source_row = models.PositiveIntegerField(null=True, blank=True, help_text="1 is the first row of data")
    identity = models.BigIntegerField(help_text="64-bit BLAKE2b of what makes the row itself; see crm/identity.py")
    counts = models.BooleanField(default=True, help_text="Whether totals read this row; see Facts.counting")

    objects = FactManager()  # type: ignore[misc]

    class Meta:
        default_manager_name = "across_brands"
        ordering = ("measured_on", "pk")
        constraints = [models.UniqueConstraint(fields=["brand", "measured_on", "identity"], name="fact_once")]
        indexes = [
            models.Index(
                fields=["brand", "campaign", "measured_on"], condition=models.Q(counts=True), name="fact_counting"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign or self.retailer} on {self.measured_on}"


class Restatement(BrandOwned):
    """A fact that a later report changed: what it said before and after, and which import brought it."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="restatements")
    batch = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="restatements")
    retailer = models.ForeignKey(Retailer, on_delete=models.CASCADE, related_name="restatements")
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, null=True, blank=True, related_name="restatements")
    measured_on = models.DateField()
    identity = models.BigIntegerField()
    before = models.JSONField(help_text="Changed figures as they were, with source and source_row")
    after = models.JSONField(help_text="The same figures as this import has them")
    changed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-changed_at", "-pk")
        indexes = [models.Index(fields=["brand", "measured_on", "identity"], name="restatement_of_fact")]

    def __str__(self) -> str:
        return f"{self.campaign or self.retailer} on {self.measured_on}, restated"
