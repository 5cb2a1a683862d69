"""Which rubric judges: the brand's own wording that serves, else the file of the kind."""

from __future__ import annotations

from django.db.models import QuerySet

from crm.models import Brand
from rlhf.judge.rubric import FOLDER, Rubric, parse, rubric_for
from rlhf.models import RubricVersion


def serving(brand: Brand | int, kind: str) -> Rubric | None:
    """The rubric in force for a kind of output; None where nobody wrote one."""
    own = RubricVersion.objects.for_brand(brand).filter(kind=kind, state=RubricVersion.State.SERVING).first()
    return parse(kind, own.text) if own is not None else rubric_for(kind)


def by_version(brand: Brand | int, kind: str, version: str) -> Rubric | None:
    """The rubric with this version (kind@sha of its text), whatever its state; None where its text is not there."""
    shipped = rubric_for(kind)
    if shipped is not None and shipped.version == version:
        return shipped
    own = RubricVersion.objects.for_brand(brand).filter(kind=kind, version=version).order_by("-number").first()
    return parse(kind, own.text) if own is not None else None


def trials(brand: Brand | int) -> QuerySet[RubricVersion]:
    """Versions whose verdicts do not count yet, for a subquery: drafts that share no text with a rubric that serves or
    served."""
    rows = RubricVersion.objects.for_brand(brand)
    used = rows.exclude(state=RubricVersion.State.DRAFT).values("version")
    drafts = rows.filter(state=RubricVersion.State.DRAFT).exclude(version__in=used).exclude(version__in=shipped())
    return drafts.values("version")  # type: ignore[no-any-return]


def shipped() -> list[str]:
    """The versions of the files, of every kind."""
    found = (rubric_for(path.stem) for path in sorted(FOLDER.glob("*.md")))
    return [rubric.version for rubric in found if rubric is not None]
