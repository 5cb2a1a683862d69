"""What comes out. Money is text, rewards are numbers, instants are ISO 8601 in UTC."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm.models import Outcome, Pack, Sale
from orchestrator.agents import AGENTS
from orchestrator.models import Episode, EpisodeQuerySet, Step
from rlhf.models import Evaluation, Reward


def with_relations(episodes: EpisodeQuerySet) -> EpisodeQuerySet:
    """What an `EpisodeSummary` reads, in two queries for any number of episodes."""
    related: EpisodeQuerySet = episodes.with_names().select_related("forked_from").prefetch_related("steps")
    return related


class EpisodeSummary(serializers.ModelSerializer[Episode]):
    """One episode in a list. Read it `with_relations`."""

    number = serializers.CharField(read_only=True, help_text="What people call it: EP-12")
    pack = serializers.CharField(source="pack.slug")
    pack_name = serializers.CharField(source="pack.name")
    policy_version = serializers.SerializerMethodField(help_text="Of a learned policy: v14")
    actions = serializers.SerializerMethodField()
    steps_count = serializers.IntegerField()
    forked_from = serializers.PrimaryKeyRelatedField[Episode](read_only=True, allow_null=True)

    class Meta:
        model = Episode
        fields = (
            "id",
            "public_id",
            "number",
            "pack",
            "pack_name",
            "mode",
            "policy_version",
            "state",
            "wanted",
            "title",
            "request",
            "simulated",
            "actions",
            "steps_count",
            "max_steps",
            "reward",
            "reward_provisional",
            "cost",
            "tokens",
            "error",
            "forked_from",
            "forked_after",
            "created_at",
            "started_at",
            "finished_at",
            "concluded_at",
        )
        read_only_fields = fields

    def get_policy_version(self, episode: Episode) -> str | None:
        return str(episode.policy_version) if episode.policy_version else None

    def get_actions(self, episode: Episode) -> list[str]:
        return [step.action for step in episode.steps.all()]


class Odds(serializers.Serializer[Any]):
    """How likely the policy was to choose an action."""

    action = serializers.CharField()
    probability = serializers.FloatField()


class StepOutput(serializers.ModelSerializer[Step]):
    """One decision and what came of it."""

    odds = serializers.SerializerMethodField(help_text="Every allowed action with its probability")
    output = serializers.JSONField()
    quality = serializers.DictField(child=serializers.FloatField())

    class Meta:
        model = Step
        fields = (
            "index",
            "action",
            "probability",
            "odds",
            "policy",
            "why",
            "summary",
            "output",
            "quality",
            "quality_overall",
            "served_by",
            "cost",
            "tokens",
            "duration_ms",
            "finished_at",
        )
        read_only_fields = fields

    @extend_schema_field(Odds(many=True))
    def get_odds(self, step: Step) -> list[dict[str, Any]]:
        pairs = zip(step.allowed, step.probabilities, strict=True)
        return [{"action": action, "probability": probability} for action, probability in pairs]


class RewardOutput(serializers.ModelSerializer[Reward]):
    """The current computation, part by part."""

    config_version = serializers.IntegerField(source="config.version")
    components = serializers.JSONField(help_text="Each part: name, score, weight and what it adds")

    class Meta:
        model = Reward
        fields = ("value", "components", "attribution", "provisional", "settles_at", "computed_at", "config_version")
        read_only_fields = fields


class EvaluationOutput(serializers.ModelSerializer[Evaluation]):
    """The newest verdict."""

    dimensions = serializers.JSONField()
    verdict = serializers.JSONField()

    class Meta:
        model = Evaluation
        fields = (
            "judge",
            "rubric_version",
            "score",
            "confidence",
            "dimensions",
            "verdict",
            "missing_because",
            "created_at",
        )
        read_only_fields = fields


class OutcomeOutput(serializers.ModelSerializer[Outcome]):
    """Something the market did because of the episode."""

    lead = serializers.CharField(source="lead.name", default=None, allow_null=True)

    class Meta:
        model = Outcome
        fields = ("kind", "lead", "occurred_at")
        read_only_fields = fields


class SaleOutput(serializers.ModelSerializer[Sale]):
    """Money that came in because of the episode."""

    lead = serializers.CharField(source="lead.name", default=None, allow_null=True)

    class Meta:
        model = Sale
        fields = ("amount", "currency", "lead", "sold_at")
        read_only_fields = fields


class EpisodeDetail(EpisodeSummary):
    """One episode with everything that happened."""

    steps = StepOutput(many=True, read_only=True)
    reward_breakdown = serializers.SerializerMethodField(help_text="null until the episode was judged")
    evaluation = serializers.SerializerMethodField(help_text="The newest verdict; null until the episode was judged")
    outcomes = serializers.SerializerMethodField(help_text="The newest 200")
    sales = serializers.SerializerMethodField(help_text="The newest 200")

    SHOWN = 200

    class Meta(EpisodeSummary.Meta):
        fields = (  # type: ignore[assignment]
            *EpisodeSummary.Meta.fields,
            "seed",
            "subject",
            "steps",
            "reward_breakdown",
            "evaluation",
            "outcomes",
            "sales",
        )
        read_only_fields = fields  # type: ignore[assignment]

    @extend_schema_field(RewardOutput(allow_null=True))
    def get_reward_breakdown(self, episode: Episode) -> dict[str, Any] | None:
        rewards = Reward.objects.for_brand(episode.brand_id).select_related("config")
        reward = rewards.filter(experience__episode=episode.public_id, is_current=True).first()
        return RewardOutput(reward).data if reward else None

    @extend_schema_field(EvaluationOutput(allow_null=True))
    def get_evaluation(self, episode: Episode) -> dict[str, Any] | None:
        verdicts = Evaluation.objects.for_brand(episode.brand_id).filter(experience__episode=episode.public_id)
        verdict = verdicts.order_by("-created_at", "-pk").first()
        return EvaluationOutput(verdict).data if verdict else None

    @extend_schema_field(OutcomeOutput(many=True))
    def get_outcomes(self, episode: Episode) -> Any:
        rows = Outcome.objects.for_brand(episode.brand_id).filter(attributed_to=episode.public_id)
        return OutcomeOutput(rows.select_related("lead").order_by("-occurred_at", "-pk")[: self.SHOWN], many=True).data

    @extend_schema_field(SaleOutput(many=True))
    def get_sales(self, episode: Episode) -> Any:
        rows = Sale.objects.for_brand(episode.brand_id).filter(attributed_to=episode.public_id)
        return SaleOutput(rows.select_related("lead").order_by("-sold_at", "-pk")[: self.SHOWN], many=True).data


class AgentOutput(serializers.Serializer[Any]):
    """An agent a pack may use."""

    name = serializers.CharField()
    purpose = serializers.CharField()


class MeanReward(serializers.Serializer[Any]):
    """Mean over done and rewarded episodes."""

    mean = serializers.FloatField()
    episodes = serializers.IntegerField()


class PackOutput(serializers.ModelSerializer[Pack]):
    """A pack. Context: `last_runs` by pk and `mean_rewards` by pack and mode."""

    agents = serializers.SerializerMethodField()
    static_sequence = serializers.ListField(child=serializers.CharField())
    last_run = serializers.SerializerMethodField()
    mean_reward = serializers.SerializerMethodField(help_text="By policy mode; a mode without episodes is left out")

    class Meta:
        model = Pack
        fields = (
            "slug",
            "name",
            "goal",
            "task",
            "agents",
            "static_sequence",
            "max_steps",
            "quality_threshold",
            "last_run",
            "mean_reward",
        )
        read_only_fields = fields

    @extend_schema_field(AgentOutput(many=True))
    def get_agents(self, pack: Pack) -> list[dict[str, str]]:
        names = [*pack.allowed_agents, *(["finish"] if "finish" not in pack.allowed_agents else [])]
        return [{"name": name, "purpose": AGENTS[name].purpose if name in AGENTS else ""} for name in names]

    @extend_schema_field(EpisodeSummary(allow_null=True))
    def get_last_run(self, pack: Any) -> Any:
        run = self.context["last_runs"].get(pack.last_run_id)
        return EpisodeSummary(run).data if run else None

    @extend_schema_field(serializers.DictField(child=MeanReward()))
    def get_mean_reward(self, pack: Pack) -> dict[str, Any]:
        means: dict[str, Any] = self.context["mean_rewards"].get(pack.pk, {})
        return means


class TrainingSummaryOutput(serializers.Serializer[Any]):
    """What a training learned, under the names of LEARNING.md."""

    total_runs = serializers.IntegerField(help_text="Logged episodes looked at")
    total_runs_used = serializers.IntegerField()
    avg_reward = serializers.FloatField(allow_null=True)
    avg_episode_reward = serializers.FloatField(allow_null=True)
    updated_buckets = serializers.JSONField(help_text="Readable: what changed, by pack, phase, quality and last agent")
    number_of_buckets_updated = serializers.IntegerField()
    policy_mode_distribution = serializers.DictField(child=serializers.IntegerField())
    skipped = serializers.JSONField(help_text="Malformed episodes with the reason for each")
    version = serializers.IntegerField(
        allow_null=True, help_text="Number of the new policy version; null when there was nothing to learn from"
    )
    evidence = serializers.JSONField()
