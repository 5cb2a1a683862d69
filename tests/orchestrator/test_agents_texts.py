"""What the writing agents say, and what governance does with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crm.snapshot import Fact, ProductFact, ProspectBrief
from orchestrator.agents import AGENTS
from orchestrator.agents.outputs import produced_by
from orchestrator.agents.workbench import Workbench
from rlhf.judge.wording import figures
from tests.orchestrator.brand_pictures import BAR, EMPTY, OATS, act, bench, pack, snapshot


class TestEveryAgent:
    @pytest.mark.parametrize("name", sorted(AGENTS))
    @pytest.mark.parametrize("task", ["budget", "creative", "measurement", "planning", "outreach"])
    def test_it_gives_the_same_result_for_the_same_context(self, name: str, task: str) -> None:
        work = bench("insight", "outreach", "creative", "budget", task=task)
        assert act(name, snapshot(), task, work) == act(name, snapshot(), task, work)

    @pytest.mark.parametrize("name", sorted(AGENTS))
    def test_it_works_on_a_brand_without_any_data(self, name: str) -> None:
        result = act(name, snapshot(**EMPTY), "outreach", Workbench())
        assert result.summary
        assert all(0 <= value <= 1 for value in result.quality.values())

    @pytest.mark.parametrize("name", sorted(AGENTS))
    def test_its_quality_is_in_the_unit_interval_and_its_cost_positive(self, name: str) -> None:
        result = act(name, snapshot(), "outreach", bench("insight", "outreach", "creative", "budget"))
        assert result.quality
        assert all(0 <= value <= 1 for value in result.quality.values())
        assert result.cost > 0
        assert result.tokens > 0
        assert len(result.summary) <= 300

    @pytest.mark.parametrize("name", sorted(AGENTS))
    def test_it_says_what_it_is_for(self, name: str) -> None:
        assert AGENTS[name].name == name
        assert AGENTS[name].purpose.endswith(".")


class TestOutreach:
    def test_every_figure_in_the_draft_stands_in_a_cited_fact(self) -> None:
        picture = snapshot()
        for seed in range(20):
            work = bench("insight", "outreach", picture=picture, seed=seed)
            draft = work.latest("outreach")
            assert draft is not None
            cited = [picture.fact(citation) for citation in draft["citations"]]
            assert all(fact is not None for fact in cited)
            known = {number for fact in cited if fact for number in figures(fact.text)}
            text = f"{draft['subject']} {draft['body']}".replace(OATS.name, "")
            assert set(figures(text)) <= known

    def test_each_claim_is_a_sentence_of_the_body_with_a_citation(self) -> None:
        draft = bench("insight", "outreach").latest("outreach")
        assert draft is not None
        assert len(draft["claims"]) >= 2
        assert all(claim["sentence"] in draft["body"] and claim["citation"] for claim in draft["claims"])

    def test_it_knows_the_need_only_after_insight(self) -> None:
        alone, after = bench("outreach").latest("outreach"), bench("insight", "outreach").latest("outreach")
        assert alone is not None and after is not None
        assert all(citation.startswith("sku:") for citation in alone["citations"])
        assert any(not citation.startswith("sku:") for citation in after["citations"])

    def test_two_prospects_get_different_texts(self) -> None:
        picture = snapshot()
        assert picture.prospect is not None
        other = replace(
            picture.prospect, key="L-9", name="Ada Lind", company="Hotel Sorrel", need="protein for athletes", facts=()
        )
        one = bench("insight", "outreach", picture=picture).latest("outreach")
        two = bench("insight", "outreach", picture=replace(picture, prospect=other)).latest("outreach")
        assert one is not None and two is not None
        assert "Fennel & Co" in one["body"] and "Hotel Sorrel" in two["body"]
        assert set(one["citations"]) != set(two["citations"])

    def test_two_seeds_draw_different_candidates(self) -> None:
        bodies = {str(bench("outreach", seed=seed).latest("outreach")) for seed in range(8)}
        assert len(bodies) > 1

    def test_a_second_draft_has_at_least_the_score_of_the_first(self) -> None:
        for seed in range(10):
            work = bench("insight", "outreach", "outreach", seed=seed)
            first, second = work.steps[1].quality, work.steps[2].quality
            weights = {"fit": 0.35, "specificity": 0.2, "readability": 0.2, "evidence": 0.15, "length": 0.1}
            assert (
                sum(weights[k] * v for k, v in second.items()) >= sum(weights[k] * v for k, v in first.items()) - 1e-9
            )

    def test_a_draft_after_governance_carries_the_footer_it_asked_for(self) -> None:
        work = bench("outreach", "governance", "outreach")
        assert "unsubscribe" not in work.all("outreach")[0]["body"]
        assert "unsubscribe" in work.all("outreach")[1]["body"]
        assert "4 Mill Quay" in work.all("outreach")[1]["body"]

    def test_without_a_prospect_it_says_what_is_missing(self) -> None:
        result = act("outreach", snapshot(prospect=None), "outreach", Workbench())
        assert "prospect" in result.summary
        assert result.output.model_dump()["body"] == ""

    def test_a_product_named_by_the_pack_is_the_one_it_writes_about(self) -> None:
        from orchestrator.agents.contract import AgentContext
        from tests.orchestrator.brand_pictures import NOW

        brief = pack("outreach", name="Honey Bar launch")
        draft = AGENTS["outreach"].run(AgentContext(brief, snapshot(), "", Workbench(), 7, NOW)).output.model_dump()
        assert draft["sku_code"] == "OAT-BAR"


class TestCreative:
    def test_every_figure_stands_in_a_cited_fact(self) -> None:
        picture = snapshot(product=OATS)
        for seed in range(10):
            drafts = bench("creative", picture=picture, task="creative", seed=seed).latest("creative")
            assert drafts is not None
            for variant in drafts["variants"]:
                cited = [picture.fact(citation) for citation in variant["citations"]]
                known = {number for fact in cited if fact for number in figures(fact.text)}
                text = f"{variant['headline']} {variant['body']}".replace(OATS.name, "")
                assert set(figures(text)) <= known

    def test_variants_have_different_headlines(self) -> None:
        drafts = bench("creative", picture=snapshot(product=OATS), task="creative").latest("creative")
        assert drafts is not None
        assert len({variant["headline"] for variant in drafts["variants"]}) == len(drafts["variants"]) == 3

    def test_it_keeps_to_the_limit_once_governance_objected(self) -> None:
        long = ProductFact(
            "X", "Extraordinarily Long Named Oats", "", None,
            (
                Fact("sku:X#1", "Keeps for twelve whole months in any dry store room", "use"),
                Fact("sku:X#2", "Torn sacks fell by 38 % since the paper", "proof"),
                Fact("sku:X#3", "11 g of protein in every 100 g", "feature"),
            ),
        )  # fmt: skip
        picture = snapshot(product=long, skus=(long,))
        work = bench("creative", "governance", "creative", picture=picture, task="creative", seed=3)
        first, second = work.all("creative")
        review = work.latest("governance")
        assert first["headline_max"] > 45
        assert review is not None
        if any(issue["code"] == "too_long" for issue in review["issues"]):
            assert all(len(variant["headline"]) <= 45 for variant in second["variants"])
        else:
            assert all(len(variant["headline"]) <= 45 for variant in first["variants"])

    def test_a_product_without_facts_gives_its_name_and_says_so(self) -> None:
        bare = ProductFact("B", "Bare Oats", "Breakfast", None, ())
        drafts = bench("creative", picture=snapshot(product=bare, skus=(bare,)), task="creative").latest("creative")
        assert drafts is not None
        assert drafts["missing"] == ["product facts"]


class TestGovernance:
    def test_it_repairs_a_missing_footer(self) -> None:
        review = bench("outreach", "governance").latest("governance")
        assert review is not None
        assert {"address_missing", "opt_out_missing"} <= {i["code"] for i in review["issues"] if i["repaired"]}
        assert review["emails"][0]["blocked_by"] == []
        assert "unsubscribe" in review["emails"][0]["body"]

    def test_it_cannot_repair_an_unknown_address(self) -> None:
        review = bench("outreach", "governance", picture=snapshot(postal_address="")).latest("governance")
        assert review is not None
        assert review["blocking"] >= 1
        assert review["emails"][0]["blocked_by"]

    def test_it_replaces_a_superlative_of_a_product_fact(self) -> None:
        loud = ProductFact(
            "L", "Loud Oats", "", None, (Fact("sku:L#1", "The best oats with 11 g of protein", "feature"),)
        )
        picture = snapshot(product=loud, skus=(loud,))
        work = bench("creative", "governance", picture=picture, task="creative")
        review = work.latest("governance")
        assert review is not None
        found = [issue for issue in review["issues"] if issue["code"] == "superlative"]
        assert found and all(issue["text"].lower() == "best" and issue["repaired"] for issue in found)
        assert all("best" not in copy["headline"].lower() for copy in review["copies"])

    def test_it_leaves_a_clean_text_as_it_is(self) -> None:
        work = bench("creative", "governance", picture=snapshot(product=OATS, skus=(OATS, BAR)), task="creative")
        drafts, review = work.latest("creative"), work.latest("governance")
        assert drafts is not None and review is not None
        clean = [
            (variant["body"], copy["body"])
            for variant, copy in zip(drafts["variants"], review["copies"], strict=True)
            if not copy["blocked_by"]
        ]
        assert clean and all(before == after for before, after in clean)


class TestProduced:
    def test_an_unchecked_email_without_footer_is_held_back(self) -> None:
        made = produced_by(bench("outreach"), pack=pack("outreach"), snapshot=snapshot())
        assert made.emails and made.gate_issues

    def test_a_checked_email_goes_out(self) -> None:
        made = produced_by(bench("outreach", "governance"), pack=pack("outreach"), snapshot=snapshot())
        assert made.emails and not made.gate_issues

    def test_an_unknown_address_holds_it_back_whatever_was_done(self) -> None:
        picture = snapshot(postal_address="")
        work = bench("insight", "outreach", "governance", "outreach", "governance", picture=picture)
        assert produced_by(work, pack=pack("outreach"), snapshot=picture).gate_issues

    def test_the_newest_draft_counts_and_is_unchecked_again(self) -> None:
        work = bench("outreach", "governance", "insight", "outreach")
        made = produced_by(work, pack=pack("outreach"), snapshot=snapshot())
        newest = work.latest("outreach")
        assert newest is not None
        assert made.emails[0].body == newest["body"]

    def test_the_audience_starts_with_the_subject_and_grows_with_insight(self) -> None:
        alone = produced_by(bench("outreach", "governance"), pack=pack("outreach"), snapshot=snapshot())
        after = produced_by(bench("insight", "outreach", "governance"), pack=pack("outreach"), snapshot=snapshot())
        assert alone.audience == ("L-17",)
        assert after.audience[0] == "L-17" and len(after.audience) > 1

    def test_nothing_made_is_nothing_produced(self) -> None:
        made = produced_by(Workbench(), pack=pack("outreach"), snapshot=snapshot())
        assert not made.emails and not made.gate_issues and made.report is None


class TestReflect:
    def test_confidence_rises_with_evidence(self) -> None:
        early = bench("outreach", "reflect").latest("reflect")
        late = bench("insight", "outreach", "governance", "reflect").latest("reflect")
        assert early is not None and late is not None
        assert early["confidence"] < late["confidence"]
        assert "no insight" in early["missing"] and "no governance" in early["missing"]
        assert early["decision"] == "rethought" and late["decision"] == "went_on"

    def test_it_names_the_weakest_dimension_of_the_draft(self) -> None:
        work = bench("insight", "outreach", "reflect")
        thought = work.latest("reflect")
        assert thought is not None
        quality = work.steps[1].quality
        assert thought["weakest"] == min(quality, key=lambda name: (quality[name], name))

    def test_a_draft_newer_than_its_check_is_a_contradiction(self) -> None:
        thought = bench("outreach", "governance", "insight", "outreach", "reflect").latest("reflect")
        assert thought is not None
        assert any("newer than its check" in risk for risk in thought["risks"])


class TestFinish:
    def test_it_hands_over_the_text_that_goes_out(self) -> None:
        work = bench("insight", "outreach", "governance", "finish")
        answer, review = work.latest("finish"), work.latest("governance")
        assert answer is not None and review is not None
        assert answer["text"] == review["emails"][0]["body"]
        assert answer["citations"] == review["emails"][0]["citations"]

    def test_it_says_when_nothing_was_made(self) -> None:
        answer = bench("finish").latest("finish")
        assert answer is not None and answer["empty"]


class TestHouseholds:
    """Consumers in a year of grocery data: numbered, without a stated need, with what they bought."""

    HOUSEHOLD = ProspectBrief(
        "13/2117",
        "Household 2117",
        "",
        "",
        "",
        "",
        "prospect",
        (Fact("prospect:13/2117#bought_before", "Bought before: Honey Bar, Bacon", "profile"),),
    )

    def test_a_number_is_not_greeted_as_a_name(self) -> None:
        draft = bench("outreach", picture=snapshot(prospect=self.HOUSEHOLD)).latest("outreach")
        assert draft is not None
        assert draft["body"].startswith("Hello,\n")

    def test_what_they_bought_chooses_the_product_and_is_cited(self) -> None:
        picture = snapshot(prospect=self.HOUSEHOLD)
        work = bench("insight", "outreach", picture=picture)
        draft = work.latest("outreach")
        assert draft is not None
        assert draft["sku_code"] == "OAT-BAR"
        assert "prospect:13/2117#bought_before" in draft["citations"]

    def test_a_product_whose_facts_make_no_headline_is_called_by_its_name(self) -> None:
        plain = ProductFact(
            "T",
            "Tomatoes vine ripe bulk 15 lb",
            "",
            None,
            (Fact("sku:T#1", "On coupons of campaigns 8, 13, 18", "offer"),),
        )
        drafts = bench("creative", picture=snapshot(product=plain, skus=(plain,)), task="creative").latest("creative")
        assert drafts is not None
        assert drafts["variants"][0]["headline"] == "Tomatoes vine ripe bulk 15 lb"
        assert all(claim["sentence"] != plain.name for claim in drafts["variants"][0]["claims"])
