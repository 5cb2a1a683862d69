"""What came in: one row per import, and every row that was set aside with its reason."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from crm.models.tenancy import Brand, BrandOwned


class Import(BrandOwned):
    """One file (or folder of files) taken in. Rows read = stored + unchanged + set aside."""

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        STORED = "stored", "Stored"
        PARTIAL = "partial", "Some rows set aside"
        FAILED = "failed", "Failed"

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="imports")
    kind = models.CharField(max_length=40, help_text="sales, leads, deals, hubspot, completejourney")
    filename = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    rows_read = models.PositiveIntegerField(default=0)
    rows_stored = models.PositiveIntegerField(default=0)
    rows_unchanged = models.PositiveIntegerField(default=0)
    rows_set_aside = models.PositiveIntegerField(default=0)
    stored = models.JSONField(default=dict, help_text="Rows stored by model name")
    error = models.TextField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-started_at", "-pk")
        indexes = [models.Index(fields=["brand", "-started_at"], name="import_by_brand_newest")]

    def __str__(self) -> str:
        return f"{self.filename} ({self.get_state_display()})"


class QuarantinedRow(BrandOwned):
    """A row that was not stored: where it stood, which field, which value, why."""

    brand_path = "batch__brand"

    batch = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="quarantine")
    file = models.CharField(max_length=255)
    row = models.PositiveIntegerField(help_text="1 is the first row of data")
    field = models.CharField(max_length=120)
    value = models.TextField(blank=True)
    reason = models.CharField(max_length=300)
    raw = models.JSONField(default=dict)

    class Meta:
        ordering = ("batch", "file", "row", "pk")

    def __str__(self) -> str:
        return f"{self.file} row {self.row}: {self.reason}"
