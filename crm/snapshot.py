"""What an agent may know about a brand: a frozen picture with facts that can be cited by id.

Pure dataclasses; `crm/snapshots.py` fills them from the database. Money is in the brand's currency, series run from the
oldest day to the newest and have one value per day.

Ids of facts: `sku:OAT-5KG#2` (fact 2 of a product), `campaign:NM-01#roas`, `prospect:L-17#need`, `sales#month`,
`funnel#purchased`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Fact:
    """One citable statement.

    `kind`: feature, proof, offer, use, price, performance, need, profile, history, sales or funnel.
    """

    id: str
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class ProductFact:
    """A product with what may be said about it. `price` is None where the source has none."""

    code: str
    name: str
    category: str
    price: float | None
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class CampaignSeries:
    """What one campaign did, day by day. `budget` is money per week; all series have the length of `days`."""

    external_id: str
    name: str
    retailer: str
    budget: float
    days: tuple[date, ...] = ()
    spend: tuple[float, ...] = ()
    sales: tuple[float, ...] = ()
    impressions: tuple[float, ...] = ()
    clicks: tuple[float, ...] = ()
    orders: tuple[float, ...] = ()

    @property
    def roas(self) -> float | None:
        """Sales per unit of spend over the whole series; None when nothing was spent."""
        spent = sum(self.spend)
        return sum(self.sales) / spent if spent > 0 else None

    @property
    def spend_per_week(self) -> float:
        return 7 * sum(self.spend) / len(self.days) if self.days else 0.0

    def facts(self) -> tuple[Fact, ...]:
        """Figures of the series in words; ids `campaign:<external_id>#roas|spend|sales|ctr|days`."""
        if not self.days:
            return ()
        base = f"campaign:{self.external_id}"
        spent, sold = sum(self.spend), sum(self.sales)
        made = [
            Fact(
                f"{base}#days",
                f"{self.name} has {len(self.days)} days of figures up to {self.days[-1]:%d %b %Y}",
                "performance",
            ),
            Fact(f"{base}#spend", f"{self.name} spent {spent:,.0f} in {len(self.days)} days", "performance"),
            Fact(f"{base}#sales", f"{self.name} brought sales of {sold:,.0f} in {len(self.days)} days", "performance"),
        ]
        if self.roas is not None:
            made.append(Fact(f"{base}#roas", f"{self.name} returned {self.roas:.2f} per 1 spent", "performance"))
        shown, clicked = sum(self.impressions), sum(self.clicks)
        if shown > 0 and clicked > 0:
            rate = 100 * clicked / shown
            made.append(Fact(f"{base}#ctr", f"{rate:.2f} % of those who saw {self.name} clicked", "performance"))
        return tuple(made)


@dataclass(frozen=True, slots=True)
class ProspectBrief:
    """A person, company or household that may buy.

    `key` is the lead's external id, `stage` one of the funnel's six words.
    `need` is what the source says they look for (often blank); what they really care about only the market knows.
    `barred` is the sentence why they must not be written to (no consent, unsubscribed, erased); blank where they may.
    """

    key: str
    name: str
    company: str
    segment: str
    need: str
    seniority: str
    stage: str
    facts: tuple[Fact, ...] = ()
    barred: str = ""


@dataclass(frozen=True, slots=True)
class SalesBrief:
    """Sales of the last twelve months: how many, how much, and (YYYY-MM, amount) from oldest to newest."""

    count: int
    amount: float
    by_month: tuple[tuple[str, float], ...] = ()

    def facts(self, currency: str) -> tuple[Fact, ...]:
        """Ids `sales#year`, `sales#month` (the newest month with sales) and `sales#average`."""
        if not self.count:
            return ()
        made = [
            Fact("sales#year", f"{self.count:,} sales worth {self.amount:,.2f} {currency} in twelve months", "sales"),
            Fact("sales#average", f"A sale is worth {self.amount / self.count:,.2f} {currency} on average", "sales"),
        ]
        if self.by_month:
            month, amount = self.by_month[-1]
            made.append(Fact("sales#month", f"Sales of {amount:,.2f} {currency} in {month}", "sales"))
        return tuple(made)


@dataclass(frozen=True, slots=True)
class BrandSnapshot:
    """A brand at one moment, seen from one pack.

    `skus` and `campaigns` are bounded (see `crm/snapshots.py`). `funnel` counts leads of the pack by funnel word, of
    the brand where the pack has no leads of its own; `conversion` is the share in [0, 1] of leads that left each stage
    forwards. `prospect` or `product` is whom or what the episode is about; `audience` are the candidates it may reach.
    """

    brand_name: str
    currency: str
    voice: str
    postal_address: str
    skus: tuple[ProductFact, ...]
    campaigns: tuple[CampaignSeries, ...]
    funnel: dict[str, int]
    conversion: dict[str, float]
    prospect: ProspectBrief | None
    recent_sales: SalesBrief
    taken_at: datetime
    product: ProductFact | None = None
    audience: tuple[ProspectBrief, ...] = ()
    _index: dict[str, Fact] = field(default_factory=dict, init=False, repr=False, compare=False)

    def facts(self) -> Iterator[Fact]:
        """Everything that can be cited, each id once."""
        yield from self._facts().values()

    def fact(self, fact_id: str) -> Fact | None:
        """The fact with this id, or None: a citation that leads nowhere."""
        return self._facts().get(fact_id)

    def _facts(self) -> dict[str, Fact]:
        if not self._index:
            everything: list[Fact] = [fact for sku in self.skus for fact in sku.facts]
            everything += self.product.facts if self.product else ()
            everything += [fact for campaign in self.campaigns for fact in campaign.facts()]
            everything += self.prospect.facts if self.prospect else ()
            everything += self.recent_sales.facts(self.currency)
            everything += self.funnel_facts()
            self._index.update({fact.id: fact for fact in everything})
        return self._index

    def funnel_facts(self) -> tuple[Fact, ...]:
        """Ids `funnel#<stage>`: how many leads stand there and how many of those who reached it went on."""
        made = []
        for stage, count in self.funnel.items():
            rate = self.conversion.get(stage)
            onward = f"; {100 * rate:.0f} % of those who reached it went on" if rate is not None else ""
            made.append(Fact(f"funnel#{stage}", f"{count:,} leads are at {stage}{onward}", "funnel"))
        return tuple(made)
