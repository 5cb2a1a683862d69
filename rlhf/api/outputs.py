"""What comes out. Experiences are known by their public ids, people by their sign-in names."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from rlhf.models import Evaluation, Experience, Feedback, PreferencePair, Reward, Signal

SAID = (
    "rater", "reasons", "comment", "source", "duration_ms", "counts", "created_at", "exported_at", "undone_at",
)  # fmt: skip


class SaidOutput(serializers.ModelSerializer[Any]):
    """What every word has. Read it with `rater` joined.

    With the context `only_me` (a person) the names of all others are left out.
    """

    id = serializers.UUIDField(source="public_id", read_only=True)
    rater = serializers.SerializerMethodField(
        help_text="Sign-in name, or the name an outside system gave; null where it is not for you"
    )
    reasons = serializers.ListField(child=serializers.CharField(), read_only=True)

    def get_rater(self, said: Any) -> str | None:
        if "only_me" in self.context and said.rater_id != self.context["only_me"].pk:
            return None
        return said.rater.get_username() if said.rater_id else str(said.rater_name)


class FeedbackOutput(SaidOutput):
    """One person's word on one experience."""

    experience = serializers.UUIDField(source="experience.public_id", read_only=True)
    thumb = serializers.SerializerMethodField(help_text="true: up, false: down, null: no thumb")
    rich = serializers.DictField(read_only=True, help_text="The six fields of an evaluation, as a person gave them")

    class Meta:
        model = Feedback
        fields = (
            "id", "experience", "kind", "thumb", "stars", "value", "widget", "original", "corrected", "rich", *SAID,
        )  # fmt: skip
        read_only_fields = fields

    def get_thumb(self, said: Feedback) -> bool | None:
        return said.value == 1 if said.kind == Feedback.Kind.THUMB else None


class PairOutput(SaidOutput):
    """One person's choice between two experiences."""

    a = serializers.UUIDField(source="a.public_id", read_only=True)
    b = serializers.UUIDField(source="b.public_id", read_only=True)
    shown_order = serializers.CharField(read_only=True, help_text="ab: a stood left; ba: b did")

    class Meta:
        model = PreferencePair
        fields = ("id", "a", "b", "verdict", "shown_order", "seed", *SAID)
        read_only_fields = fields


class ExperienceOutput(serializers.ModelSerializer[Experience]):
    """What was asked and who made what."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    pack = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True, allow_null=True)

    class Meta:
        model = Experience
        fields = (
            "id", "kind", "title", "pack", "episode", "group", "request", "served_by", "policy", "propensity",
            "simulated", "processing_ms", "cost", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class VerdictOutput(serializers.ModelSerializer[Evaluation]):
    """One verdict of one judge; `score` is null where it could not be had, and `missing_because` says why."""

    opponent = serializers.UUIDField(source="opponent.public_id", read_only=True, allow_null=True, default=None)
    dimensions = serializers.JSONField(read_only=True)
    verdict = serializers.JSONField(read_only=True)

    class Meta:
        model = Evaluation
        fields = (
            "id", "form", "judge", "rubric_version", "prompt_version", "score", "centred", "confidence",
            "overall_rating", "dimensions", "verdict", "group", "opponent", "missing_because", "cause", "cost_usd",
            "created_at",
        )  # fmt: skip
        read_only_fields = fields


class RewardRowOutput(serializers.ModelSerializer[Reward]):
    """One computation of the reward, with every part."""

    config_version = serializers.IntegerField(source="config.version", read_only=True)
    components = serializers.JSONField(read_only=True)

    class Meta:
        model = Reward
        fields = (
            "value", "components", "attribution", "provisional", "settles_at", "computed_at", "is_current",
            "config_version",
        )  # fmt: skip
        read_only_fields = fields


class SignalOutput(serializers.ModelSerializer[Signal]):
    """One thing that happened to the experience."""

    said = serializers.JSONField(read_only=True)
    actor = serializers.SerializerMethodField(help_text="Who said it; null where it is not for you")

    def get_actor(self, signal: Signal) -> str | None:
        if "only_me" in self.context and signal.actor != self.context["only_me"].get_username():
            return None
        return signal.actor

    class Meta:
        model = Signal
        fields = ("kind", "actor", "said", "created_at")
        read_only_fields = fields


class ExperienceDetail(ExperienceOutput):
    """One experience with its text and everything that was said about it."""

    text = serializers.CharField(help_text="The output as one text")
    blind = serializers.BooleanField(help_text="true: you only rate and have not rated it; what others said is hidden")
    intent = serializers.JSONField()
    context = serializers.JSONField()  # type: ignore[assignment]
    output = serializers.JSONField()
    versions = serializers.JSONField()
    evaluations = VerdictOutput(many=True)
    feedback = FeedbackOutput(many=True)
    pairs = PairOutput(many=True)
    rewards = RewardRowOutput(many=True)
    signals = SignalOutput(many=True)

    class Meta(ExperienceOutput.Meta):
        fields = (  # type: ignore[assignment]
            *ExperienceOutput.Meta.fields, "text", "blind", "intent", "context", "output", "versions", "evaluations",
            "feedback", "pairs", "rewards", "signals",
        )  # fmt: skip
        read_only_fields = fields  # type: ignore[assignment]
