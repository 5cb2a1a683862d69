"""Where the brand sells: shops and networks that carry its campaigns and send reports."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from crm.models.tenancy import Brand, BrandOwned, slug_validator


class Retailer(BrandOwned):
    """A shop or network that carries the brand's campaigns."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="retailers")
    name = models.CharField(max_length=120)
    slug = models.CharField(max_length=60, validators=[slug_validator])
    network = models.CharField(
        max_length=40, blank=True, help_text="Family of report mappings, for example amazon-ads or walmart-connect"
    )
    currency = models.CharField(max_length=3, blank=True, help_text="ISO 4217; blank: the brand's")
    time_zone = models.CharField(max_length=60, default="UTC", help_text="IANA name; days of reports are days there")
    delivers_every_days = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(366)],
        help_text="How often a report is expected; blank: whenever somebody brings one",
    )  # fmt: skip
    delivers_by = models.TimeField(null=True, blank=True, help_text="Local time by which a report is expected")

    class Meta:
        ordering = ("name",)
        constraints = [models.UniqueConstraint(fields=["brand", "slug"], name="retailer_slug_once_per_brand")]

    def __str__(self) -> str:
        return self.name
