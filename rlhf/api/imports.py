"""`POST feedback/import`: a file of feedback events, as JSON lines or as an upload."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from crm.api.inputs import Strict
from crm.api.problems import TooLarge
from crm.api.repeats import ChangingView
from crm.models import Import, QuarantinedRow
from rlhf.feedback.importing import take_in

MOST_TOLD = 100
FILENAME = "feedback.jsonl"


class LinesParser(BaseParser):
    """JSON lines as they came: each is read by itself, since a bad one must not hold up the others."""

    media_type = "application/jsonl"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return stream.read()


class EventsInput(Strict):
    """A file of events."""

    file = serializers.FileField(help_text="JSON lines; also packed as gz")


class SetAsideOutput(serializers.ModelSerializer[QuarantinedRow]):
    """A line that was not stored."""

    line = serializers.IntegerField(source="row", read_only=True, help_text="1 is the first line")

    class Meta:
        model = QuarantinedRow
        fields = ("line", "field", "value", "reason")
        read_only_fields = fields


class EventsOutput(serializers.ModelSerializer[Import]):
    """What became of the lines. Read = stored + unchanged + set aside."""

    read = serializers.IntegerField(source="rows_read", read_only=True)
    stored = serializers.IntegerField(source="rows_stored", read_only=True)
    unchanged = serializers.IntegerField(source="rows_unchanged", read_only=True)
    set_aside = serializers.IntegerField(source="rows_set_aside", read_only=True)
    quarantine = serializers.SerializerMethodField(
        help_text=f"The first {MOST_TOLD}; all at GET /api/quarantine/?import_id="
    )

    class Meta:
        model = Import
        fields = ("id", "state", "error", "read", "stored", "unchanged", "set_aside", "quarantine")
        read_only_fields = fields

    def get_quarantine(self, batch: Import) -> list[dict[str, Any]]:
        rows = QuarantinedRow.objects.for_brand(batch.brand_id).filter(batch=batch)[:MOST_TOLD]
        return list(SetAsideOutput(rows, many=True).data)


class ImportEvents(ChangingView):
    """Take in a file of feedback events."""

    parser_classes = [LinesParser, MultiPartParser]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Longer than what Django reads by itself; its own limit would refuse it.
        asked = request._request
        if int(asked.META.get("CONTENT_LENGTH") or 0) > settings.API_BULK_MAX_BYTES:
            raise TooLarge(f"At most {settings.API_BULK_MAX_BYTES // 2**20} MiB at once. Send the lines in parts.")
        asked._body = asked.read(settings.API_BULK_MAX_BYTES)
        super().initial(request, *args, **kwargs)

    @extend_schema(
        operation_id="feedback_import",
        summary="Take in feedback events: RULER, HumanPreference, OnlineOutcome",
        description="A JSON object a line, told apart by `type`. Good lines are kept; bad ones are set aside with "
        "line, field, value and reason, here and on the page Data. The same events again change nothing. An outcome "
        "reaches the reward of the experience whose episode it names.",
        tags=["feedback"],
        request={"application/jsonl": {"type": "string"}, "multipart/form-data": EventsInput},
        responses={200: OpenApiResponse(EventsOutput, "What became of the lines")},
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        return super().post(request, **kwargs)

    def change(self, request: Request, **kwargs: Any) -> Response:
        sent: Any = request.data
        name = FILENAME
        if not isinstance(sent, bytes):
            given = EventsInput(data=dict(sent.items()))
            given.is_valid(raise_exception=True)
            file = given.validated_data["file"]
            sent, name = file.read(), file.name
        batch = take_in(brand=self.brand, data=sent, filename=name, by=request.user)
        address = reverse("api-imports-one", kwargs={"id": batch.pk}, request=request)
        return Response(EventsOutput(batch).data, headers={"Location": address})
