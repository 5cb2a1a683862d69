"""The statistics of what people said, for the page Feedback and for `GET /api/feedback/stats`, from one place.

What takes time is kept in the cache with the numbers of rows and newest keys it was computed from. Counts are new with
the next word, or one taken back. So are agreement, reliability and win rates, but where there are many ratings they may
be up to a minute old (`as_of`). Names, consent and the queues are read anew each time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import Min
from django.utils import timezone

from crm.models import Brand
from rlhf.agreement import Estimate
from rlhf.feedback.statistics import agreeing, raters, ratings
from rlhf.feedback.statistics.agreeing import NEEDED, Agreement
from rlhf.feedback.statistics.asked import TYPES, Asked, asked, fingerprint, kind_name
from rlhf.feedback.statistics.counts import Counts, count
from rlhf.feedback.statistics.queue import Queue, queues
from rlhf.feedback.statistics.raters import Rater
from rlhf.feedback.statistics.stretches import Stretch, stretches
from rlhf.feedback.statistics.versions import Version, Versions, versions

KEPT_S = 3600
FEW = 2_000  # up to here agreement is computed with every new word
MAY_LAG = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Computed:
    """What takes time and rests in the cache: no names, no consent, nothing of the queues."""

    at: datetime
    agreement: Agreement
    versions: dict[str, Versions]
    reliability: dict[str, float]
    seconds: dict[str, float]
    rated: int
    newest_only: bool


@dataclass(frozen=True, slots=True)
class Statistics:
    """Everything the page shows. `cut` are the stretches of time that `counts` and `agreement.over_time` go by; `as_of`
    is when agreement, reliability and win rates were computed.

    `agreement_from` ratings stand behind agreement, reliability and times: all, or the newest ones where there are very
    many (`newest_only`).
    """

    brand: Brand
    question: Asked
    cut: tuple[Stretch, ...]
    counts: Counts
    agreement: Agreement
    versions: dict[str, Versions]
    raters: tuple[Rater, ...]
    queues: dict[str, Queue]
    agreement_from: int
    newest_only: bool
    as_of: datetime

    @property
    def total(self) -> int:
        return self.counts.total

    @property
    def queue(self) -> Queue:
        """All kinds together, or the one that was asked for."""
        kinds = [one for kind, one in self.queues.items() if self.question.kind in ("", kind)]
        return Queue(
            sum(one.waiting for one in kinds), sum(one.done for one in kinds), sum(one.to_resolve for one in kinds)
        )

    @property
    def a_day(self) -> float:
        """Ratings per day over the stretches shown, up to now."""
        begins, ends = self.cut[0].begins, min(self.cut[-1].ends, self.question.until or timezone.now())
        begins = max(begins, self.question.since or begins)
        return self.total / max(1.0, math.ceil((ends - begins).total_seconds() / 86_400))

    def as_dict(self, *, people: bool = True) -> dict[str, Any]:
        """All of it as plain JSON. `people` False leaves out who rated: that is for owners and planners."""
        return {
            "brand": self.brand.slug,
            "filters": {
                "since": _iso(self.question.since),
                "until": _iso(self.question.until),
                "kind": self.question.kind,
                "source": self.question.source,
            },
            "simulated": self.question.simulated,
            "total": self.total,
            "a_day": round(self.a_day, 3),
            "by_type": self.counts.by_type(),
            "by_task": [self._task(kind, n) for kind, n in self.counts.by_kind().items()],
            "by_rater": [_rater(one) for one in self.raters] if people else None,
            "by_time": self._by_time(),
            "distribution": {
                "stars": {str(stars): n for stars, n in self.counts.stars().items()},
                "thumbs": self.counts.thumbs(),
                "verdicts": self.counts.verdicts(),
            },
            "agreement": {
                "alpha": _estimate(self.agreement.alpha),
                "needed": NEEDED,
                "ratings": self.agreement_from,
                "newest_only": self.newest_only,
                "as_of": self.as_of.isoformat(),
                "by_scale": [
                    {
                        "scale": one.name,
                        "ratings": one.ratings,
                        "alpha": _estimate(one.alpha),
                        "kappa": _estimate(one.kappa),
                        "equal": _estimate(one.equal),
                    }
                    for one in self.agreement.by_scale
                ],
            },
            "win_rates": {by: _versions(one) for by, one in self.versions.items()},
            "queue": _queue(self.queue),
        }

    def _task(self, kind: str, n: int) -> dict[str, Any]:
        alpha = self.agreement.by_kind.get(kind, Estimate(value=None, why=agreeing.NOTHING))
        return {
            "task": kind,
            "name": kind_name(kind),
            "ratings": n,
            "alpha": _estimate(alpha),
            "queue": _queue(self.queues.get(kind, Queue())),
        }

    def _by_time(self) -> list[dict[str, Any]]:
        by_type = self.counts.over_time(lambda cell: cell.type)
        by_kind = self.counts.over_time(lambda cell: cell.kind)
        return [
            {
                "from": stretch.begins.isoformat(),
                "until": stretch.ends.isoformat(),
                "total": sum(by_type[place].values()),
                "by_type": {type_: by_type[place].get(type_, 0) for type_ in TYPES},
                "by_task": by_kind[place],
                "alpha": _estimate(self.agreement.over_time[place]),
            }
            for place, stretch in enumerate(self.cut)
        ]


def statistics(
    brand: Brand,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    kind: str = "",
    rater: Any = None,
    source: str = "",
) -> Statistics:
    """Counts, distribution, agreement, raters, win rates and queues of one brand.

    `since` and `until` bound when it was said; without `since` it begins with the first word. `rater` is a person, a
    sign-in name or a name from outside; agreement is then that of the things this person rated. `source`: people
    (the default), panel, or one way in which people's words came. A constant number of queries.
    Raises asked.BadQuestion.
    """
    question = asked(brand, since=since, until=until, kind=kind, rater=rater, source=source)
    now = timezone.now()
    cut = tuple(stretches(question.since or _first(question) or now, question.until or now))
    mark = fingerprint(question.brand)
    name = f"{question.key()}/{cut[0].begins:%Y%m%d}/{cut[-1].ends:%Y%m%d}"
    counts = _counts(question, cut, name, mark)
    computed = _computed(question, cut, name, mark, now)
    return Statistics(
        brand=brand,
        question=question,
        cut=cut,
        counts=counts,
        agreement=computed.agreement,
        versions=computed.versions,
        raters=_raters(computed, counts.by_person()),
        queues=queues(brand),
        agreement_from=computed.rated,
        newest_only=computed.newest_only,
        as_of=computed.at,
    )


def _counts(question: Asked, cut: tuple[Stretch, ...], name: str, mark: str) -> Counts:
    known = f"feedback-counts/{name}/{mark}"
    counts: Counts | None = cache.get(known)
    if counts is None:
        counts = count(question, cut)
        cache.set(known, counts, KEPT_S)
    return counts


def _computed(question: Asked, cut: tuple[Stretch, ...], name: str, mark: str, now: datetime) -> Computed:
    known = f"feedback-agreement/{name}"
    kept: tuple[str, Computed] | None = cache.get(known)
    if kept is not None:
        made_from, computed = kept
        if made_from == mark or (computed.rated > FEW and now - computed.at < MAY_LAG):
            return computed
    said = ratings.read(question, cut)
    computed = Computed(
        at=now,
        agreement=agreeing.agreement(said, places=len(cut)),
        versions=versions(question),
        reliability=raters.reliability(said),
        seconds=raters.usual_seconds(said.times),
        rated=said.n,
        newest_only=said.newest_only,
    )
    cache.set(known, (mark, computed), KEPT_S)
    return computed


def _raters(computed: Computed, people: dict[str, int]) -> tuple[Rater, ...]:
    names, agreed = raters.names_of(people), raters.consented(people)
    nobody = Estimate(value=None, why=agreeing.NOTHING)
    return tuple(
        Rater(
            key=key,
            name=names[key],
            ratings=n,
            agrees=computed.agreement.with_others.get(key, nobody),
            reliable=computed.reliability.get(key),
            seconds=computed.seconds.get(key) if key in agreed else None,
        )
        for key, n in people.items()
    )


def _first(question: Asked) -> datetime | None:
    found = [rows.aggregate(first=Min("created_at"))["first"] for rows in (question.words(), question.pairs())]
    return min((one for one in found if one is not None), default=None)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _estimate(one: Estimate) -> dict[str, Any]:
    return {"value": _figure(one.value), "low": _figure(one.low), "high": _figure(one.high), "n": one.n, "why": one.why}


def _figure(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _rater(one: Rater) -> dict[str, Any]:
    return {
        "rater": one.name,
        "ratings": one.ratings,
        "agrees_with_others": _estimate(one.agrees),
        "reliability": _figure(one.reliable),
        "usual_seconds": _figure(one.seconds),
    }


def _versions(one: Versions) -> dict[str, Any]:
    return {
        "decided": one.decided,
        "ties": one.tied,
        "both_bad_left_out": one.both_bad,
        "same_version_left_out": one.same,
        "versions": [_version(row) for row in one.rows],
    }


def _version(row: Version) -> dict[str, Any]:
    return {
        "version": row.name,
        "against": row.against,
        "won": row.won,
        "lost": row.lost,
        "ties": row.tied,
        "win_rate": _estimate(row.rate),
        "method": row.method,
        "verdict": row.verdict,
    }


def _queue(one: Queue) -> dict[str, int]:
    return {"waiting": one.waiting, "done": one.done, "to_resolve": one.to_resolve}
