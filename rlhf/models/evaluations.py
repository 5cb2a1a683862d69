"""What judges said: verdicts, the orders for them, what the calls cost, and the rubrics in versions."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from simple_history.models import HistoricalRecords

from crm.models import Brand, BrandOwned
from rlhf.models.experience import Experience


class Evaluation(BrandOwned):
    """One verdict of one judge. A verdict that could not be had is a row with `missing_because`, never a score of 0.

    form absolute: `score` is J. form group: `score` is the rank's score inside `group`, `centred` is it minus the
    group's mean. form pair: `score` is 1, 0.5 or 0 against `opponent`, judged in both orders; disagreement is a tie.
    """

    class Form(models.TextChoices):
        ABSOLUTE = "absolute", "On its own"
        GROUP = "group", "Ranked in a group"
        PAIR = "pair", "Against another, both orders"

    class Cause(models.TextChoices):
        """Why a verdict is missing."""

        UNREADABLE = "unreadable", "The output cannot be read"
        NO_RUBRIC = "no_rubric", "No rubric for this kind"
        REFUSED = "refused", "The model declined"
        CUT_OFF = "cut_off", "The reply was cut off"
        NOT_JSON = "not_json", "The reply was not the JSON asked for"
        OUT_OF_RANGE = "out_of_range", "A score outside 0 to 1"
        WRONG_IDS = "wrong_ids", "Ids missing, repeated or unknown"
        RATE_LIMITED = "rate_limited", "Too many calls (429)"
        OVERLOADED = "overloaded", "The service is overloaded (529)"
        TIMED_OUT = "timed_out", "No reply in time"
        UNREACHABLE = "unreachable", "The service cannot be reached"
        BAD_CALL = "bad_call", "The service refused the call"
        EXPIRED = "expired", "The batch expired"
        LIMIT = "limit", "The month's limit is reached"

    brand_path = "experience__brand"

    experience = models.ForeignKey(Experience, on_delete=models.CASCADE, related_name="evaluations")
    form = models.CharField(max_length=10, choices=Form, default=Form.ABSOLUTE)
    judge = models.CharField(max_length=60, help_text="rubric, or the model's name")
    rubric_version = models.CharField(max_length=80)
    prompt_version = models.CharField(max_length=40, blank=True)
    score = models.FloatField(null=True, blank=True, help_text="In [0, 1]")
    centred = models.FloatField(null=True, blank=True, help_text="Rank score minus the group's mean, in [-1, 1]")
    confidence = models.FloatField(null=True, blank=True)
    overall_rating = models.CharField(max_length=4, blank=True, help_text="up or down")
    dimensions = models.JSONField(default=dict)
    verdict = models.JSONField(
        default=dict,
        help_text="reasoning, strengths, issues, suggestions, query_understanding, widget_feedback, missing_widgets",
    )
    group = models.UUIDField(null=True, blank=True, help_text="One ranking or one pair of calls")
    opponent = models.ForeignKey(Experience, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    missing_because = models.CharField(max_length=200, blank=True)
    cause = models.CharField(max_length=12, choices=Cause, blank=True)
    raw = models.TextField(blank=True, help_text="The model's reply as it came")
    cost_usd = models.DecimalField(max_digits=12, decimal_places=6, default=0)
    latency_ms = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at",)
        indexes = [models.Index(fields=["judge", "rubric_version"], name="evaluation_by_version")]
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


class JudgeOrder(BrandOwned):
    """A verdict that is wanted from a judge that takes time: a row with a state, a lease and an attempt count."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        IN_BATCH = "in_batch", "In a batch"
        DONE = "done", "Done"
        PARKED = "parked", "Parked"

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="judge_orders")
    form = models.CharField(max_length=10, choices=Evaluation.Form, default=Evaluation.Form.ABSOLUTE)
    experience = models.ForeignKey(
        Experience, on_delete=models.CASCADE, related_name="judge_orders", help_text="The first one of a group or pair"
    )
    members = models.JSONField(default=list, blank=True, help_text="Keys of the experiences of a group or pair")
    group = models.UUIDField(default=uuid.uuid4)
    judge = models.CharField(max_length=60)
    rubric_version = models.CharField(max_length=80)
    priority = models.FloatField(default=0, help_text="Higher is sooner")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, blank=True)
    leased_by = models.CharField(max_length=120, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    batch = models.ForeignKey("JudgeBatch", on_delete=models.SET_NULL, null=True, blank=True, related_name="orders")
    cause = models.CharField(max_length=12, choices=Evaluation.Cause, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-priority", "pk")
        indexes = [
            models.Index(fields=["state", "retry_at", "-priority"], name="judge_order_due"),
            models.Index(fields=["brand", "state"], name="judge_order_of_brand"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["experience", "form", "judge", "rubric_version"],
                condition=models.Q(form="absolute"),
                name="one_absolute_order_per_version",
            )
        ]

    def __str__(self) -> str:
        return f"{self.form} by {self.judge} of {self.experience_id}"


class JudgeBatch(BrandOwned):
    """Orders sent together at half price; results come back in any order and are matched by `custom_id`."""

    class State(models.TextChoices):
        SENT = "sent", "Sent"
        ENDED = "ended", "Ended"
        LOST = "lost", "Lost"

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="judge_batches")
    external_id = models.CharField(max_length=120, unique=True)
    state = models.CharField(max_length=8, choices=State, default=State.SENT)
    size = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at",)
        verbose_name_plural = "judge batches"

    def __str__(self) -> str:
        return self.external_id


class JudgeCall(BrandOwned):
    """One paid call and what it cost, also where its reply was of no use."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="judge_calls")
    order = models.ForeignKey(JudgeOrder, on_delete=models.SET_NULL, null=True, blank=True, related_name="calls")
    model = models.CharField(max_length=60)
    request_id = models.CharField(max_length=80, blank=True)
    input_tokens = models.PositiveIntegerField(default=0)
    cache_write_tokens = models.PositiveIntegerField(default=0)
    cache_read_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cost_usd = models.DecimalField(max_digits=12, decimal_places=6, default=0)
    batched = models.BooleanField(default=False)
    latency_ms = models.PositiveIntegerField(default=0)
    cause = models.CharField(max_length=12, choices=Evaluation.Cause, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at",)
        indexes = [models.Index(fields=["brand", "-created_at"], name="judge_call_newest")]

    def __str__(self) -> str:
        return f"{self.model}, {self.cost_usd} USD"


class JudgeSettings(models.Model):
    """Which judge a brand uses and how much it may spend in a calendar month (UTC)."""

    class Backend(models.TextChoices):
        RUBRIC = "rubric", "Rubric checks only"
        CLAUDE = "claude", "Claude, and rubric checks beside it"

    brand = models.OneToOneField(Brand, on_delete=models.CASCADE, related_name="judge_settings", primary_key=True)
    backend = models.CharField(max_length=10, choices=Backend, default=Backend.RUBRIC)
    monthly_limit_usd = models.DecimalField(max_digits=10, decimal_places=2, default=20)
    batches = models.BooleanField(default=True, help_text="Send backlogs as batches, at half price, within a day")
    ranks = models.BooleanField(default=True, help_text="Rank groups of answers to the same request, too")

    history = HistoricalRecords()

    class Meta:
        verbose_name_plural = "judge settings"
        constraints = [
            models.CheckConstraint(condition=models.Q(monthly_limit_usd__gte=0), name="judge_limit_not_negative")
        ]

    def __str__(self) -> str:
        return f"Judge of {self.brand}"


class RubricVersion(BrandOwned):
    """A brand's own wording of a rubric. Never changed: another wording is another number.

    The one that serves takes the place of the file `rlhf/judge/rubrics/<kind>.md`; with none, the file serves.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        SERVING = "serving", "Serving"
        RETIRED = "retired", "Retired"

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="rubrics")
    kind = models.CharField(max_length=20)
    number = models.PositiveIntegerField()
    version = models.CharField(max_length=80, help_text="kind@sha of the text")
    text = models.TextField()
    note = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.DRAFT)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    adopted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("kind", "-number")
        constraints = [
            models.UniqueConstraint(fields=["brand", "kind", "number"], name="rubric_number_once"),
            models.UniqueConstraint(
                fields=["brand", "kind"], condition=models.Q(state="serving"), name="one_serving_rubric_per_kind"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} rubric {self.number}"


class FrozenSet(BrandOwned):
    """Experiences with what people said of them, kept as they were: what a new rubric is tried on."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="frozen_sets")
    kind = models.CharField(max_length=20)
    name = models.CharField(max_length=120)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at",)
        constraints = [models.UniqueConstraint(fields=["brand", "name"], name="frozen_set_name_once")]

    def __str__(self) -> str:
        return self.name


class FrozenItem(BrandOwned):
    """One experience of a frozen set; `human` is people's mean in [0, 1] on the day it was frozen."""

    brand_path = "frozen_set__brand"

    frozen_set = models.ForeignKey(FrozenSet, on_delete=models.CASCADE, related_name="items")
    experience = models.ForeignKey(Experience, on_delete=models.CASCADE, related_name="+")
    human = models.FloatField()
    raters = models.PositiveSmallIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["frozen_set", "experience"], name="frozen_once"),
            models.CheckConstraint(condition=models.Q(human__gte=0, human__lte=1), name="frozen_human_in_unit"),
        ]

    def __str__(self) -> str:
        return f"{self.experience_id}: {self.human:.2f}"


class Calibration(BrandOwned):
    """How well one judge under one rubric version agrees with people; on a frozen set, or on all that people rated."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="calibrations")
    kind = models.CharField(max_length=20)
    judge = models.CharField(max_length=60)
    rubric_version = models.CharField(max_length=80)
    frozen_set = models.ForeignKey(
        FrozenSet, on_delete=models.CASCADE, null=True, blank=True, related_name="calibrations"
    )
    items = models.PositiveIntegerField(default=0)
    reliability = models.FloatField(default=1, help_text="Scales the judge's weight in the reward; 1 until measured")
    figures = models.JSONField(default=dict, help_text="kappa, alpha, ece, length and order bias, self-agreement")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at", "-pk")
        indexes = [
            models.Index(fields=["brand", "kind", "judge", "rubric_version", "-created_at"], name="calibration_newest")
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(reliability__gte=0, reliability__lte=1), name="calibration_reliability_in_unit"
            )
        ]

    def __str__(self) -> str:
        return f"{self.judge} with {self.rubric_version}"
