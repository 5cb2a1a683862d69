"""Places next week's money: a saturating response per campaign, then a concave programme under the brand's total.

What counts is what money adds, not what the report credits to it: the constant part of a campaign's sales stays out.

maximise   Σ 7·β_i · log(1 + x_i / (7·κ_i))        x_i: money per week
subject to Σ x_i = total,  (1 − c_i)·s_i ≤ x_i ≤ (1 + c_i)·s_i        s_i: spend per week so far

From today's split the plan goes towards that optimum as far as the lowest tenth of the bootstrap gain rises.
How far money may move, c_i, follows the evidence: little before anybody looked at the returns, more for campaigns whose
interval is narrow, and again more on a second pass for those that hit their bound. Solved by CLARABEL through CVXPY.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import cvxpy as cp
import numpy as np
from pydantic import BaseModel

from crm.snapshot import CampaignSeries
from orchestrator.agents.contract import AgentContext, AgentResult
from orchestrator.agents.pricing import cost_of, tokens_of
from orchestrator.agents.response import Floats, ResponseCurve, fit_response, pooled

COMPUTE_MS = 20
CAUTIOUS, OPEN, WIDEST = 0.15, 0.5, 0.8
DAYS = 7
CAREFUL = 0.1  # quantile of the bootstrap gain that a plan has to raise


class Placement(BaseModel):
    """One campaign, money per week. `marginal` is what the next 1 brings, `organic` what is sold without any."""

    external_id: str
    name: str
    now: float
    proposed: float
    at_least: float
    at_most: float
    marginal: float
    marginal_now: float
    organic: float
    fit: float
    at_bound: bool
    citation: str


class BudgetPlan(BaseModel):
    """`uplift` is expected extra sales per week over today's split, with a 95 % interval; money in `currency`.

    `expected_now` and `expected` are sales per week that the money adds at today's and at the proposed split.
    """

    currency: str
    total: float
    allocation: dict[str, float]
    placements: list[Placement]
    expected_now: float = 0.0
    expected: float = 0.0
    uplift: float = 0.0
    uplift_low: float = 0.0
    uplift_high: float = 0.0
    next_one_brings: float = 0.0
    share_of_the_way: float = 1.0
    kept: list[str] = []
    missing: list[str] = []
    plan: int = 1


@dataclass(frozen=True)
class Budget:
    name: str = "budget"
    purpose: str = "Splits next week's money over the campaigns where the next euro brings most."

    def run(self, context: AgentContext) -> AgentResult:
        campaigns = [c for c in context.snapshot.campaigns if c.days and c.spend_per_week > 0]
        rng = np.random.default_rng(context.seed)
        curves = {c.external_id: _curve(c, rng) for c in campaigns}
        movable = [c for c in campaigns if curves[c.external_id] is not None]
        output = _plan(context, campaigns, movable, curves)
        return AgentResult(
            output=output,
            summary=_summary(output),
            quality=_quality(output, campaigns, movable),
            cost=cost_of(COMPUTE_MS),
            tokens=tokens_of(output, (c.name for c in campaigns)),
        )


def allocate(beta: Floats, kappa: Floats, low: Floats, high: Floats, total: float) -> Floats:
    """Money per week (n,) that maximises Σ 7·β·log(1 + x/(7κ)) with Σ x = total and low ≤ x ≤ high.

    `beta`, `kappa` per day (n,). Raises ValueError where the bounds cannot hold the total or the solver gives up.
    """
    if not low.sum() - 1e-6 <= total <= high.sum() + 1e-6:
        raise ValueError(f"{total:g} does not fit between {low.sum():g} and {high.sum():g}")
    share = cp.Variable(len(beta))  # of the total, so that the numbers are near 1
    gain = DAYS * beta / max(float((DAYS * beta).sum()), 1e-12)
    aim = cp.Maximize(gain @ cp.log1p(cp.multiply(total / (DAYS * kappa), share)))  # type: ignore[attr-defined]
    within = [cp.sum(share) == 1, share >= low / total, share <= high / total]  # type: ignore[attr-defined]
    problem = cp.Problem(aim, within)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an inaccurate solution is caught by the status below
        problem.solve(solver=cp.CLARABEL)  # type: ignore[no-untyped-call]
    if problem.status not in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE) or share.value is None:
        raise ValueError(f"no allocation found: {problem.status}")
    return np.clip(np.asarray(share.value) * total, low, high)


def _curve(campaign: CampaignSeries, rng: np.random.Generator) -> ResponseCurve | None:
    return fit_response(np.array(campaign.spend, dtype=float), np.array(campaign.sales, dtype=float), rng)


def _plan(
    context: AgentContext,
    campaigns: list[CampaignSeries],
    movable: list[CampaignSeries],
    curves: dict[str, ResponseCurve | None],
) -> BudgetPlan:
    """The plan; where fewer than two campaigns can be compared, today's split with what is missing."""
    known = [(campaign, curve) for campaign in movable if (curve := curves[campaign.external_id]) is not None]
    held = [campaign for campaign in campaigns if campaign not in movable]
    now = {campaign.external_id: campaign.spend_per_week for campaign in campaigns}
    plan = len(context.work.all("budget")) + 1
    if len(known) < 2:
        lack = [f"{campaign.name}: fewer than seven days with spend and sales" for campaign in held]
        if len(campaigns) < 2:
            lack.append(f"{len(campaigns)} campaigns with spend; two are needed to move money between them")
        split = {key: round(value, 2) for key, value in now.items()}
        return BudgetPlan(
            currency=context.snapshot.currency,
            total=round(sum(now.values()), 2),
            allocation=split,
            placements=[],
            kept=[campaign.external_id for campaign in campaigns],
            missing=lack,
            plan=plan,
        )
    spent = np.array([now[campaign.external_id] for campaign, _ in known])
    drawn_together = pooled([curve for _, curve in known], spent / DAYS)
    known = [(campaign, curve) for (campaign, _), curve in zip(known, drawn_together, strict=True)]
    room = np.array([_room(context, campaign.external_id) for campaign, _ in known])
    low, high = spent * (1 - room), spent * (1 + room)
    beta = np.array([max(curve.beta, 1e-9) for _, curve in known])
    kappa = np.array([curve.kappa for _, curve in known])
    total = _total(campaigns, held, float(low.sum()), float(high.sum()))
    aim = allocate(beta, kappa, low, high, total)
    start = low + (high - low) * (total - low.sum()) / max(float((high - low).sum()), 1e-9)
    way = _share_of_the_way([curve for _, curve in known], start, aim)
    placed = start + way * (aim - start)
    placements = [
        _placement(campaign, curve, spent[i], placed[i], low[i], high[i]) for i, (campaign, curve) in enumerate(known)
    ]
    # The bootstrap moves every curve on its own; sums over campaigns give the interval of the whole.
    gain = DAYS * sum(
        curve.draws(placed[i] / DAYS) - curve.draws(spent[i] / DAYS) for i, (_, curve) in enumerate(known)
    )
    before = DAYS * sum(float(curve.added(spent[i] / DAYS)) for i, (_, curve) in enumerate(known))
    after = DAYS * sum(float(curve.added(placed[i] / DAYS)) for i, (_, curve) in enumerate(known))
    interval = np.quantile(np.asarray(gain), (0.025, 0.975))
    allocation = {placement.external_id: placement.proposed for placement in placements}
    allocation |= {campaign.external_id: round(now[campaign.external_id], 2) for campaign in held}
    return BudgetPlan(
        currency=context.snapshot.currency,
        total=round(sum(allocation.values()), 2),
        allocation=allocation,
        placements=placements,
        expected_now=round(before, 2),
        expected=round(after, 2),
        uplift=round(after - before, 2),
        share_of_the_way=round(way, 2),
        uplift_low=round(float(interval[0]), 2),
        uplift_high=round(float(interval[1]), 2),
        next_one_brings=round(max(placement.marginal for placement in placements), 3),
        kept=[campaign.external_id for campaign in held],
        missing=[f"{campaign.name}: fewer than seven days with spend and sales" for campaign in held],
        plan=plan,
    )


