"""DPO: for each pair of experiences what the majority of its raters, or of the judges, preferred."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models.functions import Greatest, Least

from crm.models import Brand
from rlhf.feedback.deciding import Decision, decide
from rlhf.feedback.exporting import CHUNK, JUDGE, Line, Wanted, prompted
from rlhf.feedback.outgoing import Outgoing
from rlhf.models import Evaluation, Experience, PreferencePair, RatingItem

TIE, BOTH_BAD = PreferencePair.Verdict.TIE.value, PreferencePair.Verdict.BOTH_BAD.value
FIRST, SECOND = "chosen_first", "rejected_first"
Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Vote:
    """`answer` is the key of the better experience, tie or both_bad; `left` the key of the one that stood left."""

    who: str
    answer: int | str
    left: int | None
    at: datetime
    word: int | None = None


@dataclass(frozen=True, slots=True)
class Around:
    """What is known beside the votes: judges' own scores by experience, and what an owner decided in a dispute."""

    scores: dict[int, tuple[str, float]]
    resolved: dict[Key, int | str]


def chunks(brand: Brand, wanted: Wanted, left_out: Counter[str]) -> Iterator[list[Line]]:
    """Lines in the order of the experiences; the keys of all pairs (16 bytes each) and one chunk are held."""
    wanted.checked("dpo")
    out = Outgoing(brand)
    keys = _keys(brand, wanted)
    for start in range(0, len(keys), 2 * CHUNK):
        flat = keys[start : start + 2 * CHUNK]
        pairs = list(zip(flat[::2], flat[1::2], strict=True))
        votes = _votes(brand, wanted, pairs, out)
        experiences = Experience.objects.for_brand(brand).in_bulk(set(flat))
        out.look(experiences.values())
        around = _around(brand, set(flat))
        made = []
        for pair in pairs:
            line = _line(pair, list(votes.get(pair, {}).values()), experiences, around, out, wanted, left_out)
            if line is not None and wanted.split in ("", line.row["split"]):
                made.append(line)
        yield made


def _said(brand: Brand, wanted: Wanted) -> tuple[Any, str, str]:
    """The rows that say something about a pair, and the names of its sides."""
    if wanted.source == JUDGE:
        rows = Evaluation.objects.for_brand(brand).filter(form=Evaluation.Form.PAIR, score__isnull=False)
        return wanted.within(rows.filter(opponent__isnull=False)), "experience", "opponent"
    return wanted.words(PreferencePair.objects.for_brand(brand)), "a", "b"


def _keys(brand: Brand, wanted: Wanted) -> array[int]:
    rows, a, b = _said(brand, wanted)
    if wanted.kind:
        rows = rows.filter(**{f"{a}__kind": wanted.kind})
    pairs = rows.annotate(low=Least(f"{a}_id", f"{b}_id"), high=Greatest(f"{a}_id", f"{b}_id"))
    found: array[int] = array("q")
    for low, high in pairs.order_by("low", "high").values_list("low", "high").distinct().iterator(chunk_size=5000):
        found.extend((low, high))
    return found


def _votes(brand: Brand, wanted: Wanted, pairs: list[Key], out: Outgoing) -> dict[Key, dict[str, Vote]]:
    """The newest vote of each voter, by pair."""
    rows, a, b = _said(brand, wanted)
    asked, sides = set(pairs), {key for pair in pairs for key in pair}
    rows = rows.filter(**{f"{a}__in": sides, f"{b}__in": sides}).order_by("created_at", "pk")
    found: dict[Key, dict[str, Vote]] = {}
    for one, other, vote in _of_judges(rows) if wanted.source == JUDGE else _of_people(rows, out):
        pair = (min(one, other), max(one, other))
        if pair in asked:
            found.setdefault(pair, {})[vote.who] = vote
    return found


def _of_people(rows: Any, out: Outgoing) -> Iterator[tuple[int, int, Vote]]:
    columns = ("pk", "a_id", "b_id", "verdict", "shown_order", "rater_id", "rater_name", "created_at")
    for pk, a, b, verdict, order, rater, name, at in rows.values_list(*columns):
        answer = {"a": a, "b": b}.get(verdict, verdict)
        yield a, b, Vote(out.rater(rater, name), answer, a if order == "ab" else b, at, pk)


def _of_judges(rows: Any) -> Iterator[tuple[int, int, Vote]]:
    """A judge looked at both orders; what it said depends on its rubric."""
    columns = ("experience_id", "opponent_id", "score", "judge", "rubric_version", "created_at")
    for one, other, score, judge, rubric, at in rows.values_list(*columns):
        yield one, other, Vote(f"{judge} {rubric}", one if score > 0.5 else other if score < 0.5 else TIE, None, at)


