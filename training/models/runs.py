"""A training run: durable work with a state, progress and a result that can be read later."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from crm.models import Brand, BrandOwned


class TrainingRun(BrandOwned):
    """One attempt to learn from what was logged."""

    class Kind(models.TextChoices):
        POLICY = "policy", "Policy"

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="training_runs")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.POLICY)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    options = models.JSONField(default=dict)
    summary = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    leased_by = models.CharField(max_length=120, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-pk")
        indexes = [models.Index(fields=["brand", "kind", "-created_at"], name="training_run_newest")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} training {self.pk}"
