"""What can be judged: one table for every kind of output, and what people's browsers said about looking at it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from crm.models import Brand, BrandOwned, Pack


class Experience(BrandOwned):
    """One output with all that is needed to judge it. `episode` is the public id of the episode that made it.

    `group` joins answers to the same request: same pack, same kind, same person or product. Ranks and pairs compare
    inside it only.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="experiences")
    pack = models.ForeignKey(Pack, on_delete=models.SET_NULL, null=True, blank=True, related_name="experiences")
    kind = models.CharField(
        max_length=20, help_text="What was made: budget, creative, measurement, planning, outreach, dashboard"
    )
    title = models.CharField(max_length=200, blank=True, help_text="Whom or what it is about, for lists")
    episode = models.UUIDField(unique=True, null=True, blank=True)
    group = models.UUIDField(null=True, blank=True, help_text="Answers to the same request share it")
    request = models.TextField(blank=True)
    intent = models.JSONField(default=dict, blank=True, help_text="The ten slots that were understood, where asked")
    context = models.JSONField(default=dict)
    output = models.JSONField(default=dict)
    served_by = models.CharField(max_length=80, help_text="Who wrote it, for example composer@1")
    policy = models.CharField(max_length=80, blank=True, help_text="Mode and version that chose the steps")
    versions = models.JSONField(default=dict, blank=True, help_text="Versions that took part: policy, adapter, scorer")
    propensity = models.FloatField(null=True, blank=True, help_text="Probability with which it was chosen, in (0, 1]")
    simulated = models.BooleanField(default=False)
    processing_ms = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(max_digits=12, decimal_places=6, default=0, help_text="EUR")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at",)
        indexes = [
            models.Index(fields=["brand", "kind", "-created_at"], name="experience_by_kind"),
            models.Index(fields=["brand", "group", "-created_at"], name="experience_by_group"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(propensity__isnull=True) | models.Q(propensity__gt=0, propensity__lte=1),
                name="experience_propensity_in_unit",
            )
        ]

    def __str__(self) -> str:
        return self.title or f"{self.kind} {self.public_id}"


class Interaction(BrandOwned):
    """How long somebody who agreed to it looked at an experience, how far they scrolled, how much they edited."""

    class Kind(models.TextChoices):
        SEEN = "seen", "Seen"
        DWELL = "dwell", "Looked at, ms"
        SCROLL = "scroll", "Scrolled, share of the page"
        EDITS = "edits", "Keys pressed while editing"

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="interactions")
    experience = models.ForeignKey(Experience, on_delete=models.CASCADE, related_name="interactions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind)
    value = models.FloatField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at",)
        indexes = [models.Index(fields=["brand", "experience", "kind"], name="interaction_of_experience")]

    def __str__(self) -> str:
        return f"{self.kind} {self.value:g}"
