"""The drawings: their geometry follows the data, they parse, they never print a number that is not finite."""

import re
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from crm.charts.drawings import Drawing
from crm.charts.funnel import Stage, funnel
from crm.charts.intervals import mean_of, student
from crm.charts.marks import (
    bar,
    confidence_bullet,
    interval_mark,
    reward_bar,
    share_bar,
    sparkline,
    steps_spark,
)
from crm.charts.reward import Part, parts_bar
from crm.charts.scales import apart, nice_step, thinned, ticks
from crm.charts.spread import bin_edges, reward_spread, spread_of
from crm.charts.svg import element, number
from crm.charts.trend import Line, Point, Upright, reward_trend
from crm.charts.words import MINUS, figure, share, signed

START = datetime(2026, 6, 29)


def parsed(svg: str) -> ET.Element:
    root = ET.fromstring(svg)
    for node in root.iter():
        for name, value in node.attrib.items():
            assert "nan" not in value.lower() or name == "aria-label"
            if name in {"d", "x", "y", "width", "height", "cx", "cy"}:
                for written in re.findall(r"-?\d+\.?\d*", value):
                    assert abs(float(written)) < 10_000
    return root


def classed(root: ET.Element, name: str) -> list[ET.Element]:
    return [node for node in root.iter() if name in (node.get("class") or "").split()]


def path_points(path: ET.Element) -> list[tuple[float, float]]:
    pairs = re.findall(r"(-?\d+\.?\d*) (-?\d+\.?\d*)", path.get("d") or "")
    return [(float(x), float(y)) for x, y in pairs]


def weeks(mode: str, means: list[float], reach: float | None = 0.05) -> Line:
    return Line(
        mode,
        [
            Point(
                START + timedelta(weeks=index),
                f"{index}",
                mean,
                None if reach is None else mean - reach,
                None if reach is None else mean + reach,
                10,
            )
            for index, mean in enumerate(means)
        ],
    )


def both(drawing: Drawing) -> list[ET.Element]:
    return [parsed(drawing.wide), parsed(drawing.phone)]


class TestTrend:
    def test_a_higher_mean_is_drawn_higher_and_the_band_holds_it(self):
        for root in both(reward_trend([weeks("rl", [0.4, 0.5, 0.7])])):
            line = path_points(classed(root, "line")[0])
            assert [y for _, y in line] == sorted((y for _, y in line), reverse=True)
            assert [x for x, _ in line] == sorted(x for x, _ in line)
            band = path_points(classed(root, "band")[0])
            for x, y in line:
                edges = sorted(edge for at, edge in band if at == x)
                assert edges[0] <= y <= edges[1]

    def test_equal_steps_of_time_and_reward_are_equal_steps_on_paper(self):
        root = parsed(reward_trend([weeks("rule", [0.2, 0.4, 0.6])]).wide)
        (x0, y0), (x1, y1), (x2, y2) = path_points(classed(root, "line")[0])
        assert x1 - x0 == pytest.approx(x2 - x1, abs=0.11)
        assert y1 - y0 == pytest.approx(y2 - y1, abs=0.11)

    def test_labels_at_the_ends_never_overlap(self):
        lines = [weeks("rl", [0.5, 0.501]), weeks("rule", [0.5, 0.5]), weeks("static", [0.5, 0.499])]
        for root in both(reward_trend(lines)):
            places = sorted(float(label.get("y") or 0) for label in classed(root, "direct"))
            assert len(places) == 3
            assert all(after - before >= 14.9 for before, after in zip(places, places[1:], strict=False))

    def test_the_finding_says_what_the_figures_say(self):
        drawing = reward_trend([weeks("rl", [0.45, 0.5, 0.66]), weeks("static", [0.5, 0.44])])
        assert (
            drawing.finding
            == "Reward per episode over time. RL rose from 0.45 to 0.66 and Static fell from 0.50 to 0.44."
        )
        assert parsed(drawing.wide).get("aria-label") == drawing.finding
        assert parsed(drawing.wide).get("role") == "img"

    def test_versions_outside_the_time_shown_are_left_out(self):
        uprights = [Upright(START + timedelta(days=8), "v2"), Upright(START - timedelta(days=8), "v1")]
        root = parsed(reward_trend([weeks("rl", [0.4, 0.5, 0.6])], uprights).wide)
        assert [text.text for group in classed(root, "event") for text in group.iter("text")] == ["v2"]

    def test_one_point_or_none_is_still_a_drawing(self):
        single = reward_trend([weeks("rl", [0.4], None)])
        for root in both(single):
            assert not classed(root, "line")
            assert len(classed(root, "end")) == 1
        assert "no rewarded episodes" in reward_trend([]).finding
        for root in both(reward_trend([])):
            assert not classed(root, "end")

    def test_what_is_not_a_number_is_left_out(self):
        drawing = reward_trend([weeks("rl", [0.4, nan, 0.6]), weeks("rule", [inf])])
        for root in both(drawing):
            assert len(path_points(classed(root, "line")[0])) == 2
            assert len(classed(root, "end")) == 1

    def test_a_wide_interval_does_not_flatten_the_lines(self):
        root = parsed(reward_trend([weeks("rl", [0.4, 0.6], 9.0)]).wide)
        (_, first), (_, last) = path_points(classed(root, "line")[0])
        assert first - last > 60

    def test_the_table_has_every_value_and_leaves_gaps_empty(self):
        table = reward_trend([weeks("rl", [0.4, 0.5]), weeks("rule", [0.3])]).table
        assert [column.name for column in table.columns][:2] == ["Week of", "RL"]
        assert table.rows[0][1:3] == ["0.40", "0.35 to 0.45"]
        assert table.rows[1][4:] == ["", "", ""]

    @given(
        st.lists(st.floats(min_value=-2, max_value=4) | st.sampled_from([nan, inf, -inf]), min_size=0, max_size=14),
        st.floats(min_value=0, max_value=30) | st.none(),
    )
    def test_any_rewards_give_a_drawing_that_parses(self, means, reach):
        for root in both(reward_trend([weeks("rl", means, reach), weeks("static", means[:3], reach)])):
            height = float(root.get("height") or 0)
            for name in ("line", "band"):
                for path in classed(root, name):
                    assert all(-1 <= y <= height for _, y in path_points(path))


