"""Packs: named offerings with a goal, the agents that may work on it, and a baseline sequence."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from simple_history.models import HistoricalRecords

from crm.models.tenancy import Brand, BrandOwned, slug_validator


class Pack(BrandOwned):
    """A named offering. Which agents exist is the orchestrator's knowledge; here they are names."""

    class Task(models.TextChoices):
        BUDGET = "budget", "Budget"
        CREATIVE = "creative", "Creative"
        MEASUREMENT = "measurement", "Measurement"
        PLANNING = "planning", "Planning"
        OUTREACH = "outreach", "Outreach"

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="packs")
    slug = models.CharField(max_length=60, validators=[slug_validator])
    name = models.CharField(max_length=120)
    goal = models.CharField(max_length=300)
    task = models.CharField(max_length=20, choices=Task)
    allowed_agents = models.JSONField(default=list, help_text="Names of agents; `finish` is always allowed")
    static_sequence = models.JSONField(default=list, help_text="What the static baseline does, in order")
    max_steps = models.PositiveSmallIntegerField(default=20, validators=[MinValueValidator(1), MaxValueValidator(100)])
    quality_threshold = models.FloatField(default=0.7, validators=[MinValueValidator(0), MaxValueValidator(1)])
    external_id = models.CharField(max_length=80, blank=True)

    history = HistoricalRecords()

    class Meta:
        ordering = ("name",)
        constraints = [models.UniqueConstraint(fields=["brand", "slug"], name="pack_slug_once_per_brand")]

    def __str__(self) -> str:
        return self.name
