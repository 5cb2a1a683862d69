"""How good an episode was: weights in versions, and every value ever computed."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from crm.models import Brand, BrandOwned
from rlhf.models.experience import Experience


class RewardConfig(BrandOwned):
    """One version of the weights of a brand. Never changed, only followed by a newer one."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="reward_configs")
    version = models.PositiveIntegerField()
    values = models.JSONField(help_text="Fields of rlhf.reward.RewardWeights")
    note = models.CharField(max_length=200, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-version",)
        constraints = [models.UniqueConstraint(fields=["brand", "version"], name="reward_config_version_once")]

    def __str__(self) -> str:
        return f"Reward weights v{self.version}"


class Reward(BrandOwned):
    """One computation of r for one experience. The newest is current; the older ones explain what was seen before."""

    class Attribution(models.TextChoices):
        EPISODE = "episode", "Sales and stages of this episode"
        PACK = "pack", "Sales and stages of the whole pack"
        NONE = "none", "No CRM data"

    brand_path = "experience__brand"

    experience = models.ForeignKey(Experience, on_delete=models.CASCADE, related_name="rewards")
    config = models.ForeignKey(RewardConfig, on_delete=models.PROTECT, related_name="rewards")
    value = models.FloatField()
    components = models.JSONField(help_text="Every part: score, weight, what it adds; see rlhf.reward.Breakdown")
    attribution = models.CharField(max_length=10, choices=Attribution)
    provisional = models.BooleanField(default=True)
    settles_at = models.DateTimeField()
    computed_at = models.DateTimeField(auto_now_add=True)
    is_current = models.BooleanField(default=True)

    class Meta:
        ordering = ("-computed_at", "-pk")
        constraints = [
            models.UniqueConstraint(
                fields=["experience"], condition=models.Q(is_current=True), name="one_current_reward_per_experience"
            )
        ]
        indexes = [
            models.Index(
                fields=["settles_at"],
                condition=models.Q(is_current=True, provisional=True),
                name="reward_waiting_to_settle",
            )
        ]

    def __str__(self) -> str:
        return f"{self.value:.3f}"
