"""J of an experience out of several verdicts, and rubrics in versions."""

from __future__ import annotations

from typing import Any

import pytest

from crm.models import Brand
from rlhf import judging
from rlhf.judge.rubric import file_text, parse, rubric_for
from rlhf.judging import rubrics
from rlhf.models import Evaluation, Experience, RubricVersion
from tests.rlhf.judge.conftest import MODEL, Maker

pytestmark = pytest.mark.django_db


def verdict(experience: Experience, score: float | None, **fields: Any) -> Evaluation:
    row: dict[str, Any] = {"judge": MODEL, "rubric_version": "creative@one", "score": score, **fields}
    if score is None:
        row.setdefault("missing_because", "no reply in time")
    made: Evaluation = Evaluation.objects.for_brand(experience.brand).create(experience=experience, **row)
    return made


class TestLatestScore:
    def test_a_models_verdict_comes_before_a_newer_one_of_the_rubric(self, work: Maker) -> None:
        experience = work()
        verdict(experience, 0.8)
        verdict(experience, 0.2, judge="rubric")
        assert judging.latest_score(experience) == (0.8, "")

    def test_a_missing_one_never_hides_a_score(self, work: Maker) -> None:
        experience = work()
        verdict(experience, 0.4, judge="rubric")
        verdict(experience, None)
        assert judging.latest_score(experience) == (0.4, "")

    def test_where_nobody_could_score_it_says_why(self, work: Maker) -> None:
        experience = work()
        assert judging.latest_score(experience) == (None, "nobody has judged it yet")
        verdict(experience, None)
        assert judging.latest_score(experience) == (None, "no reply in time")

    def test_the_same_judges_rank_moves_it(self, work: Maker) -> None:
        experience = work()
        verdict(experience, 0.6)
        verdict(experience, 0.9, form="group", centred=0.2)
        verdict(experience, 0.1, form="group", centred=-0.4, judge="rubric")
        score, _ = judging.latest_score(experience)
        assert score == pytest.approx(0.6 + 0.25 * 0.2)

    def test_a_rank_of_the_rubric_judge_moves_nothing(self, work: Maker) -> None:
        experience = work()
        verdict(experience, 0.6, judge="rubric")
        verdict(experience, 0.9, form="group", centred=0.4, judge="rubric")
        assert judging.latest_score(experience) == (0.6, "")

    def test_a_rank_or_a_pair_alone_makes_no_j(self, work: Maker) -> None:
        experience, other = work(), work()
        verdict(experience, 0.9, form="group", centred=0.4)
        verdict(experience, 1.0, form="pair", opponent=other)
        assert judging.latest_score(experience)[0] is None


class TestRubricVersions:
    def _version(self, brand: Brand, state: str, change: str) -> RubricVersion:
        text = (file_text("creative") or "") + change
        made: RubricVersion = RubricVersion.objects.for_brand(brand).create(
            brand=brand, kind="creative", number=RubricVersion.objects.for_brand(brand).count() + 1, text=text,
            version=parse("creative", text).version, state=state,
        )  # fmt: skip
        return made

    def test_the_one_that_serves_takes_the_place_of_the_file(self, harbor: Brand, lumen: Brand, work: Maker) -> None:
        own = self._version(harbor, "serving", "\n- Be brief.")
        assert judging.evaluate(work()).rubric_version == own.version
        shipped = rubric_for("creative")
        assert shipped is not None
        assert judging.evaluate(work(brand=lumen)).rubric_version == shipped.version

    def test_another_wording_judges_again_beside_the_first(self, harbor: Brand, work: Maker) -> None:
        experience = work()
        first = judging.evaluate(experience)
        self._version(harbor, "serving", "\n- Be brief.")
        assert judging.evaluate(experience).pk != first.pk
        assert Evaluation.objects.for_brand(harbor).count() == 2

    def test_a_draft_can_be_tried_and_does_not_count(self, harbor: Brand, work: Maker) -> None:
        experience = work()
        first = judging.evaluate(experience)
        draft = self._version(harbor, "draft", "\n- Be brief.")
        tried = judging.evaluate(experience, rubrics.by_version(harbor, "creative", draft.version))
        Evaluation.objects.for_brand(harbor).filter(pk=tried.pk).update(score=0.01)
        assert tried.rubric_version == draft.version
        assert judging.latest_score(experience)[0] == first.score

    def test_a_version_nobody_has_is_not_found(self, harbor: Brand) -> None:
        assert rubrics.by_version(harbor, "creative", "creative@0000000000") is None
