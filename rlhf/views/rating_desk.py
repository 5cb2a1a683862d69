"""What a rating page shows: one item as cards without a word about who made it, and what was said a moment ago."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string

from crm.views.brand import BrandRequest
from rlhf.models import Assignment, Feedback, PreferencePair, RaterSettings, RatingTask
from rlhf.rating import beside, holding, keys, progress
from rlhf.rating.answering import as_shown
from rlhf.rating.diff import Difference, changes
from rlhf.rating.returning import last_word
from rlhf.rating.widgets import thumbs_of
from rlhf.showing import Shown, cited_facts, shown

STARS = ((1, "poor"), (2, "weak"), (3, "needs some work"), (4, "good"), (5, "ready to use"))
NOUNS = {
    "outreach": "E-mail",
    "creative": "Text",
    "budget": "Plan",
    "measurement": "Readout",
    "planning": "Plan",
    "dashboard": "Dashboard",
}
CORRECTABLE = ("letter", "list")


@dataclass(frozen=True, slots=True)
class Side:
    """One output: where it stands (A left, B right; empty where it stands alone) and what it looks like."""

    letter: str
    experience: Any
    shown: Shown


@dataclass(frozen=True, slots=True)
class Card:
    """One item in a person's hands, ready for the template. `facts` are those that the outputs rest on."""

    assignment: Assignment
    task: RatingTask
    sides: tuple[Side, ...]
    facts: tuple[str, ...]
    noun: str
    key: str
    correctable: bool
    corrected: str
    comment: str
    difference: Difference | None
    thumbs: Mapping[int, bool]

    @property
    def first(self) -> Shown:
        return self.sides[0].shown


@dataclass(frozen=True, slots=True)
class Last:
    """What this person said last: in words, with what can still be added to it. `letter` is the text of a pair that
    they would edit: the one they chose."""

    assignment: Assignment
    letter: str
    words: str
    reasons: list[str]
    comment: str


def card_of(
    assignment: Assignment, *, corrected: str | None = None, thumbs: Mapping[int, Mapping[int, bool]] | None = None
) -> Card:
    """`corrected` shows a text that was sent to be compared instead of the kept draft; `thumbs` are those on widgets,
    by key of the experience, looked up where they are not given."""
    item = assignment.item
    if thumbs is None:
        thumbs = thumbs_of([item.a], by=assignment.rater_id)
    pair = [item.a] if item.b is None else [item.a, item.b]
    order = pair[::-1] if assignment.shown_order == "ba" else pair
    letters = ("",) if item.b is None else ("A", "B")
    sides = tuple(Side(letter, one, shown(one)) for letter, one in zip(letters, order, strict=True))
    draft = assignment.draft if isinstance(assignment.draft, dict) else {}
    text = sides[0].shown.text
    mine = corrected if corrected is not None else str(draft.get("corrected") or text)
    correctable = item.b is None and any(block.form in CORRECTABLE for block in sides[0].shown.blocks)
    return Card(
        assignment=assignment,
        task=item.task,
        sides=sides,
        facts=tuple(dict.fromkeys(fact for one in pair for fact in cited_facts(one))),
        noun=NOUNS.get(item.task.kind, "Text"),
        key=uuid.uuid4().hex,
        correctable=correctable,
        corrected=mine,
        comment=str(draft.get("comment", "")),
        difference=changes(text, mine) if correctable and mine.strip() != text.strip() else None,
        thumbs=thumbs.get(item.a_id, {}),
    )


def cards(task: RatingTask, rater: Any, *, count: int, now: datetime) -> list[Card]:
    """The next `count` items of this person, taken for them."""
    taken = holding.take(task=task, rater=rater, count=count, now=now)
    rows = Assignment.objects.for_brand(task.brand_id).select_related("brand", "item__task", "item__a", "item__b")
    found = rows.in_bulk([one.pk for one in taken])
    thumbs = thumbs_of([one.item.a for one in found.values()], by=rater)
    return [card_of(found[one.pk], thumbs=thumbs) for one in taken]


def fragment(request: HttpRequest, card: Card, settings: RaterSettings) -> dict[str, str]:
    """The item for a script that keeps it: its id and its HTML."""
    html = render_to_string("rlhf/rate_item.html", item_context(card, settings), request)
    return {"id": str(card.assignment.public_id), "html": html}


def item_context(card: Card | None, settings: RaterSettings) -> dict[str, Any]:
    keymap = keys.keymap_of(settings)
    shown_keys = keys.shown_keymap(keymap) if settings.keys_on else {}
    return {"card": card, "stars": STARS, "keys": shown_keys}


def progress_json(task: RatingTask, rater: Any, *, now: datetime) -> dict[str, float]:
    """`done`, `waiting`, `seconds`, and `at`, the server's time of it: what the page needs to count on by itself."""
    so_far = progress.progress_of(task, rater, now=now)
    at = round(now.timestamp(), 3)
    return {"done": so_far.done, "waiting": so_far.waiting, "seconds": round(so_far.seconds, 1), "at": at}


def words_of(said: Feedback | PreferencePair) -> str:
    """`A is better` as the person saw it, `4 of 5`, `Your version`."""
    if isinstance(said, PreferencePair):
        return str(PreferencePair.Verdict(as_shown(said.verdict, said.shown_order)).label)
    if said.kind == Feedback.Kind.STARS:
        return f"{said.stars} of 5, {dict(STARS)[said.stars or 1]}"
    if said.kind == Feedback.Kind.THUMB:
        return "Yes" if said.value else "Not like this"
    return "Your version" if said.kind == Feedback.Kind.CORRECTION else "Flagged"


def last_of(request: BrandRequest, asked: str) -> Last | None:
    """The strip for the assignment that the address names, as long as its answer stands."""
    try:
        assignment = holding.held(brand=request.brand, rater=request.user, public_id=uuid.UUID(asked))
    except (ValueError, holding.NotHeld):
        return None
    said = last_word(assignment, by=request.user)
    if said is None:
        return None
    return Last(
        assignment, beside.better(assignment, by=request.user), words_of(said), list(said.reasons), said.comment
    )


def first_card(cards_now: Iterable[Card]) -> Card | None:
    return next(iter(cards_now), None)
