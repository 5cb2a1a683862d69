"""The reward's arithmetic, against a table worked out by hand and for any input at all."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf.reward import RewardWeights, blend

UNIT = st.none() | st.floats(0, 1)
COUNT = st.integers(0, 1000) | st.floats(0, 1000)
STAGES = st.sampled_from(["", "prospect", "engaged", "qualified", "proposal", "purchased", "lost"])
GARBAGE = st.none() | st.text(max_size=5) | st.floats() | st.booleans() | st.lists(st.integers()) | st.just({})


def adds(**facts: Any) -> dict[str, float]:
    return {part.name: part.adds for part in blend(**facts).parts}


class TestBlend:
    # By hand with the defaults: .5/.3/.2, 0.5 per sale up to 5, 0.1 times 3/2/1/0, 0.01 a step, 5e-6 a token.
    @pytest.mark.parametrize(
        ("facts", "value"),
        [
            ({}, 0.0),
            ({"judge": 0.8}, 0.8),
            ({"judge": 0.8, "human": 0.5, "online": 0.1}, 0.4 + 0.15 + 0.02),
            ({"judge": 0.8, "online": 0.1}, (0.5 * 0.8 + 0.2 * 0.1) / 0.7),
            ({"human": 0.9, "online": 0.4}, (0.3 * 0.9 + 0.2 * 0.4) / 0.5),
            ({"judge": 0.0, "sales": 1}, 0.5),
            ({"judge": 0.5, "sales": 7, "stage": "purchased"}, 0.5 + 2.5 + 0.3),
            ({"judge": 0.5, "sales": 5, "stage": "proposal"}, 0.5 + 2.5 + 0.3),
            ({"stage": "qualified"}, 0.2),
            ({"stage": "engaged"}, 0.1),
            ({"stage": "prospect"}, 0.0),
            ({"stage": "lost"}, 0.0),
            ({"judge": 0.7, "steps": 6, "tokens": 4000}, 0.7 - 0.06 - 0.02),
            ({"judge": Decimal("0.25"), "sales": Decimal(2)}, 1.25),
        ],
    )
    def test_it_agrees_with_the_table(self, facts: dict[str, Any], value: float) -> None:
        assert blend(**facts).value == pytest.approx(value, abs=1e-12)

    @given(UNIT, UNIT, UNIT, COUNT, STAGES, COUNT, COUNT)
    def test_its_parts_sum_to_its_value(self, j: Any, h: Any, o: Any, sales: Any, stage: str, n: Any, t: Any) -> None:
        found = blend(judge=j, human=h, online=o, sales=sales, stage=stage, steps=n, tokens=t)
        assert math.fsum(part.adds for part in found.parts) == pytest.approx(found.value, abs=1e-9)
        assert all(part.adds == pytest.approx(part.score * part.weight, abs=1e-12) for part in found.parts)

    @given(UNIT, UNIT, UNIT)
    def test_weights_of_the_present_terms_are_rescaled_to_one(self, j: Any, h: Any, o: Any) -> None:
        found = blend(judge=j, human=h, online=o)
        present = [part for part in found.parts if part.name in ("judge", "human", "online")]
        given_ = {name: x for name, x in {"judge": j, "human": h, "online": o}.items() if x is not None}
        assert {part.name for part in present} == set(given_) == set(found.terms_present)
        if present:
            assert sum(part.weight for part in present) == pytest.approx(1.0)
            assert min(given_.values()) - 1e-12 <= found.value <= max(given_.values()) + 1e-12

    @given(st.lists(GARBAGE, min_size=7, max_size=7))
    def test_no_input_stops_it(self, what: list[Any]) -> None:
        names = ("judge", "human", "online", "sales", "stage", "steps", "tokens")
        assert math.isfinite(blend(**dict(zip(names, what, strict=True))).value)

    @pytest.mark.parametrize("sales", [None, math.nan, math.inf, -1, "3", "many", [], True])
    def test_broken_sales_count_as_nothing_and_are_noted(self, sales: Any) -> None:
        found = blend(judge=0.5, sales=sales)
        assert found.value == 0.5
        assert any(note.startswith("sales is") for note in found.notes)

    @pytest.mark.parametrize("stage", [3, "won", math.nan, ["proposal"]])
    def test_a_broken_stage_counts_as_nothing_and_is_noted(self, stage: Any) -> None:
        found = blend(judge=0.5, stage=stage)
        assert found.value == 0.5
        assert any(note.startswith("stage is") for note in found.notes)

    @pytest.mark.parametrize("judge", [math.nan, 1.2, -0.1, "0.8"])
    def test_a_verdict_out_of_range_is_missing_not_zero(self, judge: Any) -> None:
        found = blend(judge=judge, human=0.6)
        assert found.value == pytest.approx(0.6)
        assert found.terms_present == ("human",)

    def test_missing_is_not_the_same_as_zero(self) -> None:
        assert blend(judge=0.8, human=None).value == pytest.approx(0.8)
        assert blend(judge=0.8, human=0.0).value == pytest.approx(0.5)


class TestBreakdown:
    def test_it_can_be_computed_again_with_other_weights(self) -> None:
        found = blend(judge=0.8, sales=7, stage="qualified", steps=4, tokens=100)
        assert found.again(RewardWeights()).value == pytest.approx(found.value)
        assert found.again(RewardWeights(crm_sale_bonus=1.0, max_sales=10)).value == pytest.approx(found.value + 4.5)

    def test_it_survives_json(self) -> None:
        stored = blend(judge=0.8, online=0.2, sales=1, attribution="pack").as_dict()
        assert stored["terms_present"] == ["judge", "online"]
        assert stored["missing"] == ["human"]
        assert stored["attribution"] == "pack"
        assert [part["name"] for part in stored["parts"]] == ["judge", "online", "sale", "pipeline", "steps", "tokens"]


class TestRewardWeights:
    def test_the_defaults_are_those_of_the_architecture(self) -> None:
        weights = RewardWeights()
        assert (weights.w_judge, weights.w_human, weights.w_online) == (0.5, 0.3, 0.2)
        assert (weights.crm_sale_bonus, weights.max_sales, weights.crm_pipeline_bonus) == (0.5, 5, 0.1)
        assert weights.stage_multipliers == {"proposal": 3, "purchased": 3, "qualified": 2, "engaged": 1}

    @pytest.mark.parametrize(
        "changes",
        [{"w_judge": -0.1}, {"step_cost": math.nan}, {"max_sales": 2.5}, {"w_judge": 0, "w_human": 0, "w_online": 0},
         {"stage_multipliers": {"won": 3}}, {"w_taste": 1}, {"crm_sale_bonus": "0.5"}],
    )  # fmt: skip
    def test_impossible_weights_are_refused(self, changes: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=next(iter(changes)).split("[")[0]):
            RewardWeights().changed(**changes)

    def test_they_survive_json(self) -> None:
        weights = RewardWeights(step_cost=0.2)
        assert RewardWeights.from_dict(weights.as_dict()) == weights
