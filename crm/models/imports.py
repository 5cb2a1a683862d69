"""What came in: one row per import, and every row that was set aside with its reason."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from crm.models.retail import Retailer
from crm.models.tenancy import Brand, BrandOwned, slug_validator


class ReportMapping(BrandOwned):
    """A mapping that a person of the brand confirmed for a kind of report. The shipped ones are YAML files beside the
    code; one of the same name here goes first. `fingerprint` is that of the header it was made for."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="mappings")
    retailer = models.ForeignKey(Retailer, on_delete=models.CASCADE, null=True, blank=True, related_name="mappings")
    name = models.CharField(max_length=60, validators=[slug_validator])
    title = models.CharField(max_length=120)
    body = models.JSONField(help_text="The mapping as its YAML file would say it")
    fingerprint = models.CharField(max_length=64, blank=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    confirmed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)
        constraints = [models.UniqueConstraint(fields=["brand", "name"], name="mapping_name_once_per_brand")]

    def __str__(self) -> str:
        return self.title


class Import(BrandOwned):
    """One file (or folder of files) taken in. Rows read = stored + unchanged + set aside.

    A report is carried out by a worker: it waits in `queued`, or in `mapping` until a person has confirmed what its
    columns mean; the worker holds a lease while it is `running`.
    """

    class State(models.TextChoices):
        MAPPING = "mapping", "Waits for you"
        QUEUED = "queued", "Waits for a worker"
        RUNNING = "running", "Running"
        STORED = "stored", "Stored"
        PARTIAL = "partial", "Some rows set aside"
        FAILED = "failed", "Failed"
        UNDONE = "undone", "Undone"
        DISCARDED = "discarded", "Not kept"

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="imports")
    kind = models.CharField(max_length=40, help_text="sales, leads, deals, hubspot, completejourney, report, products")
    filename = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    rows_read = models.PositiveIntegerField(default=0)
    rows_stored = models.PositiveIntegerField(default=0)
    rows_unchanged = models.PositiveIntegerField(default=0)
    rows_set_aside = models.PositiveIntegerField(default=0)
    rows_restated = models.PositiveIntegerField(
        default=0, help_text="Of those stored: known before, with other figures"
    )
    stored = models.JSONField(default=dict, help_text="Rows stored by model name")
    error = models.TextField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    retailer = models.ForeignKey(Retailer, on_delete=models.SET_NULL, null=True, blank=True, related_name="imports")
    mapping = models.CharField(max_length=60, blank=True, help_text="Name of the mapping that reads it")
    proposal = models.JSONField(
        default=dict, blank=True, help_text="What the harmonizer thinks an unknown report means"
    )
    kept_as = models.CharField(max_length=255, blank=True, help_text="Where the file lies, below UPLOADS_ROOT")
    size_bytes = models.PositiveBigIntegerField(default=0)
    progress = models.FloatField(default=0, help_text="Share of the file that was read, in [0, 1]")
    first_on = models.DateField(null=True, blank=True, help_text="First day of the figures in it")
    last_on = models.DateField(null=True, blank=True)
    reconciliation = models.JSONField(
        default=dict, blank=True,
        help_text='By figure: {"spend": {"source": .., "stored": .., "unchanged": .., "set_aside": .., "said": ..}}',
    )  # fmt: skip
    leased_by = models.CharField(max_length=80, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ("-started_at", "-pk")
        indexes = [
            models.Index(fields=["brand", "-started_at"], name="import_by_brand_newest"),
            models.Index(fields=["brand", "retailer", "-started_at"], name="import_by_retailer_newest"),
            models.Index(
                fields=["leased_until"], condition=models.Q(state__in=["queued", "running"]), name="import_to_do"
            ),
        ]

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
    spend = models.DecimalField(max_digits=18, decimal_places=6, null=True, blank=True)

    class Meta:
        ordering = ("batch", "file", "row", "pk")

    def __str__(self) -> str:
        return f"{self.file} row {self.row}: {self.reason}"


class WatchedSource(BrandOwned):
    """A folder (or bucket) that is looked into regularly; what is new there is taken in."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="watched_sources")
    retailer = models.ForeignKey(Retailer, on_delete=models.CASCADE, related_name="watched_sources")
    place = models.CharField(max_length=400, help_text="A folder below WATCH_ROOT, or s3://bucket/prefix")
    pattern = models.CharField(max_length=120, default="*")
    mapping = models.CharField(max_length=60, blank=True, help_text="Blank: found out for each file")
    active = models.BooleanField(default=True)
    every_minutes = models.PositiveIntegerField(default=15)
    looked_at = models.DateTimeField(null=True, blank=True)
    trouble = models.CharField(max_length=300, blank=True, help_text="Why the last look failed")

    class Meta:
        ordering = ("brand", "place")
        constraints = [models.UniqueConstraint(fields=["brand", "place", "pattern"], name="watched_once_per_brand")]

    def __str__(self) -> str:
        return f"{self.place}/{self.pattern}"
