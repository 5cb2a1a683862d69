"""The admin: every model is there, every page of it opens, and history stays as it was."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from crm.models import (
    AdEntity,
    AudienceSegment,
    Brand,
    CampaignPlan,
    CleanRoom,
    CleanRoomQuery,
    Company,
    Consent,
    Contact,
    Erasure,
    IdempotencyRecord,
    Import,
    Lead,
    MarketEvent,
    Pack,
    Pipeline,
    PipelineStage,
    PrivacyPolicy,
    QuarantinedRow,
    ReportMapping,
    Restatement,
    RetailerItem,
    SegmentMember,
    StageChange,
    Suppression,
    WatchedSource,
)
from orchestrator import learning
from orchestrator.models import Episode, PolicyVersion, RecordedReply, ReflectionLog, Step
from rlhf.models import (
    Assignment,
    Calibration,
    Evaluation,
    Experience,
    Feedback,
    FrozenItem,
    FrozenSet,
    Interaction,
    JudgeBatch,
    JudgeCall,
    JudgeOrder,
    JudgeSettings,
    PreferencePair,
    RaterSettings,
    RatingItem,
    Reward,
    RubricVersion,
    Signal,
)
from tests.conftest import signed_in
from tests.factories import (
    CampaignFactory,
    EpisodeFactory,
    ExperienceFactory,
    MembershipFactory,
    PackFactory,
    PerformanceMetricFactory,
    RatingItemFactory,
    RatingTaskFactory,
    SKUFactory,
    StepFactory,
)
from tests.orchestrator.api_doors import judged
from training.models import TrainingRun

pytestmark = pytest.mark.django_db

OURS = [
    model
    for label in ("crm", "rlhf", "training", "orchestrator")
    for model in apps.get_app_config(label).get_models()
    if not model.__name__.startswith("Historical")
]
HISTORY = [
    CleanRoomQuery,
    Consent,
    Erasure,
    Suppression,
    Step,
    StageChange,
    Evaluation,
    Experience,
    Reward,
    Assignment,
    Calibration,
    Feedback,
    FrozenItem,
    FrozenSet,
    Interaction,
    JudgeBatch,
    JudgeCall,
    JudgeOrder,
    PreferencePair,
    RatingItem,
    RubricVersion,
    Signal,
    RecordedReply,
    Import,
    QuarantinedRow,
    Restatement,
    MarketEvent,
    Episode,
    PolicyVersion,
    ReflectionLog,
    TrainingRun,
    IdempotencyRecord,
]


def address(model: Any, page: str, *arguments: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=arguments)


def everything(model: Any) -> Any:
    return model._default_manager.all()


def one_of_each(pack: Pack, user: Any) -> None:
    """A row in every table of ours, for the pack's brand."""
    brand, now = pack.brand, timezone.now()
    episode = judged(pack, created_by=user)
    pipeline = Pipeline.across_brands.create(brand=brand, external_id=f"P-{pack.pk}", name="Retail")
    stage = PipelineStage.across_brands.create(
        pipeline=pipeline, external_id="s1", name="Talks", order=1, win_probability=0.3, maps_to="engaged"
    )
    company = Company.across_brands.create(brand=brand, external_id=f"C-{pack.pk}", name="Fennel & Co")
    contact = Contact.across_brands.create(brand=brand, external_id=f"K-{pack.pk}", company=company, name="Fay")
    lead = Lead.across_brands.create(
        brand=brand, external_id=f"D-{pack.pk}", name="Deal", pack=pack, company=company, contact=contact
    )
    lead.move_to(stage, at=now, source="import")
    batch = Import.across_brands.create(brand=brand, kind="sales", filename="sales.json", sha256="0" * 64, by=user)
    QuarantinedRow.across_brands.create(batch=batch, file="sales.json", row=1, field="amount", reason="Not a number")
    MarketEvent.across_brands.create(
        brand=brand,
        pack=pack,
        attributed_to=episode.public_id,
        sequence=1,
        kind="opened",
        prospect_key="L-1",
        simulated_days=1,
        due_at=now,
    )
    room = CleanRoom.across_brands.create(brand=brand, name="Our own data")
    CleanRoomQuery.across_brands.create(
        room=room, question={"metrics": ["people"]}, state="answered", served_by="embedded"
    )
    PrivacyPolicy.across_brands.create(brand=brand, body="places: {}")
    Consent.across_brands.create(brand=brand, person="0" * 64, purpose="email", given=True, source="form")
    Suppression.across_brands.create(brand=brand, person="0" * 64, reason="manual")
    Erasure.across_brands.create(brand=brand, person="0" * 64, asked_by=user)
    SKUFactory(brand=brand)
    RetailerItem.across_brands.create(brand=brand, scheme="item", code="VF-1", name="Oats")
    campaign = CampaignFactory(brand=brand)
    PerformanceMetricFactory(campaign=campaign, measured_on=now.date())
    CampaignPlan.across_brands.create(campaign=campaign, starts_on=now.date(), ends_on=now.date())
    AdEntity.across_brands.create(brand=brand, retailer=campaign.retailer, kind="ad", external_id="A-1")
    segment = AudienceSegment.across_brands.create(brand=brand, external_id="S-1", name="Buyers of oats")
    SegmentMember.across_brands.create(segment=segment, lead=lead)
    ReportMapping.across_brands.create(brand=brand, retailer=campaign.retailer, name="ours", title="Ours", body={})
    WatchedSource.across_brands.create(brand=brand, retailer=campaign.retailer, place="northmart")
    Restatement.across_brands.create(
        brand=brand, batch=batch, retailer=campaign.retailer, campaign=campaign, measured_on=now.date(), identity=1,
        before={"spend": "1"}, after={"spend": "2"},
    )  # fmt: skip
    RecordedReply.across_brands.create(episode=episode, key=f"{pack.pk}/0/mail", reply={})
    ReflectionLog.across_brands.create(
        episode=episode, step_index=0, confidence=0.4, threshold=0.7, decision="rethought"
    )
    what_people_and_judges_said(brand, user)
    run = TrainingRun.across_brands.create(brand=brand, by=user)
    PolicyVersion.across_brands.create(brand=brand, number=1, learner="clipped", parameters={}, trained_by=run)
    IdempotencyRecord.objects.create(user=user, key=f"k{pack.pk}", path="/api/x", body_sha256="0" * 64)