class TestFunnel:
    STAGES = (Stage("Prospect", 1860), Stage("Engaged", 742), Stage("Qualified", 268), Stage("Purchased", 41))

    def test_bars_are_as_long_as_the_counts(self):
        wide, phone = both(funnel(self.STAGES))
        heights = [float(bar.get("height") or 0) for bar in classed(wide, "stage")]
        widths = [float(bar.get("width") or 0) for bar in classed(phone, "stage")]
        for lengths in (heights, widths):
            assert lengths[1] / lengths[0] == pytest.approx(742 / 1860, abs=0.01)
            assert lengths[2] / lengths[0] == pytest.approx(268 / 1860, abs=0.01)
        assert classed(wide, "won")[0] is classed(wide, "stage")[-1]

    def test_it_says_what_share_went_on(self):
        drawing = funnel(self.STAGES)
        assert "40\N{NO-BREAK SPACE}% go on" in drawing.wide
        assert drawing.finding == "Funnel of leads: 1,860 prospect, 742 engaged, 268 qualified and 41 purchased."
        assert drawing.table.rows[1] == ["Engaged", "742", "40\N{NO-BREAK SPACE}%", "40\N{NO-BREAK SPACE}%"]

    def test_a_few_of_many_can_still_be_seen(self):
        wide, _ = both(funnel([Stage("Prospect", 1_000_000), Stage("Purchased", 1)]))
        assert float(classed(wide, "won")[0].get("height") or 0) >= 1

    def test_nothing_is_a_drawing_and_less_than_nothing_is_refused(self):
        assert funnel([Stage("Prospect", 0)]).finding == "Funnel: no leads yet."
        for stages in ([], [Stage("Prospect", 0), Stage("Engaged", 0)]):
            both(funnel(stages))
        with pytest.raises(ValueError, match="fewer than no"):
            funnel([Stage("Prospect", -1)])


class TestSpread:
    def test_every_reward_falls_in_one_bin(self):
        edges = bin_edges(-0.2, 3.5)
        spread = spread_of("rl", [-0.2, 0.0, 0.5, 3.5, nan], edges)
        assert sum(spread.counts) == 4
        assert spread.mean.count == 4
        assert edges[0] <= -0.2 and edges[-1] >= 3.5

    @given(st.floats(min_value=-3, max_value=1), st.floats(min_value=0, max_value=6))
    def test_edges_are_even_and_hold_the_range(self, low, high):
        edges = bin_edges(min(low, high), max(low, high))
        assert edges[0] <= min(low, 0) + 1e-9 and edges[-1] >= max(high, 1) - 1e-9
        assert 5 <= len(edges) - 1 <= 42
        steps = [after - before for before, after in zip(edges, edges[1:], strict=False)]
        assert max(steps) == pytest.approx(min(steps), abs=1e-6)

    def test_height_is_the_share_of_the_mode_not_its_count(self):
        edges = bin_edges(0, 1)
        many = spread_of("rule", [0.1] * 50 + [0.9] * 50, edges)
        few = spread_of("static", [0.1, 0.9], edges)
        root = parsed(reward_spread([many, few], edges).wide)
        tops = []
        for path in classed(root, "bin-top"):
            ys = [float(y) for y in re.findall(r"V(-?\d+\.?\d*)", path.get("d") or "")]
            tops.append(max(ys) - min(ys))
        assert tops[0] == pytest.approx(tops[1], abs=0.2)

    def test_the_mean_stands_on_its_value(self):
        edges = bin_edges(0, 1)
        root = parsed(reward_spread([spread_of("rl", [0.25, 0.75], edges)], edges).wide)
        line = classed(root, "mean-line")[0].get("d") or ""
        assert float(re.findall(r"M(\d+\.?\d*)", line)[0]) == pytest.approx((88 + 622) / 2, abs=0.2)

    def test_modes_without_runs_are_left_out(self):
        edges = bin_edges(0, 1)
        drawing = reward_spread([spread_of("rl", [], edges), spread_of("rule", [0.4], edges)], edges)
        assert [row[0] for row in drawing.table.rows] == ["Rule"]
        assert drawing.finding == "Reward of 1 episode by mode: Rule mean 0.40."
        assert "no rewarded episodes" in reward_spread([], edges).finding


