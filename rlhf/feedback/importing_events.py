"""Stores checked events: many at once, each exactly once, refusing those that name what is not there."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from crm.imports.faults import Fault
from crm.imports.reading import RawRow
from crm.imports.tally import Tally
from crm.models import Brand, Lead, Outcome
from crm.privacy.applying import cleaner
from crm.privacy.redaction import Blocked
from rlhf.feedback import importing_texts
from rlhf.feedback.giving import BadFeedback, compared, signals_of
from rlhf.feedback.importing_lines import IMPORTED, Event, HumanPreference, OnlineOutcome, Ruler
from rlhf.models import Evaluation, Experience, PreferencePair, Signal, Source

CHUNK = 500
SOURCE = "feedback"
AnEvent = TypeVar("AnEvent", bound=Event)


@dataclass(frozen=True, slots=True)
class Read(Generic[AnEvent]):
    """A line that could be read; `at` is when it happened, where the line says so."""

    row: RawRow
    event: AnEvent
    at: datetime | None


def store_rankings(brand: Brand, lines: list[Read[Ruler]], tally: Tally) -> None:
    """A ranking is an evaluation of each of its members: the score, and it minus the ranking's mean."""
    found = _experiences(brand, "public_id", (one for line in lines for one in line.event.ids))
    keys = [_group(brand, line.event) for line in lines]
    verdicts = Evaluation.objects.for_brand(brand)
    known = {
        group: verdict.get("content")
        for part in _parts(keys)
        for group, verdict in verdicts.filter(group__in=part).values_list("group", "verdict")
    }
    made: list[Evaluation] = []
    at: list[Evaluation] = []
    signals: list[Signal] = []
    for line, group in zip(lines, keys, strict=True):
        with _Line(line, tally) as booked:
            if booked.seen(known, group):
                continue
            ranked = [_there(found, key, "ids") for key in line.event.ids]
            _one_request(line.event, ranked)
            rows = _evaluations(line.event, ranked, group)
            made += rows
            signals += [_signal(row.experience, Signal.Kind.JUDGED, row.judge, score=row.score) for row in rows]
            if line.at is not None:
                for row in rows:
                    row.created_at = line.at
                at += rows
            known[group] = line.event.content
            booked.stored("rlhf.Evaluation", len(rows))
    _write(brand, Evaluation, made, at, signals)


def store_choices(brand: Brand, lines: list[Read[HumanPreference]], tally: Tally) -> None:
    """A choice of somebody outside: the same as one made here, under the name that the file gives."""
    named = [one for line in lines for one in (line.event.a, line.event.b) if one is not None]
    found = _experiences(brand, "public_id", named)
    texts = _texts(brand, lines, tally)
    clean = cleaner(brand, "feedback", refuse=True)
    keys = [_key(line.event) for line in lines]
    rows = PreferencePair.objects.for_brand(brand).filter(rater__isnull=True, source=Source.IMPORT)
    known: dict[Any, Any] = {
        key: (a, b, verdict)
        for part in _parts(keys)
        for key, a, b, verdict in rows.filter(key__in=part).values_list("key", "a_id", "b_id", "verdict")
    }
    made: list[PreferencePair] = []
    at: list[PreferencePair] = []
    signals: list[Signal] = []
    for line, key in zip(lines, keys, strict=True):
        if line.event.as_texts and line.row.number not in texts:
            continue  # set aside already
        with _Line(line, tally) as booked:
            event = line.event
            a, b = texts.get(line.row.number) or (_there(found, event.a, "a"), _there(found, event.b, "b"))
            if booked.seen(known, key, (a.pk, b.pk, event.verdict.value)):
                continue
            row = compared(
                a=a, b=b, verdict=event.verdict.value, shown_order=event.shown_order, brand_id=brand.pk,
                rater_name=event.rater, reasons=[one for one in event.reasons if one.strip()],
                comment=clean(event.comment), source=Source.IMPORT, key=key,
            )  # fmt: skip
            made.append(row)
            signals += [_signal(one, kind, event.rater, **said) for one, kind, said in signals_of(row)]
            if line.at is not None:
                row.created_at = line.at
                at.append(row)
            known[key] = (a.pk, b.pk, event.verdict.value)
            booked.stored("rlhf.PreferencePair", 1)
    _write(brand, PreferencePair, made, at, signals)


