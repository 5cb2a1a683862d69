"""Takes a person's word in: checked, cleaned by the brand's privacy policy, stored once, written into the history."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.db import IntegrityError, transaction

from crm.errors import EndcapError
from crm.privacy.applying import cleaner
from rlhf.feedback import rich as rich_verdicts
from rlhf.models import Assignment, Experience, Feedback, PreferencePair, RatingTask, Signal, Source
from rlhf.signals import name_of, record

LONGEST_COMMENT = 4000
LONGEST_TEXT = 40_000
MOST_REASONS = 12
LONGEST_REASON = 120
ORDERS = ("ab", "ba")
SIGNALS: dict[str, Signal.Kind] = {
    Feedback.Kind.FLAG: Signal.Kind.FLAGGED,
    Feedback.Kind.CORRECTION: Signal.Kind.CORRECTED,
}

Word = TypeVar("Word", Feedback, PreferencePair)
Found = tuple[Word, bool]


class BadFeedback(EndcapError):
    """What was sent is not a rating; `detail` names field and value."""

    status = 422


def rate(
    *,
    experience: Experience,
    rater: Any,
    thumb: bool | None = None,
    stars: int | None = None,
    corrected: str | None = None,
    original: str = "",
    flag: bool = False,
    rich: dict[str, Any] | None = None,
    reasons: Iterable[str] = (),
    comment: str = "",
    widget: int | None = None,
    source: str = Source.PAGE,
    key: str = "",
    duration_ms: int | None = None,
    task: RatingTask | None = None,
    assignment: Assignment | None = None,
    counts: bool = True,
    rater_name: str = "",
) -> Found[Feedback]:
    """One word on one experience, and whether it is new: the same `key` of the same person gives the first row again.

    Exactly one of `thumb`, `stars` (1 to 5), `corrected` and `flag`, or `rich` with or without `thumb` or `stars`.
    Raises BadFeedback naming the field; Blocked where the privacy policy lets a comment not in.
    """
    row = rated(
        experience=experience, rater=rater, thumb=thumb, stars=stars, corrected=corrected, original=original, flag=flag,
        rich=rich, reasons=reasons, comment=comment, widget=widget, source=source, key=key, duration_ms=duration_ms,
        task=task, assignment=assignment, counts=counts, rater_name=rater_name,
    )  # fmt: skip
    return once(row)


def rated(
    *,
    experience: Experience,
    rater: Any,
    thumb: bool | None = None,
    stars: int | None = None,
    corrected: str | None = None,
    original: str = "",
    flag: bool = False,
    rich: dict[str, Any] | None = None,
    reasons: Iterable[str] = (),
    comment: str = "",
    widget: int | None = None,
    source: str = Source.PAGE,
    key: str = "",
    duration_ms: int | None = None,
    task: RatingTask | None = None,
    assignment: Assignment | None = None,
    counts: bool = True,
    rater_name: str = "",
) -> Feedback:
    """A word that is checked and not stored yet; see `rate`. Raises BadFeedback, Blocked."""
    kind, value = _kind_and_value(thumb=thumb, stars=stars, corrected=corrected, flag=flag, rich=rich)
    given = {} if rich is None else _rich(rich)
    if corrected is not None and corrected.strip() == original.strip():
        raise BadFeedback("Your version is the same as the text. Change it, or skip.", field="corrected")
    clean = _cleaner(experience.brand, comment, corrected, original, given)
    return Feedback(
        experience=experience,
        kind=kind,
        value=value,
        stars=stars,
        original=clean(_short("original", original, LONGEST_TEXT)),
        corrected=clean(_short("corrected", corrected or "", LONGEST_TEXT)),
        widget=widget,
        rich=clean(given),
        **_common(experience.brand_id, rater, rater_name, reasons, clean(_short("comment", comment, LONGEST_COMMENT)),
                  source, key, duration_ms, task, assignment, counts),
    )  # fmt: skip


def prefer(
    *,
    a: Experience,
    b: Experience,
    verdict: str,
    rater: Any,
    shown_order: str = "ab",
    seed: int = 0,
    reasons: Iterable[str] = (),
    comment: str = "",
    source: str = Source.PAGE,
    key: str = "",
    duration_ms: int | None = None,
    task: RatingTask | None = None,
    assignment: Assignment | None = None,
    counts: bool = True,
    rater_name: str = "",
) -> Found[PreferencePair]:
    """One choice between two experiences of one brand, and whether it is new. Raises BadFeedback, Blocked."""
    row = chosen(
        a=a, b=b, verdict=verdict, rater=rater, shown_order=shown_order, seed=seed, reasons=reasons, comment=comment,
        source=source, key=key, duration_ms=duration_ms, task=task, assignment=assignment, counts=counts,
        rater_name=rater_name,
    )  # fmt: skip
    return once(row)


def chosen(
    *,
    a: Experience,
    b: Experience,
    verdict: str,
    rater: Any,
    shown_order: str = "ab",
    seed: int = 0,
    reasons: Iterable[str] = (),
    comment: str = "",
    source: str = Source.PAGE,
    key: str = "",
    duration_ms: int | None = None,
    task: RatingTask | None = None,
    assignment: Assignment | None = None,
    counts: bool = True,
    rater_name: str = "",
) -> PreferencePair:
    """A choice that is checked and not stored yet; see `prefer`. Raises BadFeedback, Blocked."""
    clean = _cleaner(a.brand, comment)
    return compared(
        a=a,
        b=b,
        verdict=verdict,
        shown_order=shown_order,
        seed=seed,
        **_common(a.brand_id, rater, rater_name, reasons, clean(_short("comment", comment, LONGEST_COMMENT)), source,
                  key, duration_ms, task, assignment, counts),
    )  # fmt: skip


def compared(
    *, a: Experience, b: Experience, verdict: str, shown_order: str = "ab", seed: int = 0, **common: Any
) -> PreferencePair:
    """A choice that is checked and not stored yet. Raises BadFeedback."""
    if verdict not in PreferencePair.Verdict.values:
        choices = ", ".join(PreferencePair.Verdict.values)
        raise BadFeedback(f"verdict is {verdict!r}. Choose one of {choices}.", field="verdict", value=str(verdict)[:40])
    if shown_order not in ORDERS:
        raise BadFeedback("shown_order is ab or ba: which one stood left.", field="shown_order", value=shown_order[:40])
    if a.pk == b.pk:
        raise BadFeedback("a and b are the same experience. A choice needs two.", field="b", value=str(b.public_id))
    if a.brand_id != b.brand_id:
        raise BadFeedback("a and b belong to different brands.", field="b", value=str(b.public_id))
    return PreferencePair(a=a, b=b, verdict=verdict, shown_order=shown_order, seed=seed, **common)


def signals_of(row: Feedback | PreferencePair) -> list[tuple[Experience, Any, dict[str, Any]]]:
    """What the history of every experience it is about says of a word."""
    if isinstance(row, Feedback):
        said = {"kind": row.kind, "value": row.value, "stars": row.stars, "widget": row.widget, "source": row.source}
        return [(row.experience, SIGNALS.get(row.kind, Signal.Kind.RATED), said)]
    said = {
        "verdict": row.verdict,
        "a": str(row.a.public_id),
        "b": str(row.b.public_id),
        "order": row.shown_order,
        "source": row.source,
    }
    return [(row.a, Signal.Kind.PREFERRED, said), (row.b, Signal.Kind.PREFERRED, said)]


def history_of(row: Feedback | PreferencePair) -> list[Signal]:
    """The signals of a word that a person gave here, not stored yet."""
    actor = name_of(row.rater, row.rater_name)[:120]
    return [
        Signal(
            brand_id=row.brand_id, experience=experience, kind=kind, actor=actor,
            said={"feedback": str(row.public_id), **said},
        )
        for experience, kind, said in signals_of(row)
    ]  # fmt: skip


def explain(
    said: Feedback | PreferencePair, *, by: Any, reasons: Iterable[str] | None = None, comment: str | None = None
) -> Feedback | PreferencePair:
    """Add or change the reasons and the comment of one's own word; the history keeps what was said before."""
    if said.rater_id != by.pk:
        raise BadFeedback("Only the person who rated can add reasons.", field="rater")
    brand = said.brand
    with transaction.atomic():
        if reasons is not None:
            said.reasons = _reasons(reasons)
        if comment is not None:
            said.comment = _cleaner(brand, comment)(_short("comment", comment, LONGEST_COMMENT))
        said.save(update_fields=["reasons", "comment"])
        told = {"reasons": said.reasons, "comment": said.comment}
        for experience in experiences_of(said):
            record(experience, Signal.Kind.EXPLAINED, actor=name_of(by), **told)
    return said


