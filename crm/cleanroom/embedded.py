"""The embedded clean room: real answers over the brand's own data, with noise, a minimum group and a budget."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from itertools import product
from typing import Any

from django.db import transaction

from crm.cleanroom import release
from crm.cleanroom.account import account, check, recorded
from crm.cleanroom.answers import Answer, Budget, Column, Noise
from crm.cleanroom.contributions import Group, bounded
from crm.cleanroom.delivery import delivered
from crm.cleanroom.errors import BadQuery
from crm.cleanroom.names import listed, periods
from crm.cleanroom.noise import Below, secure
from crm.cleanroom.people import People
from crm.cleanroom.planning import CENTS, Limits, Plan, plan
from crm.cleanroom.query import Aggregate, Overlap
from crm.cleanroom.release import Released
from crm.cleanroom.vocabulary import METRICS, PERIODS, RATES, Metric, Rate
from crm.models import Brand, CleanRoom, CleanRoomQuery

SERVED_BY = "embedded"
MOST_GROUPS = 2000
NOT_PEOPLE = "Delivery holds no persons: no noise, no minimum group, no budget."
CUT = "A person counts in at most {groups} and adds no more than agreed to each; what goes beyond is left out."
HIDDEN = "The groups come from the data: how many were kept back is not told, since the number itself would tell."


def limits_of(room: CleanRoom) -> Limits:
    return Limits(room.minimum_group, room.epsilon_limit, room.delta)


def fingerprint_of(room: CleanRoom, question: Aggregate | Overlap) -> str:
    """The same for the same question under the same rules of the room."""
    return question.fingerprint(endpoint=room.endpoint, minimum_group=room.minimum_group, currency=room.brand.currency)


def ask(room: CleanRoom, question: Aggregate | Overlap, *, by: Any, now: datetime, below: Below = secure) -> Answer:
    """The answer, paid from the room's budget and recorded, or the recorded one at no cost.

    Everything is read before the room is locked; under the lock there is only looking at the account, drawing
    noise and writing one row. Raises BadQuery, BudgetSpent.
    """
    began = time.monotonic()
    fingerprint = fingerprint_of(room, question)
    planned = plan(question, limits_of(room))
    known = recorded(room, fingerprint, now)
    if known is not None:
        return again(known, room, now)
    check(room, epsilon=planned.epsilon, delta=planned.delta, now=now)
    make = _prepared(room.brand, question, planned)
    with transaction.atomic():
        # The lock: PostgreSQL holds the row; SQLite's transactions are immediate and have the file for themselves.
        CleanRoom.objects.for_brand(room.brand_id).select_for_update().get(pk=room.pk)
        known = recorded(room, fingerprint, now)
        if known is not None:
            return again(known, room, now)
        check(room, epsilon=planned.epsilon, delta=planned.delta, now=now)
        released, notes = make(below)
        answer = Answer(
            served_by=SERVED_BY, room=room.name, kind=question.kind, by=_by(question), columns=_columns(question, room),
            rows=released.rows, noise=_noise(question, planned), minimum_group=planned.shown_minimum,
            threshold=planned.threshold, suppressed=released.suppressed, asked_at=now, notes=notes,
            budget=Budget(spent=planned.epsilon, left=0, limit=room.epsilon_limit, period_days=room.period_days),
        )  # fmt: skip
        row = CleanRoomQuery.objects.for_brand(room.brand_id).create(
            room=room, question=question.written(), question_hash=fingerprint, served_by=SERVED_BY, asked_by=by,
            state=CleanRoomQuery.State.ANSWERED, epsilon=planned.epsilon, delta=planned.delta, answer=answer.stored(),
            asked_at=now, took_ms=round((time.monotonic() - began) * 1000),
        )  # fmt: skip
        budget = account(room, now).budget(planned.epsilon, planned.delta)
    return answer.model_copy(update={"budget": budget, "query_id": row.pk})


def again(row: CleanRoomQuery, room: CleanRoom, now: datetime) -> Answer:
    """The recorded answer of a row, with the budget as it stands now and nothing spent."""
    answer = Answer.model_validate(row.answer)
    budget = account(room, now).budget(0.0)
    return answer.model_copy(update={"budget": budget, "repeated": True, "query_id": row.pk})


def _prepared(brand: Brand, question: Aggregate | Overlap, planned: Plan) -> Any:
    """Reads the data; returns what draws the noise: a function of a source of randomness to (Released, notes)."""
    if isinstance(question, Overlap):
        people = People.of(brand, question)
        keys = {
            word: people.listed["segment"].key(word, field=f"segments.{index}")
            for index, word in enumerate(question.segments)
        }
        if len(set(keys.values())) < len(keys):
            raise BadQuery("segments: two of these are the same segment.", field="segments")
        regions = people.regions(question, keys)
        return lambda below: (release.overlap(question.segments, regions, planned, below), [])
    if not question.is_about_people:
        rows, notes = delivered(brand, question)
        return lambda below: (Released(rows, 0), [NOT_PEOPLE, *notes])
    every = _every_group(brand, question)
    people = People.of(brand, question)
    rows_of = {source: list(people.rows(question, source)) for source in question.sources}
    notes = [CUT.format(groups="1 group" if planned.groups == 1 else f"{planned.groups} groups")]
    if every is None:
        notes.append(HIDDEN)

    def make(below: Below) -> tuple[Released, list[str]]:
        totals = {
            source: bounded(
                rows, groups=planned.groups, events=question.events_per_person,
                cents=question.amount_per_person * CENTS, below=below,
            )
            for source, rows in rows_of.items()
        }  # fmt: skip
        return release.groups(question, planned, totals, every, below), notes

    return make


def _every_group(brand: Brand, question: Aggregate) -> Sequence[Group] | None:
    """All groups there can be, where that is known without the data. Raises BadQuery for more than MOST_GROUPS."""
    if question.unlisted:
        return None
    values = []
    for name in question.by:
        if name in PERIODS:
            assert question.starts_on and question.ends_on
            values.append(periods(question.starts_on, question.ends_on, name))
        else:
            values.append(list(listed(name, brand).labels.values()))
    count = 1
    for one in values:
        count *= len(one)
    if count > MOST_GROUPS:
        raise BadQuery(
            f"by: that makes {count:,} groups; at most {MOST_GROUPS:,} can be asked at once. Ask for fewer.",
            field="by",
            value=", ".join(question.by),
        )
    return [tuple(group) for group in product(*values)]


def _by(question: Aggregate | Overlap) -> list[str]:
    return list(question.by) if isinstance(question, Aggregate) else ["segments"]


def _columns(question: Aggregate | Overlap, room: CleanRoom) -> list[Column]:
    if isinstance(question, Overlap):
        return [
            Column(name="people", title="In all of them", unit="people"),
            Column(name="union", title="In any of them", unit="people"),
            Column(name="jaccard", title="Jaccard index", unit="share"),
        ]
    names = release.columns_of(question)
    kinds: dict[str, Metric | Rate] = {**METRICS, **RATES}
    return [
        Column(
            name=name,
            title=kinds[name].title,
            unit=room.brand.currency if kinds[name].unit == "money" else kinds[name].unit,
        )
        for name in names
    ]


def _noise(question: Aggregate | Overlap, planned: Plan) -> Noise:
    if not planned.measures:
        return Noise(mechanism="none")
    said = Noise(
        mechanism="discrete Laplace",
        scales={measure.metric: float(measure.scale / measure.per) for measure in planned.measures},
        groups_per_person=planned.groups,
    )
    if isinstance(question, Aggregate):
        said.events_per_person, said.amount_per_person = question.events_per_person, question.amount_per_person
    return said
