"""A judge is held beside people, and its weight follows; a new rubric is tried before it is used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from crm.attribution import CrmFacts
from crm.models import Brand
from rlhf import calibration
from rlhf.calibration import frozen, wording
from rlhf.feedback.giving import rate
from rlhf.judge.rubric import file_text
from rlhf.judging import evaluate
from rlhf.models import Calibration, Evaluation, RubricVersion
from rlhf.rewards import compute
from tests.factories import ExperienceFactory, UserFactory

pytestmark = pytest.mark.django_db


def judged_and_rated(brand: Brand, count: int, *, fair: bool, seed: int = 3) -> list[Any]:
    """Experiences with a verdict and people's stars: the same order where `fair`, unrelated where not."""
    chance, rater = np.random.default_rng(seed), UserFactory(username="rater")
    made = []
    for _ in range(count):
        one = ExperienceFactory(brand=brand)
        stars = int(chance.integers(1, 6))
        score = (stars - 1) / 4 if fair else float(chance.uniform())
        Evaluation.across_brands.create(
            experience=one, judge="m", rubric_version="outreach@t", score=score, confidence=1
        )
        rate(experience=one, rater=rater, stars=stars)
        made.append(one)
    return made


def measured(brand: Brand) -> Calibration:
    found = calibration.measure(brand=brand, kind="outreach", judge="m", rubric_version="outreach@t")
    assert found is not None
    return found


class TestMeasure:
    def test_a_judge_that_says_what_people_say_keeps_its_weight(self, harbor: Brand) -> None:
        judged_and_rated(harbor, 60, fair=True)
        found = measured(harbor)
        assert (found.items, found.reliability) == (60, 1.0)
        assert found.figures["agreement"]["share"]["value"] == 1.0
        assert found.figures["alpha"]["value"] == pytest.approx(1.0)

    def test_one_that_guesses_loses_weight_and_the_reward_says_so(self, harbor: Brand) -> None:
        made = judged_and_rated(harbor, 90, fair=False)
        found = measured(harbor)
        assert found.reliability < 0.6
        parts = compute(made[0], crm=CrmFacts(), steps=1, tokens=0, now=timezone.now()).components
        assert parts["inputs"]["judge_reliability"] == pytest.approx(found.reliability)
        weights = {part["name"]: part["weight"] for part in parts["parts"]}
        trusted = 0.5 * found.reliability
        assert weights["judge"] == pytest.approx(trusted / (trusted + 0.3))

    def test_few_items_change_nothing_yet(self, harbor: Brand) -> None:
        judged_and_rated(harbor, 10, fair=False)
        found = measured(harbor)
        assert found.reliability == 1.0
        assert "not measured yet" in found.figures["reliability"]["why"]

    def test_nothing_new_makes_no_row(self, harbor: Brand, lumen: Brand) -> None:
        judged_and_rated(harbor, 8, fair=True)
        assert measured(harbor).pk == measured(harbor).pk
        assert calibration.measure_all(harbor) == 0
        assert calibration.measure_all(lumen) == 0

    def test_nobody_rated_nothing_measured(self, harbor: Brand) -> None:
        evaluate(ExperienceFactory(brand=harbor))
        assert calibration.measure_all(harbor) == 0
        assert not Calibration.across_brands.exists()


class TestRubrics:
    TEXT = (
        file_text("outreach")
        .replace("accuracy: 0.25", "accuracy: 0.35")
        .replace("compliance: 0.20", "compliance: 0.10")
    )

    def test_a_changed_word_is_another_version_and_the_same_text_is_not(self, harbor: Brand, ana: Any) -> None:
        first = wording.draft(brand=harbor, kind="outreach", text=self.TEXT, by=ana)
        again = wording.draft(brand=harbor, kind="outreach", text=self.TEXT, by=ana)
        other = wording.draft(brand=harbor, kind="outreach", text=self.TEXT + "More.", by=ana)
        assert first.pk == again.pk
        assert (first.number, other.number) == (1, 2)
        assert first.version != other.version

    @pytest.mark.parametrize("text", ["", "no front matter", "---\nkind: budget\n---\nx", TEXT.replace("0.35", "0.95")])
    def test_what_is_no_rubric_is_refused(self, harbor: Brand, ana: Any, text: str) -> None:
        with pytest.raises(wording.BadRubric):
            wording.draft(brand=harbor, kind="outreach", text=text, by=ana)
        assert not RubricVersion.across_brands.exists()

    def test_it_judges_only_once_adopted_and_can_be_put_back(self, harbor: Brand, ana: Any) -> None:
        one = ExperienceFactory(brand=harbor)
        shipped = evaluate(one).rubric_version
        draft = wording.draft(brand=harbor, kind="outreach", text=self.TEXT, by=ana)
        assert evaluate(one).rubric_version == shipped
        wording.adopt(draft)
        assert evaluate(one).rubric_version == draft.version
        wording.back_to_shipped(harbor, "outreach")
        assert evaluate(one).rubric_version == shipped
        assert RubricVersion.across_brands.get().state == "retired"

    def test_only_one_serves(self, harbor: Brand, ana: Any) -> None:
        drafts = [wording.draft(brand=harbor, kind="outreach", text=self.TEXT + str(n), by=ana) for n in range(2)]
        for one in drafts:
            wording.adopt(one)
        states = dict(RubricVersion.across_brands.values_list("number", "state"))
        assert states == {1: "retired", 2: "serving"}


class TestFrozen:
    def test_too_little_is_refused(self, harbor: Brand, ana: Any) -> None:
        judged_and_rated(harbor, 3, fair=True)
        with pytest.raises(frozen.NothingToFreeze, match="rated 3"):
            frozen.freeze(brand=harbor, kind="outreach", name="November", by=ana)

    def test_a_draft_is_tried_on_what_people_said_then_and_stores_no_verdict(self, harbor: Brand, ana: Any) -> None:
        made = judged_and_rated(harbor, 8, fair=True)
        kept = frozen.freeze(brand=harbor, kind="outreach", name="November", by=ana)
        before = dict(kept.items.values_list("experience", "human"))
        for one in made:
            rate(experience=one, rater=UserFactory(), stars=1)
        verdicts = Evaluation.across_brands.count()
        draft = wording.draft(brand=harbor, kind="outreach", text=TestRubrics.TEXT, by=ana)
        trial = frozen.try_on(kept, draft).measured
        to_beat = frozen.serving_on(kept)
        assert trial is not None and to_beat is not None
        assert (trial.items, trial.rubric_version, trial.frozen_set) == (8, draft.version, kept)
        assert to_beat.rubric_version != draft.version
        assert {point[0]: point[2] for point in trial.figures["points"]} == pytest.approx(before, abs=1e-4)
        assert Evaluation.across_brands.count() == verdicts

    def test_a_trial_does_not_change_the_weight(self, harbor: Brand, ana: Any) -> None:
        judged_and_rated(harbor, 8, fair=True)
        kept = frozen.freeze(brand=harbor, kind="outreach", name="November", by=ana)
        frozen.serving_on(kept)
        verdict = evaluate(kept.items.first().experience)
        assert calibration.reliability_of(verdict, brand=harbor, kind="outreach") == 1.0