def experiences_of(said: Feedback | PreferencePair) -> list[Experience]:
    return [said.experience] if isinstance(said, Feedback) else [said.a, said.b]


def _kind_and_value(
    *, thumb: bool | None, stars: int | None, corrected: str | None, flag: bool, rich: dict[str, Any] | None
) -> tuple[str, float | None]:
    given = [
        name
        for name, there in (
            ("thumb", thumb is not None),
            ("stars", stars is not None),
            ("corrected", corrected is not None),
            ("flag", flag),
        )
        if there
    ]
    if len(given) > 1 or (not given and rich is None):
        raise BadFeedback(
            "Say exactly one of thumb, stars, corrected and flag.", field="rating", value=", ".join(given)
        )
    if thumb is not None:
        if not isinstance(thumb, bool):
            raise BadFeedback("thumb is true (up) or false (down).", field="thumb", value=str(thumb)[:40])
        return Feedback.Kind.THUMB, float(thumb)
    if stars is not None:
        if isinstance(stars, bool) or not isinstance(stars, int) or not 1 <= stars <= 5:
            raise BadFeedback("stars is a whole number from 1 to 5.", field="stars", value=str(stars)[:40])
        return Feedback.Kind.STARS, (stars - 1) / 4
    if corrected is not None:
        if not corrected.strip():
            raise BadFeedback("Your version is empty. Write it, or skip.", field="corrected", value="")
        return Feedback.Kind.CORRECTION, None
    return (Feedback.Kind.FLAG if flag else Feedback.Kind.RICH), None


