"""What people are asked to rate: tasks, the items in their queues, and who holds which item."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from simple_history.models import HistoricalRecords

from crm.models import Brand, BrandOwned
from crm.models.tenancy import slug_validator
from rlhf.models.experience import Experience

SHARE = [MinValueValidator(0), MaxValueValidator(0.5)]


class RatingTask(BrandOwned):
    """One question asked about one kind of experience, one at a time or in pairs."""

    class Asks(models.TextChoices):
        SINGLE = "single", "One at a time"
        PAIR = "pair", "Two side by side"

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="rating_tasks")
    slug = models.CharField(max_length=60, validators=[slug_validator])
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=20, help_text="Kind of experience: budget, creative, outreach, dashboard")
    asks = models.CharField(max_length=8, choices=Asks, default=Asks.SINGLE)
    question = models.CharField(max_length=200)
    reasons = models.JSONField(default=list, help_text="Short reasons that can be picked after a rating")
    guideline = models.JSONField(
        default=dict, help_text="lead, steps [{title, text}], good {text, why}, poor {text, why}, unsure"
    )
    overlap = models.PositiveSmallIntegerField(
        default=2, validators=[MinValueValidator(1), MaxValueValidator(20)], help_text="People per item"
    )
    gold_share = models.FloatField(default=0.04, validators=SHARE, help_text="Share of items with a known answer")
    repeat_share = models.FloatField(default=0.04, validators=SHARE, help_text="Share of items a person sees twice")
    lock_minutes = models.PositiveSmallIntegerField(
        default=15, validators=[MinValueValidator(1), MaxValueValidator(240)]
    )
    is_open = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    history = HistoricalRecords()

    class Meta:
        ordering = ("kind", "asks", "pk")
        constraints = [models.UniqueConstraint(fields=["brand", "slug"], name="rating_task_slug_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_pair(self) -> bool:
        return self.asks == self.Asks.PAIR


class RatingItem(BrandOwned):
    """One experience, or a pair, to be rated by `wanted` people.

    `taken` counts people who hold or answered it; the database refuses more than `wanted`. Late answers of people whose
    lock ran out are kept and count in `answered` only while there is room.
    """

    class State(models.TextChoices):
        OPEN = "open", "Open"
        DONE = "done", "Rated"
        CLOSED = "closed", "Closed"

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="rating_items")
    task = models.ForeignKey(RatingTask, on_delete=models.CASCADE, related_name="items")
    a = models.ForeignKey(Experience, on_delete=models.CASCADE, related_name="rated_as_a")
    b = models.ForeignKey(Experience, on_delete=models.CASCADE, null=True, blank=True, related_name="rated_as_b")
    priority = models.FloatField(default=0, help_text="How uncertain the answer is; higher is asked sooner")
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    is_gold = models.BooleanField(default=False)
    gold_answer = models.CharField(max_length=10, blank=True, help_text="a, b, tie, both_bad, or stars 1 to 5")
    gold_why = models.CharField(max_length=200, blank=True)
    wanted = models.PositiveIntegerField(default=2)
    taken = models.PositiveIntegerField(default=0)
    answered = models.PositiveIntegerField(default=0)
    disputed = models.BooleanField(default=False)
    resolution = models.CharField(max_length=10, blank=True)
    resolution_note = models.CharField(max_length=200, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-priority", "pk")
        indexes = [
            models.Index(fields=["task", "state", "-priority"], name="rating_item_next"),
            models.Index(
                fields=["brand"],
                condition=models.Q(disputed=True, resolved_at__isnull=True),
                name="rating_item_disputed",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["task", "a"], condition=models.Q(b__isnull=True), name="single_item_once"),
            models.UniqueConstraint(fields=["task", "a", "b"], name="pair_item_once"),
            models.CheckConstraint(condition=models.Q(taken__lte=models.F("wanted")), name="item_not_over_assigned"),
            models.CheckConstraint(
                condition=models.Q(b__isnull=True) | ~models.Q(a=models.F("b")), name="pair_of_two_experiences"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.pk}"


class Assignment(BrandOwned):
    """One item in one person's hands. `shown_order` and `seed` say which side of a pair stood left."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        ANSWERED = "answered", "Answered"
        SKIPPED = "skipped", "Skipped"
        EXPIRED = "expired", "Lock ran out"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="assignments")
    item = models.ForeignKey(RatingItem, on_delete=models.CASCADE, related_name="assignments")
    rater = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="assignments")
    showing = models.PositiveSmallIntegerField(default=1, help_text="2: the same item again, to see who is consistent")
    shown_order = models.CharField(max_length=2, default="ab", help_text="ab, or ba where b stood left")
    seed = models.PositiveBigIntegerField(default=0)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    locked_until = models.DateTimeField()
    holds_slot = models.BooleanField(default=True, help_text="Counts in the item's `taken`")
    draft = models.JSONField(default=dict, blank=True, help_text="What was typed and not sent yet")
    taken_at = models.DateTimeField(auto_now_add=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ("pk",)
        indexes = [
            models.Index(fields=["brand", "rater", "state"], name="assignment_of_rater"),
            models.Index(fields=["locked_until"], condition=models.Q(state="open"), name="assignment_running_out"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["item", "rater", "showing"], name="item_once_per_rater_and_showing")
        ]

    def __str__(self) -> str:
        return f"{self.item_id} held by {self.rater_id}"


class RaterSettings(models.Model):
    """How one person likes to rate; the same for every brand they work for."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="rater_settings", primary_key=True
    )
    keys_on = models.BooleanField(default=True)
    keymap = models.JSONField(default=dict, blank=True, help_text="Action to key, where it differs from the default")
    timings_consent = models.BooleanField(null=True, help_text="Empty: not asked yet")

    class Meta:
        verbose_name_plural = "rater settings"

    def __str__(self) -> str:
        return f"Rating settings of {self.user}"
