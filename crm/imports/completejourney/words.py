"""How campaigns, households and products of the data set are named and described. Every figure in a text is counted."""

from __future__ import annotations

from typing import Any

import polars as pl

from crm.imports.completejourney.figures import Figures
from crm.imports.completejourney.tables import Tables

AGENTS = ["insight", "budget", "creative", "governance", "outreach", "reflect"]
PRODUCTS = 40  # as many as agents can look through; those most often bought under a campaign

# What differs between the three types decides what there is to do. Type A chooses 16 coupons for each household out of
# a large pool by what it bought before: the work is whom to write what. Types B and C send every household the same
# coupons: B in short bursts, so the work is the offer and its words; C over months, so it is where the money goes.
# (Types as 84.51° describes them in the data set's guide.)
TASKS: dict[str, tuple[str, list[str]]] = {
    "Type A": ("outreach", ["insight", "outreach", "governance"]),
    "Type B": ("creative", ["creative", "governance"]),
    "Type C": ("budget", ["budget"]),
}


def slug(campaign: int) -> str:
    return f"campaign-{campaign:02d}"


def packs(tables: Tables) -> dict[str, dict[str, Any]]:
    """Fields of a pack for each campaign, by slug."""
    reached = dict(tables["campaigns"].group_by("campaign_id").len().iter_rows())
    couponed = tables["coupons"].group_by("campaign_id").agg(pl.col("product_id").n_unique())
    products = dict(couponed.iter_rows())
    made = {}
    for campaign, kind, start, end in tables["campaign_descriptions"].drop("row").iter_rows():
        task, sequence = TASKS.get(kind, ("planning", ["insight", "budget", "governance"]))
        goal = (
            f"Get more of the {reached.get(campaign, 0):,} households reached to buy one of "
            f"{products.get(campaign, 0):,} couponed products between {start:%d %b %Y} and {end:%d %b %Y}."
        )
        made[slug(campaign)] = {
            "name": name(campaign, kind),
            "goal": goal,
            "task": task,
            "allowed_agents": AGENTS,
            "static_sequence": sequence,
            "max_steps": 12,
            "external_id": slug(campaign),
        }
    return made


def name(campaign: int, kind: str) -> str:
    return f"Campaign {campaign} ({kind})"


def households(tables: Tables) -> dict[int, dict[str, str]]:
    """What the survey knows of a household (801 of 2,469 answered), by household."""
    made = {}
    for row in tables["demographics"].iter_rows(named=True):
        about = {column: value for column, value in row.items() if column not in ("household_id", "row") and value}
        parts = [about.get("household_comp"), f"age {about['age']}" if "age" in about else None]
        parts.append(f"income {about['income']}" if "income" in about else None)
        about["segment"] = "household of " + ", ".join(part for part in parts if part) if any(parts) else ""
        made[int(row["household_id"])] = {column: value for column, value in about.items() if value}
    return made


def earlier(found: Figures) -> dict[tuple[int, int], dict[str, Any]]:
    """What a household had bought before a campaign, by campaign and household."""
    return {
        (row["campaign_id"], row["household_id"]): {
            "trips_before": row["trips"],
            "spent_before": f"{row['cents'] / 100:.2f} USD",
            "bought_before": ", ".join(category.capitalize() for category in row["categories"] or []),
        }
        for row in found.before.iter_rows(named=True)
    }


def skus(tables: Tables, found: Figures) -> dict[str, dict[str, Any]]:
    """The couponed products that reached households bought most often, with counted facts, by code."""
    bought = found.bought.filter(pl.col("claims") & (pl.col("sales_value") > 0))
    campaigns = (
        tables["coupons"]
        .select("product_id", "campaign_id")
        .unique()
        .group_by("product_id")
        .agg(pl.col("campaign_id").sort())
    )
    best = (
        bought.group_by("product_id")
        .agg(
            pl.len().alias("lines"),
            pl.col("household_id").n_unique().alias("households"),
            pl.col("sales_value").sum().alias("cents"),
            pl.col("quantity").sum().alias("units"),
        )
        .join(tables["products"], on="product_id")
        .join(campaigns, on="product_id")
        .sort("lines", "product_id", descending=[True, False])
        .head(PRODUCTS)
    )
    shelf = (
        tables["transactions"]
        .group_by("product_id")
        .agg(pl.col("household_id").n_unique().alias("buyers"), pl.len().alias("all_lines"))
    )
    return {f"P{row['product_id']}": _sku(row) for row in best.join(shelf, on="product_id").iter_rows(named=True)}


def products(tables: Tables, found: Figures) -> dict[str, dict[str, Any]]:
    """Names, brands and sizes of all products that reached households bought under a campaign, by code."""
    bought = found.bought.filter(pl.col("claims") & (pl.col("sales_value") > 0)).select("product_id").unique()
    return {
        f"P{row['product_id']}": {
            "name": _product_name(row),
            "product_brand": (row["brand"] or "")[:120],
            "size": (row["package_size"] or "").lower()[:60],
            "category": (row["product_category"] or "")[:120].capitalize(),
        }
        for row in bought.join(tables["products"], on="product_id").iter_rows(named=True)
    }


def _product_name(row: dict[str, Any]) -> str:
    kind = (row["product_type"] or row["product_category"] or "Product").capitalize()
    size = f" {row['package_size'].lower()}" if row["package_size"] else ""
    return f"{kind}{size}"[:200]


def _sku(row: dict[str, Any]) -> dict[str, Any]:
    kind = (row["product_type"] or row["product_category"] or "Product").capitalize()
    size = f" {row['package_size'].lower()}" if row["package_size"] else ""
    brand = f"{row['brand']} brand" if row["brand"] else "brand unknown"
    which = ", ".join(str(campaign) for campaign in row["campaign_id"])
    reached = f"{row['lines']:,} times for {row['cents'] / 100:,.2f} USD by {row['households']:,} households"
    texts = [
        ("feature", f"{kind}{size}: {brand}, department {(row['department'] or 'unknown').lower()}"),
        ("proof", f"Bought {row['all_lines']:,} times by {row['buyers']:,} households in the sampled year"),
        ("proof", f"Bought {reached} that a campaign had reached"),
        ("offer", f"On coupons of campaign{'s' if len(row['campaign_id']) > 1 else ''} {which}"),
    ]
    if row["units"] > 0:
        unit = row["cents"] / 100 / row["units"]
        texts.append(("proof", f"Those households paid {unit:,.2f} USD a unit on average"))
    facts = [{"id": str(number), "text": text, "kind": word} for number, (word, text) in enumerate(texts, start=1)]
    return {
        "name": f"{kind}{size}"[:200],
        "category": (row["product_category"] or "")[:120].capitalize(),
        "price": None,  # the data have what was paid, not the price on the shelf
        "facts": facts,
    }
