"""Rating in the browser: one key each, undo, reasons afterwards, drafts, no network for a while, and what axe says."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rlhf.models import Assignment, Feedback, Interaction, PreferencePair, RaterSettings, RatingItem
from rlhf.rating.tasks import ensure_tasks
from tests.browser.conftest import PHONE, WIDE
from tests.browser.rating_hands import all_sent, kept, press, ready, shown, unsent, until
from tests.browser.test_accessibility import assert_accessible
from tests.rlhf.rating.things import email, items_of, pairs_of

SMALL = {"width": 360, "height": 740}
PAIRS, SINGLES = "/rate/email-pairs/", "/rate/emails/"


@pytest.fixture
def queues(transactional_db: None, harbor: Any, rae: Any) -> Any:
    """Fifteen pairs and fifteen e-mails wait for Rae."""
    pairs_of(harbor, 15)
    items_of(harbor, 15)
    return harbor


@pytest.fixture
def desk(queues: Any, rae: Any, page_for: Any) -> Any:
    def opened(path: str = PAIRS, **options: Any) -> Any:
        return ready(page_for(path, who=rae, **options))

    return opened


def standing(model: Any = PreferencePair) -> Any:
    return model.across_brands.filter(undone_at__isnull=True).order_by("created_at")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE, SMALL], ids=["wide", "phone", "small"])
class TestEveryPage:
    def test_it_meets_wcag_and_does_not_scroll_sideways(self, size, scheme, desk, queues, rae, ben, page_for):
        def check(page: Any) -> None:
            page.wait_for_timeout(120)
            assert_accessible(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
            assert page.locator("h1").count() == 1

        for path in ("/rate/", "/rate/my/settings/", "/rate/budgets/"):
            page = page_for(path, who=rae, size=size, scheme=scheme)
            check(page)
            page.context.close()
        page = page_for(PAIRS, who=ben, size=size, scheme=scheme)
        check(page)
        for path, key in ((PAIRS, "a"), (SINGLES, "4")):
            page = desk(path, size=size, scheme=scheme)
            check(page)
            press(page, key)
            page.get_by_text("Saved:", exact=True).wait_for()
            page.locator(".strip summary").click()
            page.locator(".request summary").evaluate("one => { one.parentElement.open = true }")
            check(page)
            page.keyboard.press("Escape")
            page.locator("h1").click()
            page.keyboard.press("u")
            page.get_by_text("Taken back:").first.wait_for()
            check(page)
            page.keyboard.press("?")
            page.get_by_role("dialog").wait_for()
            check(page)
            page.context.close()

    def test_a_correction_and_a_dashboard_meet_wcag(self, size, scheme, desk, queues, rae, page_for):
        page = desk(SINGLES, size=size, scheme=scheme)
        page.get_by_label("Your version of the text").fill("Dear Jo,\n\nThe new sack holds.")
        page.get_by_text(re.compile("You changed")).wait_for()
        page.wait_for_timeout(250)
        assert_accessible(page)
        widgets = {"widgets": [{"type": "figure", "title": "Sales"}, {"type": "line", "title": "By week"}]}
        board = email(queues, kind="dashboard", output=widgets)
        RatingItem.across_brands.create(brand=queues, task=ensure_tasks(queues).get(slug="dashboards"), a=board)
        page = ready(page_for("/rate/dashboards/", who=rae, size=size, scheme=scheme))
        page.get_by_role("button", name="Not useful").nth(1).click()
        page.locator('[aria-label="Not useful"][aria-pressed=true]').wait_for()
        assert standing(Feedback).get().widget == 1
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]

    def test_the_page_of_one_text_of_a_pair_meets_wcag(self, size, scheme, desk):
        page = desk(size=size, scheme=scheme)
        press(page, "b")
        page.get_by_role("link", name="Edit or flag").click()
        page.get_by_role("heading", name="Edit or flag B").wait_for()
        page.wait_for_load_state()  # its scripts look after the field from now on
        page.get_by_label("Your version of the text").fill("Dear Jo,\n\nThe new sack holds.")
        page.get_by_text(re.compile("You changed")).wait_for()
        page.wait_for_timeout(250)
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


class TestBeside:
    def test_the_chosen_text_is_edited_with_one_key(self, desk):
        page = desk()
        press(page, "b")
        page.get_by_role("link", name="Edit or flag").wait_for()  # once it is saved
        page.keyboard.press("c")
        page.get_by_role("heading", name="Edit or flag B").wait_for()
        page.wait_for_load_state()  # its scripts look after the field from now on
        page.get_by_label("Your version of the text").fill("Dear Jo,\n\nThe new sack holds.")
        page.locator("#correction-diff ins").first.wait_for()
        page.reload()
        assert "sack holds" in page.get_by_label("Your version of the text").input_value()
        page.get_by_role("button", name="Save and go on").click()
        page.get_by_text("Your version of B is kept.").wait_for()
        assert standing(Feedback).get().corrected == "Dear Jo,\n\nThe new sack holds."
        assert standing().count() == 1
        page.get_by_role("link", name="Edit or flag").click()
        page.get_by_role("button", name="Take it back").click()
        page.get_by_text("Taken back.").wait_for()
        assert not standing(Feedback).exists()

    def test_after_a_skip_there_is_nothing_to_edit(self, desk):
        page = desk()
        press(page, "Space")
        page.get_by_text("Skipped").first.wait_for()
        assert not page.get_by_role("link", name="Edit or flag").is_visible()
        assert not page.get_by_text("Pick any, or none").is_visible()


class TestKeys:
    def test_every_key_of_a_pair_saves_and_moves_on(self, desk):
        page = desk()
        for key, words in (("a", "A is better"), ("b", "B is better"), ("e", "About the same"), ("n", "Both bad")):
            press(page, key)
            page.get_by_text("Saved:", exact=True).wait_for()
            assert page.locator("[data-strip-words]").inner_text() == words
        all_sent(page)
        pairs = list(standing())
        seen = [
            {"a": "b", "b": "a"}.get(one.verdict, one.verdict) if one.shown_order == "ba" else one.verdict
            for one in pairs
        ]
        assert seen == ["a", "b", "tie", "both_bad"]
        assert page.locator("#rate-progress strong").inner_text() == "4 of 15"
        assert page.locator("#count-rate").inner_text().startswith("26")

    def test_every_key_of_a_single_saves_and_moves_on(self, desk):
        page = desk(SINGLES)
        for key in ("y", "n", "1", "2", "3", "4", "5", "f"):
            press(page, key)
        all_sent(page)
        said = list(standing(Feedback).values_list("kind", "value", "stars"))
        assert said == [
            ("thumb", 1.0, None), ("thumb", 0.0, None), ("stars", 0.0, 1), ("stars", 0.25, 2), ("stars", 0.5, 3),
            ("stars", 0.75, 4), ("stars", 1.0, 5), ("flag", None, None),
        ]  # fmt: skip

    def test_the_next_one_has_the_focus_on_its_heading(self, desk):
        page = desk()
        press(page, "a")
        page.locator("#request-title:focus").wait_for()

    def test_space_skips_but_presses_a_focused_button(self, desk):
        page = desk()
        first = shown(page)
        press(page, "Space")
        page.get_by_text("Skipped").first.wait_for()
        all_sent(page)
        assert Assignment.across_brands.get(public_id=first).state == "skipped"
        second = shown(page)
        page.get_by_role("button", name="B is better").focus()
        press(page, "Space")
        all_sent(page)
        assert standing().get().assignment.public_id.hex == second.replace("-", "")

    def test_undo_goes_ten_deep_across_what_was_sent(self, desk):
        page = desk()
        order = [shown(page)]
        order += [press(page, "ab"[number % 2]) for number in range(12)]
        all_sent(page)
        assert standing().count() == 12
        for expected in reversed(order[:-1]):
            page.keyboard.press("Backspace" if expected == order[3] else "u")
            page.locator(f'#rate-item [data-item="{expected}"]').wait_for()
        all_sent(page)
        assert standing().count() == 0
        assert page.locator("#rate-progress strong").inner_text() == "0 of 15"
        for expected in order[1:]:
            assert press(page, "e") == expected
        all_sent(page)
        assert standing().count() == 12

    def test_what_was_chosen_before_is_marked_after_undo(self, desk):
        page = desk()
        first = shown(page)
        press(page, "b")
        page.keyboard.press("u")
        page.locator(f'[data-item="{first}"] .variant-b.preferred').wait_for()

    def test_a_skip_can_be_undone(self, desk):
        page = desk()
        first = shown(page)
        press(page, "Space")
        page.keyboard.press("u")
        page.locator(f'#rate-item [data-item="{first}"]').wait_for()
        press(page, "a")
        all_sent(page)
        assert standing().count() == 1

    def test_of_another_device_it_asks_the_server(self, desk):
        page = desk()
        press(page, "a")
        all_sent(page)
        first = standing().get().assignment.public_id
        other = desk()
        assert shown(other) != str(first)
        other.keyboard.press("u")
        other.locator(f'#rate-item [data-item="{first}"]').wait_for()
        assert not standing().exists()

    def test_they_are_letters_in_a_text_field_and_nothing_with_ctrl(self, desk):
        page = desk(SINGLES)
        field = page.get_by_label("Your version of the text")
        field.fill("")
        field.press_sequentially("yn15 uf?")
        assert field.input_value() == "yn15 uf?"
        page.locator("h1").click()
        for key in ("Control+y", "Alt+y", "Shift+Y"):
            page.keyboard.press(key)
        page.wait_for_timeout(200)
        assert not Feedback.across_brands.exists()

    def test_they_can_be_changed_and_switched_off(self, desk, rae):
        page = desk()
        page.keyboard.press("?")
        page.get_by_role("dialog").wait_for()
        field = page.get_by_role("dialog").get_by_label("A is better")
        field.focus()
        page.keyboard.press("e")
        assert field.input_value() == "E"
        page.get_by_role("button", name="Keep these").click()
        page.get_by_text("E already means “A is better”.").wait_for()
        assert_accessible(page)
        field = page.get_by_role("dialog").get_by_label("A is better")
        field.focus()
        page.keyboard.press("j")
        page.get_by_role("button", name="Keep these").click()
        page.get_by_text("Your keys are as you chose them.").wait_for()
        ready(page)
        page.keyboard.press("a")
        press(page, "j")
        all_sent(page)
        assert standing().count() == 1
        RaterSettings.objects.filter(user=rae).update(keys_on=False)
        page.reload()
        ready(page)
        page.keyboard.press("j")
        page.keyboard.press("b")
        page.wait_for_timeout(300)
        assert standing().count() == 1


class TestAfterwards:
    def test_reasons_and_a_comment_belong_to_the_one_before(self, desk):
        page = desk()
        first = shown(page)
        press(page, "a")
        page.get_by_label("Clearer").check(force=True)
        page.get_by_label("Warmer").check(force=True)
        page.get_by_text("Add a comment").click()
        page.get_by_label("Comment on what you said").fill("It answers her question.")
        press_elsewhere = page.locator("h1")
        press_elsewhere.click()
        press(page, "b")  # at once: what was typed is sent on the way
        all_sent(page)
        stored = standing().get(assignment__public_id=first)
        assert (stored.reasons, stored.comment) == (["Clearer", "Warmer"], "It answers her question.")
        assert standing().exclude(assignment__public_id=first).get().reasons == []
        assert not page.get_by_label("Clearer").is_checked()

    def test_its_own_undo_is_for_the_one_it_names(self, desk):
        page = desk()
        first = shown(page)
        press(page, "a")
        page.locator("[data-strip-undo]").click()
        page.locator(f'#rate-item [data-item="{first}"]').wait_for()
        all_sent(page)
        assert not standing().exists()

    def test_it_is_said_to_those_who_listen(self, desk):
        page = desk()
        press(page, "a")
        page.locator("#rate-live", has_text="Saved: A is better.").wait_for(state="attached")

    def test_after_a_reload_the_strip_and_the_position_are_there(self, desk):
        page = desk()
        press(page, "a")
        page.get_by_label("Warmer").check(force=True)
        page.locator("h1").click()
        position = press(page, "Space")
        page.keyboard.press("u")
        page.wait_for_timeout(100)
        all_sent(page)
        page.reload()
        ready(page)
        assert page.locator("[data-strip-words]").inner_text() == "A is better"
        assert page.get_by_label("Warmer").is_checked()
        assert shown(page) != position


class TestCorrecting:
    def test_c_writes_and_ctrl_enter_saves(self, desk):
        page = desk(SINGLES)
        first = shown(page)
        page.keyboard.press("c")
        page.locator("#correction-text:focus").wait_for()
        page.keyboard.press("Control+Home")
        page.keyboard.type("Hello. ")
        page.locator("#correction-diff ins").first.wait_for()
        page.keyboard.press("Control+Enter")
        page.locator(f'#rate-item [data-item]:not([data-item="{first}"])').wait_for()
        all_sent(page)
        stored = standing(Feedback).get()
        assert stored.kind == "correction"
        assert stored.corrected.startswith("Hello. A sturdier sack")
        assert not stored.original.startswith("Hello.")

    def test_an_unchanged_text_is_said_and_stays(self, desk):
        page = desk(SINGLES)
        first = shown(page)
        page.get_by_role("button", name="Save and next").click()
        page.get_by_text("Your version is the same as the text.").wait_for()
        assert shown(page) == first

    def test_a_draft_outlives_reload_and_sign_out(self, desk, rae, page_for):
        page = desk(SINGLES)
        first = shown(page)
        page.get_by_label("Your version of the text").fill("Half a sent")
        page.reload()
        ready(page)
        assert page.get_by_label("Your version of the text").input_value() == "Half a sent"
        page.get_by_label("Your version of the text").press("End")
        page.get_by_label("Your version of the text").press_sequentially("ence")
        until(page, lambda: "corrected" in Assignment.across_brands.get(public_id=first).draft)
        until(page, lambda: Assignment.across_brands.get(public_id=first).draft["corrected"] == "Half a sentence")
        elsewhere = desk(SINGLES)
        assert shown(elsewhere) == first
        assert elsewhere.get_by_label("Your version of the text").input_value() == "Half a sentence"

    def test_undo_brings_the_own_words_back(self, desk):
        page = desk(SINGLES)
        page.get_by_label("Your version of the text").fill("All mine")
        page.get_by_role("button", name="Save and next").click()
        page.get_by_text("Saved:", exact=True).wait_for()
        page.keyboard.press("u")
        page.get_by_text("Taken back:").first.wait_for()
        assert page.get_by_label("Your version of the text").input_value() == "All mine"


class TestTrouble:
    def test_a_server_in_trouble_is_said_and_asked_again(self, desk):
        page = desk()
        page.route("**/answer/", lambda route: route.fulfill(status=500, body="broken"))
        press(page, "a")
        page.locator(".strip").get_by_text("Not saved yet. Trying again").wait_for()
        assert_accessible(page)
        press(page, "b")
        page.unroute("**/answer/")
        all_sent(page)
        page.get_by_text("Saved:", exact=True).wait_for()
        assert standing().count() == 2

    @pytest.mark.parametrize("status", [403, 404, 409, 422])
    def test_what_is_refused_comes_back_with_the_reason(self, status, desk):
        page = desk()
        first = shown(page)
        body = '{"code": "refused", "detail": "This one is closed."}'
        page.route(
            "**/answer/",
            lambda route: route.fulfill(status=status, body=body, content_type="application/problem+json"),
        )
        page.keyboard.press("a")
        page.get_by_text("Not saved: A is better. This one is closed.").wait_for()
        page.locator(f'#rate-item [data-item="{first}"]').wait_for()
        assert_accessible(page)
        assert unsent(page) == []
        page.unroute("**/answer/")
        press(page, "b")
        all_sent(page)
        assert standing().get().assignment.public_id.hex == first.replace("-", "")

    def test_a_lost_answer_is_asked_for_again_and_stored_once(self, desk):
        page = desk()
        lost = []

        def lose(route: Any) -> None:
            lost.append(route.fetch().status)
            route.abort()

        page.route("**/answer/", lose, times=1)
        press(page, "a")
        until(page, lambda: lost == [200])
        all_sent(page)
        assert PreferencePair.across_brands.count() == 1

    def test_two_windows_never_send_twice(self, desk):
        page = desk()
        second = page.context.new_page()
        second.goto(page.url)
        ready(second)
        until(second, lambda: kept(second) > 5)
        page.context.set_offline(True)
        rated = [shown(page), press(page, "a")]
        press(page, "b")
        second.bring_to_front()
        page.context.set_offline(False)
        all_sent(page)
        assert PreferencePair.across_brands.count() == 2
        second.wait_for_timeout(500)  # what one window sent is told to the other
        assert shown(second) == rated[0]  # it lay there; answering it again takes the place of the first answer
        assert press(second, "e") not in rated
        all_sent(second)
        assert standing().count() == 2

    def test_a_token_of_an_earlier_sign_in_is_renewed(self, desk):
        page = desk()
        page.context.clear_cookies(name="csrftoken")
        press(page, "a")
        all_sent(page)
        press(page, "b")
        all_sent(page)
        assert standing().count() == 2

    def test_all_done_is_said(self, desk, rae, page_for, queues):
        items_of(queues, 1, slug="texts")
        page = ready(page_for("/rate/texts/", who=rae))
        page.keyboard.press("4")
        page.get_by_text("All done.").wait_for()
        page.get_by_text("Saved:", exact=True).wait_for()
        assert_accessible(page)
        page.keyboard.press("u")
        page.locator("#rate-item [data-item]").wait_for()

    def test_stopping_gives_the_rest_back(self, desk):
        page = desk()
        until(page, lambda: kept(page) > 3)
        press(page, "a")
        all_sent(page)
        page.get_by_role("button", name="Stop for now").first.click()
        page.get_by_role("heading", name="Rate", exact=True).wait_for()
        assert not Assignment.across_brands.filter(state="open").exists()


class TestTimings:
    def test_nothing_is_noted_before_a_yes_and_then_it_is(self, desk, rae):
        page = desk(SINGLES)
        press(page, "4")
        all_sent(page)
        assert not Interaction.across_brands.exists()
        page.get_by_role("button", name="Yes, note it").click()
        page.get_by_text("is noted from now on").wait_for()
        assert_accessible(page)
        page.wait_for_timeout(120)
        page.locator("h1").click()
        press(page, "5")
        all_sent(page)
        noted = dict(Interaction.across_brands.values_list("kind", "value"))
        assert set(noted) == {"seen", "dwell", "scroll"}
        assert noted["dwell"] >= 100
        assert 0 < noted["scroll"] <= 1


class TestWithoutScript:
    def test_every_action_is_a_form(self, queues, rae, page_for):
        page = page_for(PAIRS, who=rae, script=False)
        first = shown(page)
        page.get_by_role("button", name="A is better").click()
        assert page.locator("[data-strip-words]").inner_text() == "A is better"
        page.get_by_label("Clearer").check(force=True)
        page.get_by_role("button", name="Keep", exact=True).click()
        assert page.get_by_label("Clearer").is_checked()
        assert standing().get().reasons == ["Clearer"]
        page.get_by_role("button", name="Skip").click()
        page.locator(".verdict").get_by_role("button", name="Undo").click()
        page.locator(".verdict").get_by_role("button", name="Undo").click()
        assert shown(page) == first
        page.goto(page.url.replace(PAIRS, SINGLES))
        page.get_by_label("Your version of the text").fill("Dear Jo, the sack holds.")
        page.get_by_role("button", name="Compare").click()
        assert page.locator("#correction-diff del").count()
        page.get_by_role("button", name="Save and next").click()
        assert standing(Feedback).get().corrected == "Dear Jo, the sack holds."
        page.get_by_role("button", name="4 of 5, good").click()
        assert standing(Feedback).count() == 2
        page.get_by_role("button", name="Stop for now").first.click()
        page.get_by_role("heading", name="Rate", exact=True).wait_for()


class TestOnAPhone:
    def test_one_side_at_a_time_and_the_buttons_in_reach(self, desk):
        page = desk(size=SMALL)
        assert page.locator(".variant-a").is_visible()
        assert not page.locator(".variant-b").is_visible()
        page.get_by_text("Read B").click()
        assert page.locator(".variant-b").is_visible()
        assert not page.locator(".variant-a").is_visible()
        for name in ("A is better", "B is better", "About the same", "Both bad"):
            box = page.get_by_role("button", name=name).bounding_box()
            assert box["height"] >= 44
            assert box["y"] + box["height"] <= SMALL["height"]
        page.get_by_role("button", name="How to choose").click()
        page.get_by_text("Imagine you are the reader.").wait_for()
        assert_accessible(page)