def what_people_and_judges_said(brand: Brand, user: Any) -> None:
    now = timezone.now()
    one, other = ExperienceFactory(brand=brand), ExperienceFactory(brand=brand)
    item = RatingItemFactory(task=RatingTaskFactory(brand=brand), a=one)
    held = Assignment.across_brands.create(brand=brand, item=item, rater=user, locked_until=now)
    Feedback.across_brands.create(
        brand=brand, experience=one, rater=user, kind="stars", stars=4, value=0.75, assignment=held
    )
    PreferencePair.across_brands.create(brand=brand, a=one, b=other, verdict="a", rater=user)
    Signal.across_brands.create(brand=brand, experience=one, kind="made")
    Interaction.across_brands.create(brand=brand, experience=one, user=user, kind="seen")
    RaterSettings.objects.get_or_create(user=user)
    JudgeSettings.objects.create(brand=brand)
    batch = JudgeBatch.across_brands.create(brand=brand, external_id=f"batch-{brand.pk}")
    order = JudgeOrder.across_brands.create(
        brand=brand, experience=one, judge="claude", rubric_version="outreach@1", batch=batch
    )
    JudgeCall.across_brands.create(brand=brand, order=order, model="claude")
    RubricVersion.across_brands.create(brand=brand, kind="outreach", number=1, version="outreach@1", text="x")
    frozen = FrozenSet.across_brands.create(brand=brand, kind="outreach", name="November")
    FrozenItem.across_brands.create(frozen_set=frozen, experience=one, human=0.5)
    Calibration.across_brands.create(brand=brand, kind="outreach", judge="rubric", rubric_version="outreach@1")


@pytest.fixture
def boss(django_user_model: Any) -> Client:
    return signed_in(django_user_model.objects.create_superuser("boss"))


@pytest.fixture
def rows(tax_assist: Pack, ana: Any) -> None:
    one_of_each(tax_assist, ana)


class TestEveryModel:
    def test_it_is_registered(self):
        assert [model for model in OURS if model not in admin.site._registry] == []

    def test_its_pages_open(self, boss: Client, rows: None):
        """One set of rows for all models: making them takes longer than looking at them."""
        wrong = [(model.__name__, *answer) for model in OURS for answer in self.unexpected(boss, model)]
        assert wrong == []

    @staticmethod
    def unexpected(boss: Client, model: Any) -> list[tuple[str, int]]:
        """Pages that answer something else than they should."""
        row = everything(model).order_by("-pk").first()
        assert row is not None, model
        asked = {
            "list": boss.get(address(model, "changelist")),
            "search": boss.get(address(model, "changelist"), {"q": "oats"}),
            "change": boss.get(address(model, "change", row.pk)),
            "history": boss.get(address(model, "history", row.pk)),
            "add": boss.get(address(model, "add")),
        }
        due = {"add": 403 if model in HISTORY else 200}
        return [(name, reply.status_code) for name, reply in asked.items() if reply.status_code != due.get(name, 200)]

    def test_its_list_asks_a_constant_number_of_questions(self, boss: Client, rows: None, ana: Any):
        def questions() -> dict[str, int]:
            counts = {}
            for model in OURS:
                with CaptureQueriesContext(connection) as seen:
                    boss.get(address(model, "changelist"))
                counts[model.__name__] = len(seen)
            return counts

        few = questions()
        for _ in range(3):
            pack = PackFactory()
            MembershipFactory(user=ana, brand=pack.brand)
            one_of_each(pack, ana)
        assert questions() == few

    def test_history_refuses_change(self, boss: Client, rows: None):
        for model in HISTORY:
            before = list(everything(model).order_by("pk").values())
            row = everything(model).order_by("pk").first()
            assert boss.post(address(model, "change", row.pk), {"why": "rewritten"}).status_code == 403, model
            assert boss.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403, model
            assert boss.post(address(model, "add"), {}).status_code == 403, model
            assert list(everything(model).order_by("pk").values()) == before, model

    def test_a_brand_filter_leaves_one_tenant(self, boss: Client, tax_assist: Pack, lumen: Brand):
        mine, theirs = EpisodeFactory(pack=tax_assist), EpisodeFactory(pack=PackFactory(brand=lumen))
        page = boss.get(address(Episode, "changelist"), {"brand__id__exact": lumen.pk})
        assert [row.pk for row in page.context["cl"].result_list] == [theirs.pk]
        step = StepFactory(episode=mine, index=0)
        page = boss.get(address(Step, "changelist"), {"episode__brand__id__exact": tax_assist.brand.pk})
        assert [row.pk for row in page.context["cl"].result_list] == [step.pk]


