"""Prices, retries, blending, dashboards and the embedded ranking, against figures done by hand."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf.judge import verdicts
from rlhf.judge.blending import blended
from rlhf.judge.dashboards import FITS, MOST_MARKS, SIZES, refined, type_fit
from rlhf.judge.prices import DEAREST, PRICES, Tokens, at_most_usd, cost_usd, price_of
from rlhf.judge.retries import MOST_ATTEMPTS, RETRIES, wait_s
from rlhf.judge.rubric import Verdict, judge, parse, rubric_for
from rlhf.models import Evaluation

UNIT = st.floats(0, 1)


class TestPrices:
    def test_a_call_of_every_kind_of_token_by_hand(self) -> None:
        tokens = Tokens(input=1_000_000, cache_write=1_000_000, cache_read=1_000_000, output=1_000_000)
        assert cost_usd("claude-sonnet-5-5", tokens) == Decimal("14.60")
        assert cost_usd("claude-sonnet-5-5", tokens, batched=True) == Decimal("7.30")
        assert cost_usd("claude-opus-4-6", tokens) == Decimal("36.75")

    def test_a_dated_name_has_the_price_of_its_family(self) -> None:
        assert price_of("claude-haiku-4-5-20251001") == (PRICES["claude-haiku-4-5"], True)
        assert price_of("claude-sonnet-5-5-20261007")[0] == PRICES["claude-sonnet-5-5"]
        assert price_of("claude-sonnet-5")[0] == PRICES["claude-sonnet-5"]
        assert price_of("claude-fable-5-1")[0].cache_read == Decimal("0.25")

    def test_an_unknown_name_costs_the_most(self) -> None:
        assert price_of("somebody-else-9") == (DEAREST, False)
        assert all(price.output <= DEAREST.output for price in PRICES.values())

    def test_a_long_prompt_costs_more_where_the_model_says_so(self) -> None:
        short, long = Tokens(input=100_000, output=1000), Tokens(input=100_001, output=1000)
        assert cost_usd("claude-haiku-5-5", short) == Decimal("0.0105")
        assert cost_usd("claude-haiku-5-5", long) == Decimal("0.052501")
        assert cost_usd("claude-sonnet-5-5", long) < Decimal("0.22")

    @given(st.integers(0, 200_000), st.integers(0, 6000))
    def test_what_is_set_aside_is_never_less_than_the_cost(self, signs: int, output: int) -> None:
        real = Tokens(cache_write=int(signs / 2.6), output=output)
        assert cost_usd("claude-sonnet-5-5", real) <= at_most_usd("claude-sonnet-5-5", signs=signs, max_tokens=6000)


class TestRetries:
    def test_every_cause_but_the_limit_has_a_row(self) -> None:
        assert set(RETRIES) == {cause.value for cause in Evaluation.Cause} - {"limit"}

    def test_the_wait_doubles_up_to_its_cap_and_never_undercuts_what_was_asked(self) -> None:
        waits = [wait_s("rate_limited", failures=n, attempts=n) for n in range(1, 10)]
        assert waits == [30, 60, 120, 240, 480, 960, 1800, 1800, None]
        assert wait_s("rate_limited", failures=1, attempts=1, asked_s=400) == 400
        assert wait_s("overloaded", failures=3, attempts=3, asked_s=1) == 240

    def test_no_order_is_tried_more_often_than_the_limit(self) -> None:
        assert wait_s("rate_limited", failures=1, attempts=MOST_ATTEMPTS) is None
        assert wait_s("refused", failures=1, attempts=1) is None


class TestBlended:
    def test_a_rank_moves_j_by_a_quarter(self) -> None:
        assert blended(0.6, 0.2) == pytest.approx(0.65)
        assert blended(0.6, None) == 0.6
        assert blended(None, 0.4) is None
        assert blended(0.95, 0.5) == 1.0 and blended(0.05, -0.5) == 0.0

    @given(st.lists(UNIT, min_size=2, max_size=8))
    def test_ranks_leave_the_mean_of_a_group_where_it_was(self, scores: list[float]) -> None:
        ranks = verdicts.centred(scores)
        assert sum(rank.centred for rank in ranks) == pytest.approx(0, abs=1e-3)


class TestRefined:
    def test_the_formula_by_hand(self) -> None:
        found = refined(0.6, confidence=0.8, up=True, appropriateness=[1.0, 0.5], missing=1, sizes=[True, False])
        gathered = 0.2 * 0.8 + 0.4 * 0.75 - 0.3 / 3 + 0.2 * 0.5
        assert found == pytest.approx(0.5 * 0.6 + 0.5 * (gathered + 0.3) / 1.1)

    def test_its_ends(self) -> None:
        best = refined(1, confidence=1, up=True, appropriateness=[1], missing=0, sizes=[True])
        worst = refined(0, confidence=1, up=False, appropriateness=[0], missing=9, sizes=[False])
        assert (best, worst) == (pytest.approx(1), pytest.approx(0))

    def test_a_sure_no_never_lifts_it(self) -> None:
        rest: dict[str, Any] = {"appropriateness": [0.5], "missing": 0, "sizes": [True]}
        sure = refined(0.3, confidence=0.95, up=False, **rest)
        assert sure < refined(0.3, confidence=0.55, up=False, **rest)

    @given(
        UNIT, UNIT, st.booleans(), st.lists(UNIT, max_size=8), st.integers(0, 20), st.lists(st.booleans(), max_size=8)
    )
    def test_it_stays_in_the_unit(
        self, base: float, sure: float, up: bool, fits: list[float], lost: int, sizes: list[bool]
    ) -> None:
        found = refined(base, confidence=sure, up=up, appropriateness=fits, missing=lost, sizes=sizes)
        assert -1e-9 <= found <= 1 + 1e-9


def widget(kind: str, metrics: list[str], dimensions: list[str] | None = None, **fields: Any) -> dict[str, Any]:
    wide, high = SIZES[kind][0]
    return {
        "type": kind, "title": f"{kind} of {', '.join(metrics)}", "width": wide, "rows": high, "metrics": metrics,
        "dimensions": dimensions or [], **fields,
    }  # fmt: skip


INTENT = {"action": "rank", "metrics": ["roas", "spend"], "dimensions": ["campaign"]}
GOOD = [
    widget("kpi", ["spend"]),
    widget("bar_rank", ["roas"], ["campaign"], rows_count=8),
    widget("table", ["roas", "spend"], ["campaign"], rows_count=8),
]
CONTEXT = {"facts": {"campaign:C-1#roas": "Search returned 3.21 per 1 spent"}, "intent": INTENT}
REQUEST = "Which campaigns have the best ROAS?"
ANSWER = "Search has the best ROAS of all campaigns: 3.21."


def dashboard(widgets: list[dict[str, Any]] = GOOD, answer: str = ANSWER, **context: Any) -> Verdict:
    output = {"kind": "dashboard", "widgets": widgets, "answer": answer}
    return judge(kind="dashboard", request=REQUEST, context={**CONTEXT, **context}, output=output)


class TestDashboards:
    def test_a_good_one_scores_high_and_fills_every_field(self) -> None:
        found = dashboard()
        assert found.score is not None and found.score > 0.85 and found.overall_rating == "up"
        assert [one.widget_index for one in found.widget_feedback] == [0, 1, 2]
        assert all(one.size_appropriate for one in found.widget_feedback)
        assert found.missing_widgets == () and found.query_understanding == "Read as: rank of roas, spend by campaign."
        assert set(found.dimensions) == {
            "accuracy",
            "completeness",
            "coherence",
            "relevance",
            "brand_fit",
            "compliance",
        }

    def test_what_was_asked_and_is_not_there_is_named(self) -> None:
        found = dashboard([GOOD[0]])
        assert found.missing_widgets == ("bar_rank of roas", "bar_rank by campaign")
        assert found.score is not None and found.score < dashboard().score - 0.15  # type: ignore[operator]

    def test_a_figure_that_no_fact_holds_costs_accuracy(self) -> None:
        wrong = dashboard(answer=ANSWER.replace("3.21", "9.87"))
        assert wrong.dimensions["accuracy"] < dashboard().dimensions["accuracy"]
        assert any("9.87" in issue for issue in wrong.issues)

    @pytest.mark.parametrize(
        ("change", "issue"),
        [
            ({"width": 5}, "is no size of a bar_rank"),
            ({"rows_count": 40}, "40 marks where 15 can be read"),
            ({"rows_count": 0}, "shows no data"),
            ({"type": "pie"}, "no widget of the catalogue"),
        ],
    )
    def test_a_broken_widget_says_what_is_wrong(self, change: dict[str, Any], issue: str) -> None:
        found = dashboard([GOOD[0], {**GOOD[1], **change}, GOOD[2]])
        said = found.widget_feedback[1]
        assert any(issue in one for one in said.issues), said
        assert found.score is not None and found.score < dashboard().score  # type: ignore[operator]

    def test_doubles_and_crowds_cost_coherence(self) -> None:
        crowd = [*GOOD, *(widget("bar_rank", ["roas"], ["campaign"]) for _ in range(7))]
        assert dashboard(crowd).dimensions["coherence"] <= 1 / 3 + 1e-3

    def test_without_an_intent_fit_is_not_guessed(self) -> None:
        found = dashboard(intent={})
        assert [one.appropriateness_score for one in found.widget_feedback] == [None, None, None]
        assert found.missing_widgets == () and found.confidence is not None

    def test_slots_may_come_with_how_sure_the_reader_was(self) -> None:
        slots = {
            "action": {"value": "rank", "confidence": 0.9},
            "metrics": [{"name": "roas"}],
            "dimensions": {"value": ["campaign"]},
        }
        assert dashboard(intent=slots).query_understanding == "Read as: rank of roas by campaign."

    def test_personal_data_keeps_it_in_the_lowest_band(self) -> None:
        assert dashboard(answer=f"{ANSWER} Ask jo.marsh@fennel.example.").score == 0.3

    def test_an_empty_one_is_worth_nothing(self) -> None:
        assert dashboard([], answer="").score == 0.0

    def test_the_table_of_fits_names_known_types_only(self) -> None:
        assert {kind for kinds in FITS.values() for kind in kinds} <= set(SIZES)
        assert set(MOST_MARKS) <= set(SIZES)
        assert (type_fit("bar_rank", "rank"), type_fit("kpi", "rank"), type_fit("heatmap", "rank")) == (1.0, 0.7, 0.3)
        assert type_fit("kpi", "unknown") is None


class TestRanking:
    RUBRIC = rubric_for("creative")

    def _verdict(self, **dimensions: float) -> Verdict:
        return Verdict("creative@x", score=0.7, dimensions=dimensions)

    def test_weights_decide_a_meeting(self) -> None:
        assert self.RUBRIC is not None
        rubric = replace(
            self.RUBRIC, shape=self.RUBRIC.shape.model_copy(update={"criteria": {"accuracy": 0.7, "coherence": 0.3}})
        )
        one, two = self._verdict(accuracy=0.9, coherence=0.2), self._verdict(accuracy=0.5, coherence=0.8)
        ranks = verdicts.rubric_ranks([one, two], rubric)
        assert [rank.score for rank in ranks] == [0.7, 0.3]
        assert [rank.centred for rank in ranks] == [pytest.approx(0.2), pytest.approx(-0.2)]

    def test_close_calls_are_ties(self) -> None:
        assert self.RUBRIC is not None
        ranks = verdicts.rubric_ranks([self._verdict(accuracy=0.80), self._verdict(accuracy=0.81)], self.RUBRIC)
        assert [rank.score for rank in ranks] == [0.5, 0.5]

    def test_what_was_held_back_loses(self) -> None:
        assert self.RUBRIC is not None
        held = replace(self._verdict(accuracy=1.0), score=0.3)
        ranks = verdicts.rubric_ranks([held, self._verdict(accuracy=0.1)], self.RUBRIC)
        assert [rank.score for rank in ranks] == [0.0, 1.0]

    def test_pairs_by_score(self) -> None:
        a, b = replace(self._verdict(), score=0.7), replace(self._verdict(), score=0.6)
        assert (verdicts.rubric_pair(a, b).score, verdicts.rubric_pair(b, a).score) == (1.0, 0.0)
        assert verdicts.rubric_pair(a, replace(a, score=0.71)).score == 0.5


class TestParse:
    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("# No weights", "begins with its weights"),
            ("---\nkind: [\n---\nx", "cannot be read"),
            ("---\nkind: budget\n---\nx", "cannot be read"),
        ],
    )
    def test_a_rubric_that_cannot_be_used_says_why(self, text: str, why: str) -> None:
        with pytest.raises(ValueError, match=why):
            parse("creative", text)

    def test_weights_must_sum_to_one(self) -> None:
        from rlhf.judge.rubric import file_text

        text = file_text("creative")
        assert text is not None
        with pytest.raises(ValueError, match="sum to"):
            parse("creative", text.replace("accuracy: 0.25", "accuracy: 0.35"))
        with pytest.raises(ValueError, match="not for budget"):
            parse("budget", text)
