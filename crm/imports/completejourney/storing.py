"""Writing the year into the database: bulk, in one transaction, and the same a second time changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date
from decimal import Decimal
from typing import Any

from crm.facts.identity import DAILY, daily_identity
from crm.imports.completejourney import media, words
from crm.imports.completejourney.figures import Figures
from crm.imports.completejourney.journeys import Key, Move, midnight
from crm.imports.completejourney.tables import Tables
from crm.imports.faults import Fault
from crm.imports.reading import RawRow
from crm.imports.tally import Tally
from crm.imports.writing import upsert
from crm.models import SKU, Brand, Campaign, Lead, Outcome, Pack, PerformanceMetric, Retailer, Sale, StageChange
from crm.pipelines import default_stages

SOURCE = "completejourney"
SHOP = "complete-journey-stores"

Say = Callable[[str], None]


class Storing:
    """Keeps what later steps need: packs by slug, leads by campaign and household."""

    def __init__(self, brand: Brand, tables: Tables, found: Figures, moves: dict[Key, list[Move]], say: Say) -> None:
        self.brand, self.tables, self.found, self.moves, self.say = brand, tables, found, moves, say
        self.stages = default_stages(brand)
        self.retailer, _ = Retailer.objects.for_brand(brand).get_or_create(
            brand=brand, slug=SHOP, defaults={"name": "Complete Journey stores"}
        )
        self.packs: dict[str, Pack] = {}
        self.campaigns: dict[str, Campaign] = {}
        self.leads: dict[str, Lead] = {}

    def run(self) -> list[Tally]:
        """Store everything; the books of every file and of every table made out of the sales lines."""
        self._campaigns()
        self._leads()
        self._stage_changes()
        made = [
            self._redemptions(),
            self._exposures(),
            self._sales(),
            self._performance(),
            self._skus(),
            *self._media(),
        ]
        for tally in self.tables.tallies.values():
            tally.read += len(tally.set_aside)
        return [*self.tables.tallies.values(), *made]

    def _campaigns(self) -> None:
        tally = self.tables.tallies["campaign_descriptions"]
        self.packs = upsert(Pack, self.brand, words.packs(self.tables), tally, key="slug", counted=False)
        wanted: dict[str, dict[str, Any]] = {}
        for number, kind, start, end in self.tables["campaign_descriptions"].drop("row").iter_rows():
            wanted[words.slug(number)] = {
                "retailer_id": self.retailer.pk, "name": words.name(number, kind), "objective": kind,
                "starts_on": start, "ends_on": end, "status": Campaign.Status.ENDED,
            }  # fmt: skip
        self.campaigns = upsert(Campaign, self.brand, wanted, tally)
        self._book(tally, len(self.tables["campaign_descriptions"]), len(wanted))
        self.say(f"{len(wanted)} campaigns as packs")

    def _leads(self) -> None:
        tally = self.tables.tallies["campaigns"]
        survey, earlier = words.households(self.tables), words.earlier(self.found)
        wanted: dict[str, dict[str, Any]] = {}
        for (campaign, household), moves in self.moves.items():
            last = self.stages[moves[-1].stage]
            about = {**earlier.get((campaign, household), {}), **survey.get(household, {}), "household": str(household)}
            wanted[_lead_id(campaign, household)] = {
                "name": f"Household {household}", "pack_id": self.packs[words.slug(campaign)].pk, "stage_id": last.pk,
                "funnel_stage": last.maps_to, "created_at": moves[0].at, "source": SOURCE, "detail": about,
            }  # fmt: skip
        self.leads = upsert(Lead, self.brand, wanted, tally)
        rows = self.tables["campaigns"].select("row", "campaign_id", "household_id")
        known = 0
        for number, campaign, household in rows.iter_rows():
            known += (campaign, household) in self.moves
            if (campaign, household) not in self.moves:
                row = RawRow(number, {"campaign_id": campaign, "household_id": household})
                tally.refuse(row, Fault("campaign_id", campaign, "no campaign of this data set has this number"))
        self._book(tally, known, len(wanted))
        self.say(f"{len(wanted):,} leads, one for each household and campaign that reached it")

    def _stage_changes(self) -> None:
        present = StageChange.objects.for_brand(self.brand).filter(source=SOURCE)
        known = set(present.values_list("lead_id", "to_stage_id", "changed_at"))
        new = []
        for (campaign, household), moves in self.moves.items():
            lead, before = self.leads[_lead_id(campaign, household)], None
            for move in moves:
                stage = self.stages[move.stage]
                if (lead.pk, stage.pk, move.at) not in known:
                    new.append(
                        StageChange(
                            lead=lead,
                            from_stage=before,
                            to_stage=stage,
                            from_funnel=before.maps_to if before else "",
                            to_funnel=stage.maps_to,
                            changed_at=move.at,
                            source=SOURCE,
                        )
                    )
                before = stage
        StageChange.objects.for_brand(self.brand).bulk_create(new, batch_size=1000)
        self.tables.tallies["campaigns"].models["StageChange"] += len(new)
        self.say(f"{sum(len(moves) for moves in self.moves.values()):,} stage changes on their own dates")

    def _redemptions(self) -> Tally:
        tally = self.tables.tallies.pop("coupon_redemptions")
        wanted: dict[str, dict[str, Any]] = {}
        rows = self.tables["coupon_redemptions"]
        named = rows.select("row", "campaign_id", "household_id", "coupon_upc", "redemption_date").iter_rows()
        accepted = 0
        for number, campaign, household, coupon, day in named:
            if (campaign, household) not in self.moves:
                row = RawRow(number, {"campaign_id": campaign, "household_id": household, "coupon_upc": coupon})
                tally.refuse(row, Fault("household_id", household, "this campaign did not reach this household"))
                continue
            accepted += 1
            wanted[f"cj:redeemed:{campaign}:{household}:{coupon}:{day}"] = self._outcome(
                campaign, household, Outcome.Kind.REDEEMED, midnight(day), {"coupon": str(coupon)}
            )
        upsert(Outcome, self.brand, wanted, tally)
        tally.read += len(tally.set_aside)
        self._book(tally, accepted, len(wanted))
        self.say(f"{len(wanted):,} redemptions")
        return tally

    def _exposures(self) -> Tally:
        tally = Tally("visits with couponed products on display or in the mailer")
        wanted = {
            f"cj:exposed:{row['campaign_id']}:{row['basket_id']}": self._outcome(
                row["campaign_id"],
                row["household_id"],
                Outcome.Kind.EXPOSED,
                row["at"].replace(tzinfo=UTC),
                {name: row[name] for name in ("store_id", "week", "products", "on_display", "in_mailer")},
            )
            for row in self.found.exposed.iter_rows(named=True)
        }
        return self._made(Outcome, wanted, tally, "exposures")

    def _sales(self) -> Tally:
        tally = Tally("baskets with couponed products")
        wanted: dict[str, dict[str, Any]] = {}
        for row in self.found.sales.iter_rows(named=True):
            campaign, household = row["campaign_id"], row["household_id"]
            detail = {
                "basket": str(row["basket_id"]),
                "lines": row["lines"],
                "products": [f"P{product}" for product in row["products"]],
                "coupon_discount": f"{row['discount'] / 100:.2f}",
            }
            if row["claimants"] > 1:
                detail["campaigns_that_could_claim_it"] = row["claimants"]
            wanted[f"cj:{campaign}:{row['basket_id']}"] = {
                "pack_id": self.packs[words.slug(campaign)].pk, "lead_id": self.leads[_lead_id(campaign, household)].pk,
                "amount": Decimal(row["cents"]) / 100, "currency": self.brand.currency,
                "sold_at": row["at"].replace(tzinfo=UTC), "source": SOURCE, "detail": detail,
            }  # fmt: skip
        return self._made(Sale, wanted, tally, "sales")

    def _performance(self) -> Tally:
        tally = Tally("days of campaigns")
        present = PerformanceMetric.objects.for_brand(self.brand).filter(
            report=DAILY, grain=PerformanceMetric.Grain.CAMPAIGN
        )
        known = {(metric.campaign_id, metric.measured_on): metric for metric in present}
        new, changed = [], []
        for row in self.found.days.iter_rows(named=True):
            campaign = self.campaigns[words.slug(row["campaign_id"])]
            figures = {
                "impressions": row["exposures"], "orders": row["orders"], "clicks": None,
                "spend": Decimal(row["discount"]) / 100, "sales": Decimal(row["cents"]) / 100,
                "attribution": PerformanceMetric.Attribution.EXPOSURE,
            }  # fmt: skip
            metric = known.get((campaign.pk, row["day"]))
            if metric is None:
                new.append(self._fact(campaign, row["day"], figures))
            elif any(getattr(metric, name) != value for name, value in figures.items()):
                for name, value in figures.items():
                    setattr(metric, name, value)
                changed.append(metric)
        PerformanceMetric.objects.for_brand(self.brand).bulk_create(new, batch_size=500)
        PerformanceMetric.objects.for_brand(self.brand).bulk_update(
            changed, ["impressions", "orders", "clicks", "spend", "sales", "attribution"], batch_size=200
        )
        tally.read = len(self.found.days)
        tally.stored = len(new) + len(changed)
        tally.unchanged = tally.read - tally.stored
        tally.models["PerformanceMetric"] += tally.stored
        self.say(f"{tally.read:,} days of performance")
        return tally

    def _fact(self, campaign: Campaign, day: date, figures: dict[str, Any]) -> PerformanceMetric:
        currency = self.brand.currency
        return PerformanceMetric(
            brand=self.brand, retailer_id=campaign.retailer_id, campaign=campaign, measured_on=day, report=DAILY,
            identity=daily_identity(SHOP, campaign=campaign.external_id, day=day, currency=currency),
            currency=currency, **figures,
        )  # fmt: skip

    def _skus(self) -> Tally:
        tally = Tally("products most bought under a campaign")
        wanted = words.skus(self.tables, self.found)
        upsert(SKU, self.brand, wanted, tally, key="code")
        tally.read = len(wanted)
        self.say(f"{len(wanted)} products with counted facts")
        return tally

    def _media(self) -> list[Tally]:
        skus = media.store_products(self.brand, self.retailer, self.tables, self.found)
        self.say(f"{len(skus):,} products bought under a campaign")
        days = media.store_product_days(self.brand, self.retailer, self.campaigns, skus, self.found)
        self.say(f"{days.read:,} days of products")
        audiences = media.store_audiences(self.brand, self.retailer, self.campaigns, self.leads, self.tables)
        self.say(f"{audiences.read} audiences of the households reached")
        return [days, audiences]

    def _made(self, model: Any, wanted: dict[str, dict[str, Any]], tally: Tally, what: str) -> Tally:
        upsert(model, self.brand, wanted, tally)
        tally.read = len(wanted)
        self.say(f"{len(wanted):,} {what}")
        return tally

    def _outcome(self, campaign: int, household: int, kind: Any, at: Any, detail: dict[str, Any]) -> dict[str, Any]:
        return {
            "pack_id": self.packs[words.slug(campaign)].pk,
            "lead_id": self.leads[_lead_id(campaign, household)].pk,
            "kind": kind,
            "occurred_at": at,
            "source": SOURCE,
            "detail": detail,
        }

    @staticmethod
    def _book(tally: Tally, rows: int, records: int) -> None:
        """Rows that repeat a record count as unchanged."""
        tally.read += rows
        tally.unchanged += rows - records


def _lead_id(campaign: int, household: int) -> str:
    return f"{campaign}/{household}"
