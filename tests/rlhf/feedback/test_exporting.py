"""Files to train with: what is in them, what stays out, and that reading them changes nothing."""

from __future__ import annotations

import datetime as dt
import json
import tracemalloc
import uuid
from collections import Counter
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.models import Brand, Contact, Lead, PrivacyPolicy
from crm.privacy import consent
from orchestrator.erasure import erase
from rlhf.feedback import exporting_pairs, exporting_words
from rlhf.feedback.exporting import BadExport, Wanted, counted, jsonl
from rlhf.feedback.giving import prefer, rate
from rlhf.feedback.splits import split_of
from rlhf.feedback.undoing import NothingToUndo, undo
from rlhf.models import Evaluation, Experience, Feedback, PreferencePair, RatingItem, RatingTask, Signal, Source
from tests.rlhf.api.rows import experience, raters, two

pytestmark = pytest.mark.django_db
CHUNKS = {
    "dpo": exporting_pairs.chunks,
    "kto": exporting_words.kto_chunks,
    "sft": exporting_words.sft_chunks,
}


def lines(brand: Brand, what: str = "dpo", *, actor: str = "", left: Counter[str] | None = None, **wanted: Any):
    """The exported objects."""
    chunks = CHUNKS[what](brand, Wanted(**wanted), Counter() if left is None else left)
    return [json.loads(line) for line in jsonl(chunks, brand=brand, what=what, actor=actor)]


def left_out(brand: Brand, what: str = "dpo", **wanted: Any) -> dict[str, int]:
    left: Counter[str] = Counter()
    return dict(counted(CHUNKS[what](brand, Wanted(**wanted), left), left)["left_out"])


def voted(a: Experience, b: Experience, *verdicts: str, **said: Any) -> None:
    for person, verdict in zip(raters(a.brand, len(verdicts)), verdicts, strict=True):
        prefer(a=a, b=b, verdict=verdict, rater=person, **said)


