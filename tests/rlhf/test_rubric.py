"""The rubric judge on hand-made outputs: what is right scores, what is wrong is found and named."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from crm.privacy.email_law import footer
from rlhf.judge.rubric import judge, rubric_for
from rlhf.judge.wording import figures, reading_ease, sentences

ADDRESS = "4 Mill Quay, 28195 Bremen"
CONTEXT: dict[str, Any] = {
    "brand": "Harbor Oats",
    "currency": "EUR",
    "postal_address": ADDRESS,
    "goal": "Win shops",
    "facts": {
        "sku:A#1": "11 g of protein in 100 g",
        "sku:A#2": "Torn sacks fell by 38 % since the new paper",
        "prospect:L-1#need": "Looks for sacks that do not tear",
        "sales#year": "1,204 sales worth 58,211.50 EUR in twelve months",
        "campaign:C-1#roas": "Search returned 3.21 per 1 spent",
        "campaign:C-2#roas": "Display returned 1.10 per 1 spent",
        "campaign:C-1#roas-interval": "Search returned 3.21 per EUR 1 spent (95 % interval 2.80 to 3.62)",
        "funnel#engaged": "40 leads are at engaged; 50 % of those who reached it went on",
    },
    "values": {"campaign:C-1#roas-interval": [3.21, 2.8, 3.62], "campaign:C-1#trend": [4.2, 1.1, 7.3]},
    "products": {"A": "Rolled Oats 5 kg"},
    "product": "A",
    "prospect": {"name": "Jo Marsh", "company": "Fennel & Co", "key": "L-1", "need": "sacks that do not tear"},
    "campaigns": [
        {"external_id": "C-1", "name": "Search", "spend_per_week": 1000.0},
        {"external_id": "C-2", "name": "Display", "spend_per_week": 500.0},
    ],
}
BODY = (
    "Hello Jo,\n\nYou look for sacks that do not tear. I am writing from Harbor Oats about Rolled Oats 5 kg for "
    "Fennel & Co.\n\nTorn sacks fell by 38 % since the new paper. 11 g of protein in 100 g.\n\n"
    "May I send Fennel & Co a sample?\n\nKind regards,\nHarbor Oats"
)


def email(
    body: str = BODY, subject: str = "Rolled Oats 5 kg: sacks that do not tear", **changes: Any
) -> dict[str, Any]:
    mail = {
        "prospect_key": "L-1",
        "subject": subject,
        "body": body + footer("Harbor Oats", ADDRESS),
        "citations": ["prospect:L-1#need", "sku:A#1", "sku:A#2"],
    }
    return {"kind": "outreach", "emails": [{**mail, **changes}], "gate_issues": []}


def verdict(output: dict[str, Any], kind: str = "outreach", context: dict[str, Any] | None = None) -> Any:
    return judge(kind=kind, request="", context=context or CONTEXT, output=output)


class TestRubrics:
    @pytest.mark.parametrize("kind", ["budget", "creative", "measurement", "planning", "outreach"])
    def test_each_kind_has_one_with_weights_that_sum_to_one(self, kind: str) -> None:
        rubric = rubric_for(kind)
        assert rubric is not None
        assert sum(rubric.shape.criteria.values()) == pytest.approx(1)
        assert rubric.version.startswith(f"{kind}@") and len(rubric.version) == len(kind) + 11
        assert rubric.prose.startswith("# ")

    def test_a_path_is_no_kind(self) -> None:
        assert rubric_for("../rubrics/budget") is None


class TestJudge:
    def test_a_good_email_scores_high_in_every_dimension(self) -> None:
        found = verdict(email())
        assert found.score is not None and found.score > 0.9
        assert set(found.dimensions) == {
            "accuracy", "completeness", "coherence", "relevance", "brand_fit", "compliance"
        }  # fmt: skip
        assert 1 <= found.reasoning.count(". ") + 1 <= 3

    def test_the_score_is_the_weighted_mean_of_the_dimensions(self) -> None:
        found, rubric = verdict(email()), rubric_for("outreach")
        assert rubric is not None
        by_hand = sum(rubric.shape.criteria[name] * value for name, value in found.dimensions.items())  # type: ignore[index]
        assert found.score == pytest.approx(by_hand, abs=2e-4)

    def test_a_figure_that_no_fact_holds_is_found(self) -> None:
        found = verdict(email(BODY.replace("38 %", "83 %")))
        assert found.dimensions["accuracy"] < verdict(email()).dimensions["accuracy"]
        assert any("83" in issue for issue in found.issues)

    def test_a_figure_of_an_uncited_fact_counts_half(self) -> None:
        cited = verdict(email())
        uncited = verdict(email(citations=["prospect:L-1#need", "sku:A#1"]))
        assert uncited.dimensions["accuracy"] == pytest.approx(0.7 * (2 + 0.5) / 3 + 0.3, abs=1e-4)
        assert cited.dimensions["accuracy"] == 1

    def test_a_citation_that_leads_nowhere_is_found(self) -> None:
        found = verdict(email(citations=["sku:A#1", "sku:A#2", "sku:GONE#9"]))
        assert found.dimensions["accuracy"] == pytest.approx(0.7 + 0.3 * 2 / 3, abs=1e-4)
        assert any("sku:GONE#9" in issue for issue in found.issues)

    def test_without_a_way_out_it_stays_in_the_lowest_band(self) -> None:
        output = email()
        output["emails"][0]["body"] = BODY
        found = verdict(output)
        assert found.score == 0.3
        assert "must not be sent" in found.reasoning

    def test_open_gate_issues_keep_it_in_the_lowest_band(self) -> None:
        output = {**email(), "gate_issues": ["held by a person"]}
        assert verdict(output).score == 0.3

    def test_speaking_past_the_need_costs_relevance(self) -> None:
        past = BODY.replace("You look for sacks that do not tear. ", "").replace(
            "Torn sacks fell by 38 % since the new paper. ", ""
        )
        found = verdict(email(past, subject="Rolled Oats 5 kg"))
        assert found.dimensions["relevance"] < verdict(email()).dimensions["relevance"]

    def test_saying_it_twice_costs_coherence(self) -> None:
        twice = BODY.replace(
            "11 g of protein in 100 g.", "11 g of protein in 100 g. 11 g of protein in 100 g. 11 g of protein in 100 g."
        )
        assert verdict(email(twice)).dimensions["coherence"] < verdict(email()).dimensions["coherence"]

    def test_shouting_costs_brand_fit(self) -> None:
        loud = BODY.replace("May I", "AMAZING DEAL! Unbeatable! May I")
        assert verdict(email(loud)).dimensions["brand_fit"] < verdict(email()).dimensions["brand_fit"]

    def test_it_is_deterministic(self) -> None:
        assert verdict(email()) == verdict(copy.deepcopy(email()))

    @pytest.mark.parametrize(
        "output",
        [{}, {"kind": "outreach", "emails": "x"}, {"kind": "outreach", "emails": [{"subject": 3}]},
         {"kind": "budget"}, {"kind": "outreach", "allocation": {"C-1": float("nan")}}],
    )  # fmt: skip
    def test_what_cannot_be_read_is_missing_with_its_cause(self, output: dict[str, Any]) -> None:
        found = verdict(output)
        assert found.score is None
        assert found.missing_because

    def test_nothing_made_is_a_zero_that_can_be_read(self) -> None:
        found = verdict({"kind": "outreach"})
        assert found.score == 0
        assert "without any" in found.reasoning


class TestReports:
    REPORT: dict[str, Any] = {
        "kind": "measurement",
        "report": {
            "title": "Readout",
            "findings": [
                {"text": "Search returned 3.21 per EUR 1 spent (95 % interval 2.80 to 3.62)", "value": 3.21,
                 "citation": "campaign:C-1#roas"},
                {"text": "50 % of those who reached engaged went on", "value": 50.0, "citation": "funnel#engaged"},
                {"text": "1,204 sales worth 58,211.50 EUR in a year", "value": 58211.5, "citation": "sales#year"},
            ],
            "recommendation": "Put more money into Search, which returned 3.21 per EUR 1, and less into Display.",
        },
    }  # fmt: skip

    def test_true_findings_are_accurate(self) -> None:
        assert verdict(self.REPORT, "measurement").dimensions["accuracy"] > 0.95

    def test_a_wrong_value_is_found(self) -> None:
        wrong = copy.deepcopy(self.REPORT)
        wrong["report"]["findings"][1].update(text="65 % of those who reached engaged went on", value=65.0)
        found = verdict(wrong, "measurement")
        assert found.dimensions["accuracy"] < verdict(self.REPORT, "measurement").dimensions["accuracy"]
        assert any("65" in issue for issue in found.issues)

    def test_leaving_out_the_big_campaign_costs_relevance(self) -> None:
        small = copy.deepcopy(self.REPORT)
        small["report"]["findings"][0].update(
            text="Display returned 1.10 per EUR 1 spent", value=1.1, citation="campaign:C-2#roas"
        )
        small["report"]["recommendation"] = "Look at Display."
        full = verdict(self.REPORT, "measurement").dimensions["relevance"]
        assert verdict(small, "measurement").dimensions["relevance"] == pytest.approx(500 / 1500, abs=1e-3)
        assert full == 1


class TestPlans:
    def plan(self, **changes: Any) -> dict[str, Any]:
        placed = {"at_least": 400.0, "at_most": 1300.0}
        plan = {
            "total": 1500.0,
            "expected_now": 3000.0,
            "expected": 3100.0,
            "uplift": 100.0,
            "uplift_low": 40.0,
            "uplift_high": 160.0,
            "placements": [
                {
                    "external_id": "C-1",
                    "name": "Search",
                    "now": 1000.0,
                    "proposed": 1100.0,
                    "marginal_now": 2.0,
                    **placed,
                },
                {
                    "external_id": "C-2",
                    "name": "Display",
                    "now": 500.0,
                    "proposed": 400.0,
                    "marginal_now": 0.5,
                    **placed,
                },
            ],
        }
        return {"kind": "budget", "allocation": {"C-1": 1100.0, "C-2": 400.0}, "plan": {**plan, **changes}}

    def test_a_plan_that_adds_up_is_accurate(self) -> None:
        found = verdict(self.plan(), "budget")
        assert found.dimensions["accuracy"] == 1 and found.dimensions["coherence"] == 1

    @pytest.mark.parametrize(
        ("changes", "said"),
        [({"total": 2000.0}, "the total says"), ({"uplift": 500.0}, "the uplift is not")],
    )
    def test_wrong_arithmetic_is_found(self, changes: dict[str, Any], said: str) -> None:
        found = verdict(self.plan(**changes), "budget")
        assert found.dimensions["accuracy"] < 1
        assert any(said in issue for issue in found.issues)

    def test_todays_spend_is_checked_against_the_reports(self) -> None:
        wrong = self.plan()
        wrong["plan"]["placements"][0]["now"] = 700.0
        assert any("spends 1,000 a week" in issue for issue in verdict(wrong, "budget").issues)

    def test_money_that_moves_the_wrong_way_is_incoherent(self) -> None:
        wrong = self.plan()
        wrong["plan"]["placements"][0]["marginal_now"] = 0.1
        assert verdict(wrong, "budget").dimensions["coherence"] == 0


class TestWording:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("1,204 sales worth 58,211.50 EUR", [1204, 58211.5]),
            ("up −3.2 % or +14 %, 5kg, 6 x 40 g", [-3.2, 14, 5, 6, 40]),
            ("in 2026-10", [2026, 10]),
            ("0,5 l of it", [0.5]),
            ("no number", []),
        ],
    )
    def test_figures(self, text: str, found: list[float]) -> None:
        assert figures(text) == found

    def test_sentences_end_at_full_stops_and_lines_not_at_decimals(self) -> None:
        assert sentences("It is 3.21. Yes?\nNo") == ["It is 3.21.", "Yes?", "No"]

    def test_plain_words_read_more_easily(self) -> None:
        assert reading_ease("The cat sat on the mat.") > reading_ease(
            "Organisational interoperability necessitates multidimensional reconceptualisation."
        )