class TestInterval:
    @pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 15, 30, 200])
    def test_the_point_of_student_is_that_of_scipy(self, freedom):
        assert student(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=2e-3)

    def test_it_is_the_interval_of_scipy(self):
        values = [0.3, 0.5, 0.55, 0.8, 0.41, 0.62]
        mean = mean_of(len(values), sum(values), sum(value**2 for value in values))
        low, high = stats.t.interval(0.95, 5, loc=stats.tmean(values), scale=stats.sem(values))
        assert (mean.low, mean.high) == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3))

    def test_one_value_has_a_mean_and_no_interval(self):
        assert mean_of(1, 0.4, 0.16).low is None
        assert mean_of(0, None, None).mean is None

    def test_the_mark_holds_its_ends(self):
        root = parsed(interval_mark(0.5, 0.4, 0.6, axis=(0.0, 1.0)))
        assert root.get("aria-label") == "0.400 to 0.600"
        circle = float(classed(root, "interval")[0][-1].get("cx") or 0)
        left, right = (float(x) for x in re.findall(r"[MH](\d+\.?\d*)", classed(root, "reach")[0].get("d") or ""))
        assert left < circle < right
        parsed(interval_mark(nan, None, None, axis=(0.0, 0.0)))


class TestMarks:
    def test_a_bar_is_as_wide_as_its_value_and_stays_on_the_rail(self):
        for value, top, width in ((0.62, 1.0, 62), (3.5, 3.5, 100), (1.75, 3.5, 50), (-0.3, 1.0, 0), (9.0, 1.0, 100)):
            fill = classed(parsed(bar(value, top=top)), "fill")[0]
            assert float(fill.get("width") or -1) == pytest.approx(width)
        assert classed(parsed(bar(nan)), "fill")[0].get("width") == "0"
        assert classed(parsed(bar(None, top=0.0)), "fill")[0].get("width") == "0"

    def test_reward_bars_of_a_table_compare(self):
        short, long = (
            float(classed(parsed(reward_bar(value, top=3.0)), "fill")[0].get("width") or 0) for value in (1, 2)
        )
        assert long == pytest.approx(2 * short, abs=0.2)

    def test_the_spark_names_the_last_value_and_the_mean(self):
        root = parsed(sparkline([0.2, 0.4, 0.9]))
        assert root.get("aria-label") == "Reward of the last 3 runs, now 0.900, mean 0.500"
        points = path_points(classed(root, "spark-line")[0])
        assert points[0][1] > points[1][1] > points[2][1]

    @pytest.mark.parametrize("rewards", [[], [0.4], [nan, None], [0.5] * 20, [-1.0, 3.5]])
    def test_any_history_parses(self, rewards):
        parsed(sparkline(rewards))

    def test_low_steps_are_marked_and_the_running_one_is_an_outline(self):
        root = parsed(steps_spark([0.9, 0.2, None, nan], running=True))
        assert len(list(root.iter("rect"))) == 5
        assert len(classed(root, "low")) == 1
        assert len(classed(root, "now")) == 1
        first, second = (float(rect.get("height") or 0) for rect in list(root.iter("rect"))[:2])
        assert first / second == pytest.approx(0.9 / 0.2, abs=0.1)
        parsed(steps_spark([]))

    def test_shares_compare_with_the_most(self):
        assert float(next(parsed(share_bar(32, 64, "rl")).iter("rect")).get("width") or 0) == 50
        parsed(share_bar(0, 0, "rl"))

    def test_a_doubt_is_marked_low(self):
        assert parsed(confidence_bullet(0.58, 0.7)).get("class") == "bullet low"
        assert parsed(confidence_bullet(0.83, 0.7)).get("class") == "bullet"