def _rich(values: dict[str, Any]) -> dict[str, Any]:
    read, field, wrong = rich_verdicts.read(values)
    if read is None:
        raise BadFeedback(f"{field}: {wrong}.", field=field, value=str(values.get(field.split(".")[0]))[:80])
    return read


def _cleaner(brand: Any, *texts: Any) -> Callable[[Any], Any]:
    """The brand's policy for feedback; not even read where nothing was written."""
    return cleaner(brand, "feedback", refuse=True) if any(texts) else lambda value: value


def _short(field: str, text: str, most: int) -> str:
    if len(text) > most:
        raise BadFeedback(f"{field} has {len(text):,} characters; at most {most:,} fit.", field=field, value=text[:40])
    return text.replace("\0", "").strip()


def _reasons(reasons: Iterable[str]) -> list[str]:
    read = list(dict.fromkeys(str(reason).replace("\0", "").strip() for reason in reasons if str(reason).strip()))
    if len(read) > MOST_REASONS:
        raise BadFeedback(f"At most {MOST_REASONS} reasons.", field="reasons", value=str(len(read)))
    for reason in read:
        if len(reason) > LONGEST_REASON:
            raise BadFeedback(f"A reason has at most {LONGEST_REASON} characters.", field="reasons", value=reason[:40])
    return read


def _common(
    brand_id: int,
    rater: Any,
    rater_name: str,
    reasons: Iterable[str],
    comment: str,
    source: str,
    key: str,
    duration_ms: int | None,
    task: RatingTask | None,
    assignment: Assignment | None,
    counts: bool,
) -> dict[str, Any]:
    if len(key) > 80:
        raise BadFeedback("key has at most 80 characters.", field="key", value=key[:40])
    if duration_ms is not None and not 0 <= duration_ms < 2**31:
        raise BadFeedback("duration_ms is a number of milliseconds.", field="duration_ms", value=str(duration_ms)[:40])
    return {
        "brand_id": brand_id,
        "rater": rater,
        "rater_name": rater_name[:120],
        "reasons": _reasons(reasons),
        "comment": comment,
        "source": source,
        "key": key,
        "duration_ms": duration_ms,
        "task": task,
        "assignment": assignment,
        "counts": counts,
    }


def once(row: Word) -> Found[Word]:
    """Store a checked word and its signals, or find the one that its key brought before: the database knows which is
    first, so nobody asks before."""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            Signal.objects.for_brand(row.brand_id).bulk_create(history_of(row))
    except IntegrityError:
        known = _known(row)
        if known is None:
            raise
        return known, False
    return row, True


def _known(row: Word) -> Word | None:
    if not row.key:
        return None
    rows = type(row).objects.for_brand(row.brand_id)
    who = {"rater": row.rater} if row.rater_id else {"rater__isnull": True, "rater_name": row.rater_name}
    found: Word | None = rows.filter(key=row.key, **who).first()
    return found
