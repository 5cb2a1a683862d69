"""CRM facts of an episode: its own rows, or the pack's, or nothing; never an error."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError

from crm import attribution
from crm.attribution import facts_for
from crm.models import Brand, Lead, Outcome, Pack, Sale, StageChange
from crm.online import online_score
from tests.factories import BrandFactory, PackFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 1, tzinfo=UTC)
LONG_AGO = datetime(2017, 6, 30, tzinfo=UTC)
EPISODE = uuid.UUID(int=7)


@pytest.fixture
def real(db: None) -> Brand:
    return BrandFactory(slug="real", world="")


@pytest.fixture
def pack(real: Brand) -> Pack:
    return PackFactory(brand=real, slug="campaign-26")


@pytest.fixture
def leads(real: Brand, pack: Pack) -> list[Lead]:
    return [
        Lead.across_brands.create(brand=real, pack=pack, external_id=f"H-{n}", name=f"Household {n}") for n in range(4)
    ]


def sale(pack: Pack, lead: Lead | None, amount: str, at: datetime, episode: uuid.UUID | None = None) -> Sale:
    return Sale.across_brands.create(
        brand=pack.brand,
        pack=pack,
        lead=lead,
        external_id=str(uuid.uuid4()),
        amount=Decimal(amount),
        currency="EUR",
        sold_at=at,
        attributed_to=episode,
    )


def moved(lead: Lead, to: str, at: datetime, episode: uuid.UUID | None = None) -> StageChange:
    return StageChange.across_brands.create(
        lead=lead, to_funnel=to, from_funnel="prospect", changed_at=at, source="import", attributed_to=episode
    )


def outcome(
    pack: Pack, lead: Lead | None, kind: str, at: datetime, episode: uuid.UUID | None = None, **detail: Any
) -> Outcome:
    return Outcome.across_brands.create(
        brand=pack.brand,
        pack=pack,
        lead=lead,
        kind=kind,
        external_id=str(uuid.uuid4()),
        occurred_at=at,
        attributed_to=episode,
        detail=detail,
    )


class TestOfTheEpisode:
    def test_only_its_own_rows_count(self, real: Brand, pack: Pack, leads: list[Lead]) -> None:
        other = uuid.uuid4()
        sale(pack, leads[0], "12.50", NOW, EPISODE)
        sale(pack, leads[1], "99.00", NOW, other)
        moved(leads[0], "qualified", NOW, EPISODE)
        moved(leads[1], "purchased", NOW, other)
        outcome(pack, leads[0], "sent", NOW, EPISODE, count=10)
        outcome(pack, leads[0], "replied", NOW, EPISODE)
        facts = facts_for(real, episode=EPISODE, pack=pack, window_days=14, now=NOW)
        assert (facts.sales, facts.sales_amount, facts.stage, facts.attribution) == (
            1,
            Decimal("12.50"),
            "qualified",
            "episode",
        )
        assert facts.online == pytest.approx(online_score(0.06))

    def test_a_simulated_brand_never_falls_back_to_the_pack(self, real: Brand, pack: Pack, leads: list[Lead]) -> None:
        real.world = "grocers"
        real.save()
        sale(pack, leads[0], "12.50", NOW)
        facts = facts_for(real, episode=EPISODE, pack=pack, window_days=14, now=NOW)
        assert (facts.sales, facts.stage, facts.online, facts.attribution) == (0, "", None, "episode")

    def test_a_sale_without_a_lead_still_means_purchased(self, real: Brand, pack: Pack) -> None:
        sale(pack, None, "5", NOW, EPISODE)
        assert facts_for(real, episode=EPISODE, pack=pack, window_days=14, now=NOW).stage == "purchased"

    def test_what_was_blocked_is_said(self, real: Brand, pack: Pack) -> None:
        outcome(pack, None, "blocked", NOW, EPISODE)
        facts = facts_for(real, episode=EPISODE, pack=pack, window_days=14, now=NOW)
        assert facts.online == 0
        assert "Blocked" in facts.notes[0]


class TestOfThePack:
    def test_rows_without_attribution_count_for_the_pack_inside_the_window(
        self, real: Brand, pack: Pack, leads: list[Lead]
    ) -> None:
        sale(pack, leads[0], "10", NOW - timedelta(days=3))
        sale(pack, leads[1], "20", NOW - timedelta(days=30))
        moved(leads[0], "engaged", NOW - timedelta(days=4))
        moved(leads[2], "proposal", NOW - timedelta(days=2))
        outcome(pack, leads[0], "redeemed", NOW - timedelta(days=1))
        outcome(pack, leads[0], "exposed", NOW - timedelta(days=1))
        outcome(pack, leads[1], "exposed", NOW - timedelta(days=1))
        facts = facts_for(real, episode=EPISODE, pack=pack, window_days=14, now=NOW)
        assert (facts.sales, facts.sales_amount, facts.stage, facts.attribution) == (1, Decimal(10), "proposal", "pack")
        assert facts.online == pytest.approx(online_score(1 / 4)), "four leads were reached, one redeemed"

    def test_where_the_source_says_who_was_reached_only_they_count(
        self, real: Brand, pack: Pack, leads: list[Lead]
    ) -> None:
        outcome(pack, leads[0], "sent", NOW)
        outcome(pack, leads[1], "sent", NOW)
        outcome(pack, leads[1], "opened", NOW)
        facts = facts_for(real, episode=EPISODE, pack=pack, window_days=14, now=NOW)
        assert facts.online == pytest.approx(online_score(0.1 / 2))

    def test_a_finished_year_keeps_its_last_days(self, real: Brand, pack: Pack, leads: list[Lead]) -> None:
        sale(pack, leads[0], "10", LONG_AGO)
        sale(pack, leads[0], "10", LONG_AGO - timedelta(days=100))
        assert facts_for(real, episode=EPISODE, pack=pack, window_days=14, now=NOW).sales == 1

    def test_other_packs_and_brands_stay_out(self, real: Brand, pack: Pack, leads: list[Lead]) -> None:
        sale(PackFactory(brand=real, slug="other"), None, "10", NOW)
        stranger = BrandFactory(slug="stranger")
        sale(PackFactory(brand=stranger, slug="campaign-26"), None, "10", NOW)
        facts = facts_for(real, episode=EPISODE, pack=pack, window_days=14, now=NOW)
        assert (facts.sales, facts.attribution, facts.notes) == (0, "none", ("No CRM rows for this pack",))


class TestBrokenData:
    @pytest.mark.parametrize("detail", [["not", "a", "dict"], {"count": "many"}])
    def test_it_counts_as_nothing_and_is_logged(
        self, real: Brand, pack: Pack, leads: list[Lead], detail: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        row = outcome(pack, None, "sent", NOW, EPISODE)
        row.detail = detail
        row.save()
        sale(pack, leads[0], "10", NOW, EPISODE)
        facts = facts_for(real, episode=EPISODE, pack=pack, window_days=14, now=NOW)
        assert (facts.sales, facts.attribution, facts.online) == (0, "none", None)
        assert "could not be read" in facts.notes[0]

    def test_a_failing_database_does_not_stop_an_episode(
        self, real: Brand, pack: Pack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fails(*_: object) -> bool:
            raise DatabaseError("no such table")

        monkeypatch.setattr(attribution, "carries_attribution", fails)
        assert facts_for(real, episode=EPISODE, pack=pack, window_days=14, now=NOW).attribution == "none"
