"""A person is forgotten in every table, with a report; what they must leave behind stays."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.utils import timezone

from crm.imports import take_in
from crm.models import (
    AudienceSegment,
    Brand,
    Contact,
    Erasure,
    Import,
    Lead,
    Outcome,
    Pack,
    QuarantinedRow,
    Sale,
    SegmentMember,
    Suppression,
)
from crm.models.tenancy import BrandOwned
from crm.privacy import consent
from crm.privacy.scrub import Scrubber
from orchestrator import erasure
from orchestrator.models import Episode, PolicyVersion, RecordedReply, Step
from rlhf.feedback.giving import explain, rate
from rlhf.models import Evaluation, Experience, Feedback
from tests.factories import EpisodeFactory, StepFactory, UserFactory
from training.models import TrainingRun

EMAIL = "jo.miller@example.com"
LETTER = "Hello Jo,\n\nMiller Mills needs sacks. Write to jo.miller@example.com."


@pytest.fixture
def jo(harbor: Brand, tax_assist: Pack, tmp_path: Path, settings: Any) -> dict[str, Any]:
    """Somebody with rows in every table that can hold a person, and a neighbour with rows beside hers."""
    settings.UPLOADS_ROOT = tmp_path
    contact = Contact.objects.for_brand(harbor).create(
        brand=harbor, external_id=EMAIL, email=EMAIL, name="Jo Miller", detail={"phone": "+49 30 1234567"}
    )
    lead = Lead.objects.for_brand(harbor).create(
        brand=harbor, external_id="L-1017", name="Jo Miller", contact=contact, pack=tax_assist, amount=90,
        detail={"need": "sacks"},
    )  # fmt: skip
    other = Lead.objects.for_brand(harbor).create(brand=harbor, external_id="L-2", name="Bo Baker", detail={"a": "b"})
    now = timezone.now()
    Sale.objects.for_brand(harbor).create(
        brand=harbor, lead=lead, external_id="S1", amount=12, currency="EUR", sold_at=now, detail={"lead": "L-1017"}
    )
    Outcome.objects.for_brand(harbor).create(
        brand=harbor, lead=lead, contact=contact, kind="replied", external_id="o-L-1017", occurred_at=now,
        detail={"from": EMAIL},
    )  # fmt: skip
    segment = AudienceSegment.objects.for_brand(harbor).create(brand=harbor, external_id="s", name="Bakers")
    for one in (lead, other):
        SegmentMember.objects.for_brand(harbor).create(segment=segment, lead=one)
    batch = Import.objects.for_brand(harbor).create(
        brand=harbor, kind="report", filename="f.csv", sha256="x", state="stored", kept_as="f.csv"
    )
    (tmp_path / "f.csv").write_text(f"a\n{EMAIL.upper()}\n")
    QuarantinedRow.objects.for_brand(harbor).create(
        batch=batch, file="f.csv", row=1, field="a", value=EMAIL, reason="no", raw={"who": "Jo Miller"}
    )
    subject = {"kind": "prospect", "key": "L-1017", "title": "Jo Miller"}
    episode = EpisodeFactory(pack=tax_assist, subject=subject, title="Jo Miller", state="done", finished_at=now)
    StepFactory(episode=episode, index=0, action="outreach", summary="To Jo Miller", output={"body": LETTER})
    RecordedReply.objects.for_brand(harbor).create(episode=episode, key="k", reply={"to": EMAIL})
    stranger = EpisodeFactory(pack=tax_assist, state="done", finished_at=now)
    StepFactory(episode=stranger, index=0, output={"audience": ["L-1017", "L-2"], "text": "Jo is a short name"})
    made = Experience.objects.for_brand(harbor).create(
        brand=harbor, kind="outreach", episode=episode.public_id, request="Write to Jo Miller", served_by="composer@1",
        context={"prospect": {"key": "L-1017", "name": "Jo Miller"}, "facts": {"prospect:L-1017#need": "sacks"}},
        output={"emails": [{"body": LETTER}]},
    )  # fmt: skip
    Evaluation.objects.for_brand(harbor).create(
        experience=made, judge="rubric", rubric_version="1", score=0.5, verdict={"reasoning": "Greets Jo Miller"}
    )
    rater = UserFactory(username="rae")
    said, _ = rate(experience=made, rater=rater, corrected="Dear Jo Miller, sacks.", original=LETTER)
    explain(said, by=rater, comment="Jo Miller moved")
    run = TrainingRun.objects.for_brand(harbor).create(brand=harbor, state="done", options={"max_runs": None})
    PolicyVersion.objects.for_brand(harbor).create(
        brand=harbor, number=7, learner="clipped", parameters={}, trained_by=run, serving=True,
        summary={"evidence": {"learned_up_to_episode": stranger.pk}},
    )  # fmt: skip
    return {"lead": lead, "other": other, "episode": episode, "stranger": stranger, "experience": made}


def everything(brand: Brand) -> str:
    """All that the database holds of the brand, as text."""
    owned = [model for model in apps.get_models() if issubclass(model, BrandOwned)]
    rows = [row for model in owned for row in model.objects.for_brand(brand).values()]
    return json.dumps(rows, default=str, ensure_ascii=False)


class TestErase:
    def test_nothing_names_the_person_any_more(self, jo: dict[str, Any], harbor: Brand, ana: Any) -> None:
        before = everything(harbor)
        assert EMAIL in before and "L-1017" in before and "Jo Miller" in before
        row = erasure.erase(brand=harbor, who=EMAIL, by=ana)
        after = everything(harbor)
        for spelling in (EMAIL, "L-1017", "Jo Miller", "1234567", "Hello Jo"):
            assert spelling not in after
        assert row.state == Erasure.State.DONE and row.asked_by == ana

    def test_figures_and_other_people_stay(self, jo: dict[str, Any], harbor: Brand) -> None:
        erasure.erase(brand=harbor, who=EMAIL)
        sale = Sale.objects.for_brand(harbor).get()
        assert (sale.amount, sale.lead, sale.detail) == (12, None, {})
        assert Lead.objects.for_brand(harbor).get(pk=jo["lead"].pk).amount == 90
        assert Outcome.objects.for_brand(harbor).get().kind == "replied"
        assert Lead.objects.for_brand(harbor).get(pk=jo["other"].pk).name == "Bo Baker"
        assert SegmentMember.objects.for_brand(harbor).get().lead == jo["other"]
        step = Step.objects.for_brand(harbor).get(episode=jo["stranger"])
        assert step.output == {"audience": ["[erased]", "L-2"], "text": "Jo is a short name"}
        assert Evaluation.objects.for_brand(harbor).get().score == 0.5

    def test_the_report_counts_by_model_and_names_the_versions_that_had_seen_it(
        self, jo: dict[str, Any], harbor: Brand
    ) -> None:
        report = erasure.erase(brand=harbor, who=EMAIL).report
        assert report["models"] == {
            "crm.Contact erased": 1,
            "crm.Lead blanked, stage and amount kept": 1,
            "crm.Outcome blanked, kind and date kept": 1,
            "crm.QuarantinedRow blanked": 1,
            "crm.Sale unlinked, amount kept": 1,
            "crm.SegmentMember erased": 1,
            "orchestrator.Episode about the person, redacted": 1,
            "orchestrator.RecordedReply redacted": 1,
            "orchestrator.Step redacted": 2,
            "rlhf.Evaluation redacted": 1,
            "rlhf.Experience redacted": 1,
            "rlhf.Feedback redacted": 1,
            "rlhf.Signal redacted": 1,
        }
        assert report["policy_versions"] == [{"version": "v7", "serving": True, "episodes": 1}]
        assert len(report["training_runs"]) == 1 and report["notes"]
        assert [one["what"] for one in report["uploads"]] == ["removed"]
        assert EMAIL not in json.dumps(report)

    def test_what_was_exported_for_training_is_said(self, jo: dict[str, Any], harbor: Brand) -> None:
        Feedback.objects.for_brand(harbor).update(exported_at=timezone.now())
        report = erasure.erase(brand=harbor, who=EMAIL).report
        assert any("1 rating" in note and "Exported" in note for note in report["notes"])

    def test_a_version_trained_on_fewer_runs_had_not_seen_it(self, jo: dict[str, Any], harbor: Brand) -> None:
        TrainingRun.objects.for_brand(harbor).update(options={"max_runs": 1})
        assert erasure.erase(brand=harbor, who=EMAIL).report["policy_versions"] == []

    @pytest.mark.parametrize("who", [EMAIL.upper(), "L-1017", "+49 30 1234567"])
    def test_any_spelling_reaches_the_same_person(self, who: str, jo: dict[str, Any], harbor: Brand) -> None:
        erasure.erase(brand=harbor, who=who)
        assert EMAIL not in everything(harbor)

    def test_a_preview_says_the_same_and_changes_nothing(self, jo: dict[str, Any], harbor: Brand) -> None:
        before = everything(harbor)
        reach = erasure.preview(harbor, EMAIL)
        assert everything(harbor) == before
        done = erasure.erase(brand=harbor, who=EMAIL).report
        assert (reach.models, reach.versions) == (done["models"], done["policy_versions"])

    def test_a_second_time_reaches_nothing(self, jo: dict[str, Any], harbor: Brand) -> None:
        erasure.erase(brand=harbor, who=EMAIL)
        again = erasure.erase(brand=harbor, who=EMAIL)
        assert again.report["models"] == {} and again.state == Erasure.State.DONE

    def test_no_import_brings_them_back(self, jo: dict[str, Any], harbor: Brand) -> None:
        erasure.erase(brand=harbor, who=EMAIL)
        rows = [{"id": "L-1017", "name": "Jo Miller", "email": EMAIL}, {"id": "L-9", "name": "Al Ander"}]
        (batch,) = take_in(
            brand=harbor, files=[SimpleUploadedFile("leads.json", json.dumps(rows).encode())], kind="leads", by=None
        )
        assert (batch.rows_stored, batch.rows_set_aside) == (1, 1)
        assert EMAIL not in everything(harbor) and "Jo Miller" not in everything(harbor)
        assert not consent.may_address(harbor, EMAIL)

    def test_another_brand_keeps_its_own(self, jo: dict[str, Any], lumen: Brand, harbor: Brand) -> None:
        erasure.erase(brand=lumen, who=EMAIL)
        assert EMAIL in everything(harbor)
        assert Suppression.objects.for_brand(lumen).count() == 1

    def test_a_failure_changes_nothing_and_is_told(
        self, jo: dict[str, Any], harbor: Brand, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fails(*args: Any, **more: Any) -> None:
            raise RuntimeError(f"disk full at {EMAIL}")

        monkeypatch.setattr("crm.erasure.suppress_many", fails)
        with pytest.raises(RuntimeError):
            erasure.erase(brand=harbor, who=EMAIL)
        row = Erasure.objects.for_brand(harbor).get()
        assert row.state == Erasure.State.FAILED and row.error == "RuntimeError: disk full at [erased]"
        assert Contact.objects.for_brand(harbor).filter(email=EMAIL).exists()

    def test_a_file_that_waits_is_named_and_stays(self, jo: dict[str, Any], harbor: Brand, tmp_path: Path) -> None:
        Import.objects.for_brand(harbor).update(state="mapping")
        report = erasure.erase(brand=harbor, who=EMAIL).report
        assert "by hand" in report["uploads"][0]["what"] and (tmp_path / "f.csv").exists()

    def test_an_open_episode_is_told_to_stop(self, jo: dict[str, Any], harbor: Brand) -> None:
        Episode.objects.for_brand(harbor).filter(pk=jo["episode"].pk).update(state="running")
        erasure.erase(brand=harbor, who=EMAIL)
        assert Episode.objects.for_brand(harbor).get(pk=jo["episode"].pk).wanted == "cancel"

    def test_nobody_is_refused(self, harbor: Brand) -> None:
        with pytest.raises(erasure.NobodyGiven):
            erasure.erase(brand=harbor, who="  ")


class TestCommand:
    def test_it_previews_and_erases(self, jo: dict[str, Any], harbor: Brand) -> None:
        out = StringIO()
        call_command("erase_person", EMAIL, "--brand", "harbor-oats", "--preview", stdout=out)
        assert "Would be reached" in out.getvalue() and EMAIL in everything(harbor)
        call_command("erase_person", EMAIL, "--brand", "harbor-oats", stdout=out)
        assert "policy v7, serving had seen 1" in out.getvalue() and EMAIL not in everything(harbor)


class TestScrubber:
    def test_a_short_id_goes_only_where_it_is_an_id(self) -> None:
        scrub = Scrubber(["17"])
        assert scrub.text("17 g of protein for prospect:17#need") == "17 g of protein for prospect:[erased]#need"
        assert scrub.value(["17", "171"]) == ["[erased]", "171"]

    def test_words_of_a_name_go_only_from_texts_about_the_person(self) -> None:
        assert (
            Scrubber([], ["Jo Miller"], about=True).text("Hello Jo, dear Ms Miller")
            == "Hello [erased], dear Ms [erased]"
        )
        assert Scrubber([], ["Jo Miller"]).text("Jo's mill, Jo  Miller") == "Jo's mill, [erased]"
