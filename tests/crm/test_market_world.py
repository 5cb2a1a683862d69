"""The simulated market: calibrated, repeatable, blind to everything but the output, and exact in its expectation."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.market.cascade import STAGE_VALUE, _counted
from crm.market.produced import Copy, Email, Finding, Produced, Report
from crm.market.world import World
from crm.online import online_of
from crm.snapshot import CampaignSeries, ProspectBrief

WORLDS = ("grocers", "price-led", "thin-data")

POOR = ("AMAZING news!!", "Our products are the best ever. Hurry! Unbelievable and exclusive. Buy now!")
PLAIN = (
    "Something for your shop",
    "Hello,\n\nwe make things that shops like yours have on the shelf and we would like to tell you about them. "
    "Many of our customers have worked with us for a long time. Write back when you have a moment.\n\nKind regards",
)
SHORT = (
    "A better price, and a sample",
    "Dear Jo,\n\nthe price drops by 12 % from 4 boxes, so you save 31 EUR a month. A free sample is ready, with fast "
    "delivery and a warranty.\n\nMay I call on Thursday?\n\nEllen",
)
GOOD = (
    "34 % margin from stock that arrives on time",
    "Dear Jo,\n\nshops like yours earn 34 % margin on our 1 kg bag and the profit per metre rose by 18 % within 8 "
    "weeks. Deliveries come on 2 fixed days, 98 % of them on time, so stock is reliable before the weekend. We send a "
    "free sample case of 12 bags, so that you see how quickly it sells before you order.\n\nMay I call on Thursday?\n\n"
    "Ellen",
)


def prospect(key: str = "L-1", **other: str) -> ProspectBrief:
    fields = {
        "name": "Jo Marsh",
        "company": "Fennel & Co",
        "segment": "independent grocer",
        "need": "better margin per shelf metre",
        "seniority": "owner",
        "stage": "lost",
    }
    return ProspectBrief(key=key, **{**fields, **other})


def email(text: tuple[str, str], key: str = "L-1", **other: object) -> Produced:
    made = Produced("outreach", emails=(Email(key, *text),))
    return replace(made, **other)


def campaigns(world: World, budget: float = 1000.0) -> list[CampaignSeries]:
    return [CampaignSeries(name, f"Campaign {name}", "Northmart", budget) for name in world.spec.media.named]


def observed(world: World, produced: Produced, draws: int, **inputs: object) -> dict[str, np.ndarray]:
    """What many draws came to: sales, counted sales, furthest stage and O, read from the events alone."""
    rows: dict[str, list[float]] = {"sales": [], "sales_counted": [], "stage_value": [], "online": []}
    for number in range(draws):
        events = world.answer(produced, rng=np.random.default_rng([11, number]), **inputs)  # type: ignore[arg-type]
        sold = sum(event.kind == "sold" for event in events)
        best = max((STAGE_VALUE.get(event.funnel_stage, 0.0) for event in events), default=0.0)
        told = [
            (event.kind, event.prospect_key or None, {"count": event.count, "further": event.further})
            if not event.prospect_key or event.kind in ("sent", "exposed")
            else (event.kind, event.prospect_key, {})
            for event in events
        ]
        # A row that says how many were reached names the prospect, but stands for all of them.
        told = [(kind, None if kind in ("sent", "exposed") else who, detail) for kind, who, detail in told]
        rows["sales"].append(sold)
        rows["sales_counted"].append(min(sold, 5))
        rows["stage_value"].append(best)
        rows["online"].append(online_of(told) or 0.0)
    return {name: np.array(values, float) for name, values in rows.items()}


class TestCalibration:
    @pytest.mark.parametrize("name", WORLDS)
    def test_rates_of_usual_mailings_lie_in_the_public_ranges(self, name: str) -> None:
        world = World.load(name)
        counts: Counter[str] = Counter()
        segments = [*world.spec.segments, ""]
        for number in range(60):
            who = prospect(f"L-{number}", segment=segments[number % len(segments)], need="")
            for text in (PLAIN, SHORT, GOOD):
                for event in world.answer(
                    email(text, who.key), prospects=[who], campaigns=[], rng=np.random.default_rng([3, number])
                ):
                    counts[event.kind] += event.count
        sent = counts["sent"]
        assert sent == 60 * 3 * world.spec.emails.reach
        assert 0.28 <= counts["opened"] / sent <= 0.44
        assert 0.01 <= counts["replied"] / sent <= 0.05
        assert 0.007 <= counts["booked"] / sent <= 0.025
        assert 0.15 <= counts["sold"] / counts["booked"] <= 0.25

    @pytest.mark.parametrize("name", WORLDS)
    def test_a_pushy_empty_mailing_sells_least(self, name: str) -> None:
        world, who = World.load(name), prospect()
        sales = [world.expected(email(text), prospects=[who], campaigns=[]).sales for text in (POOR, PLAIN, GOOD)]
        assert sales[0] < 0.5 * sales[1] < sales[2]


class TestAnswer:
    def test_the_same_seed_gives_the_same_answer(self) -> None:
        world, who = World.load("grocers"), prospect()
        first, second = (
            world.answer(email(GOOD), prospects=[who], campaigns=[], rng=np.random.default_rng(5)) for _ in range(2)
        )
        other = world.answer(email(GOOD), prospects=[who], campaigns=[], rng=np.random.default_rng(6))
        assert first == second
        assert first != other

    def test_events_come_in_order_and_never_after_the_latest_day(self) -> None:
        world = World.load("grocers")
        events = world.answer(email(GOOD), prospects=[prospect()], campaigns=[], rng=np.random.default_rng(1))
        days = [event.days_after for event in events]
        assert days == sorted(days)
        assert max(days) <= world.spec.latest_day + 1
        steps = {"replied": 0, "booked": 1, "sold": 2}
        seen: dict[str, int] = {}
        for event in events:
            if event.kind in steps:
                assert seen.get(event.prospect_key, -1) == steps[event.kind] - 1
                seen[event.prospect_key] = steps[event.kind]

    def test_problems_of_governance_block_everything(self) -> None:
        world = World.load("grocers")
        held = email(GOOD, gate_issues=("no postal address",))
        events = world.answer(held, prospects=[prospect()], campaigns=[], rng=np.random.default_rng(1))
        assert [event.kind for event in events] == ["blocked"]
        assert world.expected(held, prospects=[prospect()], campaigns=[]).sales == 0

    def test_nothing_produced_brings_nothing(self) -> None:
        world = World.load("grocers")
        assert world.answer(Produced("outreach"), prospects=[], campaigns=[], rng=np.random.default_rng(1)) == []

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(citations=st.lists(st.text(max_size=12), max_size=6), strangers=st.integers(0, 5), shift=st.integers(0, 5))
    def test_it_reacts_only_to_what_was_produced(self, citations: list[str], strangers: int, shift: int) -> None:
        world, who = World.load("grocers"), prospect()
        plain = email(GOOD)
        cited = replace(plain, emails=(replace(plain.emails[0], citations=tuple(citations)),))
        others = [prospect(f"X-{number}") for number in range(strangers)]
        known = [*others[:shift], who, *others[shift:]]
        answers = [
            world.answer(made, prospects=people, campaigns=[], rng=np.random.default_rng(9))
            for made, people in ((plain, [who]), (cited, known))
        ]
        assert answers[0] == answers[1]

    def test_only_the_last_message_to_a_person_goes_out(self) -> None:
        world, who = World.load("grocers"), prospect()
        drafts = Produced("outreach", emails=(Email("L-1", *POOR), Email("L-1", *GOOD)))
        final = world.expected(drafts, prospects=[who], campaigns=[])
        assert final == world.expected(email(GOOD), prospects=[who], campaigns=[])

    def test_choosing_people_whom_the_text_concerns_pays(self) -> None:
        world = World.load("grocers")
        grocer, shop = prospect("L-1"), prospect("L-2", segment="health-food shop", need="more fibre and less sugar")
        fits = world.expected(email(GOOD, audience=("L-1",)), prospects=[grocer, shop], campaigns=[])
        misses = world.expected(email(GOOD, audience=("L-2",)), prospects=[grocer, shop], campaigns=[])
        assert fits.touched == misses.touched
        assert fits.sales > 1.3 * misses.sales


class TestExpected:
    @pytest.mark.parametrize(
        ("kind", "produced"),
        [
            ("outreach", email(GOOD)),
            ("outreach", email(PLAIN)),
            ("creative", Produced("creative", copies=(Copy("A", *SHORT), Copy("B", *PLAIN)))),
            ("budget", Produced("budget", allocation={"BK-SEARCH": 2400.0, "NM-SEARCH": 300.0})),
        ],
    )
    def test_it_is_the_mean_of_many_draws(self, kind: str, produced: Produced) -> None:
        world = World.load("grocers")
        inputs = {"prospects": [prospect()], "campaigns": campaigns(world)}
        stated = world.expected(produced, **inputs)  # type: ignore[arg-type]
        for name, values in observed(world, produced, 1500, **inputs).items():
            error = 4 * values.std() / np.sqrt(len(values)) + 0.002
            assert abs(values.mean() - getattr(stated, name)) < error, name

    def test_counted_sales_agree_with_a_convolution(self) -> None:
        chances = np.random.default_rng(2).uniform(0, 0.05, 120)
        exact = np.array([1.0])
        for chance in chances:
            exact = np.convolve(exact, [1 - chance, chance])
        assert _counted(chances) == pytest.approx(float(np.minimum(np.arange(len(exact)), 5) @ exact), abs=1e-9)


class TestMoney:
    def test_moving_money_to_where_it_works_sells_more(self) -> None:
        world = World.load("grocers")
        have = [
            CampaignSeries(name, name, "Northmart", budget)
            for name, budget in (("NM-SEARCH", 3600.0), ("BK-SEARCH", 1400.0), ("BK-VIDEO", 1000.0))
        ]

        def sales(**placed: float) -> float:
            made = Produced("budget", allocation={name.replace("_", "-"): money for name, money in placed.items()})
            return world.expected(made, prospects=[], campaigns=have).sales

        better, same = sales(NM_SEARCH=2200, BK_SEARCH=3000, BK_VIDEO=800), sales(NM_SEARCH=3600, BK_SEARCH=1400)
        worse = sales(NM_SEARCH=5000, BK_SEARCH=400, BK_VIDEO=600)
        assert worse < same < better
        assert better > 2 * same

    def test_the_report_that_looks_best_is_not_where_the_next_euro_works_best(self) -> None:
        """The history shows what the retailer credits; the curve tells what money adds."""
        world = World.load("grocers")
        past = {name: world.history(name, budget=budget, last_day=date(2026, 11, 1)) for name, budget in
                (("NM-SEARCH", 3600.0), ("VF-SEARCH", 1100.0))}  # fmt: skip
        shown = {name: one.sales.sum() / one.spend.sum() for name, one in past.items()}
        assert shown["NM-SEARCH"] > shown["VF-SEARCH"]

    def test_history_is_the_same_each_time_and_has_one_row_a_day(self) -> None:
        world = World.load("thin-data")
        first, second = (world.history("NM-SEARCH", budget=700, last_day=date(2026, 11, 1)) for _ in range(2))
        assert first.days[-1] == date(2026, 11, 1)
        assert first.days[1] - first.days[0] == timedelta(days=1)
        assert len(first.days) == world.spec.media.days_of_history
        assert np.array_equal(first.sales, second.sales)
        assert (first.clicks <= first.impressions).all()


class TestReports:
    HAVE = (
        CampaignSeries("NM-SEARCH", "Northmart sponsored search", "Northmart", 3600.0),
        CampaignSeries("BK-SEARCH", "Basketly sponsored search", "Basketly", 1400.0),
        CampaignSeries("VF-SEARCH", "Verdi Foods sponsored search", "Verdi Foods", 1100.0),
    )

    def sales(self, recommendation: str, *findings: Finding) -> float:
        report = Report("Readout", findings, recommendation)
        made = Produced("measurement", report=report)
        return World.load("grocers").expected(made, prospects=[], campaigns=self.HAVE).sales

    def test_right_advice_sells_more_than_none_and_wrong_advice_less(self) -> None:
        right = self.sales("Raise BK-SEARCH and VF-SEARCH by 400 EUR a week and cut NM-SEARCH by 800 EUR.")
        none = self.sales("Look at the step after engaged: 40 % of those who reached it went on by 3 weeks.")
        wrong = self.sales("Raise NM-SEARCH by 800 EUR a week and cut BK-SEARCH and VF-SEARCH by 400 EUR.")
        assert wrong < none < right

    def test_figures_make_people_follow_it(self) -> None:
        advice = "Move money from NM-SEARCH to BK-SEARCH and VF-SEARCH."
        bare = self.sales(advice)
        backed = self.sales(advice, Finding("NM-SEARCH returned 0.34 for the next 1 EUR, BK-SEARCH 1.95", 0.34, "x"))
        assert backed > bare
