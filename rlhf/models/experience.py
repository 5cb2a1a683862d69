"""What can be judged, and what a judge said about it."""

from __future__ import annotations

import uuid

from django.db import models

from crm.models import Brand, BrandOwned, Pack


class Experience(BrandOwned):
    """One output with all that is needed to judge it. `episode` is the public id of the episode that made it."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="experiences")
    pack = models.ForeignKey(Pack, on_delete=models.SET_NULL, null=True, blank=True, related_name="experiences")
    kind = models.CharField(max_length=20, help_text="What was made: budget, creative, measurement, planning, outreach")
    episode = models.UUIDField(unique=True, null=True, blank=True)
    request = models.TextField(blank=True)
    context = models.JSONField(default=dict)
    output = models.JSONField(default=dict)
    served_by = models.CharField(max_length=80, help_text="Who wrote it, for example composer@1")
    policy = models.CharField(max_length=80, blank=True, help_text="Mode and version that chose the steps")
    simulated = models.BooleanField(default=False)
    processing_ms = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(max_digits=12, decimal_places=6, default=0, help_text="EUR")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at",)
        indexes = [models.Index(fields=["brand", "kind", "-created_at"], name="experience_by_kind")]

    def __str__(self) -> str:
        return f"{self.kind} {self.public_id}"


class Evaluation(BrandOwned):
    """One verdict of one judge. A verdict that could not be had is a row with `missing_because`, never a score of 0."""

    brand_path = "experience__brand"

    experience = models.ForeignKey(Experience, on_delete=models.CASCADE, related_name="evaluations")
    judge = models.CharField(max_length=40, help_text="rubric, or the model's name")
    rubric_version = models.CharField(max_length=80)
    score = models.FloatField(null=True, blank=True, help_text="J in [0, 1]")
    confidence = models.FloatField(null=True, blank=True)
    dimensions = models.JSONField(default=dict)
    verdict = models.JSONField(default=dict, help_text="reasoning, strengths, issues, suggestions")
    missing_because = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at",)
        constraints = [
            models.CheckConstraint(
                condition=models.Q(score__isnull=True) | models.Q(score__gte=0, score__lte=1),
                name="evaluation_score_in_unit",
            ),
            models.CheckConstraint(
                condition=models.Q(score__isnull=False) | ~models.Q(missing_because=""),
                name="evaluation_scored_or_says_why_not",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.judge} on {self.experience_id}"
