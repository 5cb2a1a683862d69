"""Episodes and their steps: the durable record of what was decided and done."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import ClassVar, Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from crm.models import AcrossBrandsManager, Brand, BrandManager, BrandOwned, BrandQuerySet, Pack
from orchestrator.models.policies import PolicyVersion


class PolicyMode(models.TextChoices):
    """Labels are what the pages say."""

    RULE = "rule", "Rule-based (recommended)"
    RL = "rl", "RL (learned)"
    STATIC = "static", "Static (baseline)"


class EpisodeState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    STUCK = "stuck", "Stuck, needs a person"


OPEN_STATES = (EpisodeState.QUEUED, EpisodeState.RUNNING, EpisodeState.PAUSED)
ENDED_STATES = (EpisodeState.DONE, EpisodeState.FAILED, EpisodeState.CANCELLED, EpisodeState.STUCK)


class EpisodeQuerySet(BrandQuerySet):
    """The table's questions."""

    def done(self) -> Self:
        return self.filter(state=EpisodeState.DONE)

    def rewarded(self) -> Self:
        return self.done().filter(reward__isnull=False)

    def with_names(self) -> Self:
        """With pack and policy version beside each, but without the long lists of what the version learned."""
        learned = (f"policy_version__{field}" for field in ("parameters", "buckets", "summary"))
        return self.select_related("pack", "policy_version").defer(*learned)

    def claimable(self, now: datetime) -> Self:
        """Queued, or running with an expired lease."""
        return self.filter(
            models.Q(state=EpisodeState.QUEUED)
            | models.Q(state=EpisodeState.RUNNING, leased_until__lt=now)
            | models.Q(state=EpisodeState.RUNNING, leased_until__isnull=True)
        )


class AcrossEpisodes(AcrossBrandsManager):
    """Sweeps over every tenant's episodes."""

    def get_queryset(self) -> EpisodeQuerySet:
        return EpisodeQuerySet(self.model, using=self._db)

    def claimable(self, now: datetime) -> EpisodeQuerySet:
        return self.get_queryset().claimable(now)


class GuardedEpisodes(BrandManager):
    """Default-deny, with the table's own questions after `.for_brand(brand)`."""

    def get_queryset(self) -> EpisodeQuerySet:
        rows = EpisodeQuerySet(self.model, using=self._db)
        rows._guarded = True
        return rows

    def for_brand(self, brand: Brand | int) -> EpisodeQuerySet:
        return self.get_queryset().for_brand(brand)


