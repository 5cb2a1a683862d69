"""Snapshots for tests of agents: a grocer with four campaigns, and what can be taken away from it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from crm.snapshot import BrandSnapshot, CampaignSeries, Fact, ProductFact, ProspectBrief, SalesBrief
from orchestrator.agents import AGENTS
from orchestrator.agents.contract import AgentContext, AgentResult, PackBrief
from orchestrator.agents.workbench import Workbench

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
# external id, level, scale, money a day, sales without money a day
CURVES = (("NM-0", 900.0, 60.0, 120.0, 0.0), ("NM-1", 500.0, 300.0, 200.0, 0.0), ("BK-0", 1500.0, 200.0, 150.0, 300.0))


def series(name: str, beta: float, kappa: float, mean: float, organic: float, *, days: int = 84) -> CampaignSeries:
    """A campaign whose sales follow organic + beta * log1p(spend / kappa) with 5 % noise."""
    rng = np.random.default_rng(abs(hash_of(name)))
    spend = mean * np.exp(rng.normal(0, 0.35, days))
    sales = (organic + beta * np.log1p(spend / kappa)) * np.exp(rng.normal(0, 0.05, days))
    dates = tuple(date(2026, 8, 1) + timedelta(days=n) for n in range(days))
    return CampaignSeries(
        name,
        f"Campaign {name}",
        "Northmart" if name.startswith("NM") else "Basketly",
        7 * mean,
        dates,
        tuple(spend),
        tuple(sales),
        tuple(spend * 100),
        tuple(np.round(spend * 2)),
        tuple(np.round(sales / 20)),
    )


def hash_of(text: str) -> int:
    return sum(ord(sign) * 31**place for place, sign in enumerate(text)) % 2**31


OATS = ProductFact(
    "OAT-5",
    "Rolled Oats 5 kg",
    "Breakfast",
    12.9,
    (
        Fact("sku:OAT-5#1", "Milled within 24 hours of harvest", "feature"),
        Fact("sku:OAT-5#2", "11 g of protein in 100 g", "feature"),
        Fact("sku:OAT-5#3", "Torn sacks fell by 38 % since the new paper", "proof"),
        Fact("sku:OAT-5#4", "Keeps for 12 months in a dry store room", "use"),
    ),
)
BAR = ProductFact(
    "OAT-BAR", "Honey Bar", "Snacks", 1.2, (Fact("sku:OAT-BAR#1", "4 g of fibre in a 40 g bar", "feature"),)
)
JO = ProspectBrief(
    "L-17",
    "Jo Marsh",
    "Fennel & Co",
    "wholesale",
    "sacks that do not tear in the store room",
    "head buyer",
    "engaged",
    (Fact("prospect:L-17#need", "Looks for sacks that do not tear in the store room", "need"),),
)


def snapshot(**changes: Any) -> BrandSnapshot:
    """Harbor Oats; `changes` replace fields."""
    others = tuple(
        ProspectBrief(f"L-{n}", f"Person {n}", f"Shop {n}", "wholesale", "sacks that do not tear", "buyer", "prospect")
        for n in range(30, 36)
    )
    values: dict[str, Any] = {
        "brand_name": "Harbor Oats",
        "currency": "EUR",
        "voice": "plain, warm",
        "postal_address": "4 Mill Quay, 28195 Bremen",
        "skus": (OATS, BAR),
        "campaigns": tuple(series(*curve) for curve in CURVES),
        "funnel": {"prospect": 120, "engaged": 40, "qualified": 18, "proposal": 7, "purchased": 5, "lost": 9},
        "conversion": {"prospect": 0.41, "engaged": 0.5, "qualified": 0.45, "proposal": 0.6},
        "prospect": JO,
        "recent_sales": SalesBrief(1204, 58211.5, (("2026-08", 4000.0), ("2026-09", 5100.0), ("2026-10", 6400.0))),
        "taken_at": NOW,
        "audience": (JO, *others),
    }
    return BrandSnapshot(**{**values, **changes})


EMPTY: dict[str, Any] = {
    "skus": (),
    "campaigns": (),
    "funnel": {},
    "conversion": {},
    "prospect": None,
    "recent_sales": SalesBrief(0, 0.0),
    "audience": (),
}


def pack(task: str, **changes: Any) -> PackBrief:
    values: dict[str, Any] = {
        "slug": task,
        "name": f"Pack {task}",
        "goal": "Sell more",
        "task": task,
        "allowed_agents": tuple(AGENTS),
    }
    return PackBrief(**{**values, **changes})


def act(name: str, picture: BrandSnapshot, task: str, work: Workbench, *, seed: int = 7) -> AgentResult:
    return AGENTS[name].run(AgentContext(pack(task), picture, "", work, seed, NOW))


def bench(*names: str, picture: BrandSnapshot | None = None, task: str = "outreach", seed: int = 7) -> Workbench:
    """The bench after these agents, through JSON as the engine stores it."""
    work = Workbench()
    for name in names:
        result = act(name, picture or snapshot(), task, work, seed=seed)
        work = work.then(name, json.loads(result.output.model_dump_json()), result.quality, result.cost)
    return work
