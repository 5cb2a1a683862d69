"""Which campaign and audience a row belongs to: by id, by name, or through the network's own lists of ads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

import polars as pl
from simple_history.utils import bulk_create_with_history

from crm.imports.faults import SetAside
from crm.imports.reports.canonical import Grain
from crm.models import AdEntity, AudienceSegment, Brand, Campaign, Retailer

_BY_ID, _BY_NAME, _KNOWN = "i:", "n:", "k:"
LONGEST_ID = 80


def id_of_name(name: str) -> str:
    """External id of a campaign of which only the name is known."""
    if len(name) <= LONGEST_ID:
        return name
    return f"{name[: LONGEST_ID - 17]}~{blake2b(name.encode(), digest_size=8).hexdigest()}"


@dataclass
class Places:
    """Campaigns of one retailer. `key` names the campaign of each row while a file is read; `settle` makes the missing
    campaigns and audiences in the transaction that stores, and then `pks` and `audiences` know all of them."""

    brand: Brand
    retailer: Retailer
    report: str
    grain: int
    names: dict[str, str] = field(default_factory=dict)  # wanted: campaign id -> name, "" where the report has none
    only_named: set[str] = field(default_factory=set)
    wanted_audiences: set[str] = field(default_factory=set)
    pks: dict[str, int | None] = field(default_factory=lambda: {"": None})
    audiences: dict[str, int | None] = field(default_factory=lambda: {"": None})
    made: int = 0

    def __post_init__(self) -> None:
        entities = AdEntity.objects.for_brand(self.brand).filter(retailer=self.retailer)
        self._groups = dict(
            entities.filter(kind="ad_group", campaign__isnull=False).values_list("external_id", "campaign_id")
        )
        self._ads: dict[str, int] = {}
        for ad, campaign, group in entities.filter(kind="ad").values_list("external_id", "campaign_id", "parent_id"):
            if found := campaign or self._groups.get(group):
                self._ads[ad] = found
        campaigns = Campaign.objects.for_brand(self.brand)
        self._elsewhere = dict(campaigns.exclude(retailer=self.retailer).values_list("external_id", "retailer__name"))
        namesakes = Counter(campaigns.filter(retailer=self.retailer).values_list("name", flat=True))
        self._ambiguous = {name for name, count in namesakes.items() if count > 1}

    def key(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """(rows with a column `campaign` that names theirs, rows without a place with columns `field` and `reason`)."""
        if self.grain == Grain.ACCOUNT:
            self.wanted_audiences.update(frame["audience"].unique())
            return frame.with_columns(campaign=pl.lit("")), frame.clear()
        missing = pl.col("campaign_id").eq("") & pl.col("campaign_name").eq("")
        through = pl.lit(None, dtype=pl.Int64)
        if frame.select(missing.any()).item():
            through = pl.coalesce(
                pl.col("ad").replace_strict(self._ads, default=None, return_dtype=pl.Int64),
                pl.col("ad_group").replace_strict(self._groups, default=None, return_dtype=pl.Int64),
            )
        frame = frame.with_columns(
            campaign=pl.when(pl.col("campaign_id") != "").then(_BY_ID + pl.col("campaign_id"))
            .when(pl.col("campaign_name") != "").then(_BY_NAME + pl.col("campaign_name"))
            .otherwise(_KNOWN + through.cast(pl.String))
        ).with_columns(
            pl.when(pl.col("campaign").is_null()).then(pl.struct(_nowhere()))
            .when(pl.col("campaign_id").is_in(list(self._elsewhere))).then(pl.struct(self._taken()))
            .when(pl.col("campaign").is_in([_BY_NAME + name for name in self._ambiguous])).then(pl.struct(_unclear()))
            .alias("wrong")
        )  # fmt: skip
        good = frame.filter(pl.col("wrong").is_null()).drop("wrong")
        self._remember(good)
        return good, frame.filter(pl.col("wrong").is_not_null()).unnest("wrong")

    def _remember(self, frame: pl.DataFrame) -> None:
        for identifier, name in frame.select("campaign_id", "campaign_name").unique(maintain_order=True).iter_rows():
            if identifier and (name or identifier not in self.names):
                self.names[identifier] = name
            elif not identifier and name:
                self.only_named.add(name)
        self.wanted_audiences.update(frame["audience"].unique())

    def settle(self) -> None:
        """Make what is missing. Belongs into the transaction that stores."""
        mine = Campaign.objects.for_brand(self.brand).filter(retailer=self.retailer)
        by_id = {one.external_id: one for one in mine}
        self._adopt(by_id)
        new = [
            Campaign(brand=self.brand, retailer=self.retailer, external_id=identifier, name=name or identifier)
            for identifier, name in self.names.items()
            if identifier not in by_id
        ]
        by_name = {one.name: one for one in (*by_id.values(), *new)}
        new += [
            Campaign(brand=self.brand, retailer=self.retailer, external_id=id_of_name(name), name=name)
            for name in sorted(self.only_named)
            if name not in by_name and id_of_name(name) not in by_id
        ]
        if new:
            bulk_create_with_history(
                new, Campaign, batch_size=500, default_change_reason=f"Named in {self.report}"[:100]
            )
        self.made = len(new)
        for one in mine.only("pk", "external_id", "name"):
            self.pks[_BY_ID + one.external_id] = one.pk
            self.pks.setdefault(_BY_NAME + one.name, one.pk)
            if one.external_id == id_of_name(one.name):
                self.pks[_BY_NAME + one.name] = one.pk
        for known in {*self._groups.values(), *self._ads.values()}:
            self.pks[f"{_KNOWN}{known}"] = known
        self._settle_audiences()

    def used(self, frames: Iterable[pl.DataFrame]) -> set[int]:
        """Campaigns that rows of these frames belong to, once settled."""
        keys = {key for frame in frames for key in frame["campaign"].unique()}
        return {pk for key in keys if (pk := self.pks[key])}

    def _adopt(self, by_id: dict[str, Campaign]) -> None:
        """Campaigns that were known by one of the two get what this report knows: the id, or the name."""
        ids_of = Counter(self.names.values())
        changed = []
        for identifier, name in self.names.items():
            if not name:
                continue
            if one := by_id.get(identifier):
                if one.name == one.external_id != name:
                    one.name = name
                    changed.append(one)
            elif ids_of[name] == 1 and (one := by_id.get(id_of_name(name))) and one.name == name:
                del by_id[one.external_id]
                one.external_id = identifier
                by_id[identifier] = one
                changed.append(one)
        for one in changed:
            one.save(update_fields=["external_id", "name"])

    def _settle_audiences(self) -> None:
        wanted = self.wanted_audiences - {""}
        if not wanted:
            return
        known = AudienceSegment.objects.for_brand(self.brand).filter(external_id__in=wanted)
        there = dict(known.values_list("external_id", "pk"))
        AudienceSegment.objects.for_brand(self.brand).bulk_create(
            AudienceSegment(brand=self.brand, retailer=self.retailer, external_id=one, name=one)
            for one in sorted(wanted - set(there))
        )
        self.audiences.update(dict(known.values_list("external_id", "pk")))

    def _taken(self) -> list[pl.Expr]:
        shop = pl.col("campaign_id").replace_strict(self._elsewhere, default=None, return_dtype=pl.String)
        return [
            pl.lit("campaign_id").alias("field"),
            pl.format(
                "campaign {} is known at {} already; ids of campaigns are unique within a brand, "
                "choose the right retailer for this file", "campaign_id", shop
            ).alias("reason"),
        ]  # fmt: skip


def _unclear() -> list[pl.Expr]:
    return [
        pl.lit("campaign_name").alias("field"),
        pl.format("several campaigns are called {}; bring in a report with the ids of campaigns", "campaign_name")
        .alias("reason"),
    ]  # fmt: skip


def _nowhere() -> list[pl.Expr]:
    unknown = "{} {} belongs to no campaign that is known; bring in the list of {}s first"
    group, ad = pl.col("ad_group") != "", pl.col("ad") != ""
    return [
        pl.when(group).then(pl.lit("ad_group")).when(ad).then(pl.lit("ad")).otherwise(pl.lit("campaign_id"))
        .alias("field"),
        pl.when(group).then(pl.format(unknown, pl.lit("ad group"), "ad_group", pl.lit("ad group")))
        .when(ad).then(pl.format(unknown, pl.lit("ad"), "ad", pl.lit("ad")))
        .otherwise(pl.lit("the row names no campaign, ad group or ad")).alias("reason"),
    ]  # fmt: skip


def as_set_aside(frame: pl.DataFrame, filename: str) -> list[SetAside]:
    """Rows of a canonical frame that have `field` and `reason`, as rows set aside."""
    texts = [name for name, kind in frame.schema.items() if kind == pl.String and name not in ("field", "reason")]
    made = []
    for row in frame.iter_rows(named=True):
        raw = {name: row[name] for name in (*texts, "measured_on", *FIGURE_NAMES) if row[name] not in (None, "")}
        value = str(row[row["field"]] or "")
        made.append(SetAside(filename, row["row"], row["field"], value, row["reason"][:300], {
            name: str(text) for name, text in raw.items()
        }, row["spend"]))  # fmt: skip
    return made


FIGURE_NAMES = ("impressions", "clicks", "spend", "orders", "units", "sales")
