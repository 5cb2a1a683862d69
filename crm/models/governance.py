"""What may be done with whose data: policies, consent, suppression, and what was erased."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from crm.models.pipeline import Contact
from crm.models.retail import Retailer
from crm.models.tenancy import Brand, BrandOwned


class PrivacyPolicy(BrandOwned):
    """The brand's policy file, for all retailers or for one. Without a row the shipped default holds."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="privacy_policies")
    retailer = models.ForeignKey(Retailer, on_delete=models.CASCADE, null=True, blank=True, related_name="policies")
    body = models.TextField(help_text="YAML; see docs/privacy.md, tested by manage.py check_policy")
    version = models.PositiveIntegerField(default=1)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("brand", "retailer")
        constraints = [
            models.UniqueConstraint(fields=["brand", "retailer"], name="policy_once_per_retailer"),
            models.UniqueConstraint(
                fields=["brand"], condition=models.Q(retailer__isnull=True), name="policy_once_per_brand"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.brand}: {self.retailer or 'all retailers'}"


class Consent(BrandOwned):
    """One person's word on one purpose; the newest row of a person and purpose holds. Persons are known by a keyed
    hash of their address (HMAC-SHA-256), so that the list survives their erasure."""

    class Purpose(models.TextChoices):
        EMAIL = "email", "E-mail"
        MEASUREMENT = "measurement", "Measurement"
        AUDIENCE = "audience", "Audiences"
        TRAINING = "training", "Learning from answers"

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="consents")
    person = models.CharField(max_length=64, help_text="Keyed hash of the address or customer id")
    contact = models.ForeignKey(Contact, on_delete=models.SET_NULL, null=True, blank=True, related_name="consents")
    purpose = models.CharField(max_length=11, choices=Purpose)
    given = models.BooleanField()
    source = models.CharField(max_length=120)
    said_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-said_at", "-pk")
        indexes = [models.Index(fields=["brand", "person", "purpose", "-said_at"], name="consent_newest")]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()}: {'yes' if self.given else 'no'}"


class Suppression(BrandOwned):
    """Somebody who must not be addressed, whatever else is known."""

    class Reason(models.TextChoices):
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
        BOUNCED = "bounced", "Address does not exist"
        COMPLAINED = "complained", "Complained"
        ERASED = "erased", "Was erased"
        MANUAL = "manual", "Entered by hand"

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="suppressions")
    person = models.CharField(max_length=64, help_text="Keyed hash of the address or customer id")
    reason = models.CharField(max_length=12, choices=Reason)
    source = models.CharField(max_length=120, blank=True)
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-since", "-pk")
        constraints = [models.UniqueConstraint(fields=["brand", "person"], name="suppressed_once_per_brand")]

    def __str__(self) -> str:
        return f"{self.get_reason_display()} since {self.since:%Y-%m-%d}"


class Erasure(BrandOwned):
    """A person's request to be forgotten, and the report of what was erased where. It never names the person."""

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="erasures")
    person = models.CharField(max_length=64, help_text="Keyed hash of the address or customer id")
    state = models.CharField(max_length=8, choices=State, default=State.RUNNING)
    report = models.JSONField(default=dict, help_text="By model: rows erased, rows blanked, texts redacted, adapters")
    error = models.TextField(blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    asked_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-asked_at", "-pk")

    def __str__(self) -> str:
        return f"Erasure of {self.person[:8]} ({self.get_state_display()})"
