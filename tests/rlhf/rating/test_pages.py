"""The rating pages as forms and as what a script asks for: who may, what is stored, what is said, and nothing twice."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from rlhf.models import Assignment, Feedback, Interaction, PreferencePair, RaterSettings, RatingItem, RatingTask
from rlhf.rating.tasks import ensure_tasks
from tests.rlhf.rating.things import email, items_of, pairs_of

pytestmark = pytest.mark.django_db
JSON = {"HTTP_ACCEPT": "application/json"}


@pytest.fixture
def singles(harbor: Any) -> RatingTask:
    return items_of(harbor, 4)


@pytest.fixture
def pairs(harbor: Any) -> RatingTask:
    return pairs_of(harbor, 4)


def held(client: Client, task: RatingTask) -> Assignment:
    """What the page of the task shows this person."""
    client.get(reverse("rate_task", args=[task.slug]))
    rows = Assignment.across_brands.filter(state="open", item__task=task, rater_id=client.session["_auth_user_id"])
    return rows.order_by("pk").first()


def post(client: Client, name: str, assignment: Assignment, data: dict[str, Any] | None = None, **extra: Any) -> Any:
    return client.post(reverse(name, args=[assignment.public_id]), data or {}, **extra)


class TestChoosing:
    def test_it_says_what_waits_in_every_kind_of_work(self, rae_client, singles, pairs):
        page = rae_client.get(reverse("rate")).content.decode()
        assert "8 items wait for you" in page
        for kind in ("Budgeting", "Creative", "Measurement", "Planning", "Outreach", "Dashboards"):
            assert kind in page
        assert "4, about 2 minutes" in page
        assert '<span class="count" id="count-rate">8' in page

    def test_a_new_brand_is_told_what_fills_it(self, rae_client):
        page = rae_client.get(reverse("rate")).content.decode()
        assert "All done." in page
        assert "After your first ratings this shows" in page
        assert '<span class="count" id="count-rate" hidden>' in page

    def test_a_rater_sees_the_own_consistency(self, rae_client, pairs):
        post(rae_client, "rate_answer", held(rae_client, pairs), {"verdict": "a"})
        assert "Same answer the second time" in rae_client.get(reverse("rate")).content.decode()

    def test_the_number_of_questions_does_not_grow(self, rae_client, pairs, django_assert_max_num_queries):
        rae_client.get(reverse("rate"))
        with django_assert_max_num_queries(30) as few:
            rae_client.get(reverse("rate"))
        items_of(pairs.brand, 30)
        with django_assert_max_num_queries(len(few)):
            rae_client.get(reverse("rate"))


class TestWhoMay:
    @pytest.mark.parametrize("name", ["rate", "rate_settings"])
    def test_signing_in_comes_first(self, name, db):
        assert Client().get(reverse(name)).status_code == 302

    def test_a_viewer_sees_the_pages_and_a_friendly_reason(self, ben_client, pairs):
        for address in (reverse("rate"), reverse("rate_task", args=[pairs.slug])):
            answer = ben_client.get(address)
            assert answer.status_code == 200
            assert "Viewers look on. Owners, planners and raters say how good the work is" in answer.content.decode()
        assert not Assignment.across_brands.exists()

    def test_a_viewer_cannot_rate(self, ben_client, ben, ana_client, pairs):
        assignment = held(ana_client, pairs)
        assert post(ben_client, "rate_answer", assignment, {"verdict": "a"}).status_code == 403
        refused = post(ben_client, "rate_answer", assignment, {"verdict": "a"}, **JSON)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_yours")
        assert ben_client.get(reverse("rate_items", args=[pairs.slug]), **JSON).status_code == 403

    def test_another_tenant_finds_nothing(self, cleo_client, ana_client, pairs):
        assignment = held(ana_client, pairs)
        RatingTask.objects.for_brand(pairs.brand).filter(pk=pairs.pk).update(slug="ours-alone")
        assert cleo_client.get(reverse("rate_task", args=["ours-alone"])).status_code == 404
        refused = post(cleo_client, "rate_answer", assignment, {"verdict": "a"}, **JSON)
        assert refused.status_code == 404
        assert not PreferencePair.across_brands.exists()

    def test_nobody_answers_for_somebody_else(self, rae_client, ana_client, pairs):
        refused = post(rae_client, "rate_answer", held(ana_client, pairs), {"verdict": "a"}, **JSON)
        assert (refused.status_code, refused.json()["detail"]) == (
            404,
            "This item is not yours to rate. Take the next one.",
        )

    @pytest.mark.parametrize(
        "name", ["rate_answer", "rate_skip", "rate_undo", "rate_explain", "rate_draft", "rate_diff"]
    )
    def test_reading_changes_nothing(self, name, rae_client, pairs):
        assert rae_client.get(reverse(name, args=[uuid.uuid4()])).status_code == 405
        assert rae_client.post(reverse(name, args=[uuid.uuid4()]), **JSON).status_code == 404


class TestBlind:
    def test_nothing_says_who_made_it_or_what_others_think(self, rae_client, singles):
        page = rae_client.get(reverse("rate_task", args=[singles.slug])).content.decode()
        assert "Dear Jo" in page
        for word in ("composer", "writer@7", "rubric", "policy", "model", "reward", "sample", "annotate"):
            assert word not in page.split("<main")[1].lower(), word


class TestPairs:
    def test_letters_are_places_and_the_server_knows_which_is_which(self, rae_client, rae, pairs):
        for order in ("ab", "ba", "ba", "ab"):
            assignment = held(rae_client, pairs)
            Assignment.across_brands.filter(pk=assignment.pk).update(shown_order=order)
            assignment.refresh_from_db()
            page = rae_client.get(reverse("rate_task", args=[pairs.slug])).content.decode()
            left = assignment.item.a if assignment.shown_order == "ab" else assignment.item.b
            right = assignment.item.b if assignment.shown_order == "ab" else assignment.item.a
            assert page.index(left.output["emails"][0]["subject"]) < page.index(right.output["emails"][0]["subject"])
            post(rae_client, "rate_answer", assignment, {"verdict": "a"})
            stored = PreferencePair.across_brands.get(assignment=assignment)
            better = stored.a if stored.verdict == "a" else stored.b
            assert better == left
            assert stored.shown_order == order

    def test_without_script_one_item_follows_the_other(self, rae_client, pairs):
        first = held(rae_client, pairs)
        answer = post(rae_client, "rate_answer", first, {"verdict": "b", "key": "k1"}, follow=True)
        page = answer.content.decode()
        assert answer.redirect_chain == [(f"/rate/{pairs.slug}/?after={first.public_id}", 302)]
        assert "<strong data-strip-words>B is better</strong>" in page
        assert held(rae_client, pairs) != first
        answer = post(
            rae_client, "rate_explain", first, {"reasons": ["Clearer", "Warmer"], "comment": "Short."}, follow=True
        )
        stored = PreferencePair.across_brands.get()
        assert (stored.reasons, stored.comment) == (["Clearer", "Warmer"], "Short.")
        page = answer.content.decode()
        assert 'value="Clearer" checked' in page
        assert "Short." in page

    def test_a_wrong_verdict_is_said(self, rae_client, pairs):
        first = held(rae_client, pairs)
        refused = post(rae_client, "rate_answer", first, {"verdict": "c"}, **JSON)
        assert (refused.status_code, refused.json()["field"]) == (422, "verdict")
        page = post(rae_client, "rate_answer", first, {"verdict": "c"}, follow=True).content.decode()
        assert "Choose one of" in page


class TestSingles:
    @pytest.mark.parametrize(
        ("sent", "kind", "words"),
        [
            ({"thumb": "yes"}, "thumb", "Yes"),
            ({"thumb": "no"}, "thumb", "Not like this"),
            ({"stars": "4"}, "stars", "4 of 5, good"),
            ({"corrected": "Dear Jo, a sturdier sack is here."}, "correction", "Your version"),
            ({"flag": "1"}, "flag", "Flagged"),
        ],
    )
    def test_every_answer_is_stored_and_said(self, sent, kind, words, rae_client, rae, singles):
        first = held(rae_client, singles)
        answer = post(rae_client, "rate_answer", first, {**sent, "key": "k"}, **JSON)
        assert answer.status_code == 200
        assert answer.json()["saved"] == words
        assert answer.json()["progress"]["done"] == 1
        stored = Feedback.across_brands.get()
        assert (stored.kind, stored.rater, stored.experience) == (kind, rae, first.item.a)

    @pytest.mark.parametrize(
        "sent", [{"thumb": "maybe"}, {"stars": "6"}, {"stars": "x"}, {}, {"stars": "1", "thumb": "no"}]
    )
    def test_what_is_no_rating_is_refused(self, sent, rae_client, singles):
        refused = post(rae_client, "rate_answer", held(rae_client, singles), sent, **JSON)
        assert refused.status_code == 422
        assert not Feedback.across_brands.exists()

    def test_a_correction_can_be_compared_without_script(self, rae_client, singles):
        first = held(rae_client, singles)
        text = first.item.a.output["emails"][0]["body"].replace("It has been a while", "It was May")
        page = post(rae_client, "rate_diff", first, {"corrected": text}).content.decode()
        assert "<del>" in page and "<ins>" in page
        assert "It was May" in page
        first.refresh_from_db()
        assert first.draft["corrected"] == text
        assert "It was May" in rae_client.get(reverse("rate_task", args=[singles.slug])).content.decode()

    def test_htmx_gets_the_comparison_alone(self, rae_client, singles):
        first = held(rae_client, singles)
        part = post(rae_client, "rate_diff", first, {"corrected": "Something else"}, HTTP_HX_REQUEST="true")
        assert part.content.decode().startswith('\n<p class="diff-count">You changed')

    def test_a_refused_version_is_kept_as_a_draft(self, rae_client, singles):
        first = held(rae_client, singles)
        post(rae_client, "rate_answer", first, {"corrected": "x" * 41_000})
        first.refresh_from_db()
        assert len(first.draft["corrected"]) == 41_000


class TestOnce:
    def test_the_same_key_twice_is_one(self, rae_client, pairs):
        first = held(rae_client, pairs)
        answers = [post(rae_client, "rate_answer", first, {"verdict": "a", "key": "k"}, **JSON) for _ in range(2)]
        assert [answer.json()["new"] for answer in answers] == [True, False]
        assert PreferencePair.across_brands.count() == 1

    def test_a_late_answer_is_taken(self, rae_client, pairs):
        first = held(rae_client, pairs)
        Assignment.across_brands.filter(pk=first.pk).update(locked_until=first.taken_at, state="expired")
        assert post(rae_client, "rate_answer", first, {"verdict": "a", "key": "k"}, **JSON).status_code == 200
        assert PreferencePair.across_brands.count() == 1


class TestUndo:
    def test_it_goes_ten_deep_and_more(self, rae_client, harbor):
        task = pairs_of(harbor, 14)
        done = []
        for number in range(12):
            assignment = held(rae_client, task)
            post(rae_client, "rate_answer", assignment, {"verdict": "a", "key": f"k{number}"})
            done.append(assignment.pk)
        for last in reversed(done):
            answer = rae_client.post(reverse("rate_undo_last", args=[task.slug]), **JSON)
            assert answer.json()["item"]["id"] == str(Assignment.across_brands.get(pk=last).public_id)
        assert PreferencePair.across_brands.filter(undone_at__isnull=True).count() == 0
        page = rae_client.post(reverse("rate_undo_last", args=[task.slug]), follow=True).content.decode()
        assert "There is nothing of yours left to undo." in page

    def test_of_one_item_may_be_asked_twice(self, rae_client, pairs):
        first = held(rae_client, pairs)
        post(rae_client, "rate_answer", first, {"verdict": "a"})
        second = held(rae_client, pairs)
        post(rae_client, "rate_answer", second, {"verdict": "a"})
        for _ in range(2):
            answer = post(rae_client, "rate_undo", second, **JSON)
            assert answer.json()["item"]["id"] == str(second.public_id)
        assert PreferencePair.across_brands.filter(undone_at__isnull=True).get().assignment == first

    def test_a_skip_can_be_undone(self, rae_client, pairs):
        first = held(rae_client, pairs)
        post(rae_client, "rate_skip", first)
        assert held(rae_client, pairs) != first
        item = RatingItem.across_brands.get(pk=first.item_id)
        assert item.taken == 0
        rae_client.post(reverse("rate_undo_last", args=[pairs.slug]))
        first.refresh_from_db()
        assert first.state == "open"
        assert RatingItem.across_brands.get(pk=first.item_id).taken == 1
        post(rae_client, "rate_answer", first, {"verdict": "a"})
        assert PreferencePair.across_brands.get().counts

    def test_what_was_exported_stays(self, rae_client, pairs):
        first = held(rae_client, pairs)
        post(rae_client, "rate_answer", first, {"verdict": "a"})
        PreferencePair.across_brands.update(exported_at=first.taken_at)
        refused = post(rae_client, "rate_undo", first, **JSON)
        assert (refused.status_code, refused.json()["code"]) == (409, "refused")
        assert "exported" in refused.json()["detail"]
        assert post(rae_client, "rate_explain", first, {"comment": "x"}, **JSON).status_code == 422


class TestForAScript:
    def test_it_gets_the_next_items_as_html(self, rae_client, pairs):
        answer = rae_client.get(reverse("rate_items", args=[pairs.slug]), {"count": "3"}, **JSON).json()
        assert len({item["id"] for item in answer["items"]}) == 3
        assert all("Read A" in item["html"] for item in answer["items"])
        assert answer["progress"].pop("at") > 1.7e9
        assert answer["progress"] == {"done": 0, "waiting": 4, "seconds": 25.0}

    @pytest.mark.parametrize("count", ["", "x", "-1", "0", "99999", "99"])
    def test_odd_counts_give_some(self, count, rae_client, pairs):
        answer = rae_client.get(reverse("rate_items", args=[pairs.slug]), {"count": count}, **JSON)
        assert 1 <= len(answer.json()["items"]) <= 4

    def test_its_questions_do_not_grow_with_the_items_held(self, rae_client, harbor, django_assert_max_num_queries):
        task = items_of(harbor, 30)
        address = reverse("rate_items", args=[task.slug])
        rae_client.get(address, {"count": "20"}, **JSON)
        with django_assert_max_num_queries(30) as few:
            rae_client.get(address, {"count": "2"}, **JSON)
        with django_assert_max_num_queries(len(few)):
            rae_client.get(address, {"count": "20"}, **JSON)

    def test_a_lost_session_is_told_and_nothing_is_kept_in_its_stead(self, rae_client, pairs):
        first = held(rae_client, pairs)
        rae_client.logout()
        refused = post(rae_client, "rate_answer", first, {"verdict": "a", "key": "k"}, **JSON)
        assert (refused.status_code, refused.json()["code"]) == (401, "signed_out")
        assert rae_client.get(reverse("rate_sign")).status_code == 401
        assert "kept" not in rae_client.session

    def test_a_form_of_a_lost_session_is_kept_as_everywhere(self, rae_client, pairs):
        first = held(rae_client, pairs)
        rae_client.logout()
        assert "/accounts/login/" in post(rae_client, "rate_answer", first, {"verdict": "a"}).url
        assert rae_client.session["kept"]["fields"]["verdict"] == ["a"]

    def test_what_one_person_holds_is_never_sent_as_another(self, rae_client, ana_client, ana, rae, pairs):
        first = held(rae_client, pairs)
        refused = post(ana_client, "rate_answer", first, {"verdict": "a", "as": str(rae.pk)}, **JSON)
        assert (refused.status_code, refused.json()["code"]) == (409, "other_person")
        assert ana_client.get(reverse("rate_sign")).json()["user"] == str(ana.pk)

    def test_a_rating_reaches_its_brand_after_the_brand_was_switched(self, rae_client, rae, harbor, lumen, pairs):
        first = held(rae_client, pairs)
        lumen.memberships.create(user=rae, role="rater")
        rae_client.post(reverse("switch_brand", args=["lumen-home"]))
        lost = post(rae_client, "rate_answer", first, {"verdict": "a", "key": "k"}, **JSON)
        assert lost.status_code == 404
        sent = {"verdict": "a", "key": "k", "brand": "harbor-oats"}
        assert post(rae_client, "rate_answer", first, sent, **JSON).status_code == 200
        refused = post(rae_client, "rate_answer", first, {**sent, "brand": "nowhere"}, **JSON)
        assert refused.status_code == 403

    def test_the_worker_looks_after_the_rating_pages(self, db):
        answer = Client().get("/rate/worker.js")
        assert answer["Content-Type"].startswith("text/javascript")
        assert 'importScripts("/static/js/rating-outbox.js");' in answer.content.decode()


class TestDrafts:
    def test_they_are_kept_and_cleared_by_the_answer(self, rae_client, singles):
        first = held(rae_client, singles)
        assert post(rae_client, "rate_draft", first, {"corrected": "My own words"}).status_code == 204
        assert "My own words" in rae_client.get(reverse("rate_task", args=[singles.slug])).content.decode()
        post(rae_client, "rate_answer", first, {"stars": "3"})
        first.refresh_from_db()
        assert first.draft == {}

    def test_stopping_gives_back_what_has_none(self, rae_client, ana_client, singles):
        rae_client.get(reverse("rate_items", args=[singles.slug]), {"count": "3"}, **JSON)
        first = held(rae_client, singles)
        post(rae_client, "rate_draft", first, {"corrected": "My own words"})
        assert rae_client.post(reverse("rate_stop", args=[singles.slug])).url == reverse("rate")
        assert list(Assignment.across_brands.filter(state="open")) == [first]
        assert sum(RatingItem.across_brands.values_list("taken", flat=True)) == 1


class TestTimings:
    SENT = {"stars": "5", "dwell_ms": "4200", "scroll": "0.8", "edits": "3"}

    def test_nothing_is_noted_without_a_yes(self, rae_client, rae, singles):
        for consent in (None, False):
            RaterSettings.objects.update_or_create(user=rae, defaults={"timings_consent": consent})
            post(rae_client, "rate_answer", held(rae_client, singles), self.SENT)
        assert not Interaction.across_brands.exists()
        assert Feedback.across_brands.filter(duration_ms__isnull=False).count() == 0

    def test_with_a_yes_they_are_noted_once(self, rae_client, rae, singles):
        assert rae_client.post(reverse("rate_timings"), {"timings": "yes"}).status_code == 302
        first = held(rae_client, singles)
        for _ in range(2):
            post(rae_client, "rate_answer", first, {**self.SENT, "key": "k"}, **JSON)
        noted = dict(Interaction.across_brands.values_list("kind", "value"))
        assert noted == {"seen": 1.0, "dwell": 4200.0, "scroll": 0.8, "edits": 3.0}
        assert Feedback.across_brands.get().duration_ms == 4200

    @pytest.mark.parametrize("odd", ["nan", "inf", "-1", "x", ""])
    def test_odd_figures_are_left_out(self, odd, rae_client, rae, singles):
        rae_client.post(reverse("rate_timings"), {"timings": "yes"})
        post(rae_client, "rate_answer", held(rae_client, singles), {"stars": "5", "dwell_ms": odd})
        assert not Interaction.across_brands.exists()

    def test_the_question_is_asked_once(self, rae_client, singles):
        address = reverse("rate_task", args=[singles.slug])
        assert "May we note how long you look" in rae_client.get(address).content.decode()
        part = rae_client.post(reverse("rate_timings"), {"timings": "no"}, HTTP_HX_REQUEST="true")
        assert "Nothing is noted." in part.content.decode()
        assert "May we note how long you look" not in rae_client.get(address).content.decode()


class TestKeys:
    def form(self, **changed: str) -> dict[str, str]:
        from rlhf.rating.keys import ACTIONS

        return {"keys_on": "on", **{f"key-{a.name}": a.key for a in ACTIONS}, **changed}

    def test_they_can_be_changed_and_only_the_difference_is_kept(self, rae_client, rae, pairs):
        address = reverse("rate_settings")
        sent = self.form(**{"key-a": "J", "key-skip": "s"})
        assert rae_client.post(address, {**sent, "next": f"/rate/{pairs.slug}/"}).url == f"/rate/{pairs.slug}/"
        assert RaterSettings.objects.get(user=rae).keymap == {"a": "j", "skip": "s"}
        page = rae_client.get(f"/rate/{pairs.slug}/").content.decode()
        assert '<kbd aria-hidden="true">J</kbd>' in page
        assert "&quot;a&quot;: &quot;j&quot;" in page

    def test_two_meanings_of_one_key_are_refused(self, rae_client, rae):
        answer = rae_client.post(reverse("rate_settings"), self.form(**{"key-a": "e"}))
        assert answer.status_code == 422
        assert "E already means “A is better”." in answer.content.decode()
        assert not RaterSettings.objects.exists()

    def test_one_key_may_mean_two_things_on_two_kinds_of_pages(self, rae_client, rae):
        assert rae_client.post(reverse("rate_settings"), self.form(**{"key-yes": "a"})).status_code == 302

    @pytest.mark.parametrize("key", ["", "ab", "Enter", "Backspace", "\t"])
    def test_what_is_no_key_is_refused(self, key, rae_client):
        assert rae_client.post(reverse("rate_settings"), self.form(**{"key-a": key})).status_code == 422

    def test_they_can_be_switched_off(self, rae_client, pairs):
        sent = self.form()
        del sent["keys_on"]
        rae_client.post(reverse("rate_settings"), sent)
        page = rae_client.get(reverse("rate_task", args=[pairs.slug])).content.decode()
        assert '<kbd aria-hidden="true">A</kbd>' not in page
        assert 'data-keys="{}"' in page

    def test_they_lead_nowhere_else(self, rae_client):
        answer = rae_client.post(reverse("rate_settings"), self.form(next="https://example.com/"))
        assert answer.url == reverse("rate")


class TestWidgets:
    @pytest.fixture
    def board(self, harbor: Any) -> Any:
        return email(harbor, kind="dashboard", output={"widgets": [{"type": "figure"}, {"type": "line"}]})

    def test_each_is_rated_where_it_stands(self, rae_client, board):
        address = reverse("widget_thumb", args=[board.public_id, 1])
        part = rae_client.post(address, {"thumb": "no"}, HTTP_HX_REQUEST="true").content.decode()
        assert 'aria-label="Not useful" aria-pressed="true"' in part
        rae_client.post(address, {"thumb": "yes"})
        stored = Feedback.across_brands.get(undone_at__isnull=True)
        assert (stored.widget, stored.value, stored.source) == (1, 1.0, "widget")
        rae_client.post(address, {"thumb": "yes"})
        assert not Feedback.across_brands.filter(undone_at__isnull=True).exists()

    def test_the_same_key_twice_is_one(self, rae_client, board):
        address = reverse("widget_thumb", args=[board.public_id, 0])
        for _ in range(2):
            rae_client.post(address, {"thumb": "yes", "key": "w"})
        assert Feedback.across_brands.get(undone_at__isnull=True).value == 1.0

    def test_only_widgets_that_are_there(self, rae_client, cleo_client, board):
        assert (
            rae_client.post(reverse("widget_thumb", args=[board.public_id, 2]), {"thumb": "yes"}, **JSON).status_code
            == 404
        )
        assert cleo_client.post(reverse("widget_thumb", args=[board.public_id, 0]), {"thumb": "yes"}).status_code == 404

    def test_they_stand_on_the_page_of_dashboards(self, rae_client, harbor, board):
        task = ensure_tasks(harbor).get(slug="dashboards")
        RatingItem.across_brands.create(brand=harbor, task=task, a=board)
        page = rae_client.get(reverse("rate_task", args=["dashboards"])).content.decode()
        assert reverse("widget_thumb", args=[board.public_id, 1]) in page
        rae_client.post(reverse("widget_thumb", args=[board.public_id, 1]), {"thumb": "yes"})
        page = rae_client.get(reverse("rate_task", args=["dashboards"])).content.decode()
        assert page.count('aria-pressed="true"') == 1
