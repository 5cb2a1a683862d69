"""People and companies on their way to a purchase: configurable pipelines, leads, history, sales, outcomes.

`attributed_to` is the public id of the episode that touched the person last (the orchestrator's, unknown to this app as
a model); null means the source carries no attribution.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from simple_history.models import HistoricalRecords

from crm.models.packs import Pack
from crm.models.tenancy import Brand, BrandOwned


class FunnelStage(models.TextChoices):
    """The six words every pipeline maps its own stages to."""

    PROSPECT = "prospect", "Prospect"
    ENGAGED = "engaged", "Engaged"
    QUALIFIED = "qualified", "Qualified"
    PROPOSAL = "proposal", "Proposal"
    PURCHASED = "purchased", "Purchased"
    LOST = "lost", "Lost"


class Company(BrandOwned):
    """An organisation a lead belongs to."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="companies")
    external_id = models.CharField(max_length=80)
    name = models.CharField(max_length=200)
    industry = models.CharField(max_length=120, blank=True)
    country = models.CharField(max_length=80, blank=True)
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name_plural = "companies"
        constraints = [models.UniqueConstraint(fields=["brand", "external_id"], name="company_once_per_brand")]

    def __str__(self) -> str:
        return self.name


class Contact(BrandOwned):
    """A person who can be written to."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="contacts")
    external_id = models.CharField(max_length=80)
    company = models.ForeignKey(Company, on_delete=models.SET_NULL, null=True, blank=True, related_name="contacts")
    name = models.CharField(max_length=200, blank=True)
    email = models.CharField(max_length=254, blank=True, help_text="As the source gave it; some sources hash it")
    job_title = models.CharField(max_length=120, blank=True)
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["brand", "external_id"], name="contact_once_per_brand")]

    def __str__(self) -> str:
        return self.name or self.email or self.external_id


class Pipeline(BrandOwned):
    """A named row of stages, as the brand's CRM has it."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="pipelines")
    external_id = models.CharField(max_length=120)
    name = models.CharField(max_length=120)
    order = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ("order", "name")
        constraints = [models.UniqueConstraint(fields=["brand", "external_id"], name="pipeline_once_per_brand")]

    def __str__(self) -> str:
        return self.name


