"""The one shape into which every report is brought: columns of a frame, with their types and units.

Money is in micros (10^-6 of the currency) and orders and units are in ten-thousandths, as whole numbers, so that sums
are exact. Null: the source does not say.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import polars as pl

from crm.imports.faults import SetAside

MONEY_SCALE = 1_000_000
COUNT_SCALE = 10_000

TEXTS = ("campaign_id", "campaign_name", "ad_group", "ad_group_name", "ad", "target", "match_type", "breakdown",
         "item", "item_name", "audience", "attribution", "currency")  # fmt: skip
MONEY = ("spend", "sales", "ntb_sales")
COUNTS = ("orders", "units", "ntb_orders", "ntb_units")
DELIVERY = ("impressions", "clicks")
FIGURES = (*DELIVERY, *MONEY, *COUNTS)
ATTRIBUTED = ("orders", "units", "sales", "ntb_orders", "ntb_units", "ntb_sales")

SCHEMA: dict[str, pl.DataType] = {
    "row": pl.UInt32(),  # 1 is the first row of data in the file
    "measured_on": pl.Date(),
    "hour": pl.UInt8(),
    **{name: pl.String() for name in TEXTS},  # "" where there is none
    **{name: pl.Int64() for name in (*DELIVERY, *MONEY, *COUNTS)},
    "window_days": pl.UInt16(),
    "other_windows": pl.String(),  # JSON as in PerformanceMetric.other_windows (plain decimal numbers), or null
}

# what makes a row itself, in this order, after the retailer's slug and the report's name (see crm/identity.py); a name
# counts only where there is no id, so that renaming a campaign or an ad group changes no row's identity
IDENTITY = ("measured_on", "hour", "campaign_id", "campaign_name", "ad_group", "ad_group_name", "ad", "target",
            "match_type", "breakdown", "item", "audience", "currency")  # fmt: skip
NAME_UNLESS = {"campaign_name": "campaign_id", "ad_group_name": "ad_group"}

# rows of tables that carry no figures: what campaigns, ad groups, ads and keywords are called and when they run
ENTITIES: dict[str, pl.DataType] = {
    "row": pl.UInt32(),
    "entity": pl.String(),  # the mapping's `entity`: campaign, ad_group, ad, keyword, account, portfolio
    "external_id": pl.String(),
    **{
        name: pl.String()  # "" where there is none
        for name in ("name", "campaign_id", "campaign_name", "ad_group", "status", "objective", "item", "text",
                     "match_type", "currency", "time_zone")
    },
    "budget": pl.Int64(),  # micros
    "starts_on": pl.Date(),
    "ends_on": pl.Date(),
    "changed_at": pl.String(),  # as written; sorts by time within one table
}  # fmt: skip

LONGEST = {"campaign_id": 80, "campaign_name": 200, "ad_group": 120, "ad_group_name": 120, "ad": 120, "target": 255,
           "match_type": 30, "breakdown": 200, "item": 80, "item_name": 300, "audience": 120, "external_id": 120,
           "name": 200, "status": 60, "objective": 60, "text": 255, "time_zone": 60}  # fmt: skip


class Grain(IntEnum):
    """What one row is about; the numbers are those of PerformanceMetric.Grain."""

    CAMPAIGN = 1
    AD_GROUP = 2
    AD = 3
    PRODUCT = 4
    TARGET = 5
    SEARCH_TERM = 6
    BREAKDOWN = 7
    ACCOUNT = 9


@dataclass(slots=True)
class Batch:
    """A part of one report: rows that are good, and rows that are not.

    `frame` has SCHEMA for facts and ENTITIES for tables without figures; it may be empty (a sign of life while a long
    file is read). `totals` is, by figure of MONEY + COUNTS + DELIVERY (the primary window's), what the part holds in
    the source, as (sum over good rows, sum over refused rows as far as they can be read), in the units above.
    `read` = rows of the frame + rows refused. `left_out` are rows that the mapping leaves out on purpose, by reason
    (not in `read`), and `said` is what the file's own total row says, in the units above.
    """

    frame: pl.DataFrame
    refused: list[SetAside] = field(default_factory=list)
    totals: dict[str, tuple[int, int]] = field(default_factory=dict)
    read: int = 0
    duplicates: int = 0
    bytes_read: int = 0
    said: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
