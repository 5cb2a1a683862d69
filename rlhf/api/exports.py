"""`feedback/export-dpo`, `-kto`, `-sft`, their summary, and all words as CSV or JSON lines.

GET reads and changes nothing. POST gives the same file and marks what is in it as exported: from then on the people who
said it cannot take it back, since a model may have learned from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.exporting import CSVRenderer, ExportRenderer
from crm.api.inputs import NothingInput
from crm.api.problems import QueryError
from crm.api.tenancy import BrandView
from rlhf.api.asked import RAW, ExportQuery, RawQuery, export_parameters, read
from rlhf.api.door import refuse_names, refuse_raters, sees_people
from rlhf.feedback import exporting_raw
from rlhf.feedback.exporting import counted, jsonl
from rlhf.feedback.exporting_files import LINES

TYPES = {"dpo": "preference", "kto": "unpaired preference", "sft": "prompt and completion"}


class JSONLRenderer(ExportRenderer):
    media_type = "application/jsonl"
    format = "jsonl"


class SplitsOutput(serializers.Serializer[Any]):
    train = serializers.IntegerField()
    validation = serializers.IntegerField()
    test = serializers.IntegerField()


class SummaryOutput(serializers.Serializer[Any]):
    """What a file would hold."""

    lines = serializers.IntegerField()
    splits = SplitsOutput()
    left_out = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="By reason: tie, both_bad, undecided, low_agreement, few_raters, disagree, neither, "
        "different_requests, same_text, no_text, erased, no_consent, too_old, flagged",
    )


class NotForRaters(BrandView):
    """Raters judge blind, so what others said is not theirs to read."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        refuse_raters(self.membership)


class Training(NotForRaters):
    """A file to train with; the class attribute says which."""

    what: ClassVar[str]
    renderer_classes = [JSONLRenderer]

    def get(self, request: Request) -> StreamingHttpResponse:
        return self.streamed(request)

    def post(self, request: Request) -> StreamingHttpResponse:
        NothingInput(data=request.data or {}).is_valid(raise_exception=True)
        return self.streamed(request, actor=request.user.get_username())

    def streamed(self, request: Request, *, actor: str = "") -> StreamingHttpResponse:
        wanted = read(ExportQuery, request, what=self.what).wanted()
        chunks = LINES[self.what](self.brand, wanted, Counter())
        name = f"{self.brand.slug}-{self.what}-{timezone.now():%Y-%m-%d}.jsonl"
        return attached(jsonl(chunks, brand=self.brand, what=self.what, actor=actor), JSONLRenderer, name)


def described(what: str) -> Any:
    """The document of one file."""
    parameters, replies = export_parameters(what), {(200, "application/jsonl"): str}
    said = f"One JSON object a line, in TRL's {TYPES[what]} format, with columns that say where it comes from."
    name = what.upper()
    common: dict[str, Any] = {"tags": ["feedback"], "parameters": parameters, "responses": replies}
    return extend_schema_view(
        get=extend_schema(
            operation_id=f"feedback_export_{what}",
            summary=f"Feedback to train with: {name}",
            description=f"{said} Changes nothing.",
            **common,
        ),
        post=extend_schema(
            operation_id=f"feedback_export_{what}_for_good",
            summary=f"The same {name} file, marked as exported",
            description=f"{said} What is in it can no longer be taken back by those who said it. Asking again gives "
            "the same file.",
            request=NothingInput,
            **common,
        ),
    )


@described("dpo")
class ExportDPO(Training):
    what = "dpo"


@described("kto")
class ExportKTO(Training):
    what = "kto"


@described("sft")
class ExportSFT(Training):
    what = "sft"


class Summary(NotForRaters):
    """How many lines a file would have, and what is left out why."""

    @extend_schema(
        operation_id="feedback_export_summary",
        summary="What a file to train with would hold",
        description="Takes what the export itself takes. Ties and answers that are both bad teach no preference, so "
        "they are counted here and not exported.",
        tags=["feedback"],
        parameters=[
            OpenApiParameter("of", str, enum=list(LINES), description="dpo when left out"),
            *export_parameters("dpo")[1:],
        ],
        responses={200: OpenApiResponse(SummaryOutput, "Counts")},
    )
    def get(self, request: Request) -> Response:
        given = request.query_params.copy()
        what = given.pop("of", ["dpo"])[-1]
        if what not in LINES:
            raise QueryError({"of": [f"Choose one of {', '.join(LINES)}."]})
        wanted = read(ExportQuery, request, what=what, besides=("of",)).wanted()
        left_out: Counter[str] = Counter()
        return Response(counted(LINES[what](self.brand, wanted, left_out), left_out))


class ExportRaw(NotForRaters):
    """Every word as it was said."""

    renderer_classes = [CSVRenderer, JSONLRenderer]

    @extend_schema(
        operation_id="feedback_export",
        summary="Every word and every choice, as CSV or JSON lines",
        description="Words on single experiences first, then choices between two; also those taken back, with the "
        "time. Texts leave as the privacy policy says. In CSV text that a spreadsheet would run is prefixed with an "
        "apostrophe.",
        tags=["feedback"],
        parameters=RAW,
        responses={(200, "text/csv"): str, (200, "application/jsonl"): str},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        asked = read(RawQuery, request)
        values, (since, until) = asked.validated_data, asked.period()
        refuse_names(self.membership, values["rater"])
        as_csv = values["as"] == "csv"
        rows = exporting_raw.rows(
            self.brand, since=since, until=until, kind=values["task"], rater=values["rater"], source=values["source"],
            people=sees_people(self.membership),
        )  # fmt: skip
        lines = exporting_raw.csv_lines(rows) if as_csv else exporting_raw.jsonl_lines(rows)
        renderer = CSVRenderer if as_csv else JSONLRenderer
        name = f"{self.brand.slug}-feedback-{timezone.now():%Y-%m-%d}.{renderer.format}"
        return attached(lines, renderer, name)


def attached(lines: Iterator[str], renderer: type[ExportRenderer], name: str) -> StreamingHttpResponse:
    """The lines as a file to keep, sent while they are read."""
    response = StreamingHttpResponse(lines, content_type=f"{renderer.media_type}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
