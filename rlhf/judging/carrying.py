"""Carries out one claimed order: read the rubric, ask, check, store. Every fault ends as a cause, never as a score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property

import structlog
from anthropic import Anthropic
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from rlhf.judge import claude, verdicts
from rlhf.judge.materials import Ask, Material, ask_many, ask_one
from rlhf.judge.prices import at_most_usd
from rlhf.judge.replies import Missing, read_pair
from rlhf.judge.rubric import Rubric, Verdict
from rlhf.judging import orders, rubrics, spending, storing
from rlhf.judging.blind import Cleaner, material
from rlhf.judging.embedded import JUDGE, tried
from rlhf.models import Evaluation, Experience, JudgeCall, JudgeOrder

log = structlog.get_logger(__name__)
ABSOLUTE, GROUP, PAIR = Evaluation.Form.ABSOLUTE, Evaluation.Form.GROUP, Evaluation.Form.PAIR


class NoMoney(Exception):
    """The month's limit leaves no room for the call."""


class NoVerdict(Exception):
    """What came is of no use; the cause is in `missing`."""

    def __init__(self, missing: Missing, raw: str = "", prompt_version: str = "") -> None:
        super().__init__(missing.why)
        self.missing, self.raw, self.prompt_version = missing, raw, prompt_version


@dataclass
class Work:
    """A claimed order with what is read for it."""

    order: JudgeOrder

    @cached_property
    def members(self) -> list[Experience]:
        """In the order of the order's keys."""
        rows = Experience.objects.for_brand(self.order.brand_id).select_related("brand")
        found = {one.pk: one for one in rows.filter(pk__in=self.order.members)}
        return [found[key] for key in self.order.members if key in found]

    @cached_property
    def rubric(self) -> Rubric | None:
        return rubrics.by_version(self.order.brand_id, self.order.experience.kind, self.order.rubric_version)

    @cached_property
    def materials(self) -> list[Material] | Missing:
        cleaner = Cleaner(self.order.brand)
        made = [material(member, cleaner) for member in self.members]
        missing = next((one for one in made if isinstance(one, Missing)), None)
        return missing if missing is not None else [one for one in made if isinstance(one, Material)]

    @property
    def seed(self) -> str:
        """Another try has other ids and another order."""
        return f"{self.order.group}:{self.order.attempts}"

    @property
    def roomier(self) -> bool:
        return self.order.cause == Evaluation.Cause.CUT_OFF


def client() -> Anthropic:
    return claude.client_for(
        key=settings.ANTHROPIC_API_KEY, base_url=settings.CLAUDE_BASE_URL, timeout_s=settings.CLAUDE_TIMEOUT_S
    )


def carry_out(order: JudgeOrder, *, client: Anthropic | None = None) -> str:
    """Do what a claimed order asks; `done`, or the cause for which it has no verdict. Never raises because of the
    judge. Raises LostOrder where another worker took the order over."""
    work = Work(order)
    try:
        if len(work.members) < len(order.members):
            raise NoVerdict(Missing("unreadable", "an experience is not there any more"))
        if work.rubric is None:
            raise NoVerdict(Missing("no_rubric", f"the rubric {order.rubric_version} is not there"))
        if order.judge == JUDGE:
            _embedded(work, work.rubric)
        else:
            _asked(work, work.rubric, client or _own_client())
    except NoMoney:
        return wait_for_money(order, work.members)
    except NoVerdict as failed:
        return fail(order, work.members, failed.missing, raw=failed.raw, prompt_version=failed.prompt_version)
    return "done"


def _own_client() -> Anthropic:
    if not settings.ANTHROPIC_API_KEY:
        raise NoVerdict(Missing("bad_call", "ANTHROPIC_API_KEY is not set"))
    return client()


def wait_for_money(order: JudgeOrder, members: Sequence[Experience]) -> str:
    """Stop politely: the order waits for a higher limit or the next month, and says so."""
    with transaction.atomic():
        orders.wait_for_money(order, until=spending.next_month_of(timezone.now()))
        storing.store_missing(order, members, cause=Evaluation.Cause.LIMIT, why="the month's limit is reached")
    return str(Evaluation.Cause.LIMIT)


def fail(
    order: JudgeOrder, members: Sequence[Experience], missing: Missing, *, raw: str = "", prompt_version: str = ""
) -> str:
    """Leave the verdict missing with its cause, and the order queued or parked; the cause."""
    with transaction.atomic():  # nobody can take the order up before its cause is written
        again = orders.put_back(order, cause=missing.cause, why=missing.why, asked_s=missing.wait_s)
        storing.store_missing(
            order, members, cause=missing.cause, why=missing.why, raw=raw, prompt_version=prompt_version
        )
    log.warning("verdict_missing", order=order.pk, cause=missing.cause, why=missing.why, again=again)
    return missing.cause