class TestPreferences:
    def test_a_line_holds_the_texts_and_where_they_come_from(self, harbor: Brand):
        a, b = two(harbor, policy="rule@1")
        Experience.objects.for_brand(harbor).filter(pk=b.pk).update(served_by="claude", policy="rl@3")
        one, other = raters(harbor, 2)
        prefer(a=a, b=b, verdict="b", rater=one, shown_order="ba")
        prefer(a=b, b=a, verdict="a", rater=other, shown_order="ba")
        for row, score in ((a, 0.3), (b, 0.9)):
            Evaluation.across_brands.create(experience=row, judge="rubric", rubric_version="outreach@1", score=score)
        [line] = lines(harbor)
        assert line["chosen"] == b.output["text"]
        assert line["rejected"] == a.output["text"]
        assert line["prompt"].startswith(a.request)
        assert (line["raters"], len(set(line["rater_ids"])), line["agreement"]) == (2, 2, 1.0)
        assert line["votes"] == {"chosen": 2, "rejected": 0, "tie": 0, "both_bad": 0}
        assert sorted(line["shown_order"]) == ["chosen_first", "rejected_first"]
        assert line["judge_versions"] == ["rubric outreach@1"]
        assert (line["chosen_score"], line["rejected_score"]) == (0.9, 0.3)
        assert (line["chosen_id"], line["rejected_id"]) == (str(b.public_id), str(a.public_id))
        assert (line["chosen_served_by"], line["rejected_policy"]) == ("claude", "rule@1")
        assert (line["task"], line["source"], line["group"]) == ("outreach", "human", str(a.group))
        assert line["split"] == split_of(str(a.group))

    def test_the_columns_are_those_of_trl(self, harbor: Brand):
        """Its dataset formats: preference, explicit prompt, standard and conversational."""
        a, b = two(harbor)
        voted(a, b, "a")
        [standard], [talk] = lines(harbor), lines(harbor, form="conversational")
        assert all(isinstance(standard[name], str) and standard[name] for name in ("prompt", "chosen", "rejected"))
        assert talk["prompt"] == [{"role": "user", "content": standard["prompt"]}]
        assert talk["chosen"] == [{"role": "assistant", "content": standard["chosen"]}]
        assert talk["rejected"] == [{"role": "assistant", "content": standard["rejected"]}]
        assert standard.keys() == talk.keys()
        assert not {"completion", "label", "messages", "completions", "labels", "text"} & standard.keys()

    def test_every_line_has_columns_of_one_type(self, harbor: Brand):
        """As a loader of JSON lines wants it: the same names everywhere, and lists of texts."""
        for number in range(3):
            voted(*two(harbor), *(["a"] * (number + 1)))
        found = lines(harbor)
        assert len({tuple(line) for line in found}) == 1
        for line in found:
            for name in ("rater_ids", "shown_order", "judge_versions"):
                assert all(isinstance(one, str) for one in line[name])

    @pytest.mark.parametrize(
        ("verdicts", "why"),
        [
            (["tie"], "tie"),
            (["both_bad", "both_bad", "a"], "both_bad"),
            (["a", "b"], "undecided"),
            (["tie", "a"], "undecided"),
        ],
    )
    def test_what_teaches_no_preference_is_counted_and_left_out(self, harbor: Brand, verdicts: list[str], why: str):
        voted(*two(harbor), *verdicts)
        assert lines(harbor) == []
        assert left_out(harbor) == {why: 1}

    def test_agreement_and_raters_can_be_asked_for(self, harbor: Brand):
        voted(*two(harbor), "a")
        voted(*two(harbor), "a", "a", "b")
        assert len(lines(harbor)) == 2
        [line] = lines(harbor, min_raters=2)
        assert line["agreement"] == pytest.approx(0.6667)
        [line] = lines(harbor, min_agreement=0.7)
        assert line["raters"] == 1
        assert left_out(harbor, min_agreement=0.7, min_raters=2) == {"few_raters": 1, "low_agreement": 1}

    def test_one_person_has_one_vote_their_newest(self, harbor: Brand):
        a, b = two(harbor)
        [person] = raters(harbor, 1)
        for verdict in ("a", "a", "b"):
            prefer(a=a, b=b, verdict=verdict, rater=person)
        [line] = lines(harbor)
        assert (line["chosen_id"], line["raters"]) == (str(b.public_id), 1)

    def test_a_resolved_disagreement_is_what_the_owner_said(self, harbor: Brand, ana: Any):
        a, b = two(harbor)
        voted(a, b, "a", "b")
        task = RatingTask.objects.for_brand(harbor).create(
            brand=harbor, slug="pairs", name="Pairs", kind="outreach", asks="pair", question="Which?"
        )
        RatingItem.objects.for_brand(harbor).create(
            brand=harbor, task=task, a=b, b=a, resolution="b", resolved_at=timezone.now(), resolved_by=ana
        )
        [line] = lines(harbor, min_agreement=0.9)
        assert (line["chosen_id"], line["resolved"], line["agreement"]) == (str(a.public_id), True, 0.5)

    def test_words_that_do_not_count_stay_out(self, harbor: Brand):
        a, b = two(harbor)
        [person] = raters(harbor, 1)
        undo(prefer(a=a, b=b, verdict="a", rater=person)[0], by=person)
        prefer(a=a, b=b, verdict="a", rater=person, counts=False)
        prefer(a=a, b=b, verdict="a", rater=None, rater_name="Panel 1", source=Source.PANEL)
        assert lines(harbor) == []
        [line] = lines(harbor, source="panel")
        assert line["source"] == "panel"

    def test_filters(self, harbor: Brand, lumen: Brand):
        voted(*two(harbor), "a")
        voted(*two(harbor, kind="creative"), "a")
        voted(*two(lumen), "a")
        old, _ = prefer(**dict(zip("ab", two(harbor), strict=True)), verdict="a", rater=raters(harbor, 1)[0])
        then = timezone.now() - dt.timedelta(days=30)
        PreferencePair.objects.for_brand(harbor).filter(pk=old.pk).update(created_at=then)
        assert len(lines(harbor)) == 3
        assert [line["task"] for line in lines(harbor, kind="creative")] == ["creative"]
        assert len(lines(harbor, since=timezone.now() - dt.timedelta(days=1))) == 2
        assert len(lines(harbor, until=timezone.now() - dt.timedelta(days=1))) == 1
        assert len(lines(lumen)) == 1

    def test_pairs_of_judges_come_when_asked_for(self, harbor: Brand):
        a, b = two(harbor)
        c, d = two(harbor)
        for one, other, score in ((a, b, 0.0), (b, a, 1.0), (c, d, 0.5)):
            Evaluation.across_brands.create(
                experience=one, opponent=other, form="pair", judge="claude", rubric_version="outreach@2", score=score
            )
        assert lines(harbor) == []
        [line] = lines(harbor, source="judge")
        assert (line["chosen_id"], line["source"]) == (str(b.public_id), "judge")
        assert (line["raters"], line["rater_ids"], line["judge_versions"]) == (0, [], ["claude outreach@2"])
        assert left_out(harbor, source="judge") == {"tie": 1}

    def test_answers_to_different_requests_are_no_pair(self, harbor: Brand):
        voted(experience(harbor, request="Write to Ida"), experience(harbor, request="Write to Jo"), "a")
        voted(experience(harbor, group=uuid.uuid4()), experience(harbor, group=uuid.uuid4()), "a")
        [line] = lines(harbor)
        assert line["group"] is None
        assert left_out(harbor) == {"different_requests": 1}

    def test_equal_and_empty_texts_stay_out(self, harbor: Brand):
        group = uuid.uuid4()
        voted(experience(harbor, "Same.", group=group), experience(harbor, "Same. ", group=group), "a")
        voted(*two(harbor, output={}), "a")
        assert left_out(harbor) == {"same_text": 1, "no_text": 1}

    @pytest.mark.parametrize(
        ("what", "wanted", "field"),
        [
            ("dpo", {"form": "messages"}, "form"),
            ("dpo", {"source": "both"}, "source"),
            ("kto", {"source": "judge"}, "source"),
            ("sft", {"split": "dev"}, "split"),
        ],
    )
    def test_an_export_that_does_not_exist_is_named(self, harbor: Brand, what: str, wanted: dict[str, str], field: str):
        with pytest.raises(BadExport) as refused:
            lines(harbor, what, **wanted)
        assert refused.value.detail["field"] == field


