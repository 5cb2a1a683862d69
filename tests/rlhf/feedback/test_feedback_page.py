"""The pages about feedback: what they show to whom, filters, decisions, files, and rating tasks."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from rlhf.models import Experience, RatingItem, RatingTask
from tests.conftest import signed_in
from tests.rlhf.feedback import saying
from tests.rlhf.feedback.test_disputes import disputed, task_of

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def fresh_cache():
    cache.clear()


@pytest.fixture
def raters(harbor):
    return saying.people_of(harbor, "ida.kane", "tom", "priya")


@pytest.fixture
def said(harbor, raters):
    saying.many(harbor, raters, words=200, weeks=8)


class TestThePage:
    def test_it_shows_counts_agreement_and_versions(self, ana_client, said):
        page = ana_client.get("/feedback/").content.decode()
        for words in ("200 ratings", "Do raters agree?", "Krippendorff", "Which version people prefer", "rl@2",
                      "Agrees with others", "tom", "needed"):  # fmt: skip
            assert words in page

    def test_the_first_morning_says_what_will_appear(self, ana_client):
        page = ana_client.get("/feedback/").content.decode()
        assert "No ratings yet" in page
        assert "Export for training" not in page

    def test_a_viewer_sees_it_without_what_is_said_of_people(self, ben_client, said, harbor, raters):
        disputed(harbor, task_of(harbor), raters, [5, 2])
        page = ben_client.get("/feedback/?by=rater&rater=tom").content.decode()
        assert "202 ratings" in page
        for words in ("Agrees with others", "By rater", "Ask one more", "ida.kane", "Set up a rating task"):
            assert words not in page
        assert "1 disagreement to resolve" in page

    def test_who_only_rates_is_told_why_not(self, rae):
        answer = signed_in(rae).get("/feedback/")
        assert answer.status_code == 403
        assert "judge blind" in answer.content.decode()

    def test_another_tenant_sees_none_of_it(self, cleo_client, said):
        page = cleo_client.get("/feedback/").content.decode()
        assert "No ratings yet" in page

    def test_it_needs_a_sign_in(self, client):
        assert client.get("/feedback/").status_code == 302

    def test_filters_give_the_part_and_what_cannot_be_read_is_the_default(self, ana_client, said):
        part = ana_client.get("/feedback/?task=creative&period=nonsense&rater=nobody&by=x", headers=HTMX)
        page = part.content.decode()
        assert "<html" not in page
        assert "Product and ad texts" in page
        assert "Budget plans</" not in page.split("</form>")[1]
        assert '<option value="12" selected>' in page

    def test_the_panel_stands_alone_and_says_so(self, ana_client, harbor):
        saying.stars(saying.work(harbor)[0], None, 4, source="panel", rater_name="Panel 1")
        assert "No ratings yet" in ana_client.get("/feedback/").content.decode()
        page = ana_client.get("/feedback/?source=panel").content.decode()
        assert "1 rating<" in page and "A simulated panel." in page

    @pytest.mark.parametrize("by", ["kind", "task", "rater"])
    def test_the_chart_is_split_as_asked_and_adds_up(self, ana_client, said, by):
        page = ana_client.get(f"/feedback/?by={by}&period=26")
        layers = page.context["layers"]
        assert sum(layer.total for layer in layers) == page.context["found"].total == 200

    def test_the_export_carries_the_filters(self, ana_client, said):
        page = ana_client.get("/feedback/?task=budget&rater=tom&period=4").context
        assert "as=csv" in page["csv"] and "task=budget" in page["csv"] and "rater=tom" in page["csv"]
        assert "date_from=" in page["csv"]
        assert ana_client.get(f"/api/feedback/export{page['csv']}").status_code == 200
        assert ana_client.get(f"/api/feedback/export{page['jsonl']}").status_code == 200

    def test_its_queries_do_not_grow(self, ana_client, harbor, raters, django_assert_max_num_queries):
        for words in (20, 300):
            saying.many(harbor, raters, words=words)
            cache.clear()
            with django_assert_max_num_queries(28):
                ana_client.get("/feedback/")


class TestDeciding:
    def test_it_decides_and_answers_with_the_card(self, ana_client, harbor, raters):
        item = disputed(harbor, task_of(harbor), raters, [5, 2])
        answer = ana_client.post(f"/feedback/disputes/{item.pk}/", {"answer": "2", "note": "Why"}, headers=HTMX)
        page = answer.content.decode()
        assert "Decided, and in the rating guide from now on." in page
        assert "0 disagreements to resolve" in page
        item.refresh_from_db()
        assert item.resolution == "2" and item.is_gold

    def test_it_works_without_script(self, ana_client, harbor, raters):
        item = disputed(harbor, task_of(harbor), raters, [5, 2])
        answer = ana_client.post(f"/feedback/disputes/{item.pk}/", {"answer": "more"}, follow=True)
        assert "One more person is asked." in answer.content.decode()
        item.refresh_from_db()
        assert item.wanted == 3

    def test_a_decision_is_taken_back(self, ana_client, harbor, raters):
        item = disputed(harbor, task_of(harbor), raters, [5, 2])
        ana_client.post(f"/feedback/disputes/{item.pk}/", {"answer": "2"})
        assert "Decided lately" in ana_client.get("/feedback/disputes/").content.decode()
        page = ana_client.post(f"/feedback/disputes/{item.pk}/undo/", headers=HTMX).content.decode()
        assert "1 disagreement to resolve" in page

    def test_what_somebody_decided_meanwhile_is_said_and_the_reason_kept(self, ana_client, harbor, raters):
        item = disputed(harbor, task_of(harbor), raters, [5, 2])
        page = ana_client.post(
            f"/feedback/disputes/{item.pk}/", {"answer": "9", "note": "kept"}, headers=HTMX
        ).content.decode()
        assert "is not an answer to this question" in page
        assert 'value="kept"' in page

    def test_viewers_cannot_and_others_find_nothing(self, ben_client, cleo_client, harbor, raters):
        item = disputed(harbor, task_of(harbor), raters, [5, 2])
        for address in (f"/feedback/disputes/{item.pk}/", f"/feedback/disputes/{item.pk}/undo/"):
            assert ben_client.post(address, {"answer": "2"}).status_code == 403
            assert cleo_client.post(address, {"answer": "2"}).status_code == 404
            assert ben_client.get(address).status_code == 405
        item.refresh_from_db()
        assert item.resolved_at is None

    def test_an_empty_list_says_when_it_fills(self, ana_client):
        assert "Nothing to resolve" in ana_client.get("/feedback/disputes/").content.decode()


class TestFiles:
    def test_they_hold_what_the_export_gives(self, ana_client, harbor, raters):
        ida, tom, _ = raters
        group = "7b0e2f0c-9d3a-4c61-8f0a-0d6a3f1f2a11"
        first, second, third = saying.work(harbor, 3)
        texts = ("One", "Two", "Three")
        for one, text in zip((first, second, third), texts, strict=True):
            Experience.objects.for_brand(harbor).filter(pk=one.pk).update(
                group=group, output={"emails": [{"subject": text, "body": f"{text}, call +44 20 7946 0958"}]}
            )
        saying.choice(first, second, ida, "a")
        saying.choice(first, third, ida, "tie")
        saying.thumb(first, ida, True)
        saying.thumb(second, ida, True)
        saying.thumb(second, tom, False)
        answer = ana_client.get("/feedback/files/", headers=HTMX)
        by_what = {file.what: file for file in answer.context["files"]}
        assert (by_what["dpo"].lines, by_what["dpo"].left_out) == (1, (("About the same", 1),))
        assert (by_what["kto"].good, by_what["kto"].poor) == (1, 0)
        assert by_what["kto"].left_out == (("Rated both ways", 1),)
        for what in ("dpo", "kto", "sft"):
            body = b"".join(ana_client.get(f"/api/feedback/export-{what}").streaming_content)
            assert len(body) == by_what[what].size
            assert body.count(b"\n") == by_what[what].lines
        assert "Export 1 pair" in answer.content.decode()
        assert "7946" not in answer.content.decode()

    def test_a_large_one_is_counted_up_to_a_limit(self, ana_client, harbor, raters, monkeypatch):
        monkeypatch.setattr("rlhf.feedback.files.AT_MOST", 2)
        monkeypatch.setattr("rlhf.feedback.exporting_words.CHUNK", 1)
        for one in saying.work(harbor, 4):
            saying.thumb(one, raters[0], True)
        answer = ana_client.get("/feedback/files/", headers=HTMX)
        kto = next(file for file in answer.context["files"] if file.what == "kto")
        assert (kto.lines, kto.more) == (2, True)
        page = answer.content.decode()
        assert "2 and more" in page
        assert "Export all" in page
        assert b"".join(ana_client.get("/api/feedback/export-kto").streaming_content).count(b"\n") == 4

    def test_it_is_a_page_without_script(self, ben_client, said):
        page = ben_client.get("/feedback/files/").content.decode()
        assert "<h1>Export for training</h1>" in page


VALUES = {
    "name": "Shelf talkers", "kind": "creative", "asks": "single", "question": "Would it stop you?",
    "reasons": "Too long\nToo loud\n\nToo long", "overlap": "3", "gold_share": "4", "repeat_share": "2.5",
    "lock_minutes": "10", "is_open": "on", "lead": "Imagine the aisle.", "steps": "True first. Check the claim.",
    "good_text": "“Four minutes.”", "good_why": "A fact", "poor_text": "", "poor_why": "", "unsure": "Skip it.",
}  # fmt: skip


class TestRatingTasks:
    def test_one_is_set_up(self, ana_client, harbor):
        assert ana_client.post("/feedback/tasks/new/", VALUES).status_code == 302
        task = RatingTask.objects.for_brand(harbor).get(slug="shelf-talkers")
        assert (task.reasons, task.overlap) == (["Too long", "Too loud"], 3)
        assert (task.gold_share, task.repeat_share) == (0.04, 0.025)
        assert task.guideline == {
            "lead": "Imagine the aisle.", "steps": [{"title": "True first.", "text": "Check the claim."}],
            "good": {"text": "“Four minutes.”", "why": "A fact"}, "unsure": "Skip it.",
        }  # fmt: skip
        assert task.history.get().history_user.username == "ana"

    def test_one_is_changed_and_the_history_says_what(self, ana_client, harbor):
        ana_client.post("/feedback/tasks/new/", VALUES)
        ana_client.post("/feedback/tasks/shelf-talkers/", {**VALUES, "question": "Does it stop you?", "is_open": ""})
        task = RatingTask.objects.for_brand(harbor).get(slug="shelf-talkers")
        assert task.question == "Does it stop you?" and not task.is_open
        page = ana_client.get("/feedback/tasks/shelf-talkers/").content.decode()
        assert "Question, Open" in page and "Set up" in page

    def test_saving_what_is_shown_changes_nothing(self, ana_client, harbor):
        ana_client.get("/feedback/guides/")
        for task in RatingTask.objects.for_brand(harbor):
            form = ana_client.get(f"/feedback/tasks/{task.slug}/").context["form"]
            values = {name: form[name].value() for name in form.fields}
            ana_client.post(f"/feedback/tasks/{task.slug}/", {k: v for k, v in values.items() if v is not False})
            assert task.history.count() == 1, task.slug

    def test_examples_from_disputes_are_kept(self, ana_client, harbor, raters, ana):
        task = task_of(harbor)
        item = disputed(harbor, task, raters, [5, 2])
        ana_client.post(f"/feedback/disputes/{item.pk}/", {"answer": "2", "note": "Why"})
        ana_client.post(f"/feedback/tasks/{task.slug}/", VALUES)
        task.refresh_from_db()
        assert task.guideline["lead"] == "Imagine the aisle."
        assert task.guideline["examples"][0]["why"] == "Why"

    def test_a_wider_overlap_asks_more_people_and_a_smaller_one_takes_nobody_s_item(self, ana_client, harbor):
        task = task_of(harbor, overlap=3)
        rows = RatingItem.objects.for_brand(harbor)
        counts = ((0, 0), (3, 1), (2, 2))
        items = [
            rows.create(brand=harbor, task=task, a=one, wanted=3, taken=taken, answered=answered)
            for one, (taken, answered) in zip(saying.work(harbor, 3), counts, strict=True)
        ]
        ana_client.post(f"/feedback/tasks/{task.slug}/", {**VALUES, "overlap": "2"})
        for item in items:
            item.refresh_from_db()
        assert [(item.wanted, item.state) for item in items] == [(2, "open"), (3, "open"), (2, "done")]

    def test_errors_stand_by_their_fields(self, ana_client):
        answer = ana_client.post("/feedback/tasks/new/", {**VALUES, "overlap": "0", "question": ""})
        assert answer.status_code == 422
        page = answer.content.decode()
        assert 'id="id_overlap_error"' in page and "Write the question" in page
        assert "Would it stop" not in page and "Shelf talkers" in page

    def test_a_name_that_is_there_is_refused(self, ana_client):
        ana_client.post("/feedback/tasks/new/", VALUES)
        assert "There is a task of this name" in ana_client.post("/feedback/tasks/new/", VALUES).content.decode()

    def test_viewers_read_guides_and_cannot_change_them(self, ben_client, cleo_client, harbor):
        assert "Would you answer?" not in ben_client.get("/feedback/guides/").content.decode().split("<h1")[0]
        assert ben_client.get("/feedback/tasks/new/").status_code == 403
        task_of(harbor)
        assert ben_client.post("/feedback/tasks/mails-single/", VALUES).status_code == 403
        assert cleo_client.get("/feedback/tasks/mails-single/").status_code == 404