class TestWho:
    def test_strangers_are_sent_to_the_sign_in_of_the_pages(self, client: Client):
        reply = client.get("/admin/", follow=False)
        assert reply.status_code == 302
        assert client.get(reply["Location"])["Location"].startswith("/accounts/login/")

    def test_an_owner_without_staff_rights_is_refused(self, ana_client: Client):
        assert ana_client.get("/admin/", follow=True).status_code == 403

    def test_staff_see_only_what_they_have_permission_for(self, django_user_model: Any, tax_assist: Pack):
        staff = signed_in(django_user_model.objects.create_user("staff", is_staff=True))
        assert staff.get("/admin/").status_code == 200
        assert staff.get(address(Pack, "changelist")).status_code == 403

    def test_the_title(self, boss: Client):
        assert b"Endcap" in boss.get("/admin/").content


class TestChange:
    def test_a_changed_pack_keeps_who_and_what(self, boss: Client, tax_assist: Pack):
        page = boss.get(address(Pack, "change", tax_assist.pk))
        data = {name: field.value() for name, field in ((f.name, f) for f in page.context["adminform"].form)}
        reply = boss.post(
            address(Pack, "change", tax_assist.pk),
            {**{k: v for k, v in data.items() if v is not None}, "goal": "Sell even more oats."},
        )
        assert reply.status_code == 302, reply.context["errors"]
        tax_assist.refresh_from_db()
        assert tax_assist.goal == "Sell even more oats."
        newest = tax_assist.history.first()
        assert (newest.history_type, newest.history_user.username) == ("~", "boss")
        assert newest.prev_record.goal == "Sell more oats."

    def test_an_episode_links_to_its_page(self, boss: Client, tax_assist: Pack):
        episode = EpisodeFactory(pack=tax_assist)
        assert f'href="/episodes/{episode.pk}/"' in boss.get(address(Episode, "change", episode.pk)).content.decode()

    def test_a_brand_is_not_deleted_with_a_click(self, boss: Client, harbor: Brand):
        assert boss.post(address(Brand, "delete", harbor.pk), {"post": "yes"}).status_code == 403
        assert Brand.objects.filter(pk=harbor.pk).exists()


class TestActions:
    def do(self, client: Client, action: str, *rows: Any) -> list[str]:
        reply = client.post(
            address(type(rows[0]), "changelist"),
            {"action": action, "_selected_action": [row.pk for row in rows]},
            follow=True,
        )
        assert reply.status_code == 200
        return [str(message) for message in reply.context["messages"]]

    def test_pause_cancel_retry(self, boss: Client, tax_assist: Pack):
        queued, done = EpisodeFactory(pack=tax_assist), EpisodeFactory(pack=tax_assist, state="done")
        told = self.do(boss, "pause", queued, done)
        queued.refresh_from_db()
        assert queued.state == "paused"
        assert len(told) == 2
        assert any(done.number in message for message in told)
        self.do(boss, "cancel", queued)
        queued.refresh_from_db()
        assert queued.state == "cancelled"
        stuck = EpisodeFactory(pack=tax_assist, state="stuck", attempts=9)
        self.do(boss, "retry", stuck)
        stuck.refresh_from_db()
        assert (stuck.state, stuck.attempts) == ("queued", 0)

    def test_they_need_the_permission_to_change(self, django_user_model: Any, tax_assist: Pack):
        from django.contrib.auth.models import Permission

        staff = django_user_model.objects.create_user("staff", is_staff=True)
        staff.user_permissions.add(Permission.objects.get(codename="view_episode"))
        episode = EpisodeFactory(pack=tax_assist)
        self.do(signed_in(staff), "cancel", episode)
        episode.refresh_from_db()
        assert episode.state == "queued"

    def test_put_back(self, boss: Client, harbor: Brand):
        old, new = (
            PolicyVersion.across_brands.create(brand=harbor, number=n, learner="clipped", parameters={}, serving=n == 2)
            for n in (1, 2)
        )
        assert any("only one can serve" in message for message in self.do(boss, "put_back", old, new))
        assert learning.serving(harbor) == new
        self.do(boss, "put_back", old)
        assert learning.serving(harbor) == old
