"""What people said, and the append-only history of every signal about an experience."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models

from crm.models import Brand, BrandOwned
from rlhf.models.experience import Experience
from rlhf.models.rating import Assignment, RatingTask


class Source(models.TextChoices):
    PAGE = "page", "Rating page"
    API = "api", "API"
    WIDGET = "widget", "In place on a page"
    IMPORT = "import", "Import"
    PANEL = "panel", "Simulated panel"


class Said(BrandOwned):
    """What every word of a person has: who, when, from where, under which key, and whether it was taken back."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="%(class)ss")
    rater = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    rater_name = models.CharField(max_length=120, blank=True, help_text="A rater from outside, without a sign-in here")
    task = models.ForeignKey(RatingTask, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    assignment = models.ForeignKey(
        Assignment, on_delete=models.SET_NULL, null=True, blank=True, related_name="%(class)ss"
    )
    reasons = models.JSONField(default=list, blank=True)
    comment = models.TextField(blank=True)
    source = models.CharField(max_length=8, choices=Source, default=Source.PAGE)
    key = models.CharField(max_length=80, blank=True, help_text="The caller's: the same key twice is one")
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    counts = models.BooleanField(default=True, help_text="False: gold, repeated or late; measures people, not the work")
    exported_at = models.DateTimeField(null=True, blank=True, help_text="No undo after this")
    undone_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
        ordering = ("-created_at", "-pk")

    @property
    def simulated(self) -> bool:
        return self.source == Source.PANEL


class Feedback(Said):
    """One person's word on one experience: a thumb, stars, a correction, a flag, or a rich verdict."""

    class Kind(models.TextChoices):
        THUMB = "thumb", "Thumb"
        STARS = "stars", "Stars"
        CORRECTION = "correction", "Own version"
        FLAG = "flag", "Flag"
        RICH = "rich", "Rich verdict"

    class Settled(models.TextChoices):
        FINE = "fine", "It is fine"
        WRONG = "wrong", "It is wrong"

    experience = models.ForeignKey(Experience, on_delete=models.CASCADE, related_name="feedback")
    kind = models.CharField(max_length=10, choices=Kind)
    value = models.FloatField(null=True, blank=True, help_text="In [0, 1]: thumb 0 or 1, stars (s − 1) / 4")
    stars = models.PositiveSmallIntegerField(null=True, blank=True)
    original = models.TextField(blank=True)
    corrected = models.TextField(blank=True)
    widget = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Index of the widget that is meant")
    rich = models.JSONField(
        default=dict, blank=True, help_text="The six fields of an evaluation, as a person gave them"
    )

    settled = models.CharField(
        max_length=5, choices=Settled, blank=True, help_text="What an owner or planner found when they looked at a flag"
    )
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta(Said.Meta):
        verbose_name_plural = "feedback"
        indexes = [
            models.Index(fields=["brand", "-created_at"], name="feedback_newest"),
            models.Index(fields=["brand", "rater", "-created_at"], name="feedback_of_rater"),
            models.Index(fields=["experience", "kind"], name="feedback_on_experience"),
            models.Index(fields=["brand", "created_at"], condition=models.Q(kind="flag"), name="feedback_flagged"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["brand", "rater", "key"], condition=~models.Q(key=""), name="feedback_key_once"
            ),
            models.UniqueConstraint(
                fields=["brand", "rater_name", "key"],
                condition=models.Q(rater__isnull=True) & ~models.Q(key=""),
                name="feedback_outside_key_once",
            ),
            models.CheckConstraint(
                condition=models.Q(value__isnull=True) | models.Q(value__gte=0, value__lte=1),
                name="feedback_value_in_unit",
            ),
            models.CheckConstraint(
                condition=models.Q(stars__isnull=True) | models.Q(stars__gte=1, stars__lte=5),
                name="feedback_stars_1_to_5",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} on {self.experience_id}"


class PreferencePair(Said):
    """One person's choice between two experiences, with the order in which they were shown."""

    class Verdict(models.TextChoices):
        A = "a", "A is better"
        B = "b", "B is better"
        TIE = "tie", "About the same"
        BOTH_BAD = "both_bad", "Both bad"

    a = models.ForeignKey(Experience, on_delete=models.CASCADE, related_name="pairs_as_a")
    b = models.ForeignKey(Experience, on_delete=models.CASCADE, related_name="pairs_as_b")
    verdict = models.CharField(max_length=8, choices=Verdict)
    shown_order = models.CharField(max_length=2, default="ab")
    seed = models.PositiveBigIntegerField(default=0)

    class Meta(Said.Meta):
        indexes = [
            models.Index(fields=["brand", "-created_at"], name="pair_newest"),
            models.Index(fields=["brand", "rater", "-created_at"], name="pair_of_rater"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["brand", "rater", "key"], condition=~models.Q(key=""), name="pair_key_once"
            ),
            models.UniqueConstraint(
                fields=["brand", "rater_name", "key"],
                condition=models.Q(rater__isnull=True) & ~models.Q(key=""),
                name="pair_outside_key_once",
            ),
            models.CheckConstraint(condition=~models.Q(a=models.F("b")), name="preference_between_two"),
        ]

    def __str__(self) -> str:
        return f"{self.a_id} or {self.b_id}: {self.verdict}"


class HistoryIsFixed(RuntimeError):
    """A signal was about to be changed or deleted. It is history: write another one."""


class Signal(BrandOwned):
    """One thing that happened to an experience; written once, never changed."""

    class Kind(models.TextChoices):
        MADE = "made", "Made"
        JUDGED = "judged", "Judged"
        RATED = "rated", "Rated"
        EXPLAINED = "explained", "Reasons or comment added"
        PREFERRED = "preferred", "Compared"
        CORRECTED = "corrected", "Corrected"
        FLAGGED = "flagged", "Flagged"
        SETTLED = "settled", "Flag looked at"
        UNDONE = "undone", "Taken back"
        RESOLVED = "resolved", "Disagreement resolved"
        EXPORTED = "exported", "Exported"
        OUTCOME = "outcome", "Market outcome"
        REWARDED = "rewarded", "Rewarded"

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="signals")
    experience = models.ForeignKey(Experience, on_delete=models.CASCADE, related_name="signals")
    kind = models.CharField(max_length=10, choices=Kind)
    actor = models.CharField(max_length=120, blank=True, help_text="A person's name, a judge, or who else said it")
    said = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("created_at", "pk")
        indexes = [models.Index(fields=["experience", "created_at"], name="signal_of_experience")]

    def __str__(self) -> str:
        return f"{self.kind} by {self.actor}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None and not self._state.adding:
            raise HistoryIsFixed("A signal is history. Write another one.")
        super().save(*args, **kwargs)
