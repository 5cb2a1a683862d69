"""The clean room's page: build a question, see what it would cost, ask, and read the answers there were."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from crm.charts.drawings import Drawing
from crm.charts.groups import Group, groups
from crm.charts.marks import bar
from crm.cleanroom import embedded, rooms
from crm.cleanroom.account import account
from crm.cleanroom.answers import Answer
from crm.cleanroom.errors import BadQuery, CleanRoomError
from crm.cleanroom.query import parse
from crm.cleanroom.wording import sentence
from crm.models import CleanRoom, CleanRoomQuery
from crm.views.brand import BrandRequest, requires_brand, requires_planner
from crm.views.cleanroom_form import QuestionForm

PER_PAGE = 15
START = {"kind": "aggregate", "metrics": ["people"], "by": "stage", "epsilon": "0.50"}


@require_safe
@requires_brand
def clean_room(request: BrandRequest) -> HttpResponse:
    """The page. With a question in the address, what it would cost; with `?answer=`, that answer."""
    found = rooms.open_to(request.brand)
    asked = "kind" in request.GET
    form = QuestionForm(request.GET if asked else {**START, "room": str(found[0].pk)}, brand=request.brand, rooms=found)
    context: dict[str, Any] = {"place": "data", "form": form, **_shown(request, found), **_history(request)}
    if request.membership.may_plan:
        context |= _cost(form)
    return render(request, "crm/cleanroom.html", context, status=422 if asked and form.errors else 200)


@require_POST
@requires_brand
@requires_planner
def ask(request: BrandRequest) -> HttpResponse:
    """Asks what the page had shown the cost of, and goes to the answer."""
    pk = request.POST.get("room", "")
    if not pk.isdecimal():
        raise Http404
    room = get_object_or_404(CleanRoom.objects.for_brand(request.brand).select_related("brand"), pk=int(pk))
    try:
        answer = rooms.ask(room=room, query=_json(request.POST.get("query", "")), by=request.user)
    except CleanRoomError as error:
        messages.error(request, error.message)
        return redirect("clean_room")
    if answer.repeated:
        messages.info(request, "This was asked before in this period. Here is that answer, at no cost.")
    return redirect(f"{reverse('clean_room')}?answer={answer.query_id}#answer-title")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise BadQuery("The question was not readable. Build it again.", field="query") from None


def _cost(form: QuestionForm) -> dict[str, Any]:
    if not form.is_valid():
        return {"cost": None}
    try:
        question = parse(form.query())
        cost = rooms.cost(form.room_chosen, question)
    except BadQuery as error:
        form.refuse(error)
        return {"cost": None}
    return {
        "cost": cost,
        "cost_room": form.room_chosen,
        "sentence": sentence(question),
        "query": json.dumps(question.written()),
        "currency": form.room_chosen.brand.currency,
    }


def _shown(request: BrandRequest, found: list[CleanRoom]) -> dict[str, Any]:
    now = timezone.now()
    listed = [
        {"room": room, "account": stands, "served_by": rooms.served_by(room), "bar": bar(stands.left, top=stands.limit)}
        for room in found
        for stands in [account(room, now)]
    ]
    pk = request.GET.get("answer", "")
    if not pk.isdecimal():
        return {"rooms": listed}
    rows = CleanRoomQuery.objects.for_brand(request.brand).select_related("room", "room__brand")
    row = get_object_or_404(rows, pk=int(pk))
    if row.answer is None:
        return {"rooms": listed, "row": row, "row_sentence": sentence(parse(row.question))}
    answer = embedded.again(row, row.room, now)
    return {
        "rooms": listed, "row": row, "answer": answer, "row_sentence": sentence(parse(row.question)),
        "cells": _cells(answer), "drawing": _drawing(answer),
    }  # fmt: skip


def _history(request: BrandRequest) -> dict[str, Any]:
    rows = CleanRoomQuery.objects.for_brand(request.brand).select_related("room", "asked_by").defer("answer")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    for row in page.object_list:
        row.sentence = sentence(parse(row.question))
    return {
        "page": page,
        "pages": page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1),
    }


def _places(unit: str, name: str) -> int:
    return 2 if unit == "share" or name in ("average_sale", "amount_per_buyer") else 0


def _cells(answer: Answer) -> list[dict[str, Any]]:
    """Rows of the table: names of the group, then each figure with the decimals its unit has."""
    return [
        {
            "names": list(row.group.values()),
            "figures": [
                {"column": column, "figure": row.figures.get(column.name), "places": _places(column.unit, column.name)}
                for column in answer.columns
            ],
        }
        for row in answer.rows
    ]


def _drawing(answer: Answer) -> Drawing | None:
    """The first figure of every group; nothing where there is one group only."""
    if len(answer.rows) < 2 or not answer.columns:
        return None
    first = answer.columns[0]
    unit = "" if first.unit in ("people", "events", "sales", "share") else f" ({first.unit})"
    shown = []
    for row in answer.rows:
        one = row.figures.get(first.name)
        name = ", ".join(row.group.values())
        shown.append(Group(name, one.value, one.low, one.high) if one else Group(name, None, None, None))
    return groups(shown, what=f"{first.title}{unit}", places=_places(first.unit, first.name))