def _embedded(work: Work, rubric: Rubric) -> None:
    order = work.order
    said: list[Verdict] = [tried(member, rubric) for member in work.members]
    lost = next((one for one in said if one.score is None), None)
    if lost is not None:
        raise NoVerdict(Missing(lost.cause, lost.missing_because))
    if order.form == GROUP:
        storing.store_ranks(order, work.members, verdicts.rubric_ranks(said, rubric))
    elif order.form == PAIR:
        storing.store_pair(order, work.members, verdicts.rubric_pair(*said))
    else:
        storing.store_absolute(
            order, said[0], raw="", model="", prompt_version="", cost=Decimal(0), latency_ms=0
        )  # fmt: skip


def _asked(work: Work, rubric: Rubric, by: Anthropic) -> None:
    materials = work.materials
    if isinstance(materials, Missing):
        raise NoVerdict(materials)
    if work.order.form == PAIR:
        _asked_pair(work, rubric, materials, by)
        return
    ask, ids = asks(work, rubric, materials)
    answer, call = _call(work, ask, by)
    read_and_store(work, rubric, materials, ask, ids, answer, call)


def asks(work: Work, rubric: Rubric, materials: Sequence[Material]) -> tuple[Ask, list[str]]:
    """The one call of an absolute verdict or a ranking, the same however often it is made of the same attempt."""
    if work.order.form == GROUP:
        return ask_many(materials, rubric, seed=work.seed)
    return ask_one(materials[0], rubric, seed=work.seed), []


def read_and_store(
    work: Work, rubric: Rubric, materials: Sequence[Material], ask: Ask, ids: Sequence[str], answer: claude.Answer,
    call: JudgeCall,
) -> None:  # fmt: skip
    """From an answer to stored verdicts. Raises NoVerdict with the cause where it is of no use."""
    order = work.order
    found: Verdict | list[verdicts.Rank] | Missing
    if answer.text is None:
        found = answer.missing or Missing("not_json", "the reply is empty")
    elif order.form == GROUP:
        found = verdicts.group(answer.text, ids=ids, marks=ask.marks)
    else:
        found = verdicts.absolute(answer.text, mark=ask.marks[""], rubric=rubric, material=materials[0])
    cost = spending.settle(call, answer, cause=found.cause if isinstance(found, Missing) else "")
    if isinstance(found, Missing):
        raise NoVerdict(found, answer.raw, ask.prompt_version)
    said = {"raw": answer.raw, "model": answer.model, "cost": cost, "latency_ms": answer.latency_ms}
    if isinstance(found, Verdict):
        storing.store_absolute(order, found, prompt_version=ask.prompt_version, **said)  # type: ignore[arg-type]
    else:
        storing.store_ranks(order, work.members, found, prompt_version=ask.prompt_version, **said)  # type: ignore[arg-type]


def _asked_pair(work: Work, rubric: Rubric, materials: Sequence[Material], by: Anthropic) -> None:
    a, b = materials
    one, one_ids = ask_many([a, b], rubric, seed=f"{work.seed}:ab", form="pair")
    two, two_ids = ask_many([b, a], rubric, seed=f"{work.seed}:ba", form="pair")
    texts, raws, cost, took = [], [], Decimal(0), 0
    for ask in (one, two):
        answer, call = _call(work, ask, by)
        cost += spending.settle(call, answer)
        if answer.text is None:
            raise NoVerdict(answer.missing or Missing("not_json", "the reply is empty"), answer.raw, ask.prompt_version)
        read = read_pair(answer.text, ask.marks)
        if isinstance(read, Missing):
            spending.settle(call, answer, cause=read.cause)
            raise NoVerdict(read, answer.raw, ask.prompt_version)
        texts.append(answer.text)
        raws.append(answer.raw)
        took += answer.latency_ms
        model = answer.model
    sent = (verdicts.Sent((one_ids[0], one_ids[1]), one.marks), verdicts.Sent((two_ids[1], two_ids[0]), two.marks))
    found = verdicts.pair(texts[0], texts[1], sent=sent)
    if isinstance(found, Missing):
        raise NoVerdict(found, "\n".join(raws), one.prompt_version)
    storing.store_pair(
        work.order, work.members, found, raw="\n".join(raws), model=model, prompt_version=one.prompt_version,
        cost=cost, latency_ms=took,
    )  # fmt: skip


def _call(work: Work, ask: Ask, by: Anthropic) -> tuple[claude.Answer, JudgeCall]:
    order = work.order
    call = set_aside(work, ask, now=timezone.now())
    if call is None:
        raise NoMoney
    return claude.call(by, ask, model=order.judge, roomier=work.roomier), call


def set_aside(work: Work, ask: Ask, *, now: datetime, batched: bool = False) -> JudgeCall | None:
    """Money for one call, or None where the month's limit leaves no room."""
    room = claude.max_tokens(ask.form, roomier=work.roomier)
    most = at_most_usd(work.order.judge, signs=ask.signs, max_tokens=room, batched=batched)
    return spending.set_aside(work.order, most, now=now, batched=batched)
