"""Clean rooms: where aggregates of people's data may be asked for, what was asked, and what privacy it cost."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone

from crm.models.retail import Retailer
from crm.models.tenancy import Brand, BrandOwned


class CleanRoom(BrandOwned):
    """A room to ask in: a retailer's HTTP endpoint, or the embedded one over our own data when `endpoint` is blank."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="clean_rooms")
    retailer = models.ForeignKey(Retailer, on_delete=models.CASCADE, null=True, blank=True, related_name="clean_rooms")
    name = models.CharField(max_length=120)
    endpoint = models.URLField(max_length=300, blank=True, help_text="Blank: the embedded clean room over local data")
    key_variable = models.CharField(
        max_length=80, blank=True, help_text="Name of the environment variable that holds the bearer key"
    )
    minimum_group = models.PositiveIntegerField(default=50, validators=[MinValueValidator(2)])
    epsilon_limit = models.FloatField(
        default=10.0, validators=[MinValueValidator(0)], help_text="Privacy budget a period"
    )
    delta = models.FloatField(default=1e-6)
    period_days = models.PositiveSmallIntegerField(default=30, help_text="The budget is whole again after so many days")
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ("name",)
        constraints = [models.UniqueConstraint(fields=["brand", "name"], name="clean_room_once_per_brand")]

    def __str__(self) -> str:
        return self.name


class CleanRoomQuery(BrandOwned):
    """One question, what it cost and what came back. The account of the privacy budget is the sum of these rows."""

    class State(models.TextChoices):
        ANSWERED = "answered", "Answered"
        REFUSED = "refused", "Refused"
        FAILED = "failed", "Failed"

    brand_path = "room__brand"

    room = models.ForeignKey(CleanRoom, on_delete=models.CASCADE, related_name="queries")
    question = models.JSONField(help_text="The query as it was asked")
    question_hash = models.CharField(
        max_length=64, help_text="The same question in a period gets the same answer, free"
    )
    state = models.CharField(max_length=8, choices=State)
    epsilon = models.FloatField(default=0)
    delta = models.FloatField(default=0)
    answer = models.JSONField(null=True, blank=True)
    served_by = models.CharField(max_length=120, help_text="embedded, or the host of the endpoint")
    error = models.TextField(blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    asked_at = models.DateTimeField(default=timezone.now)
    took_ms = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("-asked_at", "-pk")
        indexes = [models.Index(fields=["room", "-asked_at"], name="clean_room_account")]

    def __str__(self) -> str:
        return f"{self.room}: {self.get_state_display()}"
