"""What the brand sells, and under which codes retailers know it (the crosswalk)."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

from crm.models.retail import Retailer
from crm.models.tenancy import Brand, BrandOwned

gtin14_validator = RegexValidator(r"^\d{14}$", "A GTIN-14 has 14 digits.")


class SKU(BrandOwned):
    """A product with the facts that a text may quote. Its GTIN-14 is the key of the crosswalk."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="skus")
    code = models.CharField(max_length=60)
    gtin = models.CharField(max_length=14, blank=True, validators=[gtin14_validator], help_text="GS1 GTIN-14")
    name = models.CharField(max_length=200)
    product_brand = models.CharField(max_length=120, blank=True, help_text="The name on the package")
    size = models.CharField(max_length=60, blank=True, help_text="As written on the package, for example 6 x 27 g")
    category = models.CharField(max_length=120, blank=True)
    price = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    facts = models.JSONField(
        default=list, blank=True, help_text="List of {id, text, kind}: kind is feature, proof, offer or use"
    )

    class Meta:
        ordering = ("code",)
        constraints = [
            models.UniqueConstraint(fields=["brand", "code"], name="sku_code_once_per_brand"),
            models.UniqueConstraint(
                fields=["brand", "gtin"], condition=~models.Q(gtin=""), name="sku_gtin_once_per_brand"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RetailerItem(BrandOwned):
    """A code under which a retailer (or a barcode file) names a product, and the product we believe it is.

    `waiting` rows are the review queue: `proposed` is the best guess, `confidence` in [0, 1], `evidence` what was
    compared, as a list of {compared, theirs, ours, fits: same|close|apart, note}.
    """

    class Scheme(models.TextChoices):
        GTIN = "gtin", "Barcode"
        ASIN = "asin", "ASIN"
        ITEM = "item", "Item number"
        SKU = "sku", "Seller's code"

    class State(models.TextChoices):
        MATCHED = "matched", "Matched"
        WAITING = "waiting", "Waits for a person"
        REJECTED = "rejected", "Not ours"

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="retailer_items")
    retailer = models.ForeignKey(Retailer, on_delete=models.CASCADE, null=True, blank=True, related_name="items")
    scheme = models.CharField(max_length=5, choices=Scheme)
    code = models.CharField(max_length=80)
    name = models.CharField(max_length=300, blank=True)
    size = models.CharField(max_length=60, blank=True)
    price = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    sku = models.ForeignKey(SKU, on_delete=models.CASCADE, null=True, blank=True, related_name="items")
    proposed = models.ForeignKey(SKU, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    confidence = models.FloatField(null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(1)])
    evidence = models.JSONField(default=list, blank=True)
    decided_by = models.ForeignKey("auth.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    first_seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-confidence", "pk")
        constraints = [
            models.UniqueConstraint(fields=["brand", "retailer", "scheme", "code"], name="item_code_once_per_retailer"),
            models.UniqueConstraint(
                fields=["brand", "scheme", "code"],
                condition=models.Q(retailer__isnull=True),
                name="item_code_once_without_retailer",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="matched") | models.Q(sku__isnull=False), name="matched_item_has_sku"
            ),
        ]
        indexes = [models.Index(fields=["brand", "state", "-confidence"], name="item_review_queue")]

    def __str__(self) -> str:
        return f"{self.code} ({self.name})" if self.name else self.code
