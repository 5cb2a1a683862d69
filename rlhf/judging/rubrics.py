"""Which rubric judges: the brand's own wording that serves, else the file of the kind."""

from __future__ import annotations

from crm.models import Brand
from rlhf.judge.rubric import Rubric, parse, rubric_for
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


def trials(brand: Brand | int, kind: str) -> list[str]:
    """Versions whose verdicts do not count yet: drafts that share no text with a rubric that serves or served."""
    shipped = rubric_for(kind)
    rows = RubricVersion.objects.for_brand(brand).filter(kind=kind).values_list("version", "state")
    used = {version for version, state in rows if state != RubricVersion.State.DRAFT}
    used |= {shipped.version} if shipped is not None else set()
    return sorted({version for version, _ in rows} - used)
