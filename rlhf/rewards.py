"""Rewards: weights in versions, and every value an experience ever had. A new row only where something changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction

from crm.attribution import CrmFacts
from crm.errors import EndcapError
from crm.models import Brand
from rlhf.calibration import reliability_of
from rlhf.feedback.human import human_score
from rlhf.judging import latest_score, verdict_of
from rlhf.models import Experience, Reward, RewardConfig, Signal
from rlhf.reward import Breakdown, RewardWeights, blend
from rlhf.signals import record

log = structlog.get_logger(__name__)

REPLAY_CHUNK = 500


class BadWeights(EndcapError):
    """Weights that no reward can be computed with."""


def weights_of(config: RewardConfig) -> RewardWeights:
    return RewardWeights.from_dict(config.values)


def current_config(brand: Brand) -> RewardConfig:
    """The newest version of the brand's weights; version 1 with the defaults is made on the first call."""
    newest = RewardConfig.objects.for_brand(brand).order_by("-version").first()
    if newest is not None:
        return newest  # type: ignore[no-any-return]
    first: RewardConfig
    first, _ = RewardConfig.objects.for_brand(brand).get_or_create(
        brand=brand, version=1, defaults={"values": RewardWeights().as_dict()}
    )
    return first


def new_config(brand: Brand, *, by: Any = None, note: str = "", **changes: Any) -> RewardConfig:
    """The next version with `changes` applied; the current one where nothing changes. Raises BadWeights."""
    with transaction.atomic():
        Brand.objects.select_for_update(no_key=True).get(pk=brand.pk)
        current = current_config(brand)
        try:
            weights = weights_of(current).changed(**changes)
        except (ValueError, TypeError) as error:
            raise BadWeights(f"These weights cannot be used: {error}", **changes) from error
        if weights == weights_of(current):
            return current
        made: RewardConfig = RewardConfig.objects.for_brand(brand).create(
            brand=brand, version=current.version + 1, values=weights.as_dict(), created_by=by, note=note[:200]
        )
        return made


def compute(
    experience: Experience,
    *,
    crm: CrmFacts | None,
    steps: int,
    tokens: int,
    now: datetime,
    window: timedelta | None = None,
) -> Reward:
    """The reward of an experience as of `now`, from its verdict, people's words, what the CRM says, and what it cost.

    Provisional until `created_at + window` (default: the setting REWARD_WINDOW_DAYS). Where value, parts, provisional
    and config are those of the current row, that row is returned; else a new one takes its place in one transaction.
    `crm` None counts as 0 and is noted.
    """
    config = current_config(experience.brand)
    judged, why = latest_score(experience)
    verdict, people = verdict_of(experience), human_score(experience)
    trust = reliability_of(verdict, brand=experience.brand_id, kind=experience.kind) if verdict else 1.0
    found = blend(
        judge=judged,
        judge_reliability=trust,
        human=people.value if people else None,
        online=crm.online if crm else None,
        sales=crm.sales if crm else 0,
        stage=crm.stage if crm else "",
        steps=steps,
        tokens=tokens,
        weights=weights_of(config),
        attribution=crm.attribution if crm else "none",
        notes=_notes(crm, judged, why),
    )
    if found.notes:
        log.info("reward_notes", experience=str(experience.public_id), notes=found.notes)
    settles_at = experience.created_at + (window or timedelta(days=settings.REWARD_WINDOW_DAYS))
    return _kept_or_new(experience, config, found, provisional=now < settles_at, settles_at=settles_at)


def replay(*, brand: Brand, weights: RewardWeights) -> list[tuple[Experience, float]]:
    """What every current reward of the brand would be under other weights, oldest first. Writes nothing."""
    return [(reward.experience, breakdown_of(reward).again(weights).value) for reward in _current(brand)]


def recomputed(reward: Reward) -> float:
    """The value of a stored reward computed again from its own parts and config."""
    return breakdown_of(reward).again(weights_of(reward.config)).value


def _current(brand: Brand) -> Iterator[Reward]:
    rows = (
        Reward.objects.for_brand(brand)
        .filter(is_current=True)
        .select_related("experience", "config")
        .order_by("experience__created_at", "pk")
    )
    yield from rows.iterator(chunk_size=REPLAY_CHUNK)


def breakdown_of(reward: Reward) -> Breakdown:
    """The stored parts of a reward, ready to be computed again."""
    return Breakdown(
        value=reward.value,
        parts=(),
        terms_present=tuple(reward.components.get("terms_present", ())),
        attribution=reward.attribution,
        notes=tuple(reward.components.get("notes", ())),
        inputs=dict(reward.components.get("inputs", {})),
    )


def _notes(crm: CrmFacts | None, judged: float | None, why: str) -> tuple[str, ...]:
    said = list(crm.notes) if crm else ["no CRM data: counted as 0"]
    if judged is None:
        said.append(f"no verdict: {why}")
    return tuple(said)


def _kept_or_new(
    experience: Experience, config: RewardConfig, found: Breakdown, *, provisional: bool, settles_at: datetime
) -> Reward:
    components = found.as_dict()
    with transaction.atomic():
        # The experience's row is the lock, so that two workers cannot both put a current reward. It keeps nobody from
        # rating the experience meanwhile.
        Experience.across_brands.select_for_update(no_key=True).get(pk=experience.pk)
        current = experience.rewards.filter(is_current=True).first()
        if current is not None and _same(current, config, components, provisional):
            return current
        if current is not None:
            experience.rewards.filter(is_current=True).update(is_current=False)
        made: Reward = Reward.across_brands.create(
            experience=experience,
            config=config,
            value=found.value,
            components=components,
            attribution=found.attribution,
            provisional=provisional,
            settles_at=settles_at,
        )
        record(
            experience, Signal.Kind.REWARDED, value=round(found.value, 6), terms=list(found.terms_present),
            config=config.version, provisional=provisional,
        )  # fmt: skip
        return made


def _same(current: Reward, config: RewardConfig, components: dict[str, Any], provisional: bool) -> bool:
    return (
        current.config_id == config.pk
        and current.provisional == provisional
        and abs(current.value - components["value"]) < 1e-12
        and current.components == components
    )