def _share_of_the_way(curves: list[ResponseCurve], start: Floats, aim: Floats) -> float:
    """How far to go from `start` to `aim` (n,): where the lowest tenth of the bootstrap gain is highest, in [0, 1].

    With firm curves that is all the way; where the replicates disagree about which campaign has room, little or none.
    """
    ways = np.linspace(0.0, 1.0, 21)
    gains = np.zeros((len(ways), len(curves[0].draws_beta)))
    for curve, low, high in zip(curves, start, aim, strict=True):
        spend = (low + ways * (high - low))[:, None] / DAYS  # (ways, 1)
        gains += np.log1p(spend / curve.draws_kappa) * curve.draws_beta
    lower = np.quantile(gains - gains[0], CAREFUL, axis=1)
    return float(ways[int(lower.argmax())])


def _total(campaigns: list[CampaignSeries], held: list[CampaignSeries], low: float, high: float) -> float:
    """What these campaigns spend per week now; the plan moves money, it does not ask for more."""
    held_spend = sum(campaign.spend_per_week for campaign in held)
    return min(max(sum(campaign.spend_per_week for campaign in campaigns) - held_spend, low), high)


def _room(context: AgentContext, external_id: str) -> float:
    """Share of today's spend that may move: by how firm the return is that insight found, more where a bound held."""
    finding = next((f for f in context.work.facts if f["id"] == f"campaign:{external_id}#roas-interval"), None)
    if finding is None or not finding["value"]:
        return CAUTIOUS
    half = float(finding["high"] - finding["low"]) / 2 / abs(float(finding["value"]))
    room = CAUTIOUS + (OPEN - CAUTIOUS) * max(0.0, 1 - half / 0.5)  # an interval of ±50 % earns nothing
    earlier = _earlier(context).get(external_id)
    if earlier is not None and earlier["at_bound"] and half < 0.25:
        room = min(WIDEST, room * 1.5)
    return room