class PipelineStage(BrandOwned):
    """One stage of a pipeline, with its chance to win and the funnel word it means."""

    brand_path = "pipeline__brand"

    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="stages")
    external_id = models.CharField(max_length=120)
    name = models.CharField(max_length=120)
    order = models.PositiveSmallIntegerField()
    win_probability = models.FloatField(validators=[MinValueValidator(0), MaxValueValidator(1)])
    maps_to = models.CharField(max_length=10, choices=FunnelStage)

    history = HistoricalRecords()

    class Meta:
        ordering = ("pipeline", "order")
        constraints = [
            models.UniqueConstraint(fields=["pipeline", "external_id"], name="stage_once_per_pipeline"),
            models.CheckConstraint(
                condition=models.Q(win_probability__gte=0, win_probability__lte=1), name="stage_probability_in_unit"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pipeline}: {self.name}"


class Lead(BrandOwned):
    """A deal, or a person or household that may buy."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="leads")
    pack = models.ForeignKey(Pack, on_delete=models.SET_NULL, null=True, blank=True, related_name="leads")
    external_id = models.CharField(max_length=120)
    name = models.CharField(max_length=200)
    company = models.ForeignKey(Company, on_delete=models.SET_NULL, null=True, blank=True, related_name="leads")
    contact = models.ForeignKey(Contact, on_delete=models.SET_NULL, null=True, blank=True, related_name="leads")
    stage = models.ForeignKey(PipelineStage, on_delete=models.PROTECT, null=True, blank=True, related_name="leads")
    funnel_stage = models.CharField(max_length=10, choices=FunnelStage, default=FunnelStage.PROSPECT)
    amount = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    detail = models.JSONField(default=dict, blank=True, help_text="Segment, need and what else the source knows")
    source = models.CharField(max_length=40, default="import")
    created_at = models.DateTimeField(default=timezone.now, help_text="When the source says it began")
    attributed_to = models.UUIDField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["brand", "external_id"], name="lead_once_per_brand")]
        indexes = [
            models.Index(fields=["brand", "funnel_stage"], name="lead_by_funnel"),
            models.Index(fields=["brand", "created_at"], name="lead_newest"),
            models.Index(fields=["brand", "pack", "funnel_stage"], name="lead_by_pack_funnel"),
            models.Index(fields=["attributed_to"], name="lead_by_attribution"),
        ]

    def __str__(self) -> str:
        return self.name

    def move_to(
        self, stage: PipelineStage, *, at: datetime, source: str, attributed_to: UUID | None = None
    ) -> StageChange | None:
        """Change the stage and keep the history; None when the lead is there already. Saves both rows."""
        if self.stage_id == stage.pk:
            return None
        change: StageChange = StageChange.across_brands.create(
            lead=self,
            from_stage=self.stage,
            to_stage=stage,
            from_funnel=self.funnel_stage if self.stage_id else "",
            to_funnel=stage.maps_to,
            changed_at=at,
            source=source,
            attributed_to=attributed_to,
        )
        self.stage = stage
        self.funnel_stage = stage.maps_to
        if attributed_to is not None:
            self.attributed_to = attributed_to
        self.save(update_fields=["stage", "funnel_stage", "attributed_to"])
        return change


class StageChange(BrandOwned):
    """One move of a lead, kept for ever."""

    brand_path = "lead__brand"

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="changes")
    from_stage = models.ForeignKey(PipelineStage, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    to_stage = models.ForeignKey(PipelineStage, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    from_funnel = models.CharField(max_length=10, choices=FunnelStage, blank=True)
    to_funnel = models.CharField(max_length=10, choices=FunnelStage)
    changed_at = models.DateTimeField()
    source = models.CharField(max_length=40)
    attributed_to = models.UUIDField(null=True, blank=True)

    class Meta:
        ordering = ("changed_at", "pk")
        constraints = [
            models.UniqueConstraint(fields=["lead", "changed_at", "to_funnel", "to_stage"], name="stage_change_once")
        ]

    def __str__(self) -> str:
        return f"{self.lead}: {self.from_funnel or 'new'} to {self.to_funnel}"


class Sale(BrandOwned):
    """Money that came in."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="sales")
    pack = models.ForeignKey(Pack, on_delete=models.SET_NULL, null=True, blank=True, related_name="sales")
    lead = models.ForeignKey(Lead, on_delete=models.SET_NULL, null=True, blank=True, related_name="sales")
    external_id = models.CharField(max_length=120)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3)
    sold_at = models.DateTimeField()
    source = models.CharField(max_length=40, default="import")
    attributed_to = models.UUIDField(null=True, blank=True)
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ("-sold_at",)
        constraints = [
            models.UniqueConstraint(fields=["brand", "external_id"], name="sale_once_per_brand"),
            models.CheckConstraint(condition=models.Q(amount__gte=Decimal(0)), name="sale_amount_not_negative"),
        ]
        indexes = [
            models.Index(fields=["brand", "pack", "sold_at"], name="sale_by_pack_day"),
            models.Index(fields=["attributed_to"], name="sale_by_attribution"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class Outcome(BrandOwned):
    """What the market did with something we made."""

    class Kind(models.TextChoices):
        SENT = "sent", "Sent"
        DELIVERED = "delivered", "Delivered"
        BOUNCED = "bounced", "Bounced"
        OPENED = "opened", "Opened"
        CLICKED = "clicked", "Clicked"
        REPLIED = "replied", "Replied"
        BOOKED = "booked", "Booked"
        SOLD = "sold", "Sold"
        EXPOSED = "exposed", "Exposed"
        REDEEMED = "redeemed", "Redeemed"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
        BLOCKED = "blocked", "Blocked before sending"

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="outcomes")
    pack = models.ForeignKey(Pack, on_delete=models.SET_NULL, null=True, blank=True, related_name="outcomes")
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, null=True, blank=True, related_name="outcomes")
    contact = models.ForeignKey(Contact, on_delete=models.SET_NULL, null=True, blank=True, related_name="outcomes")
    kind = models.CharField(max_length=14, choices=Kind)
    external_id = models.CharField(max_length=120)
    occurred_at = models.DateTimeField()
    source = models.CharField(max_length=40, default="import")
    attributed_to = models.UUIDField(null=True, blank=True)
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ("occurred_at", "pk")
        constraints = [models.UniqueConstraint(fields=["brand", "external_id"], name="outcome_once_per_brand")]
        indexes = [
            models.Index(fields=["attributed_to"], name="outcome_by_attribution"),
            models.Index(fields=["brand", "pack", "kind"], name="outcome_by_pack_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} at {self.occurred_at:%Y-%m-%d}"


class MarketEvent(BrandOwned):
    """An answer of the simulated market that is still on its way; releasing it writes CRM rows exactly once."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="market_events")
    pack = models.ForeignKey(Pack, on_delete=models.CASCADE, related_name="market_events")
    attributed_to = models.UUIDField()
    sequence = models.PositiveIntegerField(help_text="Position within the answer to one episode")
    kind = models.CharField(max_length=14, choices=Outcome.Kind)
    prospect_key = models.CharField(max_length=120)
    simulated_days = models.FloatField(help_text="Days after the episode ended, on the market's own clock")
    due_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True, blank=True)
    payload = models.JSONField(default=dict)

    class Meta:
        ordering = ("due_at", "attributed_to", "sequence")
        constraints = [models.UniqueConstraint(fields=["attributed_to", "sequence"], name="market_event_once")]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(released_at__isnull=True), name="market_event_waiting")
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.prospect_key}"