def _around(brand: Brand, keys: set[int]) -> Around:
    verdicts = Evaluation.objects.for_brand(brand).filter(
        experience__in=keys, form=Evaluation.Form.ABSOLUTE, score__isnull=False
    )
    scores = {
        key: (f"{judge} {rubric}", score)
        for key, judge, rubric, score in verdicts.order_by("created_at", "pk").values_list(
            "experience_id", "judge", "rubric_version", "score"
        )
    }
    decided = RatingItem.objects.for_brand(brand).filter(a__in=keys, b__in=keys, resolved_at__isnull=False)
    resolved: dict[Key, int | str] = {}
    for a, b, said in decided.exclude(resolution="").values_list("a_id", "b_id", "resolution"):
        resolved[(min(a, b), max(a, b))] = {"a": a, "b": b}.get(said, said)
    return Around(scores, resolved)


def _line(
    pair: Key,
    votes: list[Vote],
    experiences: dict[int, Experience],
    around: Around,
    out: Outgoing,
    wanted: Wanted,
    left_out: Counter[str],
) -> Line | None:
    if not votes:
        return None  # taken back since the keys were read
    decision = decide(vote.answer for vote in votes)
    answer = around.resolved.get(pair, decision.answer)
    why = _why_not(answer, decision, len(votes), wanted, resolved=pair in around.resolved)
    if not why:
        assert isinstance(answer, int)
        chosen, rejected = experiences[answer], experiences[pair[0] if answer == pair[1] else pair[1]]
        why = _unfit(chosen, rejected, out)
    if why:
        left_out[why] += 1
        return None
    row = {
        **prompted(wanted.form, out.prompt(chosen), chosen=out.text(chosen), rejected=out.text(rejected)),
        "split": out.split(chosen),
        "task": chosen.kind,
        "source": wanted.source,
        **_lineage(chosen, rejected, votes, decision, around, judged=wanted.source == JUDGE),
        "resolved": pair in around.resolved,
    }
    words = tuple(vote.word for vote in votes if vote.word is not None)
    return Line(row, words, (chosen, rejected))


def _why_not(answer: Any, decision: Decision, raters: int, wanted: Wanted, *, resolved: bool) -> str:
    if answer in (TIE, BOTH_BAD):
        return str(answer)
    if raters < wanted.min_raters:
        return "few_raters"
    if answer is None:
        return "undecided"
    return "low_agreement" if decision.agreement < wanted.min_agreement and not resolved else ""


def _unfit(chosen: Experience, rejected: Experience, out: Outgoing) -> str:
    why = out.why_not(chosen) or out.why_not(rejected)
    if why:
        return why
    same_group = chosen.group is not None and chosen.group == rejected.group
    if not same_group and (chosen.kind != rejected.kind or out.prompt(chosen) != out.prompt(rejected)):
        return "different_requests"
    return "same_text" if out.text(chosen) == out.text(rejected) else ""


def _lineage(
    chosen: Experience, rejected: Experience, votes: list[Vote], decision: Decision, around: Around, *, judged: bool
) -> dict[str, Any]:
    names = {chosen.pk: "chosen", rejected.pk: "rejected"}
    scored = [around.scores.get(one.pk, ("", None)) for one in (chosen, rejected)]
    versions = [vote.who for vote in votes] if judged else [name for name, _ in scored if name]
    return {
        "raters": 0 if judged else len(votes),
        "rater_ids": [] if judged else sorted(vote.who for vote in votes),
        "agreement": round(decision.agreement, 4),
        "votes": {
            name: decision.votes.get(answer, 0) for answer, name in [*names.items(), (TIE, TIE), (BOTH_BAD, BOTH_BAD)]
        },
        "shown_order": [FIRST if vote.left == chosen.pk else SECOND for vote in votes if vote.left is not None],
        "judge_versions": sorted(set(versions)),
        "chosen_score": scored[0][1],
        "rejected_score": scored[1][1],
        "chosen_id": str(chosen.public_id),
        "rejected_id": str(rejected.public_id),
        "group": str(chosen.group) if chosen.group and chosen.group == rejected.group else None,
        "chosen_policy": chosen.policy,
        "rejected_policy": rejected.policy,
        "chosen_served_by": chosen.served_by,
        "rejected_served_by": rejected.served_by,
        "simulated": chosen.simulated or rejected.simulated,
        "said_at": max(vote.at for vote in votes).isoformat(),
    }
