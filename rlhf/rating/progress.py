"""How far a person is with a task, how consistent they are, and what their ratings changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.db.models import Count, F, Q

from crm.models import Brand
from rlhf.models import Assignment, Feedback, PreferencePair, RatingItem, RatingTask, Reward

SITTING = timedelta(hours=12)
PAUSE = timedelta(minutes=5)  # a longer gap is a pause and says nothing about an item
USUAL_S = 25.0
RECENT = 200  # answers that tell how long one takes


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` in this sitting, `waiting` for this person now, `seconds` an item usually takes them."""

    done: int
    waiting: int
    seconds: float

    @property
    def total(self) -> int:
        return self.done + self.waiting

    @property
    def minutes_left(self) -> int:
        return max(1, round(self.waiting * self.seconds / 60)) if self.waiting else 0


@dataclass(frozen=True, slots=True)
class Consistency:
    """`repeats` items seen twice, of which `same` got the same answer; `gold` known ones, of which `right`."""

    ratings: int
    repeats: int
    same: int
    gold: int
    right: int
    agreed: int
    compared: int


@dataclass(frozen=True, slots=True)
class Changed:
    """What a person's ratings changed: rewards that hold people's word about items they rated, and training files."""

    rewards: int
    exported: int


def progress_of(task: RatingTask, rater: Any, *, now: datetime) -> Progress:
    """In two queries, three after 200 answers. What was answered is read from the words: they know task and moment, so
    nothing is joined, however long the queue is."""
    words: Any = PreferencePair if task.is_pair else Feedback
    recent = words.objects.for_brand(task.brand_id).filter(
        rater=rater, task=task, created_at__gt=now - SITTING, undone_at__isnull=True, assignment__isnull=False
    )
    read = list(recent.order_by("-created_at").values_list("assignment", "created_at")[:RECENT])
    newest: dict[int, datetime] = {}
    for assignment, at in read:
        newest.setdefault(assignment, at)  # a thumb and an own version are one answer
    done = len(newest) if len(read) < RECENT else recent.order_by().values("assignment").distinct().count()
    return Progress(done, waiting_for(task, rater), usual_seconds(list(newest.values())))


def waiting_for(task: RatingTask, rater: Any) -> int:
    """Items this person holds or could take."""
    return waiting_by_task(task.brand_id, rater, [task.pk]).get(task.pk, 0)


def waiting_by_task(brand: Brand | int, rater: Any, tasks: Iterable[int] | None = None) -> dict[int, int]:
    """The same for every open task of the brand, by key of the task; tasks with nothing are left out. One query."""
    seen = Assignment.objects.for_brand(brand).filter(rater=rater, showing=1)
    hers = seen.filter(state=Assignment.State.OPEN).values("item")
    over = seen.exclude(state=Assignment.State.EXPIRED).values("item")
    rows = RatingItem.objects.for_brand(brand).filter(state=RatingItem.State.OPEN, is_gold=False, task__is_open=True)
    if tasks is not None:
        rows = rows.filter(task__in=list(tasks))
    free = Q(taken__lt=F("wanted")) & ~Q(pk__in=over)
    counted = rows.filter(Q(pk__in=hers) | free).order_by().values_list("task").annotate(n=Count("pk"))
    return dict(counted)


def usual_seconds(times: list[datetime]) -> float:
    """Median seconds between answers, newest first, pauses left out; `USUAL_S` until there are five."""
    gaps = [(later - earlier).total_seconds() for later, earlier in zip(times, times[1:], strict=False)]
    gaps = [gap for gap in gaps if gap < PAUSE.total_seconds()]
    return max(1.0, median(gaps)) if len(gaps) >= 5 else USUAL_S


def consistency_of(brand: Brand, rater: Any) -> Consistency:
    """From repeats, items with a known answer, and items that others rated, too."""
    words = list(_answers(brand, rater))
    by_item: dict[int, dict[int, str]] = {}
    gold: list[tuple[str, str]] = []
    for item, showing, said, known in words:
        by_item.setdefault(item, {})[showing] = said
        if known and showing == 1:
            gold.append((said, known))
    twice = [answers for answers in by_item.values() if len(answers) == 2]
    agreed, compared = _agreed(brand, rater, {item: answers[1] for item, answers in by_item.items() if 1 in answers})
    return Consistency(
        ratings=len(words),
        repeats=len(twice),
        same=sum(close(answers[1], answers[2]) for answers in twice),
        gold=len(gold),
        right=sum(close(said, known) for said, known in gold),
        agreed=agreed,
        compared=compared,
    )


def close(one: str, other: str) -> bool:
    """The same answer; stars may be one apart."""
    if one.isdigit() and other.isdigit():
        return abs(int(one) - int(other)) <= 1
    return one == other


def changed_by(brand: Brand, rater: Any) -> Changed:
    mine = {"rater": rater, "undone_at__isnull": True}
    words = Feedback.objects.for_brand(brand).filter(**mine)
    pairs = PreferencePair.objects.for_brand(brand).filter(**mine)
    about = Q(experience__in=words.values("experience")) | Q(experience__in=pairs.values("a"))
    about |= Q(experience__in=pairs.values("b"))
    terms = Reward.objects.for_brand(brand).filter(about, is_current=True)
    # which terms a reward had is looked at here: SQLite cannot look into a list in JSON
    heard = sum("human" in (one or ()) for one in terms.values_list("components__terms_present", flat=True))
    exported = words.filter(exported_at__isnull=False).count() + pairs.filter(exported_at__isnull=False).count()
    return Changed(heard, exported)


def _answers(brand: Brand, rater: Any) -> Iterable[tuple[int, int, str, str]]:
    """(item, showing, what was said, the known answer) of a person: a, b, tie, both_bad or the stars. Whoever rated an
    item before its answer was known is not measured against it."""
    where = {"rater": rater, "undone_at__isnull": True, "assignment__isnull": False}
    fields = ("assignment__item", "assignment__showing", "assignment__item__gold_answer", "counts")
    pairs = PreferencePair.objects.for_brand(brand).filter(**where)
    for item, showing, known, counts, verdict in pairs.values_list(*fields, "verdict"):
        yield item, showing, verdict, "" if counts else known
    stars = Feedback.objects.for_brand(brand).filter(**where, stars__isnull=False)
    for item, showing, known, counts, given in stars.values_list(*fields, "stars"):
        yield item, showing, str(given), "" if counts else known


def _agreed(brand: Brand, rater: Any, mine: dict[int, str]) -> tuple[int, int]:
    """Of the answers of others on the same items, how many were the same."""
    others = {"assignment__item__in": list(mine), "undone_at__isnull": True, "counts": True}
    pairs = PreferencePair.objects.for_brand(brand).filter(**others).exclude(rater=rater)
    said = list(pairs.values_list("assignment__item", "verdict"))
    stars = Feedback.objects.for_brand(brand).filter(**others, stars__isnull=False).exclude(rater=rater)
    said += [(item, str(given)) for item, given in stars.values_list("assignment__item", "stars")]
    return sum(close(answer, mine[item]) for item, answer in said), len(said)
