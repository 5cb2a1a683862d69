"""`GET packs/` and `POST packs/{slug}/runs/dynamic`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from django.db.models import Avg, Count, OuterRef, Subquery
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle

from crm.api.parameters import whole_number
from crm.api.repeats import ChangingView
from crm.api.tenancy import BrandView
from crm.models import Pack
from orchestrator import episodes
from orchestrator.api.episodes import accepted
from orchestrator.api.inputs import RunInput
from orchestrator.api.serializers import EpisodeDetail, EpisodeSummary, PackOutput, with_relations
from orchestrator.models import ENDED_STATES, Episode, EpisodeState

LONGEST_WAIT_S = 60
LOOK_EVERY_S = 0.15


@extend_schema_view(get=extend_schema(operation_id="packs_list", summary="The brand's packs", tags=["packs"]))
class PackList(BrandView, ListAPIView[Pack]):
    """Each with the agents it may use, its last run and its mean reward per policy mode."""

    serializer_class = PackOutput

    def get_queryset(self) -> Any:
        if self.only_described:
            return Pack.objects.none()
        newest = Episode.objects.for_brand(self.brand).filter(pack=OuterRef("pk")).order_by("-created_at", "-pk")
        return (
            Pack.objects.for_brand(self.brand)
            .annotate(last_run_id=Subquery(newest.values("pk")[:1]))
            .order_by("name", "pk")
        )

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        if args and not self.only_described:
            kwargs["context"] = {**self.get_serializer_context(), **self._around(args[0])}
        return super().get_serializer(*args, **kwargs)

    def _around(self, packs: Sequence[Any]) -> dict[str, Any]:
        """Last runs and mean rewards of one page of packs: two queries, and one for the steps."""
        runs = with_relations(Episode.objects.for_brand(self.brand)).filter(pk__in=[pack.last_run_id for pack in packs])
        means: dict[int, dict[str, dict[str, Any]]] = {}
        rewarded = Episode.objects.for_brand(self.brand).rewarded().filter(pack__in=packs).order_by()
        for pack, mode, mean, count in rewarded.values_list("pack_id", "mode").annotate(Avg("reward"), Count("pk")):
            means.setdefault(pack, {})[mode] = {"mean": mean, "episodes": count}
        return {"last_runs": {run.pk: run for run in runs}, "mean_rewards": means}


class StartRun(ChangingView):
    """Starts an episode of a pack."""

    throttle_classes = [*BrandView.throttle_classes, ScopedRateThrottle]
    throttle_scope = "runs"

    @extend_schema(
        operation_id="packs_run",
        summary="Run a pack",
        description="Answers 202 at once; with `wait` it answers 200 as soon as the run has ended and was judged, or "
        "202 when that takes longer. `Location` is the episode's address.",
        tags=["packs"],
        request=RunInput,
        parameters=[
            OpenApiParameter(
                "wait", {"type": "integer", "minimum": 0, "maximum": LONGEST_WAIT_S}, description="Seconds to wait"
            ),
            OpenApiParameter("Location", OpenApiTypes.URI_REF, OpenApiParameter.HEADER, response=[200, 202]),
        ],
        responses={
            200: OpenApiResponse(EpisodeDetail, "The finished run"),
            202: OpenApiResponse(EpisodeSummary, "Queued"),
        },
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        return super().post(request, **kwargs)

    def change(self, request: Request, **kwargs: Any) -> Response:
        pack = Pack.objects.for_brand(self.brand).filter(slug=kwargs["slug"]).first()
        if pack is None:
            raise Http404(f"{self.brand} has no such pack. GET /api/packs/ lists them.")
        self._wait(request)
        wanted = RunInput(data=request.data)
        wanted.is_valid(raise_exception=True)
        episode = episodes.start(
            brand=self.brand,
            pack=pack,
            mode=wanted.validated_data["policy_mode"],
            max_steps=wanted.validated_data["max_steps"],
            request=wanted.validated_data["request"],
            by=request.user,
        )
        return accepted(request, episode)

    def follow_up(self, request: Request, answer: Response) -> Response:
        wait = self._wait(request)
        deadline = time.monotonic() + wait
        mine = Episode.objects.for_brand(self.brand).filter(pk=answer.data["id"])
        while wait:
            if _ended(mine.values_list("state", "concluded_at").get()):
                finished = EpisodeDetail(with_relations(mine).get())
                return Response(finished.data, status=200, headers={"Location": answer["Location"]})
            if time.monotonic() >= deadline:
                break
            time.sleep(LOOK_EVERY_S)
        return answer

    @staticmethod
    def _wait(request: Request) -> int:
        return whole_number(request, "wait", least=0, most=LONGEST_WAIT_S) or 0


def _ended(standing: tuple[str, Any]) -> bool:
    """Ended, and if it was done also judged: only then the reward is there."""
    state, concluded_at = standing
    return state in ENDED_STATES and (state != EpisodeState.DONE or concluded_at is not None)