class TestRewardParts:
    PARTS = (Part("judge", "judge", 0.4), Part("sale", "sale", 0.2), Part("cost", "cost", -0.1))

    def test_gains_lie_end_to_end_and_cost_goes_back(self):
        root = parsed(parts_bar(self.PARTS))
        judge, sale = classed(root, "from-judge")[0], classed(root, "from-sale")[0]
        assert float(judge.get("width") or 0) / float(sale.get("width") or 0) == pytest.approx(2, abs=0.03)
        assert float(sale.get("x") or 0) == pytest.approx(float(judge.get("width") or 0) + 1.5, abs=0.2)
        cost = classed(root, "cost")[0]
        end = float(cost.get("x") or 0) + float(cost.get("width") or 0)
        assert end == pytest.approx(float(sale.get("x") or 0) + float(sale.get("width") or 0) + 1.5, abs=0.2)
        total = re.findall(r"M(\d+\.?\d*)", classed(root, "total")[0].get("d") or "")[0]
        assert float(total) == pytest.approx(float(cost.get("x") or 0), abs=0.2)

    def test_the_finding_sums_the_parts(self):
        expected = f"Reward 0.500 so far: judge +0.400, sale +0.200 and cost {MINUS}0.100."
        assert parsed(parts_bar(self.PARTS, so_far=True)).get("aria-label") == expected

    @pytest.mark.parametrize(
        "adds", [[], [0.0], [nan], [3.5, -0.02], [0.01, -0.4], [-0.3], [0.001, 0.001, 0.001, 2.5], [0.5, 1e-9]]
    )
    def test_any_parts_parse_and_stay_inside(self, adds):
        root = parsed(parts_bar([Part("sale" if add >= 0 else "cost", "part", add) for add in adds]))
        for rect in root.iter("rect"):
            assert float(rect.get("x") or 0) >= 0
            assert float(rect.get("x") or 0) + float(rect.get("width") or 0) <= 352

    def test_labels_of_small_parts_do_not_overlap(self):
        root = parsed(parts_bar([Part("judge", "a", 0.01), Part("human", "b", 0.01), Part("sale", "c", 2.0)]))
        labels = [float(text.get("x") or 0) for text in classed(root, "part-value")]
        assert all(after - before >= 32 for before, after in zip(labels, labels[1:], strict=False))


class TestScales:
    @given(st.lists(st.floats(min_value=0, max_value=200), min_size=1, max_size=8))
    def test_places_keep_their_distance_and_their_order(self, wanted):
        places = apart(wanted, 15, 0, 200)
        for first in range(len(wanted)):
            for second in range(len(wanted)):
                if first != second:
                    assert abs(places[first] - places[second]) >= 14.99
                    if wanted[first] < wanted[second]:
                        assert places[first] < places[second]
        assert min(places) >= 0 and max(places) <= 200 + 1e-6

    def test_what_has_room_stays_where_it_is(self):
        assert apart([10, 60, 110], 15, 0, 200) == [10, 60, 110]

    @given(st.floats(min_value=-5, max_value=5), st.floats(min_value=1e-3, max_value=10))
    def test_ticks_bound_the_range(self, low, span):
        levels = ticks(low, low + span, 5)
        assert levels[0] <= low + 1e-6 and levels[-1] >= low + span - 1e-6
        assert 2 <= len(levels) <= 7

    def test_steps_are_round(self):
        assert [nice_step(span, 5) for span in (1.0, 0.9, 2.2, 4.9, 0)] == [0.2, 0.2, 0.5, 1.0, 1.0]

    def test_the_newest_label_is_kept(self):
        assert thinned([0, 10, 20, 35], float, 20, keep_last=True) == [10, 35]


class TestMarkup:
    def test_text_is_escaped(self):
        assert element("text", "a <b> & c", x=1.0) == '<text x="1">a &lt;b&gt; &amp; c</text>'
        assert "&quot;" in element("text", "x", aria_label='say "so"')

    def test_a_coordinate_that_is_not_finite_is_refused(self):
        with pytest.raises(ValueError, match="finite"):
            number(nan)

    def test_figures_read_well(self):
        assert figure(-0.034, 3) == f"{MINUS}0.034"
        assert figure(-0.0004, 3) == "0.000"
        assert figure(1234.5, 1) == "1,234.5"
        assert (signed(0.246, 3), figure(nan), signed(None)) == ("+0.246", "", "")
        assert share(1, 1000) == "under 1\N{NO-BREAK SPACE}%"
        assert share(1, 0) == ""
