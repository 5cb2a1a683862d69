"""One row of a file to one typed record, or a Fault that says why not. Packs and stages are looked up when storing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from crm.imports import values, words
from crm.imports.dates import Order, order_of, parse_instant
from crm.imports.faults import Fault
from crm.imports.money import Money, parse_amount, parse_currency
from crm.imports.reading import MISFIT, TWICE, RawRow
from crm.imports.words import Fields, blank, plain


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a row is read against: the time, the brand's currency, and what the whole file proves about its columns."""

    now: datetime
    home: str
    orders: dict[str, Order] = field(default_factory=dict)
    percent: bool = False


@dataclass(frozen=True, slots=True)
class SaleRow:
    """A sale; `currency` None means the source names none."""

    external_id: str
    pack: str | None
    pack_field: str
    lead: str | None
    amount: Decimal
    currency: str | None
    sold_at: datetime
    episode: UUID | None
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LeadRow:
    """A lead; None everywhere means the source says nothing and what is stored stays."""

    external_id: str
    pack: str | None
    pack_field: str
    name: str | None
    company: str | None
    email: str | None
    job: str | None
    stage: str | None
    stage_field: str
    stage_at: datetime | None
    amount: Decimal | None
    currency: str | None
    created_at: datetime | None
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DealRow:
    """A deal with the stage it stands at; `pipeline` None means the brand's own pipeline."""

    lead: LeadRow
    pipeline: str | None
    pipeline_field: str
    probability: float | None
    probability_field: str
    closes_at: datetime | None


type_names = {list: "a list", str: "a text", bool: "true or false", int: "a number", Decimal: "a number"}


def surroundings(rows: Sequence[RawRow], *, now: datetime, home: str) -> Surroundings:
    """What the file as a whole proves: the order of day and month by column, and whether probabilities are percent."""
    columns: dict[str, list[Any]] = {}
    for row in rows:
        if isinstance(row.values, dict):
            for name, value in row.values.items():
                columns.setdefault(plain(str(name)), []).append(value)
    orders = {name: order for name, column in columns.items() if (order := order_of(column))}
    chances = [value for name in words.PROBABILITY for value in columns.get(plain(name), [])]
    return Surroundings(now, home, orders, values.is_percent(chances))


def checked(row: RawRow) -> dict[str, Any]:
    """The row as an object with storable text. Raises Fault."""
    if not isinstance(row.values, dict):
        raise Fault("", row.values, f"is {type_names.get(type(row.values), 'nothing')}, not a row with fields")
    if TWICE in row.values:
        name = row.values[TWICE]
        raise Fault(name, row.values.get(name), "stands twice in this row")
    if MISFIT in row.values:
        raise Fault(
            "", row.values[MISFIT], "the line has more or fewer values than the header; look for a stray delimiter"
        )
    values.storable(row.values)
    return row.values


def sale(raw: dict[str, Any], around: Surroundings) -> SaleRow:
    """A sale needs an amount and a date; without an id its content is its identity."""
    fields = Fields(raw)
    pack_field, pack = _text(fields, words.PACK, "id")
    money = _money(fields, around)
    if money is None:
        raise Fault("amount", "", "is missing")
    sold_at = _instant(fields, words.SOLD_AT, around)
    if sold_at is None:
        raise Fault("soldAt", "", "is missing; a sale needs a date")
    episode_field, episode = fields.one(words.EPISODE)
    external_id = _id(fields, words.SALE_ID, raw)
    lead = _text(fields, words.LEAD_LINK, "id")[1]
    made = values.episode(episode, field=episode_field) if episode is not None else None
    return SaleRow(
        external_id=external_id, pack=pack, pack_field=pack_field, lead=lead, amount=money.amount,
        currency=money.currency, sold_at=sold_at, episode=made, detail=values.as_json(fields.rest()),
    )  # fmt: skip


def lead(raw: dict[str, Any], around: Surroundings) -> LeadRow:
    """A lead needs nothing but something to tell it by: an id, or else its content."""
    fields = Fields(raw)
    return _lead(fields, _id(fields, words.LEAD_ID, raw), words.NAME, words.STAGE, around)


def deal(raw: dict[str, Any], around: Surroundings) -> DealRow:
    """A deal is a lead with a pipeline, a chance to win and a day on which it closes."""
    fields = Fields(raw)
    pipeline_field, pipeline = _text(fields, words.PIPELINE, "stage")
    probability_field, chance = fields.one(words.PROBABILITY)
    closes_at = _instant(fields, words.CLOSE_DATE, around, future_allowed=True)
    made = _lead(fields, _id(fields, words.DEAL_ID, raw), words.DEAL_NAME, words.DEAL_STAGE, around)
    probability = None
    if chance is not None:
        probability = values.probability(chance, field=probability_field, percent=around.percent)
    if closes_at is not None:
        made.detail["closes_on"] = closes_at.date().isoformat()
    return DealRow(made, pipeline, pipeline_field, probability, probability_field, closes_at)


PARSERS: dict[str, Callable[[dict[str, Any], Surroundings], SaleRow | LeadRow | DealRow]] = {
    "sales": sale,
    "leads": lead,
    "deals": deal,
}


def _lead(
    fields: Fields, external_id: str, names: tuple[str, ...], stages: tuple[str, ...], around: Surroundings
) -> LeadRow:
    pack_field, pack = _text(fields, words.PACK, "id")
    stage_field, stage = _text(fields, stages, "stage")
    if stage is None:  # `status` counts only where no better word is there; otherwise it stays in the detail
        stage_field, stage = _text(fields, words.STATUS, "stage")
    money = _money(fields, around)
    email_field, email = fields.one(words.EMAIL)
    name = _text(fields, names, "name")[1]
    company = _text(fields, words.COMPANY, "name")[1]
    job = _text(fields, words.JOB, "job")[1]
    stage_at = _instant(fields, words.STAGE_AT, around)
    created_at = _instant(fields, words.CREATED_AT, around)
    detail = values.as_json(fields.rest()) | ({"job_title": job} if job else {})
    return LeadRow(
        external_id=external_id, pack=pack, pack_field=pack_field, name=name, company=company,
        email=values.email(email, field=email_field) if email is not None else None, job=job, stage=stage,
        stage_field=stage_field, stage_at=stage_at, amount=money.amount if money else None,
        currency=money.currency if money else None, created_at=created_at, detail=detail,
    )  # fmt: skip


def _id(fields: Fields, names: tuple[str, ...], raw: dict[str, Any]) -> str:
    name, value = fields.first(names)
    if blank(value):
        return f"sha256:{values.fingerprint(raw)}"
    return values.text(value, field=name, longest=values.LONGEST["id"])


def _text(fields: Fields, names: tuple[str, ...], longest: str) -> tuple[str, str | None]:
    name, value = fields.one(names)
    return name, None if value is None else values.text(value, field=name, longest=values.LONGEST[longest])


def _money(fields: Fields, around: Surroundings) -> Money | None:
    currency_field, code = fields.one(words.CURRENCY)
    currency = parse_currency(code, field=currency_field)
    name, amount = fields.one(words.AMOUNT)
    return None if amount is None else parse_amount(amount, field=name, currency=currency, home=around.home)


def _instant(
    fields: Fields, names: tuple[str, ...], around: Surroundings, *, future_allowed: bool = False
) -> datetime | None:
    name, value = fields.first(names)
    if value is None:
        return None
    order = around.orders.get(plain(name))
    return parse_instant(value, field=name, now=around.now, order=order, future_allowed=future_allowed)
