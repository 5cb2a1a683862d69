"""Feedback events from elsewhere: good lines are kept, bad ones named, nothing comes twice, rewards hear of it."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import uuid
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from crm.imports.faults import Fault
from crm.models import Brand, Import, Lead, Outcome, Pack, QuarantinedRow
from orchestrator import conclusion
from rlhf.feedback.importing import take_in
from rlhf.feedback.importing_lines import event_of, values_of
from rlhf.models import Evaluation, Experience, PreferencePair, Reward, Signal
from tests.orchestrator.api_doors import judged
from tests.rlhf.api.rows import experience, two

pytestmark = pytest.mark.django_db
THEN = "2026-01-05T10:00:00Z"


def bring(brand: Brand, *events: Any, name: str = "events.jsonl") -> Import:
    lines = [one if isinstance(one, str) else json.dumps(one) for one in events]
    return take_in(brand=brand, data="\n".join(lines).encode(), filename=name)


def counts(batch: Import) -> tuple[int, int, int, int]:
    return batch.rows_read, batch.rows_stored, batch.rows_unchanged, batch.rows_set_aside


def aside(batch: Import) -> list[tuple[int, str]]:
    rows = QuarantinedRow.objects.for_brand(batch.brand).filter(batch=batch)
    return [(row.row, row.field) for row in rows]


def ruler(*rows: Experience, scores: list[float], **more: Any) -> dict[str, Any]:
    ids = [str(row.public_id) for row in rows]
    return {"type": "RULER", "ids": ids, "scores": scores, "judge": "o4", **more}


def choice(a: Experience, b: Experience, **more: Any) -> dict[str, Any]:
    ids = {"a": str(a.public_id), "b": str(b.public_id)}
    return {"type": "HumanPreference", **ids, "verdict": "a", "rater": "Una", **more}


class TestRuler:
    def test_scores_become_centred_ranks_of_a_group(self, harbor: Brand):
        a, b = two(harbor)
        batch = bring(harbor, ruler(a, b, scores=[0.9, 0.4], rubric_version="theirs@2", at=THEN))
        assert (batch.state, counts(batch)) == ("stored", (1, 1, 0, 0))
        rows = Evaluation.objects.for_brand(harbor)
        assert {one.experience_id: (one.score, round(one.centred, 9)) for one in rows} == {
            a.pk: (0.9, 0.25),
            b.pk: (0.4, -0.25),
        }
        assert {(one.form, one.judge, one.rubric_version, one.prompt_version) for one in rows} == {
            ("group", "o4", "theirs@2", "imported")
        }
        assert len({one.group for one in rows}) == 1
        assert {one.created_at for one in rows} == {dt.datetime(2026, 1, 5, 10, tzinfo=dt.UTC)}
        assert Signal.objects.for_brand(harbor).filter(kind="judged").count() == 2

    def test_scores_may_stand_by_id(self, harbor: Brand):
        a, b = two(harbor)
        event = {
            "type": "RULER", "scores": {str(a.public_id): 1, str(b.public_id): 0.0}, "judge": "o4",
            "group": str(a.group),
        }  # fmt: skip
        assert bring(harbor, event).rows_stored == 1
        assert Evaluation.objects.for_brand(harbor).get(experience=a).centred == 0.5

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"scores": [0.5]}, "scores"),
            ({"scores": [0.5, 1.2]}, "scores.1"),
            ({"scores": [0.5, True]}, "scores.1"),
            ({"scores": [0.5, "0.5"]}, "scores.1"),
            ({"judge": ""}, "judge"),
            ({"group": str(uuid.uuid4())}, "group"),
            ({"ids": [str(uuid.uuid4()), str(uuid.uuid4())]}, "ids"),
            ({"ids": ["x", "y"]}, "ids.0"),
            ({"at": "2999-01-01"}, "at"),
            ({"score": 1}, "score"),
        ],
    )
    def test_a_bad_ranking_is_set_aside(self, harbor: Brand, change: dict[str, Any], field: str):
        batch = bring(harbor, {**ruler(*two(harbor), scores=[0.5, 0.6]), **change})
        assert (batch.state, aside(batch)) == ("partial", [(1, field)])
        assert not Evaluation.objects.for_brand(harbor).exists()

    def test_answers_to_different_requests_are_not_ranked(self, harbor: Brand):
        (a, b), (c, _) = two(harbor), two(harbor)
        batch = bring(harbor, ruler(a, c, scores=[0.1, 0.2]), ruler(a, a, scores=[0.1, 0.2]))
        assert aside(batch) == [(1, "ids"), (2, "ids")]
        assert b.pk


class TestPreference:
    def test_a_choice_is_kept_under_the_name_the_file_gives(self, harbor: Brand):
        a, b = two(harbor)
        batch = bring(
            harbor, choice(a, b, verdict="b", shown_order="ba", reasons=["Short"], comment="Mail jo@x.org", at=THEN)
        )
        assert batch.state == "stored"
        row = PreferencePair.objects.for_brand(harbor).get()
        assert (row.a, row.b, row.verdict, row.shown_order, row.rater, row.rater_name) == (a, b, "b", "ba", None, "Una")
        assert (row.source, row.reasons) == ("import", ["Short"])
        assert "jo@x.org" not in row.comment
        assert row.created_at == dt.datetime(2026, 1, 5, 10, tzinfo=dt.UTC)
        told = Signal.objects.for_brand(harbor).filter(kind="preferred")
        assert {(one.experience_id, one.actor) for one in told} == {(a.pk, "Una"), (b.pk, "Una")}

    def test_texts_become_experiences(self, harbor: Brand):
        event = {
            "type": "HumanPreference", "prompt": "Say hello", "chosen": "Hello.", "rejected": "Yo.", "rater": "Una",
            "kind": "outreach",
        }  # fmt: skip
        batch = bring(harbor, event, {**event, "rejected": "Hey."})
        assert counts(batch) == (2, 2, 0, 0)
        made = Experience.objects.for_brand(harbor)
        assert sorted(made.values_list("output__text", flat=True)) == ["Hello.", "Hey.", "Yo."]
        assert len(set(made.values_list("group", flat=True))) == 1

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"verdict": "better"}, "verdict"),
            ({"a": str(uuid.uuid4())}, "a"),
            ({"rater": None}, "rater"),
            ({"prompt": "x"}, "chosen"),
            ({"shown_order": "left"}, "shown_order"),
            ({"reasons": ["x"] * 13}, "reasons"),
        ],
    )
    def test_a_bad_choice_is_set_aside(self, harbor: Brand, change: dict[str, Any], field: str):
        batch = bring(harbor, {**choice(*two(harbor)), **change})
        assert aside(batch) == [(1, field)]
        assert not PreferencePair.objects.for_brand(harbor).exists()

    def test_a_choice_needs_two(self, harbor: Brand):
        a, _ = two(harbor)
        texts = {"type": "HumanPreference", "prompt": "x", "chosen": "y", "rejected": "y ", "rater": "Una"}
        assert aside(bring(harbor, choice(a, a), texts)) == [(1, "b"), (2, "rejected")]


class TestOutcome:
    def reward(self, pack: Pack) -> Reward:
        """A finished episode with its first reward, before the market said anything."""
        episode = judged(pack)
        Outcome.objects.for_brand(pack.brand).delete()
        made = Experience.objects.for_brand(pack.brand).get(episode=episode.public_id)
        conclusion._reward(episode, made, timezone.now())
        return Reward.objects.for_brand(pack.brand).get(experience=made, is_current=True)

    def test_it_reaches_the_reward(self, tax_assist: Pack):
        first = self.reward(tax_assist)
        about = first.experience
        Lead.objects.for_brand(tax_assist.brand).create(brand=tax_assist.brand, external_id="L-9", name="Fennel")
        batch = bring(
            tax_assist.brand,
            {
                "type": "OnlineOutcome", "experience": str(about.public_id), "kind": "replied", "at": THEN,
                "lead": "L-9", "id": "crm-1",
            },
        )  # fmt: skip
        assert batch.state == "stored"
        row = Outcome.objects.for_brand(tax_assist.brand).get()
        assert (row.attributed_to, row.kind, row.external_id, row.source) == (
            about.episode, "replied", "crm-1", "feedback",
        )  # fmt: skip
        assert (row.pack, row.lead.external_id) == (about.pack, "L-9")
        assert Signal.objects.for_brand(tax_assist.brand).filter(kind="outcome", experience=about).count() == 1
        assert conclusion.refresh_rewards(now=timezone.now()) == 1
        newest = Reward.objects.for_brand(tax_assist.brand).get(experience=about, is_current=True)
        assert newest.pk != first.pk
        assert first.components["inputs"]["online"] is None
        assert newest.components["inputs"]["online"] > 0

    def test_the_lead_is_whom_the_experience_is_about(self, harbor: Brand):
        lead = Lead.objects.for_brand(harbor).create(brand=harbor, external_id="L-3", name="Ida")
        made = experience(harbor, episode=uuid.uuid4(), context={"prospect": {"key": "L-3"}})
        bring(
            harbor,
            {
                "type": "OnlineOutcome", "episode": str(made.episode), "kind": "sold", "at": THEN, "amount": 12.5,
                "currency": "EUR",
            },
        )  # fmt: skip
        row = Outcome.objects.for_brand(harbor).get()
        assert (row.lead, row.detail) == (lead, {"amount": "12.5", "currency": "EUR"})
        assert row.external_id.startswith("feedback:")

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"kind": "liked"}, "kind"),
            ({"at": None}, "at"),
            ({"at": "soon"}, "at"),
            ({"amount": -1}, "amount"),
            ({"lead": "nobody"}, "lead"),
            ({"experience": None}, "experience"),
            ({"episode": str(uuid.uuid4())}, "experience"),
        ],
    )
    def test_a_bad_outcome_is_set_aside(self, harbor: Brand, change: dict[str, Any], field: str):
        made = experience(harbor, episode=uuid.uuid4())
        event = {"type": "OnlineOutcome", "experience": str(made.public_id), "kind": "sold", "at": THEN, **change}
        assert aside(bring(harbor, event)) == [(1, field)]

    def test_what_no_episode_made_can_have_none(self, harbor: Brand):
        event = {"type": "OnlineOutcome", "experience": str(experience(harbor).public_id), "kind": "sold", "at": THEN}
        assert aside(bring(harbor, event)) == [(1, "experience")]


class TestFile:
    def events(self, brand: Brand) -> list[Any]:
        a, b = two(brand)
        made = experience(brand, episode=uuid.uuid4())
        outcome = {"type": "OnlineOutcome", "experience": str(made.public_id), "kind": "opened", "at": THEN}
        return [ruler(a, b, scores=[0.2, 0.8]), choice(a, b), outcome]

    def test_twice_is_once(self, harbor: Brand):
        events = self.events(harbor)
        assert counts(bring(harbor, *events)) == (3, 3, 0, 0)
        again = bring(harbor, *events)
        assert counts(again) == (3, 0, 3, 0)
        assert "nothing changed" in again.stored["notes"][0]
        other = bring(harbor, *reversed(events), name="other.jsonl")
        assert counts(other) == (3, 0, 3, 0)
        assert Evaluation.objects.for_brand(harbor).count() == 2
        assert PreferencePair.objects.for_brand(harbor).count() == 1
        assert Outcome.objects.for_brand(harbor).count() == 1

    def test_an_event_twice_in_a_file_is_once(self, harbor: Brand):
        events = self.events(harbor)
        assert counts(bring(harbor, *events, *events)) == (6, 3, 3, 0)

    def test_ids_make_equal_choices_two_and_unequal_ones_a_fault(self, harbor: Brand):
        a, b = two(harbor)
        batch = bring(harbor, choice(a, b, id="1"), choice(a, b, id="2"), choice(a, b, id="1", verdict="tie"))
        assert counts(batch) == (3, 2, 0, 1)
        assert aside(batch) == [(3, "id")]

    def test_good_lines_are_kept_and_bad_ones_named(self, harbor: Brand):
        good = self.events(harbor)
        batch = bring(
            harbor, good[0], "{", "[1]", '{"type": "Applause"}', "", good[1], '{"type": "RULER", "type": "RULER"}',
            '{"type": "RULER", "scores": [NaN]}', good[2],
        )  # fmt: skip
        assert batch.state == "partial"
        assert counts(batch) == (8, 3, 0, 5)
        assert aside(batch) == [(2, "line"), (3, "line"), (4, "type"), (7, "line"), (8, "line")]
        kept = QuarantinedRow.objects.for_brand(harbor).get(batch=batch, row=4)
        assert (kept.value, kept.raw) == ("Applause", {"type": "Applause"})
        assert "RULER" in kept.reason

    def test_a_repaired_file_adds_only_what_was_missing(self, harbor: Brand):
        events = self.events(harbor)
        bring(harbor, events[0], "{", events[2])
        assert counts(bring(harbor, *events)) == (3, 1, 2, 0)

    def test_a_packed_file_is_read_and_a_picture_is_not(self, harbor: Brand):
        data = json.dumps(self.events(harbor)[0]).encode()
        packed = take_in(brand=harbor, data=gzip.compress(data), filename="events.jsonl.gz")
        assert packed.state == "stored"
        broken = take_in(brand=harbor, data=b"\x89PNG\r\n\x1a\n\0\0", filename="events.jsonl")
        assert broken.state == "failed"
        assert broken.error

    def test_another_tenants_experiences_are_unknown(self, harbor: Brand, lumen: Brand):
        batch = bring(lumen, *self.events(harbor))
        assert batch.rows_set_aside == 3
        assert "no experience of this brand" in QuarantinedRow.objects.for_brand(lumen).first().reason

    def test_queries_do_not_grow_with_the_lines(self, harbor: Brand):
        pairs = [two(harbor) for _ in range(60)]
        took = []
        for part in (pairs[:5], pairs[5:]):
            with CaptureQueriesContext(connection) as told:
                bring(harbor, *(choice(a, b) for a, b in part))
            took.append(len(told))
        assert took[1] <= took[0] + 2

    @given(st.dictionaries(st.text(max_size=8), st.none() | st.booleans() | st.floats() | st.text(max_size=8)))
    def test_no_line_breaks_the_reading(self, values: dict[str, Any]):
        for kind in ("RULER", "HumanPreference", "OnlineOutcome", "x"):
            line = json.dumps({**values, "type": kind})
            with pytest.raises(Fault) as refused:
                event_of(values_of(line))
            assert refused.value.reason

    @given(st.text(max_size=60))
    def test_no_text_breaks_the_reading(self, line: str):
        with pytest.raises(Fault):
            event_of(values_of(line))


class TestCommands:
    def test_what_is_imported_can_be_exported(self, harbor: Brand, tmp_path: Path):
        a, b = two(harbor)
        file, out = tmp_path / "events.jsonl", tmp_path / "dpo.jsonl"
        file.write_text(json.dumps(choice(a, b)) + "\n{\n")
        told = StringIO()
        call_command("import_feedback", str(file), brand="harbor-oats", stdout=told)
        assert "2 read, 1 stored, 0 unchanged, 1 set aside" in told.getvalue()
        assert "line 2, line" in told.getvalue()
        said = StringIO()
        call_command(
            "export_feedback", "--brand", "harbor-oats", "--form", "dpo", "--out", str(out), "--conversational",
            stderr=said,
        )  # fmt: skip
        [line] = [json.loads(line) for line in out.read_text().splitlines()]
        assert line["chosen"][0]["content"] == a.output["text"]
        assert "1 line for Harbor Oats; left out: nothing." in said.getvalue()
        assert PreferencePair.objects.for_brand(harbor).get().exported_at is None
        shown = StringIO()
        call_command("export_feedback", brand="harbor-oats", form="dpo", mark=True, stdout=shown, stderr=said)
        assert json.loads(shown.getvalue())["rejected"] == b.output["text"]
        assert PreferencePair.objects.for_brand(harbor).get().exported_at

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (["--brand", "nobody", "--form", "dpo"], "no brand"),
            (["--brand", "harbor-oats", "--form", "kto", "--source", "judge"], "source"),
            (["--brand", "harbor-oats", "--form", "dpo", "--messages"], "form"),
            (["--brand", "harbor-oats", "--form", "dpo", "--since", "soon"], "since"),
            (["--brand", "harbor-oats", "--form", "dpo", "--out", "nowhere/at/all.jsonl"], "no folder"),
        ],
    )
    def test_a_bad_call_says_why(self, harbor: Brand, arguments: list[str], says: str):
        with pytest.raises(CommandError, match=says):
            call_command("export_feedback", *arguments)

    def test_a_file_that_cannot_be_read_ends_with_1(self, harbor: Brand, tmp_path: Path):
        (tmp_path / "empty.jsonl").write_text("")
        with pytest.raises(SystemExit) as ended:
            call_command("import_feedback", str(tmp_path / "empty.jsonl"), brand="harbor-oats", stdout=StringIO())
        assert ended.value.code == 1
        with pytest.raises(CommandError, match="cannot be opened"):
            call_command("import_feedback", str(tmp_path / "absent.jsonl"), brand="harbor-oats")
