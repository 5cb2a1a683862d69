"""Every number of a reward opens its parts: the reward its table, a part what is behind it, a mean its episodes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.attribution import CrmFacts
from crm.models import Brand, Pack
from orchestrator.models import Episode
from orchestrator.queries.trends import trend
from rlhf.feedback.giving import rate
from rlhf.judging import evaluate
from rlhf.models import Calibration, Experience, Reward
from rlhf.queries.rewards import taken_apart
from rlhf.rewards import compute
from tests.factories import ExperienceFactory, UserFactory
from tests.orchestrator.test_pages import finished
from tests.rlhf.judged import by_claude

pytestmark = pytest.mark.django_db


@pytest.fixture
def episode(tax_assist: Pack) -> Episode:
    """Done, with an experience that the rubric judged and one person rated."""
    made: Episode = finished(tax_assist, reward=0.7, title="Win back Fennel & Co")
    one = ExperienceFactory(brand=tax_assist.brand, pack=tax_assist, episode=made.public_id)
    evaluate(one)
    rate(experience=one, rater=UserFactory(), stars=4)
    return made


def experience_of(episode: Episode) -> Experience:
    found: Experience = Experience.across_brands.get(episode=episode.public_id)
    return found


def rewarded(episode: Episode, **facts: Any) -> Reward:
    return compute(
        experience_of(episode), crm=CrmFacts(online=0.4, **facts), steps=2, tokens=100, now=timezone.now()
    )  # fmt: skip


def seen(client: Client, episode: Episode) -> str:
    return client.get(reverse("episode", args=[episode.pk])).content.decode()


def link(page: str, words: str) -> str:
    """Where the link with these words leads, outside the navigation."""
    found = re.search(rf'<a [^>]*href="([^"]+)"[^>]*>(?:<[^>]+>)*{re.escape(words)}', page.partition("<main")[2])
    assert found is not None, words
    return found[1].replace("&amp;", "&")


class TestEpisode:
    def test_each_part_leads_to_what_is_behind_it(self, ana_client, episode):
        rewarded(episode, sales=1, stage="engaged")
        page, about = seen(ana_client, episode), reverse("experience", args=[experience_of(episode).public_id])
        assert link(page, "Judge") == "#judge-title"
        assert link(page, "People") == f"{about}#people-title"
        for part in ("Online answers", "Sale bonus", "Pipeline bonus"):
            assert link(page, part) == "#answers-title"
        for part in ("Cost of steps", "Cost of tokens"):
            assert link(page, part) == "#trajectory-title"
        assert link(page, "Weights v1") == reverse("weights")
        for anchor in ("judge-title", "answers-title", "trajectory-title", "reward-title"):
            assert f'id="{anchor}"' in page
        assert 'id="people-title"' in ana_client.get(about).content.decode()

    def test_a_judge_that_agrees_little_weighs_less_and_it_says_so(self, ana_client, episode):
        verdict = evaluate(experience_of(episode))
        Calibration.across_brands.create(
            brand=episode.brand, kind="outreach", judge=verdict.judge, rubric_version=verdict.rubric_version,
            items=40, reliability=0.62,
        )  # fmt: skip
        rewarded(episode)
        assert "The judge has 62\N{NO-BREAK SPACE}% of its weight" in seen(ana_client, episode)

    def test_an_unmeasured_judge_has_all_of_it_and_nothing_is_said(self, ana_client, episode):
        rewarded(episode)
        assert "of its weight" not in seen(ana_client, episode)

    def test_the_rubric_is_a_program(self, ana_client, episode):
        page = seen(ana_client, episode)
        assert "checks that a program makes, not a person or a language model" in page

    def test_a_models_verdict_names_model_prompt_and_rubric(self, ana_client, episode, settings):
        by_claude(experience_of(episode), 0.8)
        page = seen(ana_client, episode)
        assert f"Said by {settings.CLAUDE_MODEL}, a language model" in page
        assert "absolute@3f1c9a" in page and evaluate(experience_of(episode)).rubric_version in page
        assert "checks that a program makes" not in page
        assert "Win back a café that stopped ordering in May" in page

    def test_widgets_and_what_is_missing_are_shown(self, ana_client, episode):
        by_claude(
            experience_of(episode), 0.8,
            verdict={
                "reasoning": "Weeks are right.", "missing_widgets": ["Promotions beside sales"],
                "widget_feedback": [{"widget_index": 0, "widget_type": "bar_chart", "appropriateness_score": 0.9,
                                     "size_appropriate": False, "issues": ["Too small"], "strengths": []}],
            },
        )  # fmt: skip
        page = seen(ana_client, episode)
        for words in ("Promotions beside sales", "1. Bar chart", "Too small", "wrong size"):
            assert words in page

    def test_a_rank_that_moves_the_score_is_told(self, ana_client, episode):
        by_claude(experience_of(episode), 0.6)
        by_claude(experience_of(episode), 0.9, form="group", centred=0.4)
        rewarded(episode)
        assert "The reward has it as 0.70" in seen(ana_client, episode)

    def test_a_verdict_that_came_later_is_not_explained_by_a_rank(self, ana_client, episode):
        rewarded(episode)
        by_claude(experience_of(episode), 0.6)
        assert "The reward has it as" not in seen(ana_client, episode)

    def test_terms_that_are_missing_are_named(self, episode):
        Reward.across_brands.all().delete()
        taken = taken_apart(compute(experience_of(episode), crm=None, steps=0, tokens=0, now=timezone.now()))
        assert (taken.missing, taken.trust) == (["the market online"], None)
        assert [part.where for part in taken.parts][:2] == ["judge", "people"]

    def test_an_experience_finds_its_episode(self, ana_client, cleo_client, client, episode):
        address = reverse("episode_by_id", args=[episode.public_id])
        assert link(
            ana_client.get(reverse("experience", args=[experience_of(episode).public_id])).content.decode(),
            "The episode that made it",
        ) == address  # fmt: skip
        assert ana_client.get(address).url == reverse("episode", args=[episode.pk])
        assert cleo_client.get(address).status_code == 404
        assert client.get(address).status_code == 302
        assert ana_client.post(address).status_code == 405


class TestLists:
    def test_a_reward_of_a_list_opens_its_parts(self, ana_client, tax_assist, episode):
        finished(tax_assist, reward=0.2)  # so that the mean is another number
        parts = f"{reverse('episode', args=[episode.pk])}#reward-title"
        for page in ("home", "episodes", "packs"):
            assert link(ana_client.get(reverse(page)).content.decode(), "0.700") == parts

    def test_the_means_on_home_lead_to_the_episodes_behind_them(self, ana_client, harbor: Brand, tax_assist):
        for mode, reward in (("rl", 0.4), ("rl", 0.6), ("rule", 0.5)):
            finished(tax_assist, mode=mode, reward=reward)
        finished(tax_assist, mode="rl", reward=0.9, simulated=True)
        page = ana_client.get(reverse("home")).content.decode()
        assert ana_client.get(link(page, "3 episodes")).context["overview"].total == trend(harbor).episodes == 3
        assert ana_client.get(link(page, "RL")).context["overview"].mean == pytest.approx(0.5)

    def test_the_mean_of_a_pack_leads_to_its_runs(self, ana_client, tax_assist):
        for reward in (0.25, 0.5):
            finished(tax_assist, reward=reward)
        page = ana_client.get(reverse("packs")).content.decode()
        assert ana_client.get(link(page, "0.375")).context["overview"].mean == pytest.approx(0.375)
