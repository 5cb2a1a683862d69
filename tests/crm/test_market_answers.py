"""Answers as rows: planned once, released exactly once, credited to whoever touched the person last."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from crm.market import answers
from crm.market.answers import NoMarket, release_due, respond
from crm.market.produced import Copy, Email, Produced
from crm.models import Brand, Company, Lead, MarketEvent, Outcome, Pack, Sale, StageChange
from crm.pipelines import default_stages
from crm.tasks import release_market
from tests.factories import BrandFactory, PackFactory

pytestmark = pytest.mark.django_db

BODY = (
    "Dear Jo,\n\nshops like yours earn 34 % margin on our 1 kg bag and the profit per metre rose by 18 %. "
    "We send a free sample case of 12 bags.\n\nMay I call on Thursday?\n\nEllen"
)


@pytest.fixture
def market(settings: Any) -> Brand:
    settings.MARKET_SECONDS_PER_DAY = 2.0
    settings.REWARD_WINDOW_DAYS = 14.0
    return BrandFactory(name="Harbor Oats", slug="harbor-oats", world="grocers")


@pytest.fixture
def pack(market: Brand) -> Pack:
    return PackFactory(brand=market, slug="win-back", task="outreach")


@pytest.fixture
def lead(market: Brand, pack: Pack) -> Lead:
    stages = default_stages(market)
    company = Company.across_brands.create(brand=market, external_id="C-1", name="Fennel & Co")
    return Lead.across_brands.create(
        brand=market,
        pack=pack,
        external_id="L-1",
        name="Jo Marsh",
        company=company,
        stage=stages["lost"],
        funnel_stage="lost",
        detail={"segment": "independent grocer", "need": "better margin"},
    )


def mail(key: str = "L-1", **other: Any) -> Produced:
    return Produced("outreach", emails=(Email(key, "34 % margin on oats", BODY),), **other)


NOW = datetime(2026, 11, 1, 9, 0, tzinfo=timezone.get_fixed_timezone(0))
LATER = NOW + timedelta(minutes=1)  # 30 days on the market's clock


def answered(
    brand: Brand, pack: Pack, produced: Produced, *, at: datetime = NOW, episode: uuid.UUID | None = None
) -> Any:
    episode = episode or uuid.uuid4()
    respond(brand=brand, pack=pack, episode=episode, produced=produced, now=at)
    return episode


class TestRespond:
    def test_it_answers_an_episode_once(self, market: Brand, pack: Pack, lead: Lead) -> None:
        episode = uuid.uuid4()
        first = respond(brand=market, pack=pack, episode=episode, produced=mail(), now=NOW)
        assert first == MarketEvent.objects.for_brand(market).filter(attributed_to=episode).count() > 3
        assert respond(brand=market, pack=pack, episode=episode, produced=mail(), now=LATER) == 0
        assert MarketEvent.objects.for_brand(market).count() == first

    def test_a_simulated_day_takes_as_long_as_the_setting_says(self, market: Brand, pack: Pack, lead: Lead) -> None:
        episode = answered(market, pack, mail())
        for event in MarketEvent.objects.for_brand(market).filter(attributed_to=episode):
            assert (event.due_at - NOW).total_seconds() == pytest.approx(2.0 * event.simulated_days, abs=1e-3)

    def test_a_brand_without_a_world_is_never_answered(self, pack: Pack) -> None:
        real = BrandFactory(slug="real", world="")
        with pytest.raises(NoMarket):
            respond(brand=real, pack=pack, episode=uuid.uuid4(), produced=mail(), now=NOW)
        assert MarketEvent.across_brands.count() == 0

    def test_blocked_output_leaves_one_outcome_and_nothing_else(self, market: Brand, pack: Pack, lead: Lead) -> None:
        episode = answered(market, pack, mail(gate_issues=("no postal address",)))
        release_due(now=LATER)
        outcome = Outcome.objects.for_brand(market).get(attributed_to=episode)
        assert (outcome.kind, outcome.lead, outcome.detail["issues"]) == ("blocked", lead, ["no postal address"])
        assert not StageChange.objects.for_brand(market).exists()


class TestRelease:
    def test_nothing_comes_before_it_is_due(self, market: Brand, pack: Pack, lead: Lead) -> None:
        answered(market, pack, mail())
        assert release_due(now=NOW - timedelta(seconds=1)) == 0
        early = release_due(now=NOW + timedelta(seconds=2))
        assert 0 < early < MarketEvent.objects.for_brand(market).count()

    def test_each_event_is_released_exactly_once(self, market: Brand, pack: Pack, lead: Lead) -> None:
        answered(market, pack, mail())
        planned = MarketEvent.objects.for_brand(market).count()
        released = 0
        while step := release_due(now=LATER, limit=3):
            assert step <= 3
            released += step
        assert released == planned == Outcome.objects.for_brand(market).count()
        assert release_due(now=LATER) == 0

    def test_an_event_that_another_worker_claimed_is_left_alone(
        self, market: Brand, pack: Pack, lead: Lead, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answered(market, pack, mail())
        real = answers.groupby

        def claimed_meanwhile(events: Any, key: Any) -> Any:
            MarketEvent.across_brands.filter(pk=events[0].pk).update(released_at=LATER)
            return real(events, key)

        monkeypatch.setattr(answers, "groupby", claimed_meanwhile)
        assert release_due(now=LATER) == MarketEvent.objects.for_brand(market).count() - 1
        assert Outcome.objects.for_brand(market).count() == MarketEvent.objects.for_brand(market).count() - 1

    def test_a_crash_in_between_releases_nothing(
        self, market: Brand, pack: Pack, lead: Lead, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answered(market, pack, mail())
        with monkeypatch.context() as patched:
            patched.setattr(Lead, "move_to", lambda *_, **__: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                release_due(now=LATER)
        assert not Outcome.objects.for_brand(market).exists()
        assert not MarketEvent.objects.for_brand(market).filter(released_at__isnull=False).exists()
        assert release_due(now=LATER) == MarketEvent.objects.for_brand(market).count()

    def test_rows_are_marked_dated_and_credited(self, market: Brand, pack: Pack, lead: Lead) -> None:
        episodes = [answered(market, pack, mail()) for _ in range(8)]
        release_due(now=LATER, limit=10_000)
        sales = list(Sale.objects.for_brand(market))
        assert sales
        for row in (*sales, *Outcome.objects.for_brand(market), *StageChange.objects.for_brand(market)):
            assert row.source == "simulated"
            assert row.attributed_to in episodes
        assert {sale.sold_at for sale in sales} == {LATER}
        assert all(sale.lead.funnel_stage == "purchased" and sale.amount > 0 for sale in sales)
        kinds = Counter(Outcome.objects.for_brand(market).values_list("kind", flat=True))
        assert kinds["sold"] == len(sales)

    def test_strangers_become_leads_and_stages_only_go_forwards(self, market: Brand, pack: Pack, lead: Lead) -> None:
        for _ in range(4):
            answered(market, pack, mail())
        release_due(now=LATER, limit=10_000)
        made = Lead.objects.for_brand(market).filter(source="simulated")
        assert made.exists()
        rank = {"prospect": 0, "engaged": 1, "qualified": 2, "proposal": 3, "purchased": 4}
        for change in StageChange.objects.for_brand(market).exclude(from_funnel="lost"):
            assert rank[change.to_funnel] > rank[change.from_funnel]

    def test_shoppers_who_buy_become_leads_of_the_pack(self, market: Brand, pack: Pack) -> None:
        good = (
            "12 g protein and 10 g fibre per 100 g, less sugar, nutty taste, ready in 3 minutes at 0.21 a portion. " * 2
        )
        for number in range(6):
            answered(
                market, pack, Produced("creative", copies=(Copy(f"SKU-{number}", "More fibre, less sugar", good),))
            )
        release_due(now=LATER, limit=10_000)
        sale = Sale.objects.for_brand(market).first()
        assert sale is not None
        assert sale.lead.name.startswith("Shopper")

    def test_the_last_touch_inside_the_window_gets_the_credit(self, market: Brand, pack: Pack, lead: Lead) -> None:
        """The same prospect is written to twice; what the first message brings after the second one belongs to it."""
        stages = default_stages(market)
        first, second = uuid.uuid4(), uuid.uuid4()
        for number, (episode, sent_at, kind, day) in enumerate(
            [(first, NOW, "replied", 1.0), (second, NOW + timedelta(seconds=4), "sent", 0.0), (first, NOW, "sold", 5.0)]
        ):
            stage = {"replied": "engaged", "sold": "purchased"}.get(kind)
            MarketEvent.across_brands.create(
                brand=market,
                pack=pack,
                attributed_to=episode,
                sequence=number,
                kind=kind,
                prospect_key="L-1",
                simulated_days=day,
                due_at=sent_at + timedelta(seconds=2 * day),
                payload={
                    "sent_at": sent_at.isoformat(),
                    "amount": "10.00",
                    **({"funnel_stage": stage} if stage else {}),
                },
            )
        for seconds in (3, 5, 11):
            release_due(now=NOW + timedelta(seconds=seconds))
        credited = dict(Outcome.objects.for_brand(market).values_list("kind", "attributed_to"))
        assert credited == {"replied": first, "sent": second, "sold": second}
        assert stages["purchased"].pk == Lead.objects.for_brand(market).get(external_id="L-1").stage_id

    def test_the_task_releases_what_is_due_now(self, market: Brand, pack: Pack, lead: Lead) -> None:
        answered(market, pack, mail())
        assert release_market.delay().get() == MarketEvent.objects.for_brand(market).count()
