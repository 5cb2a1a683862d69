"""A simulated world: answers what an episode produced, and knows the expectation of its answer. Pure; see
docs/market.md.

It sees text, money, audience and unresolved governance problems (`Produced`) and nothing of how they came about.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np

from crm.market import curves as money
from crm.market.buyers import like, rng_of, shoppers
from crm.market.cascade import Batch, Expected, PlannedEvent, expected, sample
from crm.market.produced import Copy, Email, Produced
from crm.market.reading import Lexicon, read
from crm.market.reports import adoption, advice, rightness
from crm.market.response import chance, chance_of_score, features
from crm.market.spec import Curve, MoneyChannel, WorldSpec, read_spec
from crm.snapshot import CampaignSeries, ProspectBrief

NOTHING = Expected(0.0, 0.0, 0.0, 0.0, 0.0, 0)
MOST_PROSPECTS = 60


class World:
    """One market with fixed buyers and curves. Two calls with the same arguments (and generator state) agree."""

    def __init__(self, spec: WorldSpec) -> None:
        self.spec = spec
        self.lexicon = Lexicon.of(
            {name: need.words for name, need in spec.needs.items()},
            spam=spec.spam_words,
            offer=spec.offer_words,
            price=spec.price_words,
        )

    @classmethod
    def load(cls, name_or_path: str | Path) -> World:
        """A shipped world by name, or any YAML file by path. Raises WorldError with everything wrong in it."""
        return _load(str(name_or_path))

    def answer(
        self,
        produced: Produced,
        *,
        prospects: Sequence[ProspectBrief],
        campaigns: Sequence[CampaignSeries],
        rng: np.random.Generator,
    ) -> list[PlannedEvent]:
        """One draw of what happens, by time.

        `prospects` must hold those whom the e-mails and the audience name (others are taken as strangers); `campaigns`
        are the brand's, with their recent spend. Blocked output: one event `blocked`.
        """
        if produced.gate_issues:
            return [PlannedEvent("blocked", produced.emails[0].prospect_key if produced.emails else "", 0.0)]
        return sample(self.batches(produced, prospects, campaigns), latest_day=self.spec.latest_day, rng=rng)

    def expected(
        self, produced: Produced, *, prospects: Sequence[ProspectBrief], campaigns: Sequence[CampaignSeries]
    ) -> Expected:
        """The mean of what `answer` would bring, without sampling."""
        if produced.gate_issues:
            return NOTHING
        return expected(self.batches(produced, prospects, campaigns))

    def batches(
        self, produced: Produced, prospects: Sequence[ProspectBrief], campaigns: Sequence[CampaignSeries]
    ) -> list[Batch]:
        """Whom the output touches, channel by channel, with their chances."""
        shares = dict(self.spec.tasks.get(produced.kind, {}))  # type: ignore[call-overload]
        made: list[Batch] = []
        if produced.emails and shares.get("emails"):
            made += self._emails(produced, prospects, shares["emails"])
        if produced.copies and shares.get("copies"):
            made += self._copies(produced.copies, shares["copies"])
        if campaigns and produced.allocation and shares.get("allocation"):
            now = spends(campaigns)
            score = money.gain(self.curves(campaigns), now, produced.allocation)
            made.append(self._money("allocation", self.spec.allocation, score, shares["allocation"], campaigns))
        if produced.report and shares.get("report"):
            found = advice(produced.report.recommendation, campaigns)
            score = rightness(found, self.curves(campaigns), spends(campaigns))
            score *= adoption(produced.report, self.spec.report)
            made.append(self._money("report", self.spec.report, score, shares["report"], campaigns))
        return made

    def _emails(self, produced: Produced, prospects: Sequence[ProspectBrief], share: float) -> list[Batch]:
        channel, spec = self.spec.emails, self.spec
        # The last message to a person is the one that goes out; those without one of their own get the first of all.
        texts: dict[str, Email] = {email.prospect_key: email for email in produced.emails}
        chosen = list(dict.fromkeys(produced.audience or texts))[:MOST_PROSPECTS]
        known = {prospect.key: prospect for prospect in prospects}
        made = []
        for key, size in zip(chosen, _shares(round(channel.reach * share), len(chosen)), strict=True):
            if not size:
                continue
            email = texts.get(key, produced.emails[0])
            prospect = known.get(key) or ProspectBrief(key, key, "", "", "", "", "prospect")
            segment = spec.segments.get(prospect.segment, spec.otherwise)
            crowd = like(prospect, size, seed=spec.seed, segment=segment, buyers=spec.buyers, lexicon=self.lexicon)
            reading = read(email.subject, email.body, self.lexicon, ideal_words=channel.ideal_words)
            found = features(reading, crowd, ideal_words=channel.ideal_words)
            columns = [
                chance(channel.opened, found, segment.propensity),
                chance(channel.replied, found, segment.propensity),
                chance(channel.booked, found),
                chance(channel.sold, found),
            ]
            steps = (channel.opened, channel.replied, channel.booked, channel.sold)
            made.append(
                Batch(
                    channel="emails",
                    touch="sent",
                    kinds=("opened", "replied", "booked", "sold"),
                    keys=crowd.keys,
                    segment=crowd.segment,
                    chances=np.column_stack(columns),
                    delays=tuple(step.delay_days for step in steps),
                    sale=crowd.sale,
                    sale_spread=spec.buyers.sale_spread,
                    known=1,
                )
            )
        return made

    def _copies(self, copies: tuple[Copy, ...], share: float) -> list[Batch]:
        channel, spec = self.spec.copies, self.spec
        # Variants are ranked: the first of each product is the one that is shown.
        shown: dict[str, Copy] = {}
        for copy in copies:
            shown.setdefault(copy.sku_code, copy)
        made = []
        for copy, size in zip(shown.values(), _shares(round(channel.reach * share), len(shown)), strict=True):
            if not size:
                continue
            crowd = shoppers(
                copy.sku_code, size, seed=spec.seed, segment=spec.shoppers, buyers=spec.buyers, lexicon=self.lexicon
            )
            reading = read(copy.headline, copy.body, self.lexicon, ideal_words=channel.ideal_words)
            found = features(reading, crowd, ideal_words=channel.ideal_words)
            made.append(
                Batch(
                    channel="copies",
                    touch="exposed",
                    kinds=("clicked", "sold"),
                    keys=crowd.keys,
                    segment=crowd.segment,
                    chances=np.column_stack([chance(channel.clicked, found), chance(channel.sold, found)]),
                    delays=(channel.clicked.delay_days, channel.sold.delay_days),
                    sale=crowd.sale,
                    sale_spread=spec.buyers.sale_spread,
                )
            )
        return made

    def _money(
        self, name: str, channel: MoneyChannel, score: float, share: float, campaigns: Sequence[CampaignSeries]
    ) -> Batch:
        people = max(1, round(channel.reach * share))
        retailers = sorted({campaign.retailer for campaign in campaigns}) or [""]
        keys = tuple(f"RETAIL-{retailers[number % len(retailers)]}" for number in range(people))
        columns = [chance_of_score(channel.clicked, score, people), chance_of_score(channel.sold, score, people)]
        return Batch(
            channel=name,
            touch="exposed",
            kinds=("clicked", "sold"),
            keys=keys,
            segment="retail",
            chances=np.column_stack(columns),
            delays=(channel.clicked.delay_days, channel.sold.delay_days),
            sale=channel.sale,
            sale_spread=self.spec.buyers.sale_spread,
        )

    def curves(self, campaigns: Sequence[CampaignSeries]) -> dict[str, Curve]:
        """The true curve of every campaign, by external id."""
        return {campaign.external_id: self.curve(campaign.external_id, campaign.budget) for campaign in campaigns}

    def curve(self, external_id: str, budget: float) -> Curve:
        """The named curve, or one drawn by the id and scaled to the budget per week."""
        media = self.spec.media
        named = media.named.get(external_id)
        return named or money.drawn_curve(external_id, budget, media.otherwise, self.spec.seed)

    def history(self, external_id: str, *, budget: float, last_day: date) -> money.History:
        """The daily report of a campaign up to `last_day`, the same for the same id and days."""
        count = self.spec.media.days_of_history
        days = tuple(last_day - timedelta(days=back) for back in reversed(range(count)))
        rng = rng_of(self.spec.seed, "history", external_id)
        return money.history(self.curve(external_id, budget), budget=budget, days=days, media=self.spec.media, rng=rng)


def spends(campaigns: Sequence[CampaignSeries]) -> dict[str, float]:
    """Money per week that each campaign has now: what it spent, or its budget where it has no history."""
    return {one.external_id: one.spend_per_week if one.days else one.budget for one in campaigns}


def _shares(total: int, parts: int) -> list[int]:
    """`total` people over `parts`, as even as whole people allow."""
    return [total // parts + (number < total % parts) for number in range(parts)]


@lru_cache(maxsize=32)
def _load(name_or_path: str) -> World:
    return World(read_spec(name_or_path))