def _earlier(context: AgentContext) -> dict[str, dict[str, Any]]:
    """Placements of the newest plan on the bench by campaign."""
    newest = context.work.latest("budget") or {}
    return {placement["external_id"]: placement for placement in newest.get("placements", ())}


def _placement(
    campaign: CampaignSeries, curve: ResponseCurve, now: float, placed: float, low: float, high: float
) -> Placement:
    return Placement(
        external_id=campaign.external_id,
        name=campaign.name,
        now=round(float(now), 2),
        proposed=round(float(placed), 2),
        at_least=round(float(low), 2),
        at_most=round(float(high), 2),
        marginal=round(curve.marginal(float(placed) / DAYS), 3),
        marginal_now=round(curve.marginal(float(now) / DAYS), 3),
        organic=round(DAYS * curve.alpha, 2),
        fit=round(curve.fit, 3),
        at_bound=bool(min(placed - low, high - placed) < 0.005 * max(high - low, 1e-9)),
        citation=f"campaign:{campaign.external_id}#spend",
    )


def _quality(output: BudgetPlan, campaigns: list[CampaignSeries], movable: list[CampaignSeries]) -> dict[str, float]:
    quality = {"coverage": len(movable) / len(campaigns) if campaigns else 0.0}
    if output.placements:
        width = output.uplift_high - output.uplift_low
        certain = output.uplift / (output.uplift + width / 2) if output.uplift > 0 else 0.0
        free = sum(not placement.at_bound for placement in output.placements)
        quality["evidence"] = min(max(certain, 0.0), 1.0)
        quality["balance"] = _balance(output)
        quality["freedom"] = free / len(output.placements)
    return quality


def _balance(output: BudgetPlan) -> float:
    """Smallest over largest marginal return of the campaigns: 1 where moving one more euro would gain nothing."""
    marginals = [placement.marginal for placement in output.placements]
    return min(marginals) / max(marginals) if max(marginals) > 0 else 0.0


def _summary(output: BudgetPlan) -> str:
    if not output.placements:
        return f"Money stays as it is: {'; '.join(output.missing) or 'nothing to compare'}"[:300]
    if output.share_of_the_way == 0:
        return (
            f"{output.total:,.0f} {output.currency} a week stay as they are over {len(output.allocation)} campaigns: "
            f"none stands out beyond the noise. The next 1 {output.currency} brings {output.next_one_brings:.2f}"
        )
    moved = max(output.placements, key=lambda placement: abs(placement.proposed - placement.now))
    span = f"{output.uplift_low:+,.0f} to {output.uplift_high:+,.0f}"
    return (
        f"{output.total:,.0f} {output.currency} a week over {len(output.allocation)} campaigns, "
        f"{output.uplift:+,.0f} sales expected ({span}); {moved.name} from {moved.now:,.0f} to {moved.proposed:,.0f}. "
        f"The next 1 {output.currency} brings {output.next_one_brings:.2f}"
    )[:300]
