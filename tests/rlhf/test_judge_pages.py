"""Judge, rubrics, weights and a single experience: who sees and who may change what, and what the pages say."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.attribution import CrmFacts
from crm.models import Brand
from rlhf import calibration
from rlhf.calibration import frozen, wording
from rlhf.feedback.giving import prefer, rate
from rlhf.judge.rubric import file_text
from rlhf.judging import evaluate
from rlhf.models import Calibration, FrozenSet, JudgeSettings, RewardConfig, RubricVersion
from rlhf.rewards import compute, current_config
from tests.conftest import signed_in
from tests.factories import ExperienceFactory, UserFactory

pytestmark = pytest.mark.django_db
TEXT = (
    (file_text("outreach") or "")
    .replace("accuracy: 0.25", "accuracy: 0.35")
    .replace("compliance: 0.20", "compliance: 0.10")
)


def rated(brand: Brand, count: int = 6) -> list[Any]:
    made = []
    for number in range(count):
        one = ExperienceFactory(brand=brand, policy="rule@1" if number % 2 else "rl@2")
        evaluate(one)
        rate(experience=one, rater=UserFactory(), stars=1 + number % 5)
        compute(one, crm=CrmFacts(), steps=2, tokens=10, now=timezone.now())
        made.append(one)
    return made


class TestWho:
    @pytest.mark.parametrize("name", ["judge", "weights"])
    def test_everybody_of_the_brand_may_look_and_nobody_else(
        self, name: str, ben_client: Client, client: Client
    ) -> None:
        assert ben_client.get(reverse(name)).status_code == 200
        assert client.get(reverse(name)).status_code == 302
        assert ben_client.post(reverse(name)).status_code == 405

    @pytest.mark.parametrize(
        ("name", "arguments"),
        [
            ("judge_settings", []),
            ("judge_measure", []),
            ("weights_adopt", []),
            ("weights_put_back", [1]),
            ("rubric_draft", ["outreach"]),
            ("rubric_adopt", ["outreach"]),
            ("rubric_freeze", ["outreach"]),
            ("rubric_try", ["outreach"]),
        ],
    )
    def test_a_viewer_changes_nothing(self, name: str, arguments: list[Any], ben_client: Client, harbor: Brand) -> None:
        current_config(harbor)
        assert ben_client.post(reverse(name, args=arguments), {"text": TEXT}).status_code == 403
        assert ben_client.get(reverse(name, args=arguments)).status_code == 405
        assert not RubricVersion.across_brands.exists()

    def test_another_brand_is_not_found(self, cleo_client: Client, harbor: Brand, ana: Any) -> None:
        one = rated(harbor, 5)[0]
        kept = frozen.freeze(brand=harbor, kind="outreach", name="Ours", by=ana)
        draft = wording.draft(brand=harbor, kind="outreach", text=TEXT, by=ana)
        assert cleo_client.get(reverse("experience", args=[one.public_id])).status_code == 404
        assert cleo_client.post(reverse("rubric_adopt", args=["outreach"]), {"number": draft.number}).status_code == 404
        tried = cleo_client.post(reverse("rubric_try", args=["outreach"]), {"set": kept.pk, "number": draft.number})
        assert tried.status_code == 404
        assert "Ours" not in cleo_client.get(reverse("rubric", args=["outreach"])).content.decode()


class TestJudge:
    def test_the_first_morning(self, ana_client: Client) -> None:
        page = ana_client.get(reverse("judge")).content.decode()
        assert "Nobody has rated what was judged" in page
        assert "Rubric checks" in page

    def test_it_shows_agreement_and_how_much_is_missing(self, ana_client: Client, harbor: Brand) -> None:
        rated(harbor)
        ana_client.post(reverse("judge_measure"))
        page = ana_client.get(reverse("judge")).content.decode()
        assert "24 more to measure" in page
        assert Calibration.across_brands.get().items == 6
        assert "<svg" in page

    def test_an_owner_chooses_claude_and_is_told_that_a_key_is_missing(self, ana_client: Client, settings: Any) -> None:
        settings.ANTHROPIC_API_KEY = ""
        sent = ana_client.post(
            reverse("judge_settings"), {"backend": "claude", "monthly_limit_usd": "12.50", "ranks": "on"}
        )
        assert sent.status_code == 302
        row = JudgeSettings.objects.get()
        assert (row.backend, float(row.monthly_limit_usd), row.batches, row.ranks) == ("claude", 12.5, False, True)
        assert "no key is set" in ana_client.get(reverse("judge")).content.decode()

    def test_a_bad_limit_comes_back(self, ana_client: Client) -> None:
        sent = ana_client.post(reverse("judge_settings"), {"backend": "claude", "monthly_limit_usd": "a lot"})
        assert sent.status_code == 422
        assert "Enter a number" in sent.content.decode()

    def test_its_questions_do_not_grow(
        self, ana_client: Client, harbor: Brand, django_assert_max_num_queries: Any
    ) -> None:
        rated(harbor, 4)
        calibration.measure_all(harbor)
        with django_assert_max_num_queries(24):
            ana_client.get(reverse("judge"))


class TestRubric:
    def test_draft_try_adopt_and_back(self, ana_client: Client, harbor: Brand) -> None:
        rated(harbor)
        ana_client.post(reverse("rubric_draft", args=["outreach"]), {"text": TEXT, "note": "Truth first"})
        ana_client.post(reverse("rubric_freeze", args=["outreach"]), {"name": "November"})
        chosen = FrozenSet.across_brands.get()
        ana_client.post(reverse("rubric_try", args=["outreach"]), {"set": chosen.pk, "number": "1"})
        page = ana_client.get(reverse("rubric", args=["outreach"]), {"set": chosen.pk}).content.decode()
        assert RubricVersion.across_brands.get().version in page
        assert Calibration.across_brands.filter(frozen_set=chosen).count() == 2
        ana_client.post(reverse("rubric_adopt", args=["outreach"]), {"number": "1"})
        assert RubricVersion.across_brands.get().state == "serving"
        ana_client.post(reverse("rubric_adopt", args=["outreach"]))
        assert RubricVersion.across_brands.get().state == "retired"

    def test_a_text_that_is_no_rubric_comes_back_with_what_was_typed(self, ana_client: Client) -> None:
        sent = ana_client.post(reverse("rubric_draft", args=["outreach"]), {"text": "Be nice."})
        assert sent.status_code == 422
        assert "Be nice." in sent.content.decode() and "This is no rubric" in sent.content.decode()

    def test_an_unknown_kind_is_not_found(self, ana_client: Client) -> None:
        assert ana_client.get(reverse("rubric", args=["poems"])).status_code == 404


class TestWeights:
    NEW = {"w_judge": "0,1", "w_human": "0.9", "w_online": "0", "crm_sale_bonus": "0.5", "max_sales": "5",
           "crm_pipeline_bonus": "0.1", "step_cost": "0.01", "token_cost": "0.000005"}  # fmt: skip

    def test_a_replay_shows_the_policies_and_writes_nothing(self, ana_client: Client, harbor: Brand) -> None:
        rated(harbor)
        before = RewardConfig.across_brands.count()
        page = ana_client.get(reverse("weights"), self.NEW).content.decode()
        assert "rule@1" in page and "rl@2" in page and "Put these in force" in page
        assert RewardConfig.across_brands.count() == before

    def test_an_owner_adopts_and_puts_back(self, ana_client: Client, harbor: Brand) -> None:
        current_config(harbor)
        ana_client.post(reverse("weights_adopt"), {**self.NEW, "seen": "1", "note": "People first"})
        made = current_config(harbor)
        assert (made.version, made.values["w_judge"], made.note, made.created_by.username) == (
            2,
            0.1,
            "People first",
            "ana",
        )
        ana_client.post(reverse("weights_put_back", args=[1]))
        assert (current_config(harbor).version, current_config(harbor).values["w_judge"]) == (3, 0.5)

    def test_a_stale_replay_is_not_adopted(self, ana_client: Client, harbor: Brand) -> None:
        current_config(harbor)
        sent = ana_client.post(reverse("weights_adopt"), {**self.NEW, "seen": "0"})
        assert sent.status_code == 422
        assert "Somebody changed the weights meanwhile" in sent.content.decode()
        assert current_config(harbor).version == 1

    @pytest.mark.parametrize("bad", [{"w_judge": "much"}, {"w_judge": "-1"}, {"max_sales": "1.5"}])
    def test_bad_weights_are_named(self, ana_client: Client, harbor: Brand, bad: dict[str, str]) -> None:
        current_config(harbor)
        assert ana_client.get(reverse("weights"), {**self.NEW, **bad}).status_code == 422
        sent = ana_client.post(reverse("weights_adopt"), {**self.NEW, **bad, "seen": "1"})
        assert sent.status_code == 422
        assert current_config(harbor).version == 1

    def test_a_planner_may_look_and_not_change(self, harbor: Brand) -> None:
        planner = UserFactory()
        harbor.memberships.create(user=planner, role="planner")
        client = signed_in(planner)
        assert client.get(reverse("weights"), self.NEW).status_code == 200
        assert client.post(reverse("weights_adopt"), {**self.NEW, "seen": "1"}).status_code == 403


class TestExperience:
    def test_it_opens_every_part(self, ana_client: Client, harbor: Brand, ana: Any) -> None:
        one, other = rated(harbor, 2)
        prefer(a=one, b=other, verdict="a", rater=ana, comment="Clearer")
        page = ana_client.get(reverse("experience", args=[one.public_id])).content.decode()
        for word in ("Reward", "Judges", "People", "History", "Better than", "1 of 5", "Rewarded"):
            assert word in page

    def test_a_rater_stays_blind(self, harbor: Brand, rae: Any) -> None:
        one = rated(harbor, 1)[0]
        page = signed_in(rae).get(reverse("experience", args=[one.public_id])).content.decode()
        assert "so that your own rating stays your own" in page
        assert "Weight" not in page and "rl@2" not in page
