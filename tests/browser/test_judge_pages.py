"""Judge, rubrics, weights and experiences in a real browser: axe, widths, schemes, without script, after the swap."""

from __future__ import annotations

from typing import Any

import pytest

from rlhf.models import JudgeSettings, RewardConfig, RubricVersion
from rlhf.rewards import current_config
from tests.browser.conftest import PHONE, WIDE
from tests.browser.test_accessibility import assert_accessible
from tests.rlhf.judged import Judged, judged_world

OTHERS = {"w_judge": "0.1", "w_human": "0.9", "w_online": "0"}


@pytest.fixture
def judged(transactional_db: None, harbor: Any, lumen: Any, ana: Any) -> Judged:
    return judged_world(harbor, ana, emails=32)


def pages_of(judged: Judged) -> list[str]:
    return [
        "/judge/", f"/judge/rubrics/outreach/?set={judged.frozen.pk}", "/judge/rubrics/budget/", "/rewards/",
        f"/rewards/?{'&'.join(f'{name}={value}' for name, value in OTHERS.items())}",
        *(f"/experiences/{one.public_id}/" for one in (judged.first, judged.board, judged.mute)),
    ]  # fmt: skip


def replay(page: Any) -> None:
    """Try other weights, wait for the part that comes back."""
    for name, value in OTHERS.items():
        page.locator(f"#weight-{name}").fill(value)
    page.get_by_role("button", name="Replay the past with these").click()
    page.get_by_text("The order of the policies").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
class TestLook:
    def test_its_pages_meet_wcag_and_do_not_scroll_sideways(self, size, scheme, judged, page_for):
        for path in pages_of(judged):
            page = page_for(path, size=size, scheme=scheme)
            for details in page.query_selector_all("main details"):
                details.evaluate("details => { details.open = true }")
            assert_accessible(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
            assert page.locator("h1").count() == 1, path
            page.context.close()

    def test_so_does_what_the_replay_brings(self, size, scheme, judged, page_for):
        page = page_for("/rewards/", size=size, scheme=scheme)
        replay(page)
        assert "w_human=0.9" in page.url
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert page.get_by_role("button", name="Put these in force").count() == 1


class TestFirstMorning:
    def test_a_new_brand_and_people_who_may_less_see_pages_that_meet_wcag(self, judged, cleo, ben, rae, page_for):
        for who, path in (
            (cleo, "/judge/"), (cleo, "/judge/rubrics/outreach/"), (cleo, "/rewards/?w_judge=0.9"),
            (ben, "/judge/"), (ben, "/judge/rubrics/outreach/"), (ben, "/rewards/"),
            (ben, f"/experiences/{judged.board.public_id}/"), (rae, f"/experiences/{judged.first.public_id}/"),
        ):  # fmt: skip
            page = page_for(path, who=who)
            assert page.locator("main h1").count() == 1, path
            assert_accessible(page)
            page.context.close()

    def test_at_400_percent_nothing_scrolls_sideways(self, judged, page_for):
        for path in pages_of(judged):
            page = page_for(path, size={"width": 320, "height": 256})
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
            page.context.close()


class TestWithoutScript:
    def test_weights_are_replayed_adopted_and_put_back(self, judged, page_for):
        before = current_config(judged.brand).version
        page = page_for("/rewards/", script=False)
        replay(page)
        page.get_by_label("Why, in a few words").fill("People first")
        page.get_by_role("button", name="Put these in force").click()
        page.get_by_text(f"Version {before + 1} is in force").first.wait_for()
        assert RewardConfig.across_brands.get(version=before + 1).note == "People first"
        page.get_by_role("button", name="Put back version 1").click()
        page.get_by_text("has the weights of version 1").wait_for()

    def test_a_wording_is_kept_tried_and_put_in_force(self, judged, page_for):
        page = page_for("/judge/rubrics/outreach/", script=False)
        text = page.get_by_label("Rubric", exact=True).input_value()
        page.get_by_label("Rubric", exact=True).fill(text.replace("ideal: 80", "ideal: 50"))
        page.get_by_label("What you changed, in a few words").fill("Shorter still")
        page.get_by_role("button", name="Keep as a draft").click()
        page.get_by_text("Kept as draft 2").wait_for()
        page.get_by_label("Version to try").select_option("2")
        page.get_by_role("button", name="Try it on Autumn e-mails").click()
        page.get_by_role("cell", name="Version 2, draft").wait_for()
        page.get_by_role("button", name="Put in force version 2").click()
        page.get_by_text("Version 2 judges from now on").wait_for()
        assert RubricVersion.across_brands.get(number=2).state == "serving"

    def test_the_judge_is_chosen_and_a_bad_limit_is_named_by_its_field(self, judged, page_for):
        page = page_for("/judge/", script=False)
        page.get_by_label("At most this much a month, USD").fill("-3")
        page.get_by_role("button", name="Save").click()
        page.get_by_text("A limit is 0 or more").wait_for()
        page.get_by_label("Rubric checks only").check()
        page.get_by_label("At most this much a month, USD").fill("7.5")
        page.get_by_role("button", name="Save").click()
        page.get_by_text("New work is judged this way").wait_for()
        assert (JudgeSettings.objects.get().backend, JudgeSettings.objects.get().monthly_limit_usd) == ("rubric", 7.5)


class TestOpening:
    def test_every_judge_can_be_drawn_beside_people(self, judged, page_for):
        page = page_for("/judge/")
        page.get_by_role("row", name="rubric").get_by_role("link").click()
        page.locator("[aria-labelledby=curve-title]", has_text="rubric, e-mails").wait_for()
        assert page.locator("main svg.calibrated:visible").count() == 1

    def test_a_part_of_the_reward_leads_to_what_is_behind_it(self, judged, page_for):
        page = page_for(f"/experiences/{judged.first.public_id}/")
        reward = page.locator("[aria-labelledby=reward-title]")
        reward.get_by_role("link", name="People").first.click()
        assert page.url.endswith("#people-title")
        reward.get_by_role("link", name="as far as it was found to agree with people").first.click()
        page.wait_for_url("**/judge/#calibration-title")
