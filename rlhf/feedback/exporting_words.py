"""KTO: outputs that people liked or did not. SFT: people's corrections, and outputs that got five stars."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm.models import Brand
from rlhf.feedback.deciding import liked, put_right
from rlhf.feedback.exporting import CHUNK, Line, Wanted, prompted
from rlhf.feedback.outgoing import Outgoing
from rlhf.models import Experience, Feedback, RatingItem

RATED = (Feedback.Kind.THUMB, Feedback.Kind.STARS)
FIVE = 5
AS_STARS = {"up": FIVE, "down": 1}
STARS = ("1", "2", "3", "4", "5")


@dataclass(frozen=True, slots=True)
class Word:
    """The newest word of one kind of one person on one experience."""

    pk: int
    who: str
    kind: str
    value: float | None
    stars: int | None
    original: str
    corrected: str
    at: datetime


def kto_chunks(brand: Brand, wanted: Wanted, left_out: Counter[str]) -> Iterator[list[Line]]:
    """A line for each experience whose raters all liked it, or all did not. Three stars say neither."""
    return _chunks(brand, wanted, left_out, "kto", RATED)


def sft_chunks(brand: Brand, wanted: Wanted, left_out: Counter[str]) -> Iterator[list[Line]]:
    """A line for each correction, and for each experience with five stars that nobody disliked."""
    return _chunks(brand, wanted, left_out, "sft", (*RATED, Feedback.Kind.CORRECTION))


def _chunks(
    brand: Brand, wanted: Wanted, left_out: Counter[str], what: str, kinds: tuple[str, ...]
) -> Iterator[list[Line]]:
    wanted.checked(what)
    out = Outgoing(brand)
    rows = wanted.words(Feedback.objects.for_brand(brand)).filter(kind__in=kinds, widget__isnull=True)
    if wanted.kind:
        rows = rows.filter(experience__kind=wanted.kind)
    numbers = rows.order_by("experience_id").values_list("experience_id", flat=True).distinct()
    keys = array("q", numbers.iterator(chunk_size=5000))
    for start in range(0, len(keys), CHUNK):
        chunk = list(keys[start : start + CHUNK])
        words = _words(rows.filter(experience__in=chunk), out)
        experiences = Experience.objects.for_brand(brand).in_bulk(chunk)
        out.look(experiences.values())
        decided = _decided(brand, chunk)
        made: list[Line] = []
        for key in chunk:
            why = out.why_not(experiences[key])
            if why:
                left_out[why] += 1
                continue
            lines = _kto if what == "kto" else _sft
            made += lines(experiences[key], words.get(key, []), decided.get(key), out, wanted, left_out)
        yield [line for line in made if wanted.split in ("", line.row["split"])]


def _words(rows: Any, out: Outgoing) -> dict[int, list[Word]]:
    newest: dict[int, dict[tuple[str, str], Word]] = {}
    columns = ("pk", "experience_id", "rater_id", "rater_name", "kind", "value", "stars", "original", "corrected",
               "created_at")  # fmt: skip
    for pk, key, rater, name, *said in rows.order_by("created_at", "pk").values_list(*columns):
        word = Word(pk, out.rater(rater, name), *said)
        newest.setdefault(key, {})[(word.who, word.kind)] = word
    return {key: list(words.values()) for key, words in newest.items()}


def _decided(brand: Brand, keys: list[int]) -> dict[int, int]:
    """The stars that an owner gave where people disagreed: up counts as 5, down as 1."""
    items = RatingItem.objects.for_brand(brand).filter(a__in=keys, b__isnull=True, resolved_at__isnull=False)
    said = items.values_list("a_id", "resolution")
    return {key: AS_STARS.get(answer) or int(answer) for key, answer in said if answer in (*AS_STARS, *STARS)}


def _people(words: list[Word]) -> dict[str, tuple[Word, bool | None]]:
    """By person the word that counts (stars before a thumb) and whether it says they liked it."""
    found: dict[str, tuple[Word, bool | None]] = {}
    for word in sorted(words, key=lambda one: one.kind == Feedback.Kind.STARS):
        if word.kind in RATED:
            thumb = None if word.value is None or word.kind == Feedback.Kind.STARS else word.value == 1
            found[word.who] = (word, liked(word.stars, thumb))
    return found


def _kto(
    experience: Experience,
    words: list[Word],
    decided: int | None,
    out: Outgoing,
    wanted: Wanted,
    left_out: Counter[str],
) -> Iterator[Line]:
    said = [(word, like) for word, like in _people(words).values() if like is not None]
    labels = {like for _, like in said} if decided is None else {liked(decided, None)} - {None}
    if len(labels) != 1 or len(said) < wanted.min_raters:
        left_out["disagree" if len(labels) > 1 else "neither" if not labels else "few_raters"] += 1
        return
    [label] = labels
    row = {
        **prompted(wanted.form, out.prompt(experience), completion=out.text(experience)),
        "label": label,
        "agreement": round(max(Counter(like for _, like in said).values()) / len(said), 4),
        "resolved": decided is not None,
        **_lineage(experience, [word for word, _ in said], out, wanted),
    }
    yield Line(row, tuple(word.pk for word, _ in said), (experience,))


def _sft(
    experience: Experience,
    words: list[Word],
    decided: int | None,
    out: Outgoing,
    wanted: Wanted,
    left_out: Counter[str],
) -> Iterator[Line]:
    for word in words:
        if word.kind == Feedback.Kind.CORRECTION and word.corrected:
            original, corrected = out.clean(word.original), out.clean(word.corrected)
            text = put_right(out.text(experience), original, corrected)
            yield _taught(experience, text, "correction", [word], out, wanted)
    people = _people(words)
    five = [word for word, _ in people.values() if word.stars == FIVE]
    if not five:
        return
    disliked = decided != FIVE if decided is not None else any(like is False for _, like in people.values())
    if disliked or len(five) < wanted.min_raters:
        left_out["disagree" if disliked else "few_raters"] += 1
        return
    yield _taught(experience, out.text(experience), "five_stars", five, out, wanted)


def _taught(experience: Experience, text: str, because: str, words: list[Word], out: Outgoing, wanted: Wanted) -> Line:
    row = {
        **prompted(wanted.form, out.prompt(experience), completion=text),
        "because": because,
        **_lineage(experience, words, out, wanted),
    }
    return Line(row, tuple(word.pk for word in words), (experience,))


def _lineage(experience: Experience, words: list[Word], out: Outgoing, wanted: Wanted) -> dict[str, Any]:
    return {
        "split": out.split(experience),
        "task": experience.kind,
        "source": wanted.source,
        "raters": len(words),
        "rater_ids": sorted(word.who for word in words),
        "experience_id": str(experience.public_id),
        "group": str(experience.group) if experience.group else None,
        "policy": experience.policy,
        "served_by": experience.served_by,
        "simulated": experience.simulated,
        "said_at": max(word.at for word in words).isoformat(),
    }