class TestSplits:
    def test_a_request_never_crosses(self, harbor: Brand):
        for _ in range(40):
            group = uuid.uuid4()
            a, b, c = (experience(harbor, group=group) for _ in range(3))
            voted(a, b, "a")
            voted(c, b, "b")
            [person] = raters(harbor, 1)
            rate(experience=a, rater=person, stars=5)
        every = [*lines(harbor), *lines(harbor, "kto"), *lines(harbor, "sft")]
        assert len(every) == 160
        by_group: dict[str, set[str]] = {}
        for line in every:
            by_group.setdefault(line["group"], set()).add(line["split"])
        assert {len(splits) for splits in by_group.values()} == {1}
        parts = [lines(harbor, split=name) for name in ("train", "validation", "test")]
        assert sum(len(part) for part in parts) == 80
        assert {line["split"] for line in parts[0]} == {"train"}


class TestLabels:
    @pytest.mark.parametrize(
        ("words", "label"),
        [
            ([{"thumb": True}, {"stars": 4}], True),
            ([{"thumb": False}, {"stars": 1}, {"stars": 3}], False),
        ],
    )
    def test_people_who_agree_make_a_line(self, harbor: Brand, words: list[dict[str, Any]], label: bool):
        made = experience(harbor)
        for person, word in zip(raters(harbor, len(words)), words, strict=True):
            rate(experience=made, rater=person, **word)
        [line] = lines(harbor, "kto")
        assert (line["label"], line["completion"], line["raters"]) == (label, made.output["text"], 2)
        [talk] = lines(harbor, "kto", form="conversational")
        assert talk["completion"] == [{"role": "assistant", "content": made.output["text"]}]
        assert talk["label"] is label

    @pytest.mark.parametrize(
        ("words", "why"),
        [([{"thumb": True}, {"stars": 2}], "disagree"), ([{"stars": 3}], "neither")],
    )
    def test_people_who_disagree_do_not(self, harbor: Brand, words: list[dict[str, Any]], why: str):
        made = experience(harbor)
        for person, word in zip(raters(harbor, len(words)), words, strict=True):
            rate(experience=made, rater=person, **word)
        assert lines(harbor, "kto") == []
        assert left_out(harbor, "kto") == {why: 1}

    @pytest.mark.parametrize(
        ("resolution", "labels", "taught"), [("up", [True], 1), ("5", [True], 1), ("2", [False], 0), ("3", [], 0)]
    )
    def test_an_owner_decides_where_they_disagree(
        self, harbor: Brand, ana: Any, resolution: str, labels: list[bool], taught: int
    ):
        made = experience(harbor)
        for person, stars in zip(raters(harbor, 3), (5, 5, 1), strict=True):
            rate(experience=made, rater=person, stars=stars)
        task = RatingTask.objects.for_brand(harbor).create(
            brand=harbor, slug="stars", name="Stars", kind="outreach", question="How good?"
        )
        RatingItem.objects.for_brand(harbor).create(
            brand=harbor, task=task, a=made, resolution=resolution, resolved_at=timezone.now(), resolved_by=ana
        )
        found = lines(harbor, "kto")
        assert [line["label"] for line in found] == labels
        assert all((line["resolved"], line["agreement"], line["raters"]) == (True, 0.6667, 3) for line in found)
        assert len(lines(harbor, "sft")) == taught

    def test_the_newest_stars_of_a_person_count(self, harbor: Brand):
        made, [person] = experience(harbor), raters(harbor, 1)
        for word in ({"stars": 1}, {"stars": 5}, {"thumb": False}):
            rate(experience=made, rater=person, **word)
        [line] = lines(harbor, "kto")
        assert (line["label"], line["raters"]) == (True, 1)

    def test_a_widgets_rating_is_not_the_dashboards(self, harbor: Brand):
        made, [person] = experience(harbor), raters(harbor, 1)
        rate(experience=made, rater=person, thumb=False, widget=2)
        assert lines(harbor, "kto") == []


