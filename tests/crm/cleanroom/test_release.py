"""What leaves the room: bounded, noisy, thresholded. Audited from outside as an attacker would."""

from __future__ import annotations

from fractions import Fraction
from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from crm.cleanroom import release
from crm.cleanroom.contributions import Totals, bounded
from crm.cleanroom.errors import BadQuery
from crm.cleanroom.planning import Limits, plan
from crm.cleanroom.query import parse
from crm.cleanroom.vocabulary import Source
from tests.crm.cleanroom.test_noise import seeded

LIMITS = Limits(minimum_group=20, epsilon=10.0, delta=1e-6)


def totals_of(rows, question, planned, seed=1):
    return bounded(
        rows, groups=planned.groups, events=question.events_per_person, cents=question.amount_per_person * 100,
        below=seeded(seed),
    )  # fmt: skip


def least_epsilon(with_them, without, confidence=0.999):
    """Clopper-Pearson lower bound of the epsilon that two samples of an output prove, over all threshold events."""
    n, bounds = len(with_them), [0.0]
    cut = np.unique(np.concatenate([with_them, without]))
    tests = 2 * len(cut)
    for c in cut:
        for a, b in ((with_them >= c, without >= c), (without < c, with_them < c)):
            p = stats.beta.ppf((1 - confidence) / tests, a.sum(), n - a.sum() + 1) if a.sum() else 0.0
            q = stats.beta.ppf(1 - (1 - confidence) / tests, b.sum() + 1, max(n - b.sum(), 1e-9))
            if p > 0:
                bounds.append(log(p / q))
    return max(bounds)


class TestBounding:
    @given(
        st.lists(st.tuples(st.integers(0, 4), st.sampled_from("abcdef"), st.integers(0, 90_000)), max_size=60),
        st.integers(1, 4), st.integers(1, 5), st.integers(1, 500),
    )  # fmt: skip
    @settings(max_examples=80, deadline=None)
    def test_removing_a_person_changes_no_more_than_the_bounds(self, rows, groups, events, money):
        """For the same choices of the others: a person's own draws come last, so that they do not move theirs."""
        cents = money * 100
        shaped = [(who, [(group,)], amount) for who, group, amount in sorted(rows, key=lambda row: row[0])]
        last = max((who for who, _, _ in shaped), default=0)
        full = bounded(shaped, groups=groups, events=events, cents=cents, below=seeded(3))
        less = bounded(
            [row for row in shaped if row[0] != last], groups=groups, events=events, cents=cents, below=seeded(3)
        )
        for one, other, bound in (
            (full.people, less.people, 1), (full.events, less.events, events), (full.cents, less.cents, cents),
        ):  # fmt: skip
            differences = [abs(one.get(g, 0) - other.get(g, 0)) for g in {*one, *other}]
            assert max(differences, default=0) <= bound
            assert sum(d > 0 for d in differences) <= groups

    def test_which_groups_are_kept_is_left_to_chance(self):
        rows = [("p", [(letter,) for letter in "abcd"], 1)]
        below = seeded(5)
        kept = [next(iter(bounded(rows, groups=1, events=1, cents=1, below=below).people)) for _ in range(400)]
        counts = [kept.count((letter,)) for letter in "abcd"]
        assert stats.chisquare(counts).pvalue > 0.001

    def test_a_person_in_few_groups_keeps_them_all(self):
        found = bounded([("p", [("a",), ("b",)], 250)], groups=2, events=5, cents=100)
        assert dict(found.people) == {("a",): 1, ("b",): 1}
        assert dict(found.cents) == {("a",): 100, ("b",): 100}


class TestAudit:
    """Runs of the real release on neighbouring data. The proved lower bound must stay below epsilon, and must not be
    so loose that a missing noise would go unseen."""

    RUNS = 6000

    def _sizes(self, people: int, epsilon: str, seed: int) -> np.ndarray:
        question = parse({"metrics": ["people"], "epsilon": epsilon})
        planned = plan(question, Limits(2, 100.0, 0.0))
        open_plan = type(planned)(planned.measures, {Source.PEOPLE: -(10**9)}, 1, 1.0, 0.0, 2)
        rows = [(n, [()], 0) for n in range(people)]
        totals = {Source.PEOPLE: totals_of(rows, question, planned)}
        below = seeded(seed)
        return np.array(
            [
                release.groups(question, open_plan, totals, [()], below).rows[0].figures["people"].value
                for _ in range(self.RUNS)
            ]
        )

    def test_the_proved_epsilon_stays_below_the_promised_one(self):
        proved = least_epsilon(self._sizes(31, "1.00", 1), self._sizes(30, "1.00", 2))
        assert 0.5 < proved <= 1.0

    def test_the_audit_sees_too_little_noise(self):
        proved = least_epsilon(self._sizes(31, "3.00", 1), self._sizes(30, "3.00", 2))
        assert proved > 1.5

    def test_money_is_covered_by_its_bound(self):
        question = parse({"metrics": ["sales_amount"], "epsilon": "1.00", "amount_per_person": 10})
        planned = plan(question, Limits(2, 100.0, 0.0))
        open_plan = type(planned)(planned.measures, {Source.SALES: -(10**9)}, 1, 1.0, 0.0, 2)
        rows = [(n, [()], 900) for n in range(20)]
        rich = [*rows, ("rich", [()], 10**9)]
        samples = []
        for seed, data in enumerate((rich, rows)):
            totals, below = {Source.SALES: totals_of(data, question, planned)}, seeded(seed)
            released = [release.groups(question, open_plan, totals, [()], below).rows[0] for _ in range(3000)]
            samples.append(np.array([round(row.figures["sales_amount"].value) for row in released]))
        # half of epsilon went to the number of buyers
        assert least_epsilon(samples[0], samples[1]) <= 0.5

    def test_asking_with_and_without_one_person_tells_an_attacker_no_more_than_epsilon_allows(self):
        """The differencing attack: two questions, one of which leaves out a single person."""
        below = seeded(11)
        right = 0
        for trial in range(4000):
            present = trial % 2
            everybody = 30 + present + noise_of(below, 1)
            the_others = 30 + noise_of(below, 1)
            guess = everybody - the_others >= 0.5
            right += guess == bool(present)
        # the attacker paid for two questions of epsilon 1: at most e^2 / (1 + e^2) right
        assert 0.5 < right / 4000 <= exp(2) / (1 + exp(2))


