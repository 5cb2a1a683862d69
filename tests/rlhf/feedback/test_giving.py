"""Taking words in, and back: checked, cleaned, stored once, written into the history."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.models import Brand, PrivacyPolicy
from crm.privacy.redaction import Blocked
from rlhf.feedback.giving import LONGEST_TEXT, BadFeedback, explain, prefer, rate
from rlhf.feedback.human import HumanScore, blended, human_score, human_scores
from rlhf.feedback.undoing import NothingToUndo, last_words, undo, undo_last
from rlhf.models import Experience, Feedback, HistoryIsFixed, PreferencePair, Signal, Source
from tests.rlhf.api.rows import experience, raters, two

pytestmark = pytest.mark.django_db


@pytest.fixture
def letter(harbor: Brand) -> Experience:
    return experience(harbor)


def history(of: Experience) -> list[str]:
    return [signal.kind for signal in Signal.objects.for_brand(of.brand).filter(experience=of)]


class TestRate:
    @pytest.mark.parametrize(
        ("word", "kind", "value", "signal"),
        [
            ({"thumb": True}, "thumb", 1.0, "rated"),
            ({"thumb": False}, "thumb", 0.0, "rated"),
            ({"stars": 1}, "stars", 0.0, "rated"),
            ({"stars": 3}, "stars", 0.5, "rated"),
            ({"stars": 5}, "stars", 1.0, "rated"),
            ({"corrected": "Dear Ida."}, "correction", None, "corrected"),
            ({"flag": True}, "flag", None, "flagged"),
            ({"rich": {"missing_widgets": ["A table"]}}, "rich", None, "rated"),
            ({"rich": {}, "thumb": True}, "thumb", 1.0, "rated"),
        ],
    )
    def test_each_word(self, ana: Any, letter: Experience, word: dict[str, Any], kind: str, value: Any, signal: str):
        said, new = rate(experience=letter, rater=ana, **word)
        assert new
        row = Feedback.objects.for_brand(letter.brand).get(pk=said.pk)
        assert (row.kind, row.value, row.brand, row.counts) == (kind, value, letter.brand, True)
        assert history(letter) == [signal]
        told = Signal.objects.for_brand(letter.brand).get()
        assert (told.actor, told.said["feedback"]) == ("ana", str(row.public_id))

    @pytest.mark.parametrize(
        ("word", "field"),
        [
            ({}, "rating"),
            ({"thumb": True, "flag": True}, "rating"),
            ({"thumb": 1}, "thumb"),
            ({"stars": 0}, "stars"),
            ({"stars": 6}, "stars"),
            ({"stars": 2.5}, "stars"),
            ({"stars": True}, "stars"),
            ({"corrected": " \n"}, "corrected"),
            ({"corrected": " same ", "original": "same"}, "corrected"),
            ({"corrected": "x" * (LONGEST_TEXT + 1)}, "corrected"),
            ({"rich": {"evaluation_confidence": 2}}, "evaluation_confidence"),
            ({"rich": {"mood": "fine"}}, "mood"),
            ({"thumb": True, "comment": "x" * 4001}, "comment"),
            ({"thumb": True, "reasons": [str(n) for n in range(13)]}, "reasons"),
            ({"thumb": True, "reasons": ["x" * 121]}, "reasons"),
            ({"thumb": True, "key": "x" * 81}, "key"),
            ({"thumb": True, "duration_ms": -1}, "duration_ms"),
            ({"thumb": True, "duration_ms": 2**31}, "duration_ms"),
        ],
    )
    def test_a_bad_word_names_its_field_and_leaves_nothing(
        self, ana: Any, letter: Experience, word: dict[str, Any], field: str
    ):
        with pytest.raises(BadFeedback) as refused:
            rate(experience=letter, rater=ana, **word)
        assert refused.value.detail["field"] == field
        assert not Feedback.objects.for_brand(letter.brand).exists()
        assert history(letter) == []

    def test_reasons_are_kept_once_without_blanks(self, ana: Any, letter: Experience):
        said, _ = rate(experience=letter, rater=ana, thumb=False, reasons=[" Too long ", "Too long", "", "a\0b"])
        assert said.reasons == ["Too long", "ab"]

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(text=st.text(min_size=1, max_size=200).filter(lambda text: text.replace("\0", "").strip()))
    def test_any_text_can_be_a_correction(self, ana: Any, letter: Experience, text: str):
        said, _ = rate(experience=letter, rater=ana, corrected=text, original="")
        assert Feedback.objects.for_brand(letter.brand).get(pk=said.pk).corrected

    def test_texts_pass_the_policy_and_blocked_ones_are_refused(self, ana: Any, letter: Experience):
        words = {"corrected": "Ask ida@example.com", "original": "Ask ada@example.com", "comment": "or jo@example.com"}
        said, _ = rate(experience=letter, rater=ana, **words)
        kept = Feedback.objects.for_brand(letter.brand).get(pk=said.pk)
        assert "@example.com" not in kept.corrected + kept.original + kept.comment
        PrivacyPolicy.objects.for_brand(letter.brand).create(
            brand=letter.brand, body="places:\n  feedback:\n    email: block\n"
        )
        with pytest.raises(Blocked):
            rate(experience=letter, rater=ana, thumb=True, comment="ida@example.com")
        with pytest.raises(Blocked):
            rate(experience=letter, rater=ana, rich={"evaluation_reasoning": "ida@example.com"})
        assert Feedback.objects.for_brand(letter.brand).count() == 1

    def test_the_history_cannot_be_changed(self, ana: Any, letter: Experience):
        rate(experience=letter, rater=ana, thumb=True)
        signal = Signal.objects.for_brand(letter.brand).get()
        signal.said = {}
        with pytest.raises(HistoryIsFixed):
            signal.save()


class TestOnce:
    def test_a_key_gives_the_first_row_again(self, ana: Any, rae: Any, letter: Experience):
        first, new = rate(experience=letter, rater=ana, stars=4, key="k")
        again, second = rate(experience=letter, rater=ana, stars=1, key="k")
        assert (new, second) == (True, False)
        assert (again.pk, again.stars) == (first.pk, 4)
        assert rate(experience=letter, rater=rae, stars=1, key="k")[1]
        assert history(letter) == ["rated", "rated"]

    def test_outsiders_of_one_name_share_keys_and_others_do_not(self, letter: Experience):
        def say(name: str) -> bool:
            return rate(experience=letter, rater=None, rater_name=name, thumb=True, key="k")[1]

        assert [say("Una"), say("Una"), say("Ida")] == [True, False, True]

    def test_without_a_key_every_call_is_a_word(self, ana: Any, letter: Experience):
        assert [rate(experience=letter, rater=ana, thumb=True)[1] for _ in range(2)] == [True, True]

    def test_a_word_taken_back_does_not_come_back_with_its_key(self, ana: Any, letter: Experience):
        said, _ = rate(experience=letter, rater=ana, thumb=True, key="k")
        undo(said, by=ana)
        again, new = rate(experience=letter, rater=ana, thumb=True, key="k")
        assert (new, again.undone_at is not None) == (False, True)


@pytest.mark.django_db(transaction=True)
class TestTogether:
    def test_eight_equal_calls_make_one_word(self, ana: Any, harbor: Brand):
        made, other = two(harbor)
        barrier = threading.Barrier(8)
        found: list[tuple[int, bool]] = []

        def call() -> None:
            barrier.wait()
            said, new = rate(experience=made, rater=ana, stars=4, key="k")
            pair, newer = prefer(a=made, b=other, verdict="a", rater=ana, key="k")
            found.append((said.pk, new))
            found.append((-pair.pk, newer))
            connections.close_all()

        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 16
        assert len({pk for pk, _ in found}) == 2
        assert sum(new for _, new in found) == 2
        assert sorted(history(made)) == ["preferred", "rated"]

    def test_eight_undos_take_back_once(self, ana: Any, harbor: Brand):
        made = experience(harbor)
        said, _ = rate(experience=made, rater=ana, stars=4)
        barrier = threading.Barrier(8)
        undone: list[bool] = []

        def call() -> None:
            barrier.wait()
            try:
                undo(Feedback.objects.for_brand(harbor).get(pk=said.pk), by=ana)
                undone.append(True)
            except NothingToUndo:
                undone.append(False)
            connections.close_all()

        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(undone) == [False] * 7 + [True]
        assert history(made) == ["rated", "undone"]


class TestPrefer:
    def test_both_sides_remember_it(self, rae: Any, harbor: Brand):
        a, b = two(harbor)
        said, new = prefer(a=a, b=b, verdict="both_bad", rater=rae, shown_order="ba", seed=2**40)
        assert new
        row = PreferencePair.objects.for_brand(harbor).get(pk=said.pk)
        assert (row.verdict, row.shown_order, row.seed) == ("both_bad", "ba", 2**40)
        for one in (a, b):
            [signal] = Signal.objects.for_brand(harbor).filter(experience=one)
            assert (signal.kind, signal.actor, signal.said["verdict"]) == ("preferred", "rae", "both_bad")

    @pytest.mark.parametrize(
        ("change", "field"), [({"verdict": "c"}, "verdict"), ({"shown_order": "aa"}, "shown_order")]
    )
    def test_a_bad_choice_names_its_field(self, rae: Any, harbor: Brand, change: dict[str, Any], field: str):
        a, b = two(harbor)
        with pytest.raises(BadFeedback) as refused:
            prefer(**{"a": a, "b": b, "verdict": "a", "rater": rae, **change})
        assert refused.value.detail["field"] == field

    def test_it_needs_two_of_one_brand(self, rae: Any, harbor: Brand, lumen: Brand):
        a, other = experience(harbor), experience(lumen)
        for b in (a, other):
            with pytest.raises(BadFeedback):
                prefer(a=a, b=b, verdict="a", rater=rae)
        assert not PreferencePair.across_brands.exists()


class TestExplain:
    def test_reasons_come_later_and_the_history_keeps_both(self, rae: Any, harbor: Brand):
        a, b = two(harbor)
        said, _ = prefer(a=a, b=b, verdict="a", rater=rae, reasons=["Short"])
        explain(said, by=rae, reasons=["Clear", "Clear"], comment="Mail jo@example.com")
        row = PreferencePair.objects.for_brand(harbor).get()
        assert row.reasons == ["Clear"]
        assert "jo@example.com" not in row.comment
        assert history(a) == history(b) == ["preferred", "explained"]

    def test_only_its_own_author_may(self, ana: Any, rae: Any, letter: Experience):
        said, _ = rate(experience=letter, rater=rae, thumb=True)
        with pytest.raises(BadFeedback):
            explain(said, by=ana, comment="No.")
        with pytest.raises(BadFeedback):
            explain(rate(experience=letter, rater=None, rater_name="Una", thumb=True)[0], by=ana, comment="No.")


class TestUndo:
    def test_it_stays_in_the_history_and_counts_nowhere(self, rae: Any, letter: Experience):
        said, _ = rate(experience=letter, rater=rae, stars=5)
        assert human_score(letter) is not None
        assert undo(said, by=rae).undone_at
        assert human_score(letter) is None
        assert history(letter) == ["rated", "undone"]

    @pytest.mark.parametrize("mark", ["exported_at", "undone_at"])
    def test_not_twice_and_not_after_export(self, rae: Any, letter: Experience, mark: str):
        said, _ = rate(experience=letter, rater=rae, stars=5)
        Feedback.objects.for_brand(letter.brand).filter(pk=said.pk).update(**{mark: timezone.now()})
        with pytest.raises(NothingToUndo):
            undo(said, by=rae)
        assert history(letter) == ["rated"]

    def test_only_ones_own(self, ana: Any, rae: Any, letter: Experience):
        with pytest.raises(NothingToUndo):
            undo(rate(experience=letter, rater=rae, stars=5)[0], by=ana)

    def test_the_last_ten_and_more_in_their_order(self, rae: Any, harbor: Brand):
        said = []
        for number in range(12):
            a, b = two(harbor)
            word = rate(experience=a, rater=rae, thumb=True) if number % 2 else prefer(
                a=a, b=b, verdict="a", rater=rae
            )  # fmt: skip
            said.append(word[0])
        assert last_words(brand=harbor, rater=rae) == said[::-1]
        taken = [undo_last(brand=harbor, rater=rae) for _ in range(12)]
        assert taken == said[::-1]
        with pytest.raises(NothingToUndo):
            undo_last(brand=harbor, rater=rae)

    def test_words_of_other_doors_are_not_the_pages_last(self, rae: Any, harbor: Brand):
        rate(experience=experience(harbor), rater=rae, thumb=True, source=Source.API)
        with pytest.raises(NothingToUndo):
            undo_last(brand=harbor, rater=rae)


class TestHumanScore:
    def test_people_are_averaged_by_their_newest_stars_else_thumb(self, letter: Experience):
        one, other, third = raters(letter.brand, 3)
        for person, word in ((one, {"thumb": False}), (one, {"stars": 5}), (one, {"thumb": False}),
                             (other, {"stars": 1}), (other, {"stars": 2}), (third, {"thumb": True})):  # fmt: skip
            rate(experience=letter, rater=person, **word)
        found = human_score(letter)
        assert found == HumanScore(pytest.approx((1 + 0.25 + 1) / 3), 3, 0, pytest.approx(0.75), None)

    def test_comparisons_are_smoothed(self, harbor: Brand):
        a, b = two(harbor)
        for person, verdict in zip(raters(harbor, 4), ("a", "a", "tie", "both_bad"), strict=True):
            prefer(a=a, b=b, verdict=verdict, rater=person)
        assert human_score(a).value == pytest.approx((2 + 0.5 + 1) / 6)
        assert human_score(b).value == pytest.approx((0.5 + 1) / 6)

    def test_both_are_weighed_by_how_many_spoke(self, harbor: Brand):
        a, b = two(harbor)
        one, other = raters(harbor, 2)
        rate(experience=a, rater=one, stars=5)
        prefer(a=a, b=b, verdict="b", rater=one)
        prefer(a=a, b=b, verdict="b", rater=other)
        assert human_score(a).value == pytest.approx((1 * 1 + 2 * 0.25) / 3)

    def test_what_does_not_count_does_not_count(self, ana: Any, letter: Experience):
        for more in ({"counts": False}, {"source": Source.PANEL}, {"widget": 1}):
            rate(experience=letter, rater=ana, stars=1, **more)
        rate(experience=letter, rater=ana, corrected="Better.")
        assert human_score(letter) is None

    def test_many_take_two_queries(self, ana: Any, harbor: Brand, django_assert_num_queries: Any):
        pairs = [two(harbor) for _ in range(5)]
        for a, b in pairs:
            rate(experience=a, rater=ana, thumb=True)
            prefer(a=a, b=b, verdict="a", rater=ana)
        keys = [one.pk for pair in pairs for one in pair]
        with django_assert_num_queries(2):
            found = human_scores(harbor, keys)
        assert set(found) == set(keys)
        assert all(human_score(one) == found[one.pk] for pair in pairs for one in pair)

    @settings(max_examples=50)
    @given(st.lists(st.floats(0, 1), max_size=6), st.lists(st.sampled_from([0.0, 0.5, 1.0]), max_size=6))
    def test_it_lies_between_its_parts(self, absolute: list[float], compared: list[float]):
        if absolute or compared:
            found = blended(absolute, compared)
            parts = [part for part in (found.absolute, found.compared) if part is not None]
            assert min(parts) - 1e-12 <= found.value <= max(parts) + 1e-12
            assert 0 <= found.value <= 1