class TestCompletions:
    def test_corrections_and_five_stars_are_what_to_learn(self, harbor: Brand):
        corrected, liked, ok = experience(harbor, "Hi Ida."), experience(harbor), experience(harbor)
        [person] = raters(harbor, 1)
        rate(experience=corrected, rater=person, corrected="Dear Ida.", original="Hi Ida.")
        rate(experience=liked, rater=person, stars=5)
        rate(experience=ok, rater=person, stars=4)
        found = {line["because"]: line["completion"] for line in lines(harbor, "sft")}
        assert found == {"correction": "Dear Ida.", "five_stars": liked.output["text"]}

    def test_somebodys_one_star_holds_it_back(self, harbor: Brand):
        made = experience(harbor)
        for person, stars in zip(raters(harbor, 2), (5, 1), strict=True):
            rate(experience=made, rater=person, stars=stars)
        assert left_out(harbor, "sft") == {"disagree": 1}

    def test_messages_are_the_language_modeling_form_of_trl(self, harbor: Brand):
        made, [person] = experience(harbor), raters(harbor, 1)
        rate(experience=made, rater=person, stars=5)
        [line] = lines(harbor, "sft", form="messages")
        assert [message["role"] for message in line["messages"]] == ["user", "assistant"]
        assert line["messages"][1]["content"] == made.output["text"]
        assert not {"prompt", "completion"} & line.keys()


