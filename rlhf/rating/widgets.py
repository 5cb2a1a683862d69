"""One person's thumb on one widget of a dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from crm.errors import EndcapError
from rlhf.feedback import giving, undoing
from rlhf.models import Experience, Feedback, Source


class NoSuchWidget(EndcapError):
    """The dashboard has no widget with this number."""

    status = 404


def rate_widget(experience: Experience, widget: int, *, thumb: bool, by: Any, key: str = "") -> Feedback | None:
    """Store the thumb in place of an earlier one; the same thumb again takes it back and gives None.

    The same `key` again changes nothing. Raises NoSuchWidget.
    """
    output = experience.output if isinstance(experience.output, dict) else {}
    if not 0 <= widget < len(output.get("widgets") or ()):
        raise NoSuchWidget("This widget is not there any more.")
    if key and (known := _sent_before(experience, by, key)) is not None:
        return known
    with transaction.atomic():
        before = list(_words(experience, widget, by))
        for said in before:
            undoing.undo(said, by=by)
        if any(said.value == float(thumb) for said in before):
            return None
        said, _ = giving.rate(
            experience=experience, rater=by, thumb=thumb, widget=widget, source=Source.WIDGET, key=key
        )
        return said


def thumb_of(experience: Experience, widget: int, *, by: Any) -> bool | None:
    """What the person said about this widget; None where nothing."""
    said = _words(experience, widget, by).first()
    return None if said is None else bool(said.value)


def thumbs_of(experiences: Sequence[Experience], *, by: Any) -> dict[int, dict[int, bool]]:
    """What the person said about widgets: by key of the experience, then by widget. One query; all of one brand."""
    found: dict[int, dict[int, bool]] = {}
    if experiences:
        rows = _thumbs(experiences[0].brand_id, by).filter(experience__in=experiences, widget__isnull=False)
        for key, widget, value in rows.values_list("experience", "widget", "value"):
            found.setdefault(key, {})[widget] = bool(value)
    return found


def _sent_before(experience: Experience, by: Any, key: str) -> Feedback | None:
    found: Feedback | None = Feedback.objects.for_brand(experience.brand_id).filter(rater=by, key=key).first()
    return found


def _words(experience: Experience, widget: int, by: Any) -> Any:
    return _thumbs(experience.brand_id, by).filter(experience=experience, widget=widget)


def _thumbs(brand: int, by: Any) -> Any:
    return Feedback.objects.for_brand(brand).filter(
        rater=by, kind=Feedback.Kind.THUMB, source=Source.WIDGET, undone_at__isnull=True, exported_at__isnull=True
    )
