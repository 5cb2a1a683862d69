"""Versions of the learned policy. A version is never changed; one of them serves."""

from __future__ import annotations

from django.db import models

from crm.models import Brand, BrandOwned
from training.models import TrainingRun


class PolicyVersion(BrandOwned):
    """Parameters of one trained policy, with the evidence it came with. 0 is the untrained rule prior."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="policy_versions")
    number = models.PositiveIntegerField()
    learner = models.CharField(max_length=20, help_text="clipped (ours) or plain (REINFORCE)")
    parameters = models.JSONField(help_text="See orchestrator.policies.learned.LinearSoftmax.to_json")
    summary = models.JSONField(default=dict, help_text="What `train` returned")
    buckets = models.JSONField(default=list, help_text="Readable: what changed, by pack, phase, quality and last agent")
    trained_by = models.ForeignKey(
        TrainingRun, on_delete=models.SET_NULL, null=True, blank=True, related_name="policy_versions"
    )
    serving = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-number",)
        constraints = [
            models.UniqueConstraint(fields=["brand", "number"], name="policy_number_once_per_brand"),
            models.UniqueConstraint(
                fields=["brand"], condition=models.Q(serving=True), name="one_serving_policy_per_brand"
            ),
        ]

    def __str__(self) -> str:
        return f"v{self.number}"
