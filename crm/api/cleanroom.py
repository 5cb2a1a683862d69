"""The embedded clean room over HTTP: `POST cleanroom/query` and `GET cleanroom/rooms/`.

It speaks what our own client speaks, so that another Endcap, or a partner, can be given this address as an endpoint.
"""

from __future__ import annotations

from typing import Any

from django.core import signing
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.plumbing import ResolvedComponent, build_bearer_security_scheme_object
from drf_spectacular.utils import OpenApiResponse, extend_schema
from knox.auth import TokenAuthentication
from pydantic import BaseModel, ConfigDict, Field
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle

from crm.api.repeats import ChangingView
from crm.api.tenancy import BrandView
from crm.cleanroom import embedded, rooms
from crm.cleanroom.account import account
from crm.cleanroom.answers import Answer, Budget, Reply
from crm.cleanroom.errors import BadQuery
from crm.cleanroom.query import Asked
from crm.models import CleanRoom, CleanRoomQuery

SALT = "crm.cleanroom.page"
PAGE_SIZE, LARGEST_PAGE = 200, 1000


class Described:
    """Marks what the document takes from Pydantic."""


class QueryBody(Described, BaseModel):
    """A question to a room."""

    model_config = ConfigDict(extra="forbid")

    query: Asked
    room: str | None = Field(default=None, max_length=120, description="Name; the embedded room when left out")
    cursor: str | None = Field(default=None, max_length=2000, description="`next` of the page before")
    page_size: int = Field(default=PAGE_SIZE, ge=1, le=LARGEST_PAGE)


class RoomOutput(BaseModel):
    """A room of the brand."""

    name: str
    served_by: str = Field(description="embedded, or the host of the endpoint")
    minimum_group: int
    budget: Budget


class QueryReply(Described, Reply):
    """One page of an answer."""


class RoomsOutput(Described, BaseModel):
    """All rooms that can be asked."""

    rooms: list[RoomOutput]


class AskRate(UserRateThrottle):
    """Questions of one person; the budget is the real limit, this one keeps the database quiet."""

    scope = "cleanroom"
    rate = "60/min"


class BearerToken(TokenAuthentication):  # type: ignore[misc]
    """The same tokens under the name that clean-room clients use: `Authorization: Bearer …`."""

    def authenticate_header(self, request: Any) -> str:
        return "Bearer"


class CleanRoomView(BrandView):
    """Takes a token under either name, or the pages' session."""

    authentication_classes = [TokenAuthentication, BearerToken, SessionAuthentication]


class Query(CleanRoomView, ChangingView):
    """Asks the embedded room. Every page of an answer comes from the one that was recorded: only the first is paid."""

    throttle_classes = [*BrandView.throttle_classes, AskRate]
    in_one_transaction = False  # a refusal is written down, too

    @extend_schema(
        operation_id="cleanroom_query",
        summary="Ask the clean room",
        description="Aggregates only, with differentially private noise, paid from the room's budget. The same "
        "question in a period gets the recorded answer free. 403 `budget-spent` says when the budget covers it again.",
        tags=["clean room"],
        request=QueryBody,
        responses={200: OpenApiResponse(QueryReply, "One page of the answer")},
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        return super().post(request, **kwargs)

    def change(self, request: Request, **kwargs: Any) -> Response:
        body = _checked(request.data)
        room = self._room(body.get("room"))
        size = body.get("page_size", PAGE_SIZE)
        if body.get("cursor") is None:
            answer, start = rooms.ask(room=room, query=body.get("query"), by=request.user), 0
        else:
            answer, start = self._page(room, body["cursor"])
        end = start + size
        following = signing.dumps([answer.query_id, end], salt=SALT) if end < len(answer.rows) else None
        page = answer.model_copy(update={"rows": answer.rows[start:end]})
        return Response(QueryReply(answer=page, next=following).model_dump(mode="json"))

    def _room(self, name: Any) -> CleanRoom:
        if name is None:
            return rooms.embedded_for(self.brand)
        found: CleanRoom | None = CleanRoom.objects.for_brand(self.brand).filter(name=name, active=True).first()
        if found is None:
            raise BadQuery(
                f"room: {name!r} is not known. GET /api/cleanroom/rooms/ lists them.", field="room", value=name
            )
        if found.endpoint:
            raise BadQuery(f"room: {name!r} is served by its retailer. Ask it there.", field="room", value=name)
        return found

    def _page(self, room: CleanRoom, cursor: str) -> tuple[Answer, int]:
        try:
            pk, start = signing.loads(cursor, salt=SALT)
        except signing.BadSignature:
            raise BadQuery("cursor: not one of ours. Ask from the first page again.", field="cursor") from None
        row = CleanRoomQuery.objects.for_brand(self.brand).filter(pk=pk, room=room).first()
        if row is None:
            raise BadQuery("cursor: its answer is not in this room.", field="cursor")
        return embedded.again(row, room, timezone.now()), start


class Rooms(CleanRoomView):
    """Rooms and what is left of their budgets."""

    @extend_schema(
        operation_id="cleanroom_rooms",
        summary="The brand's clean rooms",
        tags=["clean room"],
        responses={200: OpenApiResponse(RoomsOutput, "The rooms")},
    )
    def get(self, request: Request, **kwargs: Any) -> Response:
        now = timezone.now()
        found = [
            RoomOutput(
                name=room.name, served_by=rooms.served_by(room), minimum_group=room.minimum_group,
                budget=account(room, now).budget(0.0),
            )
            for room in rooms.open_to(self.brand)
        ]  # fmt: skip
        return Response(RoomsOutput(rooms=found).model_dump(mode="json"))


def _checked(body: Any) -> dict[str, Any]:
    """The envelope; the question inside is checked where it is asked. Raises BadQuery."""
    if not isinstance(body, dict):
        raise BadQuery("The body is a JSON object with `query`.", field="query")
    for name in body:
        if name not in QueryBody.model_fields:
            known = ", ".join(QueryBody.model_fields)
            raise BadQuery(f"{name}: there is no such field. There are: {known}.", field=str(name)[:120])
    for name, longest in (("room", 120), ("cursor", 2000)):
        value = body.get(name)
        if value is not None and not (isinstance(value, str) and len(value) <= longest and "\x00" not in value):
            raise BadQuery(f"{name}: must be text of at most {longest} characters.", field=name)
    size = body.get("page_size", PAGE_SIZE)
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= LARGEST_PAGE:
        raise BadQuery(f"page_size: must be a whole number from 1 to {LARGEST_PAGE}.", field="page_size", value=size)
    return body


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Tells the document of the second name of a token."""

    target_class = BearerToken
    name = "bearerToken"

    def get_security_definition(self, auto_schema: Any) -> Any:
        return build_bearer_security_scheme_object(header_name="Authorization", token_prefix="Bearer")  # noqa: S106


class DescribedModel(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Pydantic's JSON Schema as components, named after the clean room so that they meet no other's."""

    target_class = Described
    match_subclasses = True
    priority = 1

    def get_name(self, auto_schema: Any, direction: Any) -> str:
        return f"CleanRoom{self.target.__name__}"

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        schema: dict[str, Any] = self.target.model_json_schema(
            ref_template="#/components/schemas/CleanRoom{model}",
            mode="validation" if direction == "request" else "serialization",
        )
        for name, part in schema.pop("$defs", {}).items():
            component: Any = ResolvedComponent(  # type: ignore[no-untyped-call]
                name=f"CleanRoom{name}", type=ResolvedComponent.SCHEMA, object=f"CleanRoom{name}", schema=part
            )
            auto_schema.registry.register_on_missing(component)
        return schema
