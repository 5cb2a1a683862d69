"""Home, Packs, Episodes and Episode: they work, stay inside the brand, refuse what they should, ask few questions."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from crm.models import FunnelStage, Lead, Sale
from orchestrator import learning
from orchestrator.models import Episode, PolicyVersion
from orchestrator.queries.packs import training
from orchestrator.queries.trends import stretch_width, trend
from tests.factories import EpisodeFactory, PackFactory, StepFactory
from training.models import TrainingRun

pytestmark = pytest.mark.django_db

GETS = [
    ("home", {}),
    ("recent_episodes", {}),
    ("packs", {}),
    ("training_part", {}),
    ("pack_card", {"slug": "tax-assist"}),
    ("episodes", {}),
    ("episodes_csv", {}),
    ("episodes_jsonl", {}),
]
EPISODE_GETS = ["episode", "episode_part"]
EPISODE_POSTS = ["episode_pause", "episode_resume", "episode_cancel", "episode_retry", "episode_fork"]


@pytest.fixture
def run(tax_assist: Any) -> Episode:
    """A finished, rewarded run of two steps."""
    return finished(tax_assist, reward=0.712, title="Win back Fennel & Co")


def finished(pack: Any, *, reward: float | None = 0.5, mode: str = "rule", steps: int = 2, **fields: Any) -> Episode:
    now = timezone.now()
    episode = EpisodeFactory(
        pack=pack,
        mode=mode,
        state=fields.pop("state", "done"),
        reward=reward,
        steps_count=steps,
        started_at=now,
        finished_at=now,
        concluded_at=now,
        **fields,
    )
    for index in range(steps):
        action = "finish" if index == steps - 1 else "insight"
        StepFactory(
            episode=episode,
            index=index,
            action=action,
            allowed=["insight", "outreach", "finish"],
            probabilities=[0.5, 0.2, 0.3],
            probability=0.3 if action == "finish" else 0.5,
            policy="rule@1",
            finished_at=now,
            quality={"relevant": 0.8},
            quality_overall=0.8,
        )
    return episode


class TestEveryPage:
    @pytest.mark.parametrize(("name", "kwargs"), GETS)
    def test_it_shows_to_a_member(self, name, kwargs, ben_client, run):
        assert ben_client.get(reverse(name, kwargs=kwargs)).status_code == 200

    @pytest.mark.parametrize("name", EPISODE_GETS)
    def test_an_episode_shows_to_a_member(self, name, ben_client, run):
        assert ben_client.get(reverse(name, args=[run.pk])).status_code == 200

    @pytest.mark.parametrize(("name", "kwargs"), GETS)
    def test_it_needs_a_login(self, name, kwargs, tax_assist):
        response = Client().get(reverse(name, kwargs=kwargs))
        assert response.status_code == 302
        assert response.url.startswith(reverse("account_login"))

    @pytest.mark.parametrize(("name", "kwargs"), GETS)
    def test_reading_pages_refuse_a_post(self, name, kwargs, ana_client, tax_assist):
        assert ana_client.post(reverse(name, kwargs=kwargs)).status_code == 405

    @pytest.mark.parametrize(("name", "args"), [("train", []), ("pack_run", ["tax-assist"])])
    def test_changing_pages_refuse_a_get(self, name, args, ana_client, tax_assist):
        assert ana_client.get(reverse(name, args=args)).status_code == 405

    @pytest.mark.parametrize("name", EPISODE_POSTS)
    def test_changing_an_episode_refuses_a_get(self, name, ana_client, run):
        assert ana_client.get(reverse(name, args=[run.pk])).status_code == 405

    @pytest.mark.parametrize("name", EPISODE_GETS)
    def test_another_brands_episode_is_not_there(self, name, cleo_client, run):
        assert cleo_client.get(reverse(name, args=[run.pk])).status_code == 404

    @pytest.mark.parametrize("name", EPISODE_POSTS)
    def test_another_brands_episode_cannot_be_changed(self, name, cleo_client, run):
        before = Episode.across_brands.get(pk=run.pk)
        data = {"sure": "1", "after_step": "1"}
        assert cleo_client.post(reverse(name, args=[run.pk]), data).status_code == 404
        assert Episode.across_brands.get(pk=run.pk).state == before.state
        assert Episode.across_brands.count() == 1

    def test_another_brands_pack_cannot_be_run(self, cleo_client, tax_assist):
        assert (
            cleo_client.post(reverse("pack_run", args=["tax-assist"]), {"mode": "rule", "max_steps": 3}).status_code
            == 404
        )
        assert not Episode.across_brands.exists()

    @pytest.mark.parametrize(("name", "args"), [("train", []), ("pack_run", ["tax-assist"])])
    def test_a_viewer_may_not_start_anything(self, name, args, ben_client, tax_assist):
        assert ben_client.post(reverse(name, args=args), {"mode": "rule", "max_steps": 3}).status_code == 403
        assert not Episode.across_brands.exists()

    def test_somebody_without_a_brand_is_told_so(self, client, django_user_model):
        client.force_login(
            django_user_model.objects.create_user("nobody"), backend="django.contrib.auth.backends.ModelBackend"
        )
        response = client.get(reverse("home"))
        assert response.status_code == 403
        assert "not a member of any brand" in response.content.decode()

    def test_a_simulated_market_is_said_on_every_page(self, harbor, ana_client, run):
        for name, kwargs in [("home", {}), ("packs", {}), ("episodes", {}), ("data", {})]:
            assert "Simulated market." not in ana_client.get(reverse(name, kwargs=kwargs)).content.decode()
        harbor.world = "grocers"
        harbor.save()
        for name, kwargs in [("home", {}), ("packs", {}), ("episodes", {}), ("data", {})]:
            assert "Simulated market." in ana_client.get(reverse(name, kwargs=kwargs)).content.decode()

    def test_no_page_has_inline_script_or_style(self, ana_client, run):
        for address in ("/", "/packs/", "/episodes/", f"/episodes/{run.pk}/", "/data/", "/nowhere/"):
            html = ana_client.get(address).content.decode()
            assert " style=" not in html
            assert "<style" not in html
            assert "onclick=" not in html
            assert html.count("<script") == html.count("<script src=") + html.count("<script defer src=")


class TestLostSession:
    def test_a_form_is_kept_until_signed_in_again(self, ana, ana_client, tax_assist, settings):
        ana_client.logout()
        address = reverse("pack_run", args=["tax-assist"])
        response = ana_client.post(address, {"mode": "static", "max_steps": "7"})
        assert response.url == f"{reverse('account_login')}?next=%2Fdata%2Fkept%2F"
        assert not Episode.across_brands.exists()
        ana_client.post(reverse("account_login"), {"login": "ana", "password": "endcap-demo"})
        page = ana_client.get(reverse("kept")).content.decode()
        assert f'action="{address}"' in page
        assert 'name="max_steps" value="7"' in page
        ana_client.post(address, {"mode": "static", "max_steps": "7", "_kept": "1"})
        assert Episode.across_brands.get().mode == "static"
        assert ana_client.get(reverse("kept")).status_code == 302

    def test_a_part_leads_the_whole_browser_to_sign_in(self, tax_assist):
        response = Client().get(
            reverse("pack_card", args=["tax-assist"]),
            headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/packs/?show=running"},
        )
        assert response.headers["HX-Redirect"] == f"{reverse('account_login')}?next=%2Fpacks%2F%3Fshow%3Drunning"


class TestHome:
    def test_a_new_brand_sees_its_first_steps(self, ana_client, tax_assist):
        page = ana_client.get(reverse("home"))
        assert "orchestrator/first_home.html" in [template.name for template in page.templates]
        assert "Tax assist" in page.content.decode()

    def test_it_lists_what_waits_and_nothing_else(self, ana_client, tax_assist, run):
        assert "Nothing waits." in ana_client.get(reverse("home")).content.decode()
        stuck = finished(tax_assist, state="stuck", reward=None, title="Call Jo", error="The worker died 6 times.")
        PackFactory(brand=tax_assist.brand, name="Season planning")
        waiting = {item.title: item for item in ana_client.get(reverse("home")).context["waiting"]}
        assert set(waiting) == {"Call Jo", "Season planning has never run"}
        assert waiting["Call Jo"].url == reverse("episode", args=[stuck.pk])
        assert waiting["Call Jo"].text == "The worker died 6 times."

    def test_a_viewer_is_asked_to_do_nothing(self, ben_client, tax_assist, run):
        finished(tax_assist, state="stuck", reward=None)
        assert ben_client.get(reverse("home")).context["waiting"] == []

    def test_the_loop_compares_with_the_week_before(self, ana_client, tax_assist):
        now = timezone.now()
        for days in (1, 2, 3, 8, 9, 15):
            episode = finished(tax_assist)
            Episode.across_brands.filter(pk=episode.pk).update(created_at=now - timedelta(days=days))
        turn = ana_client.get(reverse("home")).context["loop"].run
        assert (turn.now, turn.before, turn.change) == (3, 2, 1)

    def test_the_funnel_counts_who_came_at_least_this_far(self, harbor, ana_client, run):
        for number, stage in enumerate(["prospect", "prospect", "engaged", "proposal", "purchased"]):
            Lead.across_brands.create(brand=harbor, external_id=f"L{number}", name="Lead", funnel_stage=stage)
        rows = ana_client.get(reverse("home")).context["selling"].drawing.table.rows
        assert [row[1] for row in rows] == ["5", "3", "2", "2", "1"]

    def test_a_lost_lead_counts_for_the_stage_it_was_lost_from(self, harbor, ana_client, run):
        lead = Lead.across_brands.create(
            brand=harbor, external_id="L", name="Lead", funnel_stage=FunnelStage.LOST, source="test"
        )
        lead.changes.create(from_funnel="qualified", to_funnel="lost", changed_at=timezone.now(), source="test")
        selling = ana_client.get(reverse("home")).context["selling"]
        assert [row[1] for row in selling.drawing.table.rows] == ["1", "1", "1", "0", "0"]
        assert (selling.leads, selling.lost) == (1, 1)

    def test_simulated_and_real_rewards_are_never_in_one_line(self, harbor, ana_client, tax_assist):
        finished(tax_assist, reward=0.2, simulated=False)
        finished(tax_assist, reward=0.9, simulated=True)
        assert "Rule is at 0.20" in ana_client.get(reverse("home")).context["trend"].drawing.finding
        harbor.world = "grocers"
        harbor.save()
        assert "Rule is at 0.90" in ana_client.get(reverse("home")).context["trend"].drawing.finding

    def test_it_asks_as_many_questions_of_many_as_of_few(self, ana_client, tax_assist, django_assert_max_num_queries):
        assert_constant(ana_client, reverse("home"), tax_assist, django_assert_max_num_queries)

    def test_an_episode_that_ends_is_on_it_at_once(self, ana_client, tax_assist, run):
        started = EpisodeFactory(pack=tax_assist, state="running", mode="rl")
        before = ana_client.get(reverse("home")).context
        assert [row.episode.state for row in before["recent"]] == ["running", "done"]
        Episode.across_brands.filter(pk=started.pk).update(state="done", reward=0.9, finished_at=timezone.now())
        after = ana_client.get(reverse("home")).context
        assert (before["trend"].episodes, after["trend"].episodes) == (1, 2)
        assert after["trend"].drawing.finding.endswith("RL is at 0.90 and Rule is at 0.71.")
        assert [row.episode.reward for row in after["recent"]] == [0.9, 0.712]
        assert (before["training"].fresh_runs, after["training"].fresh_runs) == (1, 2)

    def test_a_tab_without_episodes_is_not_a_new_brand(self, ana_client, run):
        page = ana_client.get(reverse("home") + "?state=failed")
        assert page.context["recent"] == []
        assert "No episode failed." in page.content.decode()

    @pytest.mark.parametrize("name", ["home", "packs", "episodes"])
    def test_lists_do_not_fetch_what_versions_learned(self, name, harbor, ana_client, tax_assist, client_queries):
        version = PolicyVersion.across_brands.create(brand=harbor, number=1, learner="x", parameters={"long": [0] * 99})
        finished(tax_assist, mode="rl", policy_version=version)
        asked = client_queries(ana_client, reverse(name))
        assert any("policyversion" in sql for sql in asked)
        assert not [sql for sql in asked if '"parameters"' in sql or '"buckets"' in sql]


@pytest.fixture
def client_queries() -> Any:
    """What a page asks the database, as SQL."""

    def asked(client: Client, address: str) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200
        return [query["sql"] for query in captured.captured_queries]

    return asked


class TestTrend:
    @pytest.mark.parametrize(
        "span", [timedelta(seconds=45), timedelta(minutes=7), timedelta(hours=9), timedelta(days=70)]
    )
    def test_every_reward_counts_once_in_at_most_fourteen_stretches(self, span, harbor, tax_assist):
        now = timezone.now()
        for number in range(24):
            episode = finished(tax_assist, reward=number / 10, mode=("rl", "rule")[number % 2])
            Episode.across_brands.filter(pk=episode.pk).update(finished_at=now - span * (number / 23))
        found = trend(harbor)
        table = found.drawing.table
        assert found.episodes == 24
        assert 2 <= len(table.rows) <= 15
        counted = sum(int(cell) for row in table.rows for cell in (row[3], row[6]) if cell)
        assert counted == 24

    def test_the_mean_of_a_stretch_is_the_mean_of_its_rewards(self, harbor, tax_assist):
        day = timezone.now().replace(hour=10, minute=0, second=0, microsecond=0) - timedelta(days=3)
        rewards = {day: [0.2, 0.4], day + timedelta(days=1): [0.6, 0.9, 1.2]}
        for at, values in rewards.items():
            for value in values:
                episode = finished(tax_assist, reward=value)
                Episode.across_brands.filter(pk=episode.pk).update(finished_at=at)
        means = [row[1] for row in trend(harbor).drawing.table.rows]
        assert means == ["0.30", "0.90"]

    def test_widths_cut_a_span_into_at_most_fourteen(self):
        for span in (0, 59, 61, 3600, 86_400, 12 * 7 * 86_400):
            assert span / stretch_width(span) < 14


class TestPacks:
    def test_the_policies_have_their_names(self, ana_client, tax_assist):
        page = " ".join(ana_client.get(reverse("packs")).content.decode().split())
        for label in ("Rule-based <small>(recommended)", "RL <small>(learned)", "Static <small>(baseline)"):
            assert label in page
        assert 'min="1" max="100"' in page

    def test_the_last_run_says_mode_reward_steps_and_actions(self, ana_client, run):
        page = ana_client.get(reverse("packs")).content.decode()
        assert "0.712" in page
        assert "2 steps" in page
        assert "Insight → Finish" in page

    def test_it_starts_a_run_and_shows_its_card(self, ana, ana_client, tax_assist):
        response = ana_client.post(
            reverse("pack_run", args=["tax-assist"]),
            {"mode": "static", "max_steps": "7"},
            headers={"HX-Request": "true"},
        )
        episode = Episode.across_brands.get()
        assert (episode.mode, episode.max_steps, episode.created_by) == ("static", 7, ana)
        assert response.status_code == 200
        assert 'id="pack-tax-assist"' in response.content.decode()
        assert 'hx-trigger="load delay:2s"' in response.content.decode()

    def test_it_works_without_script(self, ana_client, tax_assist):
        response = ana_client.post(reverse("pack_run", args=["tax-assist"]), {"mode": "rule", "max_steps": "7"})
        assert response.url == f"{reverse('packs')}#pack-tax-assist"

    @pytest.mark.parametrize(
        "data",
        [
            {"mode": "rule", "max_steps": "0"},
            {"mode": "rule", "max_steps": "101"},
            {"mode": "rule", "max_steps": "many"},
            {"mode": "best", "max_steps": "5"},
            {},
        ],
    )
    def test_a_wrong_form_starts_nothing_and_says_why(self, data, ana_client, tax_assist):
        response = ana_client.post(reverse("pack_run", args=["tax-assist"]), data, headers={"HX-Request": "true"})
        assert response.status_code == 422
        assert 'class="field-error"' in response.content.decode()
        assert not Episode.across_brands.exists()
        assert ana_client.post(reverse("pack_run", args=["tax-assist"]), data, follow=True).status_code == 200
        assert not Episode.across_brands.exists()

    def test_the_policy_is_remembered_for_the_pack(self, ana_client, tax_assist):
        PackFactory(brand=tax_assist.brand, slug="other", name="Other")
        ana_client.post(reverse("pack_run", args=["tax-assist"]), {"mode": "rl", "max_steps": "7"})
        cards = {card.pack.slug: card.mode for card in ana_client.get(reverse("packs")).context["cards"]}
        assert cards == {"tax-assist": "rl", "other": "rule"}
        cards = {
            card.pack.slug: card.mode for card in ana_client.get(reverse("packs") + "?mode=static").context["cards"]
        }
        assert cards == {"tax-assist": "static", "other": "static"}

    def test_the_history_keeps_the_last_twenty(self, ana_client, tax_assist):
        for number in range(23):
            finished(tax_assist, reward=number / 100, steps=1)
        (card,) = ana_client.get(reverse("packs")).context["cards"]
        assert [round(run.reward, 2) for run in card.history] == [n / 100 for n in range(22, 2, -1)]
        assert card.mean == pytest.approx(sum(range(3, 23)) / 100 / 20)

    def test_every_pack_has_its_own_newest_runs(self, ana_client, tax_assist):
        rare = PackFactory(brand=tax_assist.brand, slug="rare", name="Rare")
        finished(rare, reward=0.5)
        same = timezone.now() - timedelta(hours=1)
        for number in range(25):
            episode = finished(tax_assist, reward=number / 100, steps=1)
            Episode.across_brands.filter(pk=episode.pk).update(created_at=same)
        cards = {card.pack.slug: card for card in ana_client.get(reverse("packs")).context["cards"]}
        assert [round(run.reward, 2) for run in cards["tax-assist"].history] == [n / 100 for n in range(24, 4, -1)]
        assert [run.reward for run in cards["rare"].history] == [0.5]

    def test_a_failed_run_says_where_and_why(self, ana_client, tax_assist):
        finished(tax_assist, state="failed", reward=None, error="Governance refused the text twice.")
        page = ana_client.get(reverse("packs")).content.decode()
        assert "Failed at step 3" in page
        assert "Governance refused the text twice." in page

    def test_only_an_open_run_is_polled(self, ana_client, tax_assist, run):
        assert "load delay:2s" not in ana_client.get(reverse("pack_card", args=["tax-assist"])).content.decode()
        EpisodeFactory(pack=tax_assist, state="running")
        assert "load delay:2s" in ana_client.get(reverse("pack_card", args=["tax-assist"])).content.decode()

    def test_it_asks_as_many_questions_of_many_as_of_few(self, ana_client, tax_assist, django_assert_max_num_queries):
        assert_constant(ana_client, reverse("packs"), tax_assist, django_assert_max_num_queries)


class TestTraining:
    def test_newest_and_serving_version_and_what_is_new_since(self, harbor, tax_assist):
        now = timezone.now()
        assert training(harbor).newest is None
        for number, serving, hours in ((0, False, 9), (1, True, 5), (2, False, 3)):
            version = PolicyVersion.across_brands.create(
                brand=harbor, number=number, learner="x", parameters={}, serving=serving
            )
            PolicyVersion.across_brands.filter(pk=version.pk).update(created_at=now - timedelta(hours=hours))
        run = TrainingRun.across_brands.create(brand=harbor, kind="policy", state="failed")
        TrainingRun.across_brands.filter(pk=run.pk).update(created_at=now - timedelta(hours=1))
        for hours in (4, 2, 0):
            episode = finished(tax_assist)
            Episode.across_brands.filter(pk=episode.pk).update(finished_at=now - timedelta(hours=hours))
        found = training(harbor)
        assert (found.newest.number, found.serving.number, found.run) == (2, 1, run)
        assert (found.fresh_runs, found.unlearned_runs) == (1, 2)
        assert found.trained_at == now - timedelta(hours=3)

    def test_rules_that_serve_are_no_training(self, harbor, tax_assist):
        PolicyVersion.across_brands.create(brand=harbor, number=0, learner="rules", parameters={}, serving=True)
        finished(tax_assist)
        found = training(harbor)
        assert (found.newest.number, found.serving.number, found.trained_at) == (0, 0, None)
        assert (found.fresh_runs, found.unlearned_runs) == (1, 1)

    def test_without_runs_nothing_changes_and_that_is_said(self, ana_client, tax_assist):
        response = ana_client.post(reverse("train"), headers={"HX-Request": "true"})
        assert "Nothing to learn from." in response.content.decode()
        assert not PolicyVersion.across_brands.filter(number__gt=0).exists()
        assert "Nothing to learn from" in ana_client.post(reverse("train"), follow=True).content.decode()

    def test_two_do_not_train_at_once(self, harbor, ana_client, tax_assist):
        finished(tax_assist)
        run = harbor.training_runs.create(state="running")
        response = ana_client.post(reverse("train"), headers={"HX-Request": "true"})
        assert response.status_code == 409
        assert "A training is under way" in response.content.decode()
        harbor.training_runs.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(hours=1))
        assert ana_client.post(reverse("train"), headers={"HX-Request": "true"}).status_code == 200

    def test_the_result_shows_the_figures_of_the_summary(self, harbor, ana_client, tax_assist):
        for number in range(12):
            finished(tax_assist, reward=0.4 + number / 100)
        response = ana_client.post(reverse("train"), headers={"HX-Request": "true"})
        summary = learning.serving(harbor)
        run = harbor.training_runs.get()
        assert summary is not None
        page = response.content.decode()
        assert "Training finished." in page
        assert f'<dd class="figure">{run.summary["total_runs_used"]}</dd>' in page
        assert f"{run.summary['avg_episode_reward']:.3f}" in page
        assert 'data-clears-after="8"' in page
        assert "data-clears-after" not in ana_client.get(reverse("packs")).content.decode()


class TestEpisodes:
    def shown(self, client: Client, query: str) -> set[int]:
        return {row.episode.pk for row in client.get(f"{reverse('episodes')}?{query}").context["rows"]}

    def test_each_filter_leaves_what_it_names(self, ana_client, tax_assist):
        other = PackFactory(brand=tax_assist.brand, slug="other", name="Other")
        low = finished(tax_assist, reward=0.1, mode="static", title="Fennel")
        high = finished(other, reward=0.9, mode="rl", simulated=True)
        paused = EpisodeFactory(pack=other, state="paused")
        Episode.across_brands.filter(pk=low.pk).update(created_at=timezone.now() - timedelta(days=9))
        today = timezone.localdate()
        expected = {
            "pack=other": {high.pk, paused.pk},
            "mode=static": {low.pk},
            "state=paused": {paused.pk},
            "state=person": {paused.pk},
            "reward_min=0.5": {high.pk},
            "reward_max=0.5": {low.pk},
            "market=simulated": {high.pk},
            "market=real": {low.pk, paused.pk},
            f"since={today - timedelta(days=2)}": {high.pk, paused.pk},
            f"until={today - timedelta(days=2)}": {low.pk},
            "q=fenn": {low.pk},
            f"q=EP-{high.pk}": {high.pk},
            "pack=other&state=done": {high.pk},
            "mode=nonsense": {low.pk, high.pk, paused.pk},
            "reward_min=many": {low.pk, high.pk, paused.pk},
        }
        assert {query: self.shown(ana_client, query) for query in expected} == expected

    @pytest.mark.parametrize(("sort", "rising"), [("reward", True), ("-reward", False)])
    def test_sorting_by_reward_puts_runs_without_one_last(self, sort, rising, ana_client, tax_assist):
        for reward in (0.4, 0.9, 0.1, None):
            finished(tax_assist, reward=reward)
        page = ana_client.get(f"{reverse('episodes')}?sort={sort}")
        rewards = [row.episode.reward for row in page.context["rows"]]
        assert rewards == [*sorted([0.1, 0.4, 0.9], reverse=not rising), None]
        assert f'aria-sort="{"ascending" if rising else "descending"}"' in page.content.decode()

    def test_the_spread_has_the_mean_of_each_mode(self, ana_client, tax_assist):
        for mode, rewards in {"rl": [0.8, 1.2, 3.4], "rule": [0.4, 0.6, -0.1]}.items():
            for reward in rewards:
                finished(tax_assist, reward=reward, mode=mode)
        overview = ana_client.get(reverse("episodes")).context["overview"]
        table = {row[0]: row[1:3] for row in overview.spread.table.rows}
        assert table == {"RL": ["3", "1.80"], "Rule": ["3", "0.30"]}
        assert overview.mean == pytest.approx((0.8 + 1.2 + 3.4 + 0.4 + 0.6 - 0.1) / 6)

    def test_real_rewards_are_not_averaged_with_simulated_ones(self, ana_client, tax_assist):
        finished(tax_assist, reward=0.2)
        finished(tax_assist, reward=0.8, simulated=True)
        overview = ana_client.get(reverse("episodes")).context["overview"]
        assert (overview.mean, overview.rewarded, overview.left_out) == (0.2, 1, 1)

    def test_an_empty_list_offers_to_drop_the_filter_in_the_way(self, ana_client, tax_assist):
        finished(tax_assist, mode="rl", reward=0.9)
        page = ana_client.get(f"{reverse('episodes')}?mode=static&reward_min=0.5")
        assert [(one["chip"].label, one["count"]) for one in page.context["without"]] == [("Policy", 1)]
        assert "Drop “Static (baseline)” and show 1" in page.content.decode()
        assert 'href="?reward_min=0.5"' in page.content.decode()

    def test_htmx_gets_the_part_and_a_browser_the_page(self, ana_client, run):
        part = ana_client.get(reverse("episodes"), headers={"HX-Request": "true"}).content.decode()
        assert part.lstrip().startswith('<div class="page-part" id="episodes"')
        assert "<html" in ana_client.get(reverse("episodes")).content.decode()

    def test_exports_hold_what_the_filter_leaves(self, ana_client, tax_assist, run):
        finished(tax_assist, mode="static")
        response = ana_client.get(reverse("episodes_csv") + "?mode=rule")
        rows = list(csv.DictReader(io.StringIO(response.getvalue().decode())))
        assert [row["episode"] for row in rows] == [run.number]
        assert "attachment" in response.headers["Content-Disposition"]
        lines = ana_client.get(reverse("episodes_jsonl")).getvalue().decode().splitlines()
        assert len(lines) == 2
        assert all(len(json.loads(line)["steps_log"]) == 2 for line in lines)

    def test_another_brands_episodes_are_not_counted(self, cleo_client, run):
        assert cleo_client.get(reverse("episodes")).context["overview"].total == 0
        assert len(cleo_client.get(reverse("episodes_csv")).getvalue().decode().splitlines()) == 1

    def test_the_market_is_quoted(self, harbor, ana_client, run):
        Sale.across_brands.create(
            brand=harbor,
            external_id="S",
            amount="1140.00",
            currency="EUR",
            sold_at=timezone.now(),
            attributed_to=run.public_id,
        )
        (row,) = ana_client.get(reverse("episodes")).context["rows"]
        assert row.answer.words == "Sale, €1,140"

    def test_it_asks_as_many_questions_of_many_as_of_few(self, ana_client, tax_assist, django_assert_max_num_queries):
        assert_constant(ana_client, reverse("episodes"), tax_assist, django_assert_max_num_queries)


class TestEpisode:
    def test_every_step_shows_the_odds_with_which_it_was_chosen(self, ana_client, run):
        first, last = ana_client.get(reverse("episode", args=[run.pk])).context["view"].steps
        assert [(chance.action, chance.probability, chance.chosen) for chance in first.odds] == [
            ("insight", 0.5, True),
            ("finish", 0.3, False),
            ("outreach", 0.2, False),
        ]
        assert last.number == "2"

    def test_it_is_live_only_while_work_goes_on(self, ana_client, tax_assist, run):
        assert "load delay" not in ana_client.get(reverse("episode_part", args=[run.pk])).content.decode()
        going = EpisodeFactory(pack=tax_assist, state="running")
        assert "load delay" in ana_client.get(reverse("episode_part", args=[going.pk])).content.decode()

    def test_pause_and_resume(self, ana_client, tax_assist):
        episode = EpisodeFactory(pack=tax_assist, state="queued")
        ana_client.post(reverse("episode_pause", args=[episode.pk]))
        episode.refresh_from_db()
        assert episode.state == "paused"
        ana_client.post(reverse("episode_resume", args=[episode.pk]))
        episode.refresh_from_db()
        assert episode.state != "paused"

    def test_cancelling_asks_first(self, ana_client, tax_assist):
        episode = EpisodeFactory(pack=tax_assist, state="paused")
        page = ana_client.post(reverse("episode_cancel", args=[episode.pk]))
        assert "stays sent" in page.content.decode()
        episode.refresh_from_db()
        assert episode.state == "paused"
        ana_client.post(reverse("episode_cancel", args=[episode.pk]), {"sure": "1"})
        episode.refresh_from_db()
        assert episode.state == "cancelled"

    def test_what_cannot_be_done_now_is_said(self, ana_client, run):
        page = ana_client.post(reverse("episode_pause", args=[run.pk]), follow=True)
        assert "Only a queued or running episode can be paused." in page.content.decode()

    def test_a_fork_takes_over_the_first_steps(self, ana_client, run):
        response = ana_client.post(reverse("episode_fork", args=[run.pk]), {"after_step": "1"})
        fork = Episode.across_brands.get(forked_from=run)
        assert response.url == reverse("episode", args=[fork.pk])
        assert fork.forked_after == 1

    @pytest.mark.parametrize("after", ["", "x", "-1"])
    def test_a_fork_needs_a_number(self, after, ana_client, run):
        assert ana_client.post(reverse("episode_fork", args=[run.pk]), {"after_step": after}).status_code == 400

    def test_the_error_of_a_stuck_episode_is_shown(self, ana_client, tax_assist):
        stuck = finished(tax_assist, state="stuck", reward=None, error="Taken up 6 times.")
        page = ana_client.get(reverse("episode", args=[stuck.pk])).content.decode()
        assert "Taken up 6 times." in page
        assert reverse("episode_retry", args=[stuck.pk]) in page

    def test_what_it_made_stands_above_its_steps(self, ana_client, run):
        assert ana_client.get(reverse("episode", args=[run.pk])).context["view"].made is None
        last = run.steps.get(index=1)
        last.output = {"title": "E-mail to Jo", "text": "Hello <Jo>", "citations": ["sku:OAT#1"], "gate_issues": []}
        last.save()
        page = ana_client.get(reverse("episode", args=[run.pk])).content.decode()
        assert "Hello &lt;Jo&gt;" in page
        assert "sku:OAT#1" in page

    def test_raw_events_hold_every_field_of_a_step(self, ana_client, run):
        page = ana_client.get(reverse("episode", args=[run.pk]) + "?show=raw")
        assert json.loads(page.context["view"].steps[0].raw)["probabilities"] == [0.5, 0.2, 0.3]

    def test_it_asks_as_many_questions_of_a_long_one_as_of_a_short(
        self, ana_client, tax_assist, django_assert_max_num_queries
    ):
        short, long = finished(tax_assist, steps=1), finished(tax_assist, steps=30)
        with django_assert_max_num_queries(30) as few:
            ana_client.get(reverse("episode", args=[short.pk]))
        with django_assert_max_num_queries(len(few)):
            ana_client.get(reverse("episode", args=[long.pk]))


def assert_constant(client: Client, address: str, pack: Any, max_queries: Any) -> None:
    """The page asks no more questions with many packs and episodes than with few."""
    finished(pack)
    client.get(address)
    with max_queries(40) as few:
        client.get(address)
    for number in range(3):
        other = PackFactory(brand=pack.brand, slug=f"more-{number}")
        for mode in ("rl", "rule", "static"):
            finished(other, mode=mode, steps=3)
    with max_queries(len(few)):
        client.get(address)