class TestPrivacy:
    def person(self, brand: Brand, key: str = "L-7") -> Lead:
        contact = Contact.objects.for_brand(brand).create(
            brand=brand, external_id=f"C-{key}", name="Ida Roth", email="ida.roth@example.com"
        )
        lead: Lead = Lead.objects.for_brand(brand).create(
            brand=brand, external_id=key, name="Ida Roth", contact=contact
        )
        return lead

    def about(self, brand: Brand, key: str = "L-7") -> tuple[Experience, Experience]:
        return two(brand, context={"prospect": {"key": key, "name": "Ida Roth"}})

    def test_texts_leave_as_the_policy_says(self, harbor: Brand):
        group = uuid.uuid4()
        text = "Write to ida.roth@example.com or call +44 20 7946 0958."
        voted(experience(harbor, text, group=group), experience(harbor, group=group), "a")
        [line] = lines(harbor)
        assert "ida.roth" not in json.dumps(line)
        PrivacyPolicy.objects.for_brand(harbor).create(brand=harbor, body="places:\n  exports:\n    email: allow\n")
        [line] = lines(harbor)
        assert "ida.roth@example.com" in line["chosen"]

    def test_raters_are_known_by_a_pseudonym_that_lasts(self, harbor: Brand, lumen: Brand):
        a, b = two(harbor)
        voted(a, b, "a")
        name = PreferencePair.objects.for_brand(harbor).get().rater.username
        first, again = lines(harbor), lines(harbor)
        assert first == again
        assert name not in json.dumps(first)
        prefer(a=a, b=b, verdict="a", rater=None, rater_name="Una Vale")
        [line] = lines(harbor)
        assert len(line["rater_ids"]) == 2
        assert "Una" not in json.dumps(line)

    @pytest.mark.parametrize("address", ["ida.roth@example.com", "L-7", "C-L-7"])
    def test_whoever_said_no_to_learning_stays_out(self, harbor: Brand, address: str):
        self.person(harbor)
        voted(*self.about(harbor), "a")
        voted(*two(harbor), "a")
        assert len(lines(harbor)) == 2
        consent.record(brand=harbor, address=address, purpose="training", given=False, source="test")
        assert len(lines(harbor)) == 1
        assert left_out(harbor) == {"no_consent": 1}
        consent.record(brand=harbor, address=address, purpose="training", given=True, source="test")
        assert len(lines(harbor)) == 2

    def test_a_no_to_e_mail_is_no_no_to_learning(self, harbor: Brand):
        self.person(harbor)
        voted(*self.about(harbor), "a")
        consent.record(brand=harbor, address="L-7", purpose="email", given=False, source="test")
        assert len(lines(harbor)) == 1

    def test_where_the_policy_asks_for_consent_silence_is_no(self, harbor: Brand):
        self.person(harbor)
        voted(*self.about(harbor), "a")
        PrivacyPolicy.objects.for_brand(harbor).create(brand=harbor, body="address:\n  training: only_with_consent\n")
        assert left_out(harbor) == {"no_consent": 1}
        consent.record(brand=harbor, address="L-7", purpose="training", given=True, source="test")
        assert len(lines(harbor)) == 1

    def test_the_answer_is_that_of_may_address(self, harbor: Brand):
        """Many at once and one by one agree, whatever was said last."""
        from crm.privacy.policies import policy_for

        for number, words in enumerate(([], [True], [False], [True, False], [False, True])):
            for given in words:
                consent.record(brand=harbor, address=f"L-{number}", purpose="training", given=given, source="test")
        consent.suppress(brand=harbor, address="L-5", reason="manual")
        known = {f"L-{number}": [f"L-{number}"] for number in range(6)}
        found = consent.barred_among(harbor, known, "training", policy=policy_for(harbor))
        assert found == {key for key in known if not consent.may_address(harbor, key, "training")}
        assert found == {"L-2", "L-3", "L-5"}

    @pytest.mark.parametrize("what", ["dpo", "kto", "sft"])
    def test_the_erased_stay_out(self, harbor: Brand, ana: Any, what: str):
        self.person(harbor)
        a, b = self.about(harbor)
        voted(a, b, "a")
        [person] = raters(harbor, 1)
        rate(experience=a, rater=person, stars=5)
        assert lines(harbor, what)
        erase(brand=harbor, who="ida.roth@example.com", by=ana)
        assert lines(harbor, what) == []
        assert set(left_out(harbor, what)) <= {"erased", "no_consent"}

    def test_what_was_blanked_by_age_stays_out(self, harbor: Brand):
        a, b = two(harbor)
        voted(a, b, "a")
        Experience.objects.for_brand(harbor).filter(pk=a.pk).update(context={"blanked": "older"}, output={})
        assert left_out(harbor) == {"too_old": 1}