def store_outcomes(brand: Brand, lines: list[Read[OnlineOutcome]], tally: Tally) -> None:
    """An outcome of the CRM, attributed to the episode that made the experience: the next reward counts it."""
    found = _experiences(brand, "public_id", (line.event.experience for line in lines))
    by_episode = _experiences(brand, "episode", (line.event.episode for line in lines))
    leads = _leads(brand, lines, [*found.values(), *by_episode.values()])
    keys = [line.event.id or f"{SOURCE}:{line.event.content}" for line in lines]
    outcomes = Outcome.objects.for_brand(brand)
    columns = ("external_id", "kind", "occurred_at", "attributed_to")
    known: dict[Any, Any] = {
        key: tuple(said)
        for part in _parts(keys)
        for key, *said in outcomes.filter(external_id__in=part).values_list(*columns)
    }
    made: list[Outcome] = []
    signals: list[Signal] = []
    for line, key in zip(lines, keys, strict=True):
        with _Line(line, tally) as booked:
            event, at = line.event, line.at
            assert at is not None  # an outcome cannot be read without
            about = (
                _there(found, event.experience, "experience")
                if event.experience
                else _there(by_episode, event.episode, "episode")
            )
            if about.episode is None:
                raise Fault("experience", event.experience, "was made by no episode: no reward could count its outcome")
            if booked.seen(known, key, (event.kind.value, at, about.episode)):
                continue
            lead = leads.get(event.lead or _prospect(about))
            if event.lead and lead is None:
                raise Fault("lead", event.lead, "is no lead of this brand")
            said = {name: getattr(event, name) for name in ("amount", "currency", "count") if getattr(event, name)}
            detail = {name: value if name == "count" else str(value) for name, value in said.items()}
            made.append(
                Outcome(
                    brand=brand, pack_id=about.pack_id, lead=lead, contact_id=lead.contact_id if lead else None,
                    kind=event.kind.value, external_id=key, occurred_at=at, source=SOURCE,
                    attributed_to=about.episode, detail=detail,
                )
            )  # fmt: skip
            signals.append(_signal(about, Signal.Kind.OUTCOME, SOURCE, outcome=event.kind.value, at=event.at, **detail))
            known[key] = (event.kind.value, at, about.episode)
            booked.stored("crm.Outcome", 1)
    _write(brand, Outcome, made, [], signals)


class _Line:
    """Books one line: what is raised inside sets it aside."""

    def __init__(self, line: Read[Any], tally: Tally) -> None:
        self.line, self.tally = line, tally

    def __enter__(self) -> _Line:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        if isinstance(error, BadFeedback | Blocked):
            field = error.detail.get("field", "comment")
            error = Fault(field, error.detail.get("value", ""), error.message)
        if isinstance(error, Fault):
            self.tally.refuse(self.line.row, error)
            return True
        return False

    def stored(self, model: str, rows: int) -> None:
        self.tally.stored += 1
        self.tally.models[model] += rows

    def seen(self, known: dict[Any, Any], key: Any, content: Any = None) -> bool:
        """Whether this event is there already. Raises Fault where its id belongs to another one."""
        if key not in known:
            return False
        if known[key] != (self.line.event.content if content is None else content):
            raise Fault("id", self.line.event.id, "belongs to another event that was imported before")
        self.tally.unchanged += 1
        return True


def _one_request(event: Ruler, ranked: list[Experience]) -> None:
    """Ranks compare answers to one request only. Raises Fault."""
    groups = {one.group for one in ranked}
    if event.group is not None and groups != {event.group}:
        raise Fault("group", str(event.group), "is not the group of all these experiences")
    if len(groups) > 1:
        raise Fault("ids", "", "are answers to different requests: ranks compare inside one group only")


