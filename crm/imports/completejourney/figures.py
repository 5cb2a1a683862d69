"""What the data set says about every campaign and household reached: frames in, frames out. Money is in cents. Pure.

The transactions are a sample of the year: every figure is a sum of real lines, but not of all lines there were.

Reached: a row of `campaigns`. Window: from `start_date` to `end_date` of the campaign, both days included.
Couponed: the product is on at least one coupon of the campaign.
Bought: a line of a reached household, in the window, for a couponed product, with money paid.
Exposed: a reached household's visit (basket) in the window, in a store and week in which at least one couponed product
stood on display or in the mailer of that store (`promotions`). It is exposure by presence: the household was in that
store in that week, which is all the data know.
A line that several campaigns could claim counts as money for one: the campaign that started last (then the lower
number). As a fact about the household ("bought a couponed product") it counts for each.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from crm.imports.completejourney.tables import Tables

HOUSEHOLD = ("campaign_id", "household_id")


@dataclass
class Figures:
    """`bought`: lines with a `claims` flag for the one campaign that gets the money. `visits`: baskets in a window.

    `sales`: campaign_id, household_id, basket_id, at, cents, discount, lines, products,
    claimants. `exposed`: campaign_id, household_id,
    basket_id, at, products, on_display, in_mailer. `days`: campaign_id, day, cents, orders, discount, exposures.
    `before`: campaign_id, household_id, trips, cents, categories.
    """

    bought: pl.DataFrame
    sales: pl.DataFrame
    exposed: pl.DataFrame
    days: pl.DataFrame
    before: pl.DataFrame


def figures(tables: Tables) -> Figures:
    """Everything in one go; well under a second for 75,000 lines."""
    reached = tables["campaigns"].select(HOUSEHOLD).unique().join(tables["campaign_descriptions"], on="campaign_id")
    couponed = tables["coupons"].select("campaign_id", "product_id").unique()
    lines = tables["transactions"].rename({"transaction_timestamp": "at", "row": "line"})
    candidates = lines.join(reached, on="household_id")
    inside = candidates.filter(pl.col("at").dt.date().is_between(pl.col("start_date"), pl.col("end_date")))
    bought = _claimed(inside.join(couponed, on=["campaign_id", "product_id"]))
    sales = _sales(bought)
    exposed = _exposed(inside, tables["promotions"].join(couponed, on="product_id"))
    days = _days(tables, bought, sales, exposed)
    return Figures(bought, sales, exposed, days, _before(candidates, tables["products"]))


def _claimed(bought: pl.DataFrame) -> pl.DataFrame:
    ranked = bought.sort(["start_date", "campaign_id"], descending=[True, False])
    claims = pl.int_range(pl.len()).over("line") == 0
    return ranked.with_columns(claims.alias("claims"), pl.len().over("line").alias("claimants"))


def _sales(bought: pl.DataFrame) -> pl.DataFrame:
    return (
        bought.filter(pl.col("claims") & (pl.col("sales_value") > 0))
        .group_by("campaign_id", "household_id", "basket_id")
        .agg(
            pl.col("at").min(),
            pl.col("sales_value").sum().alias("cents"),
            (pl.col("coupon_disc") + pl.col("coupon_match_disc")).sum().alias("discount"),
            pl.len().alias("lines"),
            pl.col("product_id").unique().sort().alias("products"),
            pl.col("claimants").max(),
        )
        .sort("campaign_id", "at", "basket_id")
    )


def _exposed(inside: pl.DataFrame, promoted: pl.DataFrame) -> pl.DataFrame:
    visits = inside.group_by("campaign_id", "household_id", "basket_id", "store_id", "week").agg(pl.col("at").min())
    return (
        visits.join(promoted, on=["campaign_id", "store_id", "week"])
        .group_by("campaign_id", "household_id", "basket_id", "store_id", "week", "at")
        .agg(
            pl.col("product_id").n_unique().alias("products"),
            (pl.col("display_location") != "0").sum().alias("on_display"),
            (pl.col("mailer_location") != "0").sum().alias("in_mailer"),
        )
        .sort("campaign_id", "at", "basket_id")
    )


def _days(tables: Tables, bought: pl.DataFrame, sales: pl.DataFrame, exposed: pl.DataFrame) -> pl.DataFrame:
    """One row for each day of a campaign that the transactions cover; a day without a sale is a real zero."""
    at = tables["transactions"]["transaction_timestamp"].dt.date()
    first, last = at.min(), at.max()
    calendar = (
        tables["campaign_descriptions"]
        .with_columns(
            pl.max_horizontal("start_date", pl.lit(first)).alias("from"),
            pl.min_horizontal("end_date", pl.lit(last)).alias("to"),
        )
        .filter(pl.col("from") <= pl.col("to"))
        .select("campaign_id", pl.date_ranges("from", "to").alias("day"))
        .explode("day")
    )
    by_day = ["campaign_id", "day"]
    day = pl.col("at").dt.date().alias("day")
    sold = sales.with_columns(day).group_by(by_day).agg(pl.col("cents").sum(), pl.len().alias("orders"))
    given = bought.filter("claims").with_columns(day).group_by(by_day)
    spent = given.agg((pl.col("coupon_disc") + pl.col("coupon_match_disc")).sum().alias("discount"))
    seen = exposed.with_columns(day).group_by(by_day).agg(pl.len().alias("exposures"))
    joined = calendar
    for other in (sold, spent, seen):
        joined = joined.join(other, on=by_day, how="left")
    return joined.fill_null(0).sort(by_day)


def _before(candidates: pl.DataFrame, products: pl.DataFrame) -> pl.DataFrame:
    """What a household bought in the year before the campaign reached it: trips, money, three top categories."""
    earlier = candidates.filter(pl.col("at").dt.date() < pl.col("start_date")).join(
        products.select("product_id", "product_category"), on="product_id", how="left"
    )
    totals = earlier.group_by(HOUSEHOLD).agg(
        pl.col("basket_id").n_unique().alias("trips"), pl.col("sales_value").sum().alias("cents")
    )
    top = (
        earlier.filter(pl.col("product_category").is_not_null())
        .group_by(*HOUSEHOLD, "product_category")
        .agg(pl.col("sales_value").sum().alias("worth"))
        .sort("worth", "product_category", descending=[True, False])
        .group_by(HOUSEHOLD, maintain_order=True)
        .agg(pl.col("product_category").head(3).alias("categories"))
    )
    return totals.join(top, on=HOUSEHOLD, how="left")
