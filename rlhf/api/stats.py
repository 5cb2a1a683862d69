"""`feedback/stats`: what people said, counted; how far they agree; which version wins."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from rlhf.api.asked import STATISTICS, StatisticsQuery, read
from rlhf.api.door import refuse_names, sees_people
from rlhf.api.exports import NotForRaters
from rlhf.feedback.stats import statistics


class EstimateOutput(serializers.Serializer[Any]):
    """A figure with its 95 % interval, or why there is none."""

    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField()
    why = serializers.CharField(allow_blank=True)


class QueueOutput(serializers.Serializer[Any]):
    waiting = serializers.IntegerField()
    done = serializers.IntegerField()
    to_resolve = serializers.IntegerField()


class TaskCounts(serializers.Serializer[Any]):
    task = serializers.CharField()
    name = serializers.CharField()
    ratings = serializers.IntegerField()
    alpha = EstimateOutput()
    queue = QueueOutput()


class RaterCounts(serializers.Serializer[Any]):
    rater = serializers.CharField()
    ratings = serializers.IntegerField()
    agrees_with_others = EstimateOutput()
    reliability = serializers.FloatField(allow_null=True)
    usual_seconds = serializers.FloatField(allow_null=True, help_text="Of those who agreed that time is looked at")


class StretchCounts(serializers.Serializer[Any]):
    """A day, a week or a month."""

    until = serializers.CharField()
    total = serializers.IntegerField()
    by_type = serializers.DictField(child=serializers.IntegerField())
    by_task = serializers.DictField(child=serializers.IntegerField())
    alpha = EstimateOutput()

    def get_fields(self) -> dict[str, Any]:
        # `from` is a keyword of Python and cannot be declared above.
        return {"from": serializers.CharField(), **super().get_fields()}


class ScaleAgreement(serializers.Serializer[Any]):
    scale = serializers.CharField()
    ratings = serializers.IntegerField()
    alpha = EstimateOutput()
    kappa = EstimateOutput()
    equal = EstimateOutput()


class AgreementOutput(serializers.Serializer[Any]):
    alpha = EstimateOutput()
    needed = serializers.FloatField(help_text="Alpha from which ratings are good enough to learn from")
    ratings = serializers.IntegerField()
    newest_only = serializers.BooleanField()
    as_of = serializers.DateTimeField()
    by_scale = ScaleAgreement(many=True)


class VersionOutput(serializers.Serializer[Any]):
    version = serializers.CharField()
    against = serializers.CharField(allow_blank=True)
    won = serializers.IntegerField()
    lost = serializers.IntegerField()
    ties = serializers.IntegerField()
    win_rate = EstimateOutput()
    method = serializers.CharField()
    verdict = serializers.CharField(allow_blank=True)


class VersionsOutput(serializers.Serializer[Any]):
    decided = serializers.IntegerField()
    ties = serializers.IntegerField()
    both_bad_left_out = serializers.IntegerField()
    same_version_left_out = serializers.IntegerField()
    versions = VersionOutput(many=True)


class DistributionOutput(serializers.Serializer[Any]):
    stars = serializers.DictField(child=serializers.IntegerField())
    thumbs = serializers.DictField(child=serializers.IntegerField())
    verdicts = serializers.DictField(child=serializers.IntegerField())


class AskedOutput(serializers.Serializer[Any]):
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    kind = serializers.CharField(allow_blank=True)

    def get_fields(self) -> dict[str, Any]:
        # `source` is an argument of every field and cannot be declared above.
        return {**super().get_fields(), "source": serializers.CharField()}


class StatisticsOutput(serializers.Serializer[Any]):
    """Counts, distribution, agreement and win rates."""

    brand = serializers.CharField()
    filters = AskedOutput()
    simulated = serializers.BooleanField(help_text="true: said by the simulated panel, not by people")
    total = serializers.IntegerField()
    a_day = serializers.FloatField()
    by_type = serializers.DictField(child=serializers.IntegerField())
    by_task = TaskCounts(many=True)
    by_rater = RaterCounts(many=True, allow_null=True, help_text="null for viewers")
    by_time = StretchCounts(many=True)
    distribution = DistributionOutput()
    agreement = AgreementOutput()
    win_rates = serializers.DictField(child=VersionsOutput(), help_text="By what is compared, Bradley-Terry intervals")
    queue = QueueOutput()


class Stats(NotForRaters):
    """The numbers of the page Feedback."""

    @extend_schema(
        operation_id="feedback_stats",
        summary="What people said, in numbers",
        description="Counts by type, task, rater and time; distributions; Krippendorff's alpha and kappa with "
        "intervals; win rates with Bradley-Terry intervals. Who rated is for owners and planners.",
        tags=["feedback"],
        parameters=STATISTICS,
        responses={200: OpenApiResponse(StatisticsOutput, "As of now")},
    )
    def get(self, request: Request) -> Response:
        asked = read(StatisticsQuery, request)
        values, (since, until) = asked.validated_data, asked.period()
        refuse_names(self.membership, values["rater"])
        found = statistics(
            self.brand, since=since, until=until, kind=values["task"], rater=values["rater"], source=values["source"]
        )
        return Response(found.as_dict(people=sees_people(self.membership)))
