"""Work done by hand in the browser: run a pack, watch it, train, filter, cancel, bring in a file."""

from __future__ import annotations

import json
import re

import pytest
from django.utils import timezone

from crm.models import Sale
from orchestrator.models import Episode
from tests.browser.conftest import PHONE
from tests.browser.test_accessibility import assert_accessible
from tests.factories import EpisodeFactory, StepFactory


@pytest.fixture(autouse=True)
def nobody_works(monkeypatch):
    """Runs stay queued: a test moves them itself, so that every state can be looked at."""
    monkeypatch.setattr("orchestrator.tasks.run_episode.delay", lambda **_: None)
    monkeypatch.setattr("orchestrator.tasks.run_episode.apply_async", lambda *_, **__: None)


def steps_done(episode, count, **fields):
    for index in range(count):
        StepFactory(episode=episode, index=index, action="insight", finished_at=timezone.now())
    Episode.across_brands.filter(pk=episode.pk).update(steps_count=count, **fields)


class TestPacks:
    def test_a_run_shows_its_progress_and_then_its_result(self, world, page_for):
        page = page_for("/packs/")
        card = page.locator("#pack-season-planning")
        card.get_by_text("RL", exact=False).first.click()
        card.get_by_label("Max steps").fill("9")
        card.get_by_role("button", name="Run Season planning").click()
        card.get_by_text("Waiting for a worker").wait_for()
        episode = Episode.across_brands.latest("pk")
        assert (episode.mode, episode.max_steps, episode.state) == ("rl", 9, "queued")
        steps_done(episode, 3, state="running")
        card.get_by_text("Step 3 of at most 9 done: Insight").wait_for()
        assert_accessible(page)
        now = timezone.now()
        Episode.across_brands.filter(pk=episode.pk).update(
            state="done", reward=0.8125, started_at=now, finished_at=now, concluded_at=now
        )
        card.get_by_text("0.812").or_(card.get_by_text("0.813")).first.wait_for()
        assert "Insight → Insight → Insight" in card.inner_text()
        assert card.get_attribute("hx-trigger") is None
        assert_accessible(page)

    def test_a_wrong_number_of_steps_is_said_by_the_field(self, world, page_for):
        page = page_for("/packs/")
        card = page.locator("#pack-season-planning")
        card.locator("form.pack-controls").evaluate("form => form.noValidate = true")
        card.get_by_label("Max steps").fill("400")
        card.get_by_role("button", name="Run Season planning").click()
        card.locator(".field-error").wait_for()
        assert card.get_by_label("Max steps").get_attribute("aria-invalid") == "true"
        assert_accessible(page)

    def test_training_says_what_came_of_it_and_then_clears(self, world, page_for):
        page = page_for("/packs/")
        page.get_by_role("button", name="Train policy from logs").click()
        page.get_by_text("Training finished.").wait_for()
        assert_accessible(page)
        assert world.training_runs.count() == 2
        message = page.locator("[data-clears-after]")
        message.wait_for(state="detached", timeout=12_000)
        assert page.locator("#training-result").get_by_text("Runs used").is_visible()

    def test_a_server_in_trouble_is_said_and_nothing_is_lost(self, world, page_for):
        page = page_for("/packs/")
        page.route("**/packs/train/", lambda route: route.fulfill(status=500, body="broken"))
        page.get_by_role("button", name="Train policy from logs").click()
        page.get_by_role("alert").get_by_text("The server could not do it (500).").wait_for()
        assert page.locator("#training-result").get_by_text("Runs used").is_visible()
        assert page.get_by_role("button", name="Train policy from logs").is_enabled()

    def test_a_running_card_goes_on_asking_after_a_failure(self, world, page_for):
        episode = Episode.across_brands.get(state="paused")
        page = page_for("/packs/")
        page.route("**/packs/tax-assist/", lambda route: route.abort(), times=1)
        page.get_by_text("The server does not answer.").wait_for()
        Episode.across_brands.filter(pk=episode.pk).update(state="cancelled")
        page.locator("#pack-tax-assist").get_by_text("Ready").wait_for()
        assert page.locator("#part-failed").count() == 0

    def test_on_a_phone_the_controls_open_one_pack_at_a_time(self, world, page_for):
        page = page_for("/packs/", size=PHONE)
        first, second = page.locator(".pack-options").nth(0), page.locator(".pack-options").nth(4)
        first.locator("summary").click()
        assert first.get_attribute("open") is not None
        second.locator("summary").click()
        assert first.get_attribute("open") is None
        assert second.get_attribute("open") is not None

    def test_it_works_without_script(self, world, page_for):
        page = page_for("/packs/", script=False)
        page.locator("#pack-season-planning").get_by_role("button", name="Run Season planning").click()
        assert re.search(r"/packs/#pack-season-planning$", page.url)
        assert "Waiting for a worker" in page.locator("#pack-season-planning").inner_text()
        page.get_by_role("button", name="Train policy from logs").click()
        assert "Training finished." in page.locator("#training-result").inner_text()


