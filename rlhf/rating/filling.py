"""Puts experiences into the queues: what can be judged, never twice, the least certain first.

How uncertain an answer is, is guessed from the newest verdict J of a judge until a learned scorer has one of its own:
one at a time 1 − |2J − 1| (0.5 is the least certain), for a pair 1 − |J_a − J_b|. Without a verdict it is 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import OuterRef, Q, Subquery

from crm.models import Brand
from rlhf.models import Evaluation, Experience, RatingItem, RatingTask
from rlhf.rating.tasks import ensure_tasks
from rlhf.showing import text_of

MOST_OPEN = 300  # of one task; older experiences come when these are rated
LOOK_BACK = timedelta(days=90)
LOOK_AT = 2000
PAIRS_PER_EXPERIENCE = 2


def fill_all(brand: Brand, *, now: datetime) -> int:
    """Fill every open task of the brand; how many items are new."""
    return sum(fill(task, now=now) for task in ensure_tasks(brand).filter(is_open=True))


def fill(task: RatingTask, *, now: datetime) -> int:
    """Add items for experiences that are not in the queue yet, up to `MOST_OPEN` open ones; how many are new."""
    items = RatingItem.objects.for_brand(task.brand_id).filter(task=task)
    room = MOST_OPEN - items.filter(state=RatingItem.State.OPEN).count()
    if room <= 0:
        return 0
    used = set(items.values_list("a", flat=True)) | set(items.exclude(b=None).values_list("b", flat=True))
    fresh = [one for one in _newest(task, now) if task.is_pair or one.pk not in used]
    made = _pairs(task, fresh, items.values_list("a", "b")) if task.is_pair else _singles(task, fresh)
    made = made[:room]
    RatingItem.objects.for_brand(task.brand_id).bulk_create(made, ignore_conflicts=True, batch_size=200)
    return len(made)


def uncertainty(*scores: float | None) -> float:
    """In [0, 1], of one verdict or of two; 1 where a verdict is missing."""
    if any(score is None for score in scores):
        return 1.0
    first, *rest = [float(score) for score in scores if score is not None]
    return 1 - abs(first - rest[0]) if rest else 1 - abs(2 * first - 1)


def _newest(task: RatingTask, now: datetime) -> list[Experience]:
    """Newest first, with J of their newest verdict as `judged`."""
    verdicts = Evaluation.objects.for_brand(task.brand_id).filter(
        experience=OuterRef("pk"), form=Evaluation.Form.ABSOLUTE, score__isnull=False
    )
    rows = Experience.objects.for_brand(task.brand_id).filter(kind=task.kind, created_at__gt=now - LOOK_BACK)
    rows = rows.exclude(Q(output={}) | Q(context__has_key="blanked"))
    return list(
        rows.annotate(judged=Subquery(verdicts.order_by("-created_at", "-pk").values("score")[:1])).order_by(
            "-created_at", "-pk"
        )[:LOOK_AT]
    )


def _singles(task: RatingTask, fresh: Sequence[Experience]) -> list[RatingItem]:
    return [_item(task, one) for one in fresh[:MOST_OPEN] if text_of(one)]


def _pairs(task: RatingTask, fresh: Sequence[Experience], known: Iterable[tuple[int, int | None]]) -> list[RatingItem]:
    """Different answers to the same request, the newest ones; each stands in at most `PAIRS_PER_EXPERIENCE` pairs."""
    paired: dict[int, int] = {}
    for a, b in known:
        for key in (a, b):
            if key is not None:
                paired[key] = paired.get(key, 0) + 1
    groups: dict[UUID, list[Experience]] = {}
    for one in fresh:
        if one.group is not None and paired.get(one.pk, 0) < PAIRS_PER_EXPERIENCE:
            groups.setdefault(one.group, []).append(one)
    made = []
    for members in groups.values():
        waiting: list[tuple[str, Experience]] = []
        for one in members:
            text = text_of(one)
            if not text or paired.get(one.pk, 0) >= PAIRS_PER_EXPERIENCE:
                continue
            other = next((place for place, (said, _) in enumerate(waiting) if said != text), None)
            if other is None:
                waiting.append((text, one))
                continue
            _, older = waiting.pop(other)
            made.append(_item(task, one, older))
    return made


def _item(task: RatingTask, a: Experience, b: Experience | None = None) -> RatingItem:
    judged = [one.judged for one in (a, b) if one is not None]  # type: ignore[attr-defined]
    return RatingItem(
        brand_id=task.brand_id,
        task=task,
        a=a,
        b=b,
        wanted=task.overlap,
        priority=round(uncertainty(*judged), 4),
    )
