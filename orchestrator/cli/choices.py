"""From words on the command line to rows; a wrong word is answered with the right ones and exit code 2."""

from __future__ import annotations

import typer

from crm.models import Brand, Pack
from orchestrator.episodes import MOST_STEPS
from orchestrator.models import Episode, PolicyMode

EVERY = "all"


def chosen_packs(pack: str, brand: str | None) -> list[Pack]:
    """The pack of this slug, or every pack of the brand for `all`. Without a brand, the oldest that has the pack."""
    rows = Pack.across_brands.select_related("brand").order_by("brand_id", "pk")
    if brand is not None:
        rows = rows.filter(brand=_brand(brand))
    packs = list(rows)
    if not packs:
        raise typer.BadParameter("There are no packs yet: load sample data with `manage.py init_sample_data`.")
    found = packs if pack == EVERY else [one for one in packs if one.slug == pack]
    if not found:
        known = ", ".join(sorted({one.slug for one in packs}))
        raise typer.BadParameter(f"There is no pack {pack!r}. Known: {known}.", param_hint="PACK")
    return [one for one in found if one.brand_id == found[0].brand_id]


def chosen_brand(brand: str | None) -> Brand:
    """The brand of this slug; without one, the brand of the newest episode, else the oldest."""
    if brand is not None:
        return _brand(brand)
    newest: Episode | None = Episode.across_brands.select_related("brand").order_by("-pk").first()
    found = newest.brand if newest else Brand.objects.order_by("pk").first()
    if found is None:
        raise typer.BadParameter("There are no brands yet: load sample data with `manage.py init_sample_data`.")
    return found


def chosen_mode(mode: str) -> str:
    """Typer's callback: a policy mode."""
    if mode not in PolicyMode.values:
        raise typer.BadParameter(f"{mode!r} is none of {', '.join(PolicyMode.values)}.")
    return mode


def chosen_steps(steps: int | None) -> int | None:
    """Typer's callback: a number of steps that an episode may have."""
    if steps is not None and not 1 <= steps <= MOST_STEPS:
        raise typer.BadParameter(f"{steps} is out of range; choose a whole number from 1 to {MOST_STEPS}.")
    return steps


def _brand(slug: str) -> Brand:
    found = Brand.objects.filter(slug=slug).first()
    if found is None:
        known = ", ".join(Brand.objects.values_list("slug", flat=True)) or "none yet"
        raise typer.BadParameter(f"There is no brand {slug!r}. Known: {known}.", param_hint="--brand")
    return found
