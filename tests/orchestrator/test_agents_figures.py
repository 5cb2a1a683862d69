"""Figures of insight and the plan of budget, against independent computations."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.optimize import minimize

from orchestrator.agents.budget import allocate
from orchestrator.agents.findings import findings_of, ratio_interval, weekly_trend
from orchestrator.agents.response import fit_response, pooled, without_weekdays
from orchestrator.agents.workbench import Workbench
from tests.orchestrator.brand_pictures import CURVES, EMPTY, act, bench, series, snapshot


class TestRatioInterval:
    def test_it_covers_the_true_ratio_as_often_as_it_says(self) -> None:
        rng = np.random.default_rng(5)
        hits = 0
        for _ in range(600):
            spend = rng.gamma(4, 25, 60)
            sales = 3.0 * spend + rng.normal(0, 60, 60)
            _, low, high = ratio_interval(sales, spend)
            hits += low <= 3.0 <= high
        assert 0.92 <= hits / 600 <= 0.98

    def test_it_agrees_with_a_bootstrap(self) -> None:
        rng = np.random.default_rng(6)
        spend = rng.gamma(4, 25, 120)
        sales = 2.5 * spend * np.exp(rng.normal(0, 0.3, 120))
        ratio, low, high = ratio_interval(sales, spend)
        picks = rng.integers(0, 120, (4000, 120))
        drawn = sales[picks].sum(1) / spend[picks].sum(1)
        assert ratio == pytest.approx(sales.sum() / spend.sum())
        assert (low, high) == pytest.approx(tuple(np.quantile(drawn, (0.025, 0.975))), rel=0.03)


class TestWeeklyTrend:
    def test_it_agrees_with_statsmodels(self) -> None:
        values = 100 + 2 * np.arange(28) + np.random.default_rng(1).normal(0, 5, 28)
        fit = sm.OLS(values, sm.add_constant(np.arange(28))).fit()
        trend = weekly_trend(values)
        low, high = fit.conf_int()[1]
        assert trend is not None
        assert trend == pytest.approx(tuple(7 * np.array([fit.params[1], low, high]) / values.mean()))

    def test_two_weeks_are_needed(self) -> None:
        assert weekly_trend(np.ones(13)) is None


class TestInsight:
    def test_its_returns_are_sales_over_spend(self) -> None:
        picture = snapshot()
        found = {finding.id: finding for finding in findings_of(picture)}
        for campaign in picture.campaigns:
            finding = found[f"campaign:{campaign.external_id}#roas-interval"]
            assert finding.value == pytest.approx(sum(campaign.sales) / sum(campaign.spend))
            assert finding.low is not None and finding.high is not None and finding.value is not None
            assert finding.low < finding.value < finding.high

    def test_every_citation_is_a_fact_or_the_finding_itself(self) -> None:
        picture = snapshot()
        for finding in findings_of(picture):
            assert picture.fact(finding.citation) is not None or finding.citation.partition("#")[0] in finding.id

    def test_a_second_look_reports_only_what_is_new(self) -> None:
        work = bench("insight", "insight", "insight", task="measurement")
        first, second, third = ({finding["id"] for finding in output["findings"]} for output in work.all("insight"))
        assert first and second and not first & second
        assert not third
        assert work.steps[1].quality["coverage"] > work.steps[0].quality["coverage"]

    def test_it_says_which_sources_are_missing(self) -> None:
        output = act("insight", snapshot(**EMPTY), "measurement", Workbench()).output.model_dump()
        assert output["findings"] == []
        assert output["missing"] == ["campaigns", "funnel", "sales"]

    def test_the_audience_are_open_prospects_with_a_like_need(self) -> None:
        report = bench("insight").latest("insight")
        assert report is not None
        assert report["audience"][0] == "L-17"
        assert set(report["audience"]) <= {person.key for person in snapshot().audience}


class TestResponse:
    def test_it_finds_the_marginal_return_behind_organic_sales(self) -> None:
        for name, beta, kappa, mean, organic in CURVES:
            campaign = series(name, beta, kappa, mean, organic, days=168)
            curve = fit_response(np.array(campaign.spend), np.array(campaign.sales), np.random.default_rng(0))
            assert curve is not None
            assert curve.marginal(mean) == pytest.approx(beta / (kappa + mean), rel=0.25)

    def test_sales_that_come_anyway_are_not_credited_to_money(self) -> None:
        campaign = series("ORG", 50.0, 100.0, 100.0, 2000.0, days=168)
        spend, sales = np.array(campaign.spend), np.array(campaign.sales)
        curve = fit_response(spend, sales, np.random.default_rng(0))
        assert curve is not None
        assert curve.alpha > 0.8 * 2000
        assert curve.marginal(100.0) < 0.15 * sales.sum() / spend.sum()

    def test_six_days_are_too_few(self) -> None:
        assert fit_response(np.full(6, 10.0), np.full(6, 30.0), np.random.default_rng(0)) is None

    def test_a_shared_week_is_taken_out(self) -> None:
        week = np.tile([0.5, 1, 1, 1, 1, 1.5, 1], 8)
        assert without_weekdays(100 * week) == pytest.approx(np.full(56, 100.0))

    def test_noisy_curves_are_drawn_together_and_firm_ones_stay(self) -> None:
        rng = np.random.default_rng(3)

        def curves(noise: float, betas: tuple[float, ...]) -> list[float]:
            made = []
            for beta in betas:
                spend = 100 * np.exp(rng.normal(0, 0.4, 120))
                sales = beta * np.log1p(spend / 100) * np.exp(rng.normal(0, noise, 120))
                curve = fit_response(spend, sales, rng)
                assert curve is not None
                made.append(curve)
            spends = np.full(len(betas), 100.0)
            before = np.log([curve.marginal(100.0) for curve in made])
            after = np.log([curve.marginal(100.0) for curve in pooled(made, spends)])
            return [float(np.ptp(before)), float(np.ptp(after))]

        same_before, same_after = curves(0.6, (300.0, 300.0, 300.0, 300.0))
        assert same_after < 0.5 * same_before
        firm_before, firm_after = curves(0.02, (200.0, 400.0, 800.0, 1600.0))
        assert firm_after > 0.9 * firm_before


class TestAllocate:
    def test_it_agrees_with_scipy_and_with_a_grid(self) -> None:
        rng = np.random.default_rng(11)
        for _ in range(5):
            beta, kappa = rng.uniform(100, 900, 3), rng.uniform(20, 200, 3)
            now = rng.uniform(300, 1200, 3)
            low, high, total = 0.5 * now, 1.6 * now, float(now.sum())

            def sales(x: np.ndarray, beta: np.ndarray = beta, kappa: np.ndarray = kappa) -> float:
                return float((7 * beta * np.log1p(x / (7 * kappa))).sum())

            ours = allocate(beta, kappa, low, high, total)
            assert ours.sum() == pytest.approx(total, rel=1e-6)
            assert (ours >= low - 1e-6).all() and (ours <= high + 1e-6).all()
            other = minimize(
                lambda x: -sales(x) / 1000,
                now,
                bounds=list(zip(low, high, strict=True)),
                constraints={"type": "eq", "fun": lambda x, t=total: x.sum() - t},
                method="SLSQP",
                options={"ftol": 1e-12, "maxiter": 500},
            )
            assert sales(ours) == pytest.approx(sales(other.x), rel=1e-6)
            first, second = np.meshgrid(np.linspace(low[0], high[0], 200), np.linspace(low[1], high[1], 200))
            third = total - first - second
            fits = (third >= low[2]) & (third <= high[2])
            grid = max(sales(np.array(point)) for point in zip(first[fits], second[fits], third[fits], strict=True))
            assert sales(ours) >= grid - 1e-6 * abs(grid)

    def test_a_total_outside_the_bounds_is_refused(self) -> None:
        one = np.ones(2)
        with pytest.raises(ValueError, match="does not fit"):
            allocate(one, one, one, 2 * one, 10.0)


class TestBudget:
    def test_the_parts_add_up_and_keep_their_bounds(self) -> None:
        plan = bench("insight", "budget", task="budget").latest("budget")
        assert plan is not None
        assert sum(plan["allocation"].values()) == pytest.approx(plan["total"], abs=0.05)
        for placed in plan["placements"]:
            assert placed["at_least"] - 0.01 <= placed["proposed"] <= placed["at_most"] + 0.01

    def test_money_goes_where_the_next_unit_truly_brings_more(self) -> None:
        plan = bench("insight", "budget", task="budget").latest("budget")
        assert plan is not None
        truth = {name: beta / (kappa + mean) for name, beta, kappa, mean, _ in CURVES}
        moved = {placed["external_id"]: placed["proposed"] - placed["now"] for placed in plan["placements"]}
        assert moved[max(truth, key=lambda name: truth[name])] > 0
        assert moved[min(truth, key=lambda name: truth[name])] < 0
        assert plan["uplift"] > 0 and plan["uplift_low"] < plan["uplift"] < plan["uplift_high"]

    def test_evidence_lets_more_money_move(self) -> None:
        def moved(*names: str) -> float:
            plan = bench(*names, task="budget").latest("budget")
            assert plan is not None
            return sum(abs(placed["proposed"] - placed["now"]) for placed in plan["placements"])

        assert moved("budget") < moved("insight", "budget") <= moved("insight", "budget", "budget")

    def test_one_campaign_leaves_nothing_to_move(self) -> None:
        picture = snapshot(campaigns=(series(*CURVES[0]),))
        result = act("budget", picture, "budget", Workbench())
        plan = result.output.model_dump()
        assert plan["placements"] == [] and plan["missing"]
        assert plan["allocation"] == {"NM-0": pytest.approx(picture.campaigns[0].spend_per_week, abs=0.01)}

    def test_pure_noise_moves_next_to_nothing(self) -> None:
        noisy = []
        for number in range(4):
            rng = np.random.default_rng(number)
            campaign = series(f"N-{number}", 300.0, 100.0, 100.0, 0.0)
            sales = tuple(float(v) for v in np.array(campaign.sales) * np.exp(rng.normal(0, 0.8, len(campaign.sales))))
            noisy.append(type(campaign)(**{**{n: getattr(campaign, n) for n in campaign.__slots__}, "sales": sales}))
        plan = bench("insight", "budget", picture=snapshot(campaigns=tuple(noisy)), task="budget").latest("budget")
        assert plan is not None
        moved = sum(abs(placed["proposed"] - placed["now"]) for placed in plan["placements"])
        assert moved < 0.1 * plan["total"]
