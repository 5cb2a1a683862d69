"""`episodes/`: list, one, exports, and the wishes pause, resume, cancel and fork."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError as InvalidFilters
from django.http import Http404, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.throttling import ScopedRateThrottle

from crm.api.inputs import NothingInput
from crm.api.problems import QueryError
from crm.api.repeats import ChangingView
from crm.api.tenancy import QUERY, BrandView
from crm.models import Brand
from orchestrator import episodes, runlogs
from orchestrator.api.filters import FAR, ORDERINGS, filtered
from orchestrator.api.inputs import ForkInput
from orchestrator.api.serializers import EpisodeDetail, EpisodeSummary, with_relations
from orchestrator.models import Episode, EpisodeQuerySet, EpisodeState, PolicyMode

LONGEST_ID = 18
NOT_FILTERS = (QUERY, "page", "page_size")
REWARD = {"type": "number", "minimum": -FAR, "maximum": FAR}
FILTERS = [
    OpenApiParameter("pack", {"type": "string", "minLength": 1}, description="Slug of the pack"),
    OpenApiParameter("mode", str, enum=PolicyMode.values, description="Policy mode"),
    OpenApiParameter("state", str, enum=EpisodeState.values),
    OpenApiParameter("reward_min", REWARD, description="Lowest reward; unrewarded episodes are left out"),
    OpenApiParameter("reward_max", REWARD, description="Highest reward; unrewarded episodes are left out"),
    OpenApiParameter("date_from", OpenApiTypes.DATE, description="First day of creation (UTC)"),
    OpenApiParameter("date_to", OpenApiTypes.DATE, description="Last day of creation, included (UTC)"),
    OpenApiParameter("simulated", str, enum=["true", "false"], description="Answered by a simulated market"),
    OpenApiParameter(
        "ordering",
        str,
        enum=[sign + name for name in ORDERINGS for sign in ("", "-")],
        description="Newest first when left out; unrewarded episodes come last either way",
    ),
]


class EpisodeRows(BrandView):
    """Views over the brand's episodes that the filters leave."""

    def get_queryset(self) -> Any:
        return Episode.objects.none() if self.only_described else Episode.objects.for_brand(self.brand)

    def left(self) -> EpisodeQuerySet:
        wanted = self.request.query_params.copy()
        for name in NOT_FILTERS:
            wanted.pop(name, None)
        try:
            return filtered(self.get_queryset(), wanted)
        except InvalidFilters as error:
            raise QueryError(error.message_dict) from None


class EpisodeList(EpisodeRows, ListAPIView[Episode]):
    """The brand's episodes, newest first."""

    serializer_class = EpisodeSummary

    @extend_schema(
        operation_id="episodes_list", summary="Episodes, filtered and sorted", tags=["episodes"], parameters=FILTERS
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def filter_queryset(self, queryset: Any) -> Any:
        return with_relations(self.left())


class EpisodeOne(BrandView):
    """One episode."""

    @extend_schema(
        operation_id="episodes_read",
        summary="One episode with steps, odds, reward and outcomes",
        tags=["episodes"],
        responses=EpisodeDetail,
    )
    def get(self, request: Request, id: str) -> Response:
        return Response(EpisodeDetail(found(self.brand, id)).data)


class Wish(ChangingView):
    """Pause, resume or cancel: obeyed by the engine before its next step. The class attribute says which."""

    wish: Callable[..., Any]

    @extend_schema(
        tags=["episodes"], request=NothingInput, responses={200: OpenApiResponse(EpisodeSummary, "How it stands now")}
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        return super().post(request, **kwargs)

    def change(self, request: Request, **kwargs: Any) -> Response:
        episode = found(self.brand, kwargs["id"])
        NothingInput(data=request.data or {}).is_valid(raise_exception=True)
        type(self).wish(episode=episode, by=request.user)
        return Response(EpisodeSummary(found(self.brand, kwargs["id"])).data)


@extend_schema_view(post=extend_schema(operation_id="episodes_pause", summary="Pause after the step under way"))
class Pause(Wish):
    wish = staticmethod(episodes.pause)


@extend_schema_view(post=extend_schema(operation_id="episodes_resume", summary="Go on from the last finished step"))
class Resume(Wish):
    wish = staticmethod(episodes.resume)


@extend_schema_view(
    post=extend_schema(operation_id="episodes_cancel", summary="End it for good after the step under way")
)
class Cancel(Wish):
    wish = staticmethod(episodes.cancel)


class Fork(ChangingView):
    """A new episode that takes over the first steps of another."""

    throttle_classes = [*BrandView.throttle_classes, ScopedRateThrottle]
    throttle_scope = "runs"

    @extend_schema(
        operation_id="episodes_fork",
        summary="Begin again after a step",
        tags=["episodes"],
        request=ForkInput,
        responses={202: OpenApiResponse(EpisodeSummary, "The new episode, queued")},
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        return super().post(request, **kwargs)

    def change(self, request: Request, **kwargs: Any) -> Response:
        parent = found(self.brand, kwargs["id"])
        wanted = ForkInput(data=request.data)
        wanted.is_valid(raise_exception=True)
        child = episodes.fork(episode=parent, after_step=wanted.validated_data["after_step"], by=request.user)
        return accepted(request, found(self.brand, str(child.pk)))


class CSVRenderer(BaseRenderer):
    """Lets a caller ask for text/csv; the view streams the text itself."""

    media_type = "text/csv"
    format = "csv"

    def render(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        return data


class JSONLRenderer(CSVRenderer):
    media_type = "application/jsonl"
    format = "jsonl"


class Export(EpisodeRows):
    """Streams the run logs of the episodes the filters leave."""

    lines: Callable[[EpisodeQuerySet], Iterator[str]]

    def streamed(self) -> StreamingHttpResponse:
        renderer = self.renderer_classes[0]
        lines = type(self).lines(self.left())
        response = StreamingHttpResponse(lines, content_type=f"{renderer.media_type}; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{runlogs.filename(str(renderer.format))}"'
        return response


class ExportCSV(Export):
    renderer_classes = [CSVRenderer]
    lines = staticmethod(runlogs.csv_lines)

    @extend_schema(
        operation_id="episodes_export_csv",
        summary="Run logs as CSV, a row per episode",
        description="Text that a spreadsheet would run as a formula is prefixed with an apostrophe.",
        tags=["episodes"],
        parameters=FILTERS,
        responses={(200, "text/csv"): str},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        return self.streamed()


class ExportJSONL(Export):
    renderer_classes = [JSONLRenderer]
    lines = staticmethod(runlogs.jsonl_lines)

    @extend_schema(
        operation_id="episodes_export_jsonl",
        summary="Run logs as JSON lines, an object per episode with its steps",
        tags=["episodes"],
        parameters=FILTERS,
        responses={(200, "application/jsonl"): str},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        return self.streamed()


def found(brand: Brand, id: str) -> Episode:
    """The brand's episode by number or public id; Http404 for any other."""
    mine = with_relations(Episode.objects.for_brand(brand))
    if id.isascii() and id.isdigit() and len(id) <= LONGEST_ID:
        episode = mine.filter(pk=int(id)).first()
    else:
        try:
            episode = mine.filter(public_id=UUID(id)).first()
        except ValueError:
            episode = None
    if episode is None:
        raise Http404
    assert isinstance(episode, Episode)
    return episode


def accepted(request: Request, episode: Episode) -> Response:
    """202 with the queued episode and where it can be read."""
    address = reverse("api-episode", kwargs={"id": episode.pk}, request=request)
    return Response(EpisodeSummary(episode).data, status=202, headers={"Location": address})
