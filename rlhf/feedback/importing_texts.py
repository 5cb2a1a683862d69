"""Texts from elsewhere as experiences: the same prompt is one group, the same text in it one experience."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from crm.models import Brand
from crm.privacy.applying import cleaner
from rlhf.feedback.giving import LONGEST_TEXT, BadFeedback
from rlhf.models import Experience

NAMESPACE = uuid.UUID("6a3f1a52-6f6e-5d1c-9b52-5f3d3c1c7a10")
SERVED_BY = "imported"
KIND = "text"
Texts = tuple[str, str, str]  # kind, prompt, text


def text_experiences(
    *, brand: Brand, prompt: str, chosen: str, rejected: str, kind: str = KIND
) -> tuple[Experience, Experience]:
    """The experiences of two answers to one prompt. Raises BadFeedback for an empty or doubled text."""
    check_texts(prompt=prompt, chosen=chosen, rejected=rejected, kind=kind)
    a, b = ((kind, prompt, text) for text in (chosen, rejected))
    found = stored(brand, [a, b])
    return found[a], found[b]


def check_texts(*, prompt: str, chosen: str, rejected: str, kind: str) -> None:
    """Raises BadFeedback with the field."""
    for field, text in (("prompt", prompt), ("chosen", chosen), ("rejected", rejected), ("kind", kind)):
        if not text.strip():
            raise BadFeedback(f"{field} is empty.", field=field, value="")
        if len(text) > LONGEST_TEXT:
            raise BadFeedback(
                f"{field} has {len(text):,} characters; at most {LONGEST_TEXT:,} fit.", field=field, value=text[:40]
            )
    if len(kind) > 20:
        raise BadFeedback("kind has at most 20 characters.", field="kind", value=kind[:40])
    if chosen.strip() == rejected.strip():
        raise BadFeedback("chosen and rejected are the same text. A choice needs two.", field="rejected")


def stored(brand: Brand, texts: Sequence[Texts]) -> dict[Texts, Experience]:
    """An experience for each text, made where there is none yet; texts pass the brand's privacy policy for imports."""
    ids = {one: id_of(brand, *one) for one in texts}
    found = _by_id(brand, ids.values())
    missing = {one: key for one, key in ids.items() if key not in found}
    if missing:
        clean = cleaner(brand, "imports")
        made = {
            key: Experience(
                public_id=key, brand=brand, kind=kind, group=group_of(brand, kind, prompt), request=clean(prompt),
                output={"text": clean(text)}, served_by=SERVED_BY,
            )
            for (kind, prompt, text), key in missing.items()
        }  # fmt: skip
        # Two callers with the same text: the second one's row is not made, and the first one's is read below.
        Experience.objects.for_brand(brand).bulk_create(made.values(), ignore_conflicts=True, batch_size=500)
        found |= _by_id(brand, made)
    return {one: found[key] for one, key in ids.items()}


def group_of(brand: Brand, kind: str, prompt: str) -> uuid.UUID:
    return uuid.uuid5(NAMESPACE, f"{brand.pk}\n{kind}\n{prompt.strip()}")


def id_of(brand: Brand, kind: str, prompt: str, text: str) -> uuid.UUID:
    return uuid.uuid5(group_of(brand, kind, prompt), text.strip())


def _by_id(brand: Brand, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Experience]:
    wanted, found = list(ids), {}
    for start in range(0, len(wanted), 500):
        for one in Experience.objects.for_brand(brand).filter(public_id__in=wanted[start : start + 500]):
            one.brand = brand
            found[one.public_id] = one
    return found