class TestForGood:
    def test_reading_changes_nothing(self, harbor: Brand):
        voted(*two(harbor), "a")
        before = list(PreferencePair.objects.for_brand(harbor).values())
        signals = Signal.objects.for_brand(harbor).count()
        lines(harbor)
        assert list(PreferencePair.objects.for_brand(harbor).values()) == before
        assert Signal.objects.for_brand(harbor).count() == signals

    def test_what_left_cannot_be_taken_back(self, harbor: Brand):
        a, b = two(harbor)
        [person] = raters(harbor, 1)
        said, _ = prefer(a=a, b=b, verdict="a", rater=person)
        assert lines(harbor, actor="ana") == lines(harbor)
        with pytest.raises(NothingToUndo, match="exported"):
            undo(said, by=person)
        told = Signal.objects.for_brand(harbor).filter(kind=Signal.Kind.EXPORTED)
        assert {(one.experience_id, one.actor, one.said["as"]) for one in told} == {
            (a.pk, "ana", "dpo"),
            (b.pk, "ana", "dpo"),
        }

    def test_a_second_time_marks_nothing_anew(self, harbor: Brand):
        voted(*two(harbor), "a", "a")
        first = lines(harbor, actor="ana")
        at = list(PreferencePair.objects.for_brand(harbor).values_list("exported_at", flat=True))
        assert lines(harbor, actor="ana") == first
        assert list(PreferencePair.objects.for_brand(harbor).values_list("exported_at", flat=True)) == at
        assert Signal.objects.for_brand(harbor).filter(kind=Signal.Kind.EXPORTED).count() == 2

    def test_what_is_left_out_can_still_be_taken_back(self, harbor: Brand):
        voted(*two(harbor), "tie")
        a, b = two(harbor)
        voted(a, b, "a")
        lines(harbor, actor="ana")
        words = PreferencePair.objects.for_brand(harbor)
        assert list(words.filter(exported_at__isnull=True).values_list("verdict", flat=True)) == ["tie"]

    def test_a_word_taken_back_meanwhile_takes_its_line_along(self, harbor: Brand):
        a, b = two(harbor)
        [person] = raters(harbor, 1)
        said, _ = prefer(a=a, b=b, verdict="a", rater=person)
        chunks = exporting_pairs.chunks(harbor, Wanted(), Counter())
        read = [next(chunks)]
        undo(said, by=person)
        assert list(jsonl(iter(read), brand=harbor, what="dpo", actor="ana")) == []

    @pytest.mark.parametrize("what", ["kto", "sft"])
    def test_the_words_of_other_files_are_marked_too(self, harbor: Brand, what: str):
        made, [person] = experience(harbor), raters(harbor, 1)
        said, _ = rate(experience=made, rater=person, stars=5)
        lines(harbor, what, actor="ana")
        assert Feedback.objects.for_brand(harbor).get(pk=said.pk).exported_at
        with pytest.raises(NothingToUndo):
            undo(said, by=person)


class TestSize:
    def many(self, brand: Brand, count: int) -> None:
        group = uuid.uuid4()
        text = {"text": "x " * 400}
        made = Experience.across_brands.bulk_create(
            Experience(
                brand=brand, kind="outreach", request="Write", group=group, served_by="t",
                output=text | {"answer": str(n)},
            )
            for n in range(2 * count)
        )  # fmt: skip
        [person] = raters(brand, 1)
        PreferencePair.across_brands.bulk_create(
            PreferencePair(brand=brand, a=made[2 * n], b=made[2 * n + 1], verdict="a", rater=person)
            for n in range(count)
        )

    def test_queries_grow_by_the_chunk_and_not_by_the_line(self, harbor: Brand, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(exporting_pairs, "CHUNK", 20)
        self.many(harbor, 100)
        with CaptureQueriesContext(connection) as told:
            assert len(lines(harbor)) == 100
        assert len(told) <= 4 + 5 * 8

    def test_memory_is_that_of_a_chunk(self, harbor: Brand, monkeypatch: pytest.MonkeyPatch):
        """Ten times the lines: the peak stays, where the file itself grows by a megabyte and more."""
        monkeypatch.setattr(exporting_pairs, "CHUNK", 20)

        def peak() -> tuple[int, int]:
            tracemalloc.start()
            size = sum(
                len(line)
                for line in jsonl(exporting_pairs.chunks(harbor, Wanted(), Counter()), brand=harbor, what="dpo")
            )
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            return size, most

        self.many(harbor, 60)
        peak()  # what is loaded once
        small_file, small = peak()
        self.many(harbor, 540)
        large_file, large = peak()
        assert large_file - small_file > 900_000
        # keys of the pairs are read 5,000 at a time, so these 600 come at once
        assert large - small < (large_file - small_file) / 3