class Episode(BrandOwned):
    """One run of a pack under a policy."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="episodes")
    pack = models.ForeignKey(Pack, on_delete=models.CASCADE, related_name="episodes")
    mode = models.CharField(max_length=8, choices=PolicyMode, default=PolicyMode.RULE)
    policy_version = models.ForeignKey(
        PolicyVersion, on_delete=models.SET_NULL, null=True, blank=True, related_name="episodes"
    )
    title = models.CharField(max_length=200, blank=True, help_text="Whom or what it is about, for lists")
    request = models.TextField(blank=True)
    subject = models.JSONField(default=dict, blank=True, help_text="Prospect or SKU the episode works on")
    seed = models.PositiveBigIntegerField()
    max_steps = models.PositiveSmallIntegerField(default=20, validators=[MinValueValidator(1), MaxValueValidator(100)])
    simulated = models.BooleanField(default=False)

    state = models.CharField(max_length=10, choices=EpisodeState, default=EpisodeState.QUEUED)
    wanted = models.CharField(max_length=8, blank=True, help_text="pause or cancel, obeyed before the next step")
    error = models.TextField(blank=True)
    leased_by = models.CharField(max_length=120, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    forked_from = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="forks")
    forked_after = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Steps taken over from the parent")

    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    concluded_at = models.DateTimeField(null=True, blank=True, help_text="Judged, rewarded and handed to the market")

    # Kept beside the row for lists; each can be recomputed from steps and rewards.
    steps_count = models.PositiveSmallIntegerField(default=0)
    cost = models.DecimalField(max_digits=12, decimal_places=6, default=0, help_text="EUR")
    tokens = models.PositiveIntegerField(default=0)
    reward = models.FloatField(null=True, blank=True)
    reward_provisional = models.BooleanField(default=True)

    across_brands: ClassVar[AcrossEpisodes] = AcrossEpisodes()
    objects: ClassVar[GuardedEpisodes] = GuardedEpisodes()

    class Meta:
        ordering = ("-created_at", "-pk")
        indexes = [
            models.Index(fields=["brand", "-created_at"], name="episode_newest"),
            models.Index(fields=["brand", "pack", "-created_at"], name="episode_newest_of_pack"),
            models.Index(fields=["brand", "reward"], name="episode_by_reward"),
            models.Index(fields=["brand", "mode", "state"], name="episode_by_mode_state"),
            models.Index(fields=["brand", "state", "-created_at"], name="episode_newest_of_state"),
            # All that the figures of Home and Episodes add up, so that they are read from the index alone.
            models.Index(
                fields=["brand", "state", "mode", "finished_at", "simulated", "reward", "cost"], name="episode_figures"
            ),
            models.Index(fields=["state", "leased_until"], name="episode_claimable"),
            models.Index(
                fields=["finished_at"],
                condition=models.Q(state="done", concluded_at__isnull=True),
                name="episode_to_conclude",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(max_steps__gte=1, max_steps__lte=100), name="episode_max_steps_1_to_100"
            )
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """What people call it: EP-2391."""
        return f"EP-{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES


class Step(BrandOwned):
    """One decision and the work that followed. Written in one commit before the next begins, never changed after."""

    brand_path = "episode__brand"

    episode = models.ForeignKey(Episode, on_delete=models.CASCADE, related_name="steps")
    index = models.PositiveSmallIntegerField(help_text="0 is the first")
    action = models.CharField(max_length=40)
    allowed = models.JSONField(help_text="Actions the policy could choose from")
    probabilities = models.JSONField(help_text="Aligned with allowed, sums to 1")
    probability = models.FloatField(help_text="With which the action was chosen")
    policy = models.CharField(max_length=40, help_text="rule@1, static@1, rl@14")
    why = models.CharField(max_length=300, blank=True)
    summary = models.CharField(max_length=300, blank=True)
    output = models.JSONField(default=dict)
    quality = models.JSONField(default=dict, help_text="Dimension to value in [0, 1]")
    quality_overall = models.FloatField(null=True, blank=True)
    served_by = models.CharField(max_length=60, blank=True)
    cost = models.DecimalField(max_digits=12, decimal_places=6, default=0, help_text="EUR")
    tokens = models.PositiveIntegerField(default=0)
    duration_ms = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField()

    class Meta:
        ordering = ("episode", "index")
        constraints = [
            models.UniqueConstraint(fields=["episode", "index"], name="step_index_once_per_episode"),
            models.CheckConstraint(
                condition=models.Q(probability__gt=0, probability__lte=1), name="step_probability_in_unit"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.index + 1} {self.action}"


class RecordedReply(BrandOwned):
    """The answer of an outside effect, kept under its key so that the effect is never made twice."""

    brand_path = "episode__brand"

    episode = models.ForeignKey(Episode, on_delete=models.CASCADE, related_name="replies")
    key = models.CharField(max_length=160, unique=True, help_text="episode/step/name")
    reply = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "recorded replies"

    def __str__(self) -> str:
        return self.key


class ReflectionLog(BrandOwned):
    """What an episode doubted before it went on."""

    class Decision(models.TextChoices):
        WENT_ON = "went_on", "Went on"
        RETHOUGHT = "rethought", "Rethought"

    brand_path = "episode__brand"

    episode = models.ForeignKey(Episode, on_delete=models.CASCADE, related_name="reflections")
    step_index = models.PositiveSmallIntegerField()
    confidence = models.FloatField()
    threshold = models.FloatField()
    risks = models.JSONField(default=list)
    decision = models.CharField(max_length=10, choices=Decision)

    class Meta:
        ordering = ("episode", "step_index")
        constraints = [models.UniqueConstraint(fields=["episode", "step_index"], name="one_reflection_per_step")]

    def __str__(self) -> str:
        return f"{self.episode} step {self.step_index + 1}: {self.confidence:.2f}"