def _evaluations(event: Ruler, ranked: list[Experience], group: uuid.UUID) -> list[Evaluation]:
    mean = sum(event.scores) / len(event.scores)
    return [
        Evaluation(
            experience=one, form=Evaluation.Form.GROUP, judge=event.judge, rubric_version=event.rubric_version,
            prompt_version=IMPORTED, score=score, centred=score - mean, group=group,
            verdict={"source": Source.IMPORT.value, "content": event.content},
        )
        for one, score in zip(ranked, event.scores, strict=True)
    ]  # fmt: skip


def _texts(brand: Brand, lines: list[Read[HumanPreference]], tally: Tally) -> dict[int, tuple[Experience, Experience]]:
    """The experiences of lines that name texts, by number of the line; what no experience can hold is set aside."""
    good: dict[int, list[importing_texts.Texts]] = {}
    for line in lines:
        event = line.event
        if event.prompt is None or event.chosen is None or event.rejected is None:
            continue
        with _Line(line, tally):
            importing_texts.check_texts(
                prompt=event.prompt, chosen=event.chosen, rejected=event.rejected, kind=event.kind
            )
            good[line.row.number] = [(event.kind, event.prompt, text) for text in (event.chosen, event.rejected)]
    made = importing_texts.stored(brand, [one for pair in good.values() for one in pair])
    return {number: (made[a], made[b]) for number, (a, b) in good.items()}


def _experiences(brand: Brand, field: str, keys: Iterable[Any]) -> dict[Any, Experience]:
    rows = Experience.objects.for_brand(brand).only("pk", "public_id", "episode", "group", "pack", "brand", "context")
    found: dict[Any, Experience] = {}
    for part in _parts(key for key in keys if key is not None):
        found |= {getattr(one, field): one for one in rows.filter(**{f"{field}__in": part})}
    return found


def _leads(brand: Brand, lines: list[Read[OnlineOutcome]], about: list[Experience]) -> dict[str, Lead]:
    keys = [line.event.lead or "" for line in lines] + [_prospect(one) for one in about]
    rows = Lead.objects.for_brand(brand)
    return {lead.external_id: lead for part in _parts(filter(None, keys)) for lead in rows.filter(external_id__in=part)}


def _prospect(experience: Experience) -> str:
    return str((experience.context.get("prospect") or {}).get("key") or "")


def _there(found: dict[Any, Experience], key: Any, field: str) -> Experience:
    if key not in found:
        raise Fault(field, str(key), "is no experience of this brand")
    return found[key]


def _group(brand: Brand, event: Ruler) -> uuid.UUID:
    return uuid.uuid5(importing_texts.NAMESPACE, f"ruler\n{brand.pk}\n{event.identity}")


def _key(event: HumanPreference) -> str:
    return f"import:{hashlib.sha256(event.identity.encode()).hexdigest()}"


def _signal(experience: Experience, kind: Any, actor: str, **said: Any) -> Signal:
    return Signal(brand_id=experience.brand_id, experience=experience, kind=kind, actor=actor[:120], said=said)


def _parts(keys: Iterable[Any]) -> Iterator[list[Any]]:
    every = list(dict.fromkeys(keys))
    for start in range(0, len(every), CHUNK):
        yield every[start : start + CHUNK]


def _write(brand: Brand, model: Any, made: list[Any], dated: list[Any], signals: list[Signal]) -> None:
    """All rows; `dated` ones carry the time of the event instead of the time of the import."""
    times = [(row, row.created_at) for row in dated]
    model.objects.for_brand(brand).bulk_create(made, batch_size=CHUNK)
    for row, at in times:
        row.created_at = at
    if times:
        model.objects.for_brand(brand).bulk_update([row for row, _ in times], ["created_at"], batch_size=CHUNK)
    Signal.objects.for_brand(brand).bulk_create(signals, batch_size=CHUNK)