class TestEpisodes:
    def test_filters_change_the_list_and_the_address(self, world, page_for):
        page = page_for("/episodes/")
        page.get_by_label("Policy", exact=True).select_option("rl")
        page.wait_for_url(re.compile("mode=rl"))
        page.locator(".chips").get_by_text("RL (learned)").wait_for()
        assert set(
            page.locator("td[data-label=Policy] .mode").evaluate_all("all => all.map(one => one.className)")
        ) == {"mode is-rl"}
        assert_accessible(page)
        page.locator(".chips a").first.click()
        page.locator(".chips").wait_for(state="detached")
        page.go_back()
        page.wait_for_url(re.compile("mode=rl"))

    def test_a_column_head_sorts(self, world, page_for):
        page = page_for("/episodes/")
        page.get_by_role("link", name="Reward").click()
        page.locator("th[aria-sort=descending]", has_text="Reward").wait_for()
        highest = max(Episode.across_brands.exclude(reward=None).values_list("reward", flat=True))
        assert page.locator("td[data-label=Reward]").first.inner_text().startswith(f"{highest:.3f}")
        page.get_by_role("link", name="Reward").click()
        page.locator("th[aria-sort=ascending]", has_text="Reward").wait_for()

    def test_pages_can_be_turned(self, world, page_for):
        page = page_for("/episodes/")
        page.get_by_role("link", name="Next page").click()
        page.wait_for_url(re.compile("page=2"))
        page.get_by_text("21 to 40 of 44").wait_for()


class TestEpisode:
    def test_steps_appear_as_they_happen(self, world, page_for):
        page = page_for("/packs/")
        page.locator("#pack-season-planning").get_by_role("button", name="Run Season planning").click()
        page.locator("#pack-season-planning").get_by_text("Waiting for a worker").wait_for()
        episode = Episode.across_brands.latest("pk")
        page.goto(page.url.split("/packs/")[0] + f"/episodes/{episode.pk}/")
        assert page.locator(".step.now").is_visible()
        steps_done(episode, 2, state="running", started_at=timezone.now())
        page.locator("#step-2").wait_for()
        assert_accessible(page)

    def test_what_the_reader_opened_stays_open_while_steps_arrive(self, world, page_for):
        episode = EpisodeFactory(pack=world.packs.first(), state="running", simulated=True)
        steps_done(episode, 2)
        page = page_for(f"/episodes/{episode.pk}/")
        page.locator("#step-2 summary").click()
        page.locator("#step-1 summary").click()
        StepFactory(episode=episode, index=2, action="insight", finished_at=timezone.now())
        Episode.across_brands.filter(pk=episode.pk).update(steps_count=3)
        page.locator("#step-3").wait_for()
        assert page.locator("#step-2 details").get_attribute("open") is not None
        assert page.locator("#step-1 details").get_attribute("open") is None

    def test_cancelling_asks_first(self, world, page_for):
        episode = Episode.across_brands.get(state="paused")
        page = page_for(f"/episodes/{episode.pk}/")
        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("heading", name="Cancel Tax assist?").wait_for()
        assert_accessible(page)
        page.get_by_role("button", name="Cancel it").click()
        page.get_by_text("It ends before its next step.").wait_for()
        episode.refresh_from_db()
        assert episode.state == "cancelled"


class TestData:
    def test_a_file_is_taken_in_and_its_bad_row_set_aside(self, world, page_for, tmp_path):
        good = {"id": "S-1", "packSlug": "tax-assist", "amount": "€120.50", "currency": "EUR", "soldAt": "2026-11-03"}
        file = tmp_path / "sales.json"
        file.write_text(json.dumps({"sales": [good, {**good, "id": "S-2", "amount": "a lot"}]}))
        page = page_for("/data/")
        page.set_input_files("input[type=file]", str(file))
        page.get_by_text("sales.json").first.wait_for()
        page.get_by_role("button", name="Take it in").click()
        page.get_by_text("sales.json: 1 row stored, 1 set aside.").wait_for()
        assert Sale.across_brands.filter(external_id="S-1").exists()
        assert_accessible(page)
        with page.expect_download() as download:
            page.get_by_role("link", name="Download the rows").click()
        assert "S-2" in download.value.path().read_text()


class TestSigningIn:
    def test_a_wrong_password_is_said_and_the_right_one_leads_home(self, world, page_for):
        page = page_for("/packs/", who=None)
        page.get_by_label("Name or work e-mail").fill("ana")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        page.locator(".trouble, .field-error").first.wait_for()
        assert_accessible(page)
        page.get_by_label("Password").fill("endcap-demo")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="Packs", exact=True).wait_for()

    def test_the_brand_can_be_changed_and_signing_out_works(self, world, page_for):
        page = page_for("/")
        page.locator(".tenant summary").click()
        page.get_by_role("button", name="Lumen Home").click()
        page.get_by_text("You now work for Lumen Home.").wait_for()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("heading", name="Sign in").wait_for()
