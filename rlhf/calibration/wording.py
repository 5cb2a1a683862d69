"""A brand's own wording of a rubric: drafted, tried, adopted, put back. A changed word is another version."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from crm.errors import EndcapError
from crm.models import Brand
from rlhf.judge.rubric import parse
from rlhf.judging import rubrics
from rlhf.models import RubricVersion

LONGEST = 20_000
State = RubricVersion.State


class BadRubric(EndcapError):
    """The text is no rubric; the message says where."""

    status = 422


def draft(*, brand: Brand, kind: str, text: str, note: str = "", by: Any) -> RubricVersion:
    """The next number of this kind as a draft; where the text is the newest one's, that one. Raises BadRubric."""
    text = text.replace("\r\n", "\n").strip() + "\n"
    if len(text) > LONGEST:
        raise BadRubric(f"The rubric has {len(text):,} characters; at most {LONGEST:,} fit.", field="text")
    try:
        read = parse(kind, text)
    except ValueError as error:  # pydantic's and yaml's are of this kind too, or wrapped by parse
        raise BadRubric(f"This is no rubric: {error}", field="text") from error
    if rubrics.serving(brand, kind) is None:
        raise BadRubric(f"There is no kind of work named {kind}.", field="kind", value=kind[:40])
    with transaction.atomic():
        Brand.objects.select_for_update().get(pk=brand.pk)
        rows = RubricVersion.objects.for_brand(brand).filter(kind=kind)
        newest = rows.order_by("-number").first()
        if newest is not None and newest.version == read.version:
            return newest  # type: ignore[no-any-return]
        made: RubricVersion = rows.create(
            brand=brand, kind=kind, number=newest.number + 1 if newest else 1, version=read.version, text=text,
            note=note.strip()[:200], created_by=by,
        )  # fmt: skip
    return made


def adopt(rubric: RubricVersion) -> RubricVersion:
    """Let this wording judge from now on; verdicts that are there stay. An older one can be adopted again."""
    with transaction.atomic():
        rows = RubricVersion.objects.for_brand(rubric.brand_id).filter(kind=rubric.kind)
        list(rows.select_for_update())
        rows.filter(state=State.SERVING).exclude(pk=rubric.pk).update(state=State.RETIRED)
        rows.filter(pk=rubric.pk).update(state=State.SERVING, adopted_at=timezone.now())
    rubric.refresh_from_db()
    return rubric


def back_to_shipped(brand: Brand, kind: str) -> None:
    """Let the file that ships with Endcap judge again."""
    rows = RubricVersion.objects.for_brand(brand).filter(kind=kind, state=State.SERVING)
    rows.update(state=State.RETIRED)