def noise_of(below, epsilon):
    from crm.cleanroom.noise import discrete_laplace

    return discrete_laplace(1 / Fraction(epsilon), below)


class TestGroups:
    QUESTION = {"metrics": ["people"], "by": ["stage"], "epsilon": "1.00"}

    def test_a_small_group_is_hardly_ever_shown(self):
        question = parse(self.QUESTION)
        planned = plan(question, LIMITS)
        totals = {Source.PEOPLE: Totals(people={("small",): 19, ("large",): 400})}
        below = seeded(2)
        shown = 0
        for _ in range(3000):
            released = release.groups(question, planned, totals, [("small",), ("large",), ("none",)], below)
            names = [row.group["stage"] for row in released.rows]
            assert "large" in names
            assert released.suppressed == 3 - len(names)
            shown += "small" in names or "none" in names
        assert shown / 3000 <= 0.004

    def test_a_group_that_only_the_data_know_appears_only_above_tau(self):
        question = parse({"metrics": ["people"], "by": ["industry"], "epsilon": "1.00"})
        planned = plan(question, Limits(2, 10.0, 1e-6))
        tau = planned.thresholds[Source.PEOPLE]
        assert planned.delta == pytest.approx(1e-7)
        # the chance that a group of one person passes, from scipy
        assert stats.dlaplace(1.0).sf(tau - 2) <= 1e-7 < stats.dlaplace(1.0).sf(tau - 3)
        released = release.groups(
            question, planned, {Source.PEOPLE: Totals(people={("one",): 1, ("many",): 500})}, None, seeded(4)
        )
        assert [row.group["industry"] for row in released.rows] == ["many"]
        assert released.suppressed is None

    def test_intervals_hold_as_often_as_they_say(self):
        question = parse({"metrics": ["people", "conversion"], "epsilon": "1.00"})
        planned = plan(question, LIMITS)
        totals = {Source.PEOPLE: Totals(people={(): 500}), Source.SALES: Totals(people={(): 150})}
        below, inside = seeded(9), {"people": 0, "conversion": 0}
        for _ in range(2000):
            figures = release.groups(question, planned, totals, [()], below).rows[0].figures
            for name, true in (("people", 500), ("conversion", 0.3)):
                inside[name] += figures[name].low <= true <= figures[name].high
        assert inside["people"] / 2000 >= 0.94
        assert inside["people"] / 2000 <= 0.985
        assert inside["conversion"] / 2000 >= 0.95

    def test_a_rate_over_what_may_be_nothing_is_not_known(self):
        assert release.ratio((5, 1), (3, 3)).value is None
        assert release.ratio((30, 1), (20, 1), most=1.0).high == 1.0

    def test_a_room_without_delta_refuses_groups_that_only_the_data_know(self):
        with pytest.raises(BadQuery, match="needs a delta"):
            plan(parse({"metrics": ["people"], "by": ["industry"]}), Limits(20, 10.0, 0.0))

    def test_the_noise_grows_with_what_one_person_may_add(self):
        one = plan(parse({"metrics": ["outcomes"], "by": ["week"], "groups_per_person": 1}), LIMITS)
        many = plan(parse({"metrics": ["outcomes"], "by": ["week"], "groups_per_person": 4}), LIMITS)
        assert [m.scale for m in many.measures] == [4 * m.scale for m in one.measures]
        assert {m.metric: m.scale for m in one.measures} == {"people_with_outcome": 4, "outcomes": 20}


class TestOverlap:
    def test_sizes_and_intersection_fit_together_and_intervals_hold(self):
        question = parse({"kind": "overlap", "segments": ["a", "b"], "epsilon": "1.00"})
        planned = plan(question, LIMITS)
        regions = {frozenset("a"): 300, frozenset("b"): 200, frozenset("ab"): 100}
        below, inside = seeded(3), 0
        for _ in range(1500):
            rows = {
                row.group["segments"]: row.figures for row in release.overlap(["a", "b"], regions, planned, below).rows
            }
            both = rows["a and b"]
            assert both["union"].value == rows["a"]["people"].value + rows["b"]["people"].value - both["people"].value
            jaccard = both["jaccard"]
            assert jaccard.value == pytest.approx(both["people"].value / both["union"].value)
            inside += jaccard.low <= 100 / 600 <= jaccard.high
        assert inside / 1500 >= 0.95

    def test_three_segments_have_seven_regions_and_a_small_intersection_is_kept_back(self):
        question = parse({"kind": "overlap", "segments": ["a", "b", "c"], "epsilon": "2.00"})
        planned = plan(question, LIMITS)
        regions = {frozenset("a"): 300, frozenset("bc"): 200, frozenset("abc"): 2}
        released = release.overlap(["a", "b", "c"], regions, planned, seeded(8))
        rows = {row.group["segments"]: row.figures for row in released.rows}
        assert len(rows) == 7
        assert rows["a and b and c"]["people"].value is None
        assert rows["a and b"]["jaccard"].value is None
        assert rows["b and c"]["jaccard"].value > 0.9
        assert released.suppressed == 3
