"""One person's thumb on one widget of a dashboard."""

from __future__ import annotations

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


def _sent_before(experience: Experience, by: Any, key: str) -> Feedback | None:
    found: Feedback | None = Feedback.objects.for_brand(experience.brand_id).filter(rater=by, key=key).first()
    return found


def _words(experience: Experience, widget: int, by: Any) -> Any:
    return Feedback.objects.for_brand(experience.brand_id).filter(
        experience=experience, rater=by, widget=widget, kind=Feedback.Kind.THUMB, source=Source.WIDGET,
        undone_at__isnull=True, exported_at__isnull=True,
    )  # fmt: skip
