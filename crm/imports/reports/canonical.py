"""The one shape into which every report is brought: columns of a frame, with their types and units.

Money is in micros (10^-6 of the currency) and orders and units are in ten-thousandths, as whole numbers, so that sums
are exact. Null: the source does not say.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from crm.imports.faults import SetAside

MONEY_SCALE = 1_000_000
COUNT_SCALE = 10_000

TEXTS = ("campaign_id", "campaign_name", "ad_group", "ad_group_name", "ad", "target", "match_type", "breakdown",
         "item", "item_name", "audience", "attribution", "currency")  # fmt: skip
MONEY = ("spend", "sales", "ntb_sales")
COUNTS = ("orders", "units", "ntb_orders", "ntb_units")
DELIVERY = ("impressions", "clicks")

SCHEMA: dict[str, pl.DataType] = {
    "row": pl.UInt32(),  # 1 is the first row of data in the file
    "measured_on": pl.Date(),
    "hour": pl.UInt8(),
    **{name: pl.String() for name in TEXTS},  # "" where there is none
    **{name: pl.Int64() for name in (*DELIVERY, *MONEY, *COUNTS)},
    "window_days": pl.UInt16(),
    "other_windows": pl.String(),  # JSON as in PerformanceMetric.other_windows (plain decimal numbers), or null
}

# what makes a row itself, in this order, after the retailer's slug and the report's name (see crm/identity.py)
IDENTITY = ("measured_on", "hour", "campaign_id", "campaign_name", "ad_group", "ad_group_name", "ad", "target",
            "match_type", "breakdown", "item", "audience", "currency")  # fmt: skip


@dataclass(slots=True)
class Batch:
    """A part of one report: rows that are good, and rows that are not.

    `totals` is, by figure of MONEY + COUNTS + DELIVERY, what the whole part holds in the source, as (sum over good rows,
    sum over refused rows as far as they can be read), in the units above.
    """

    frame: pl.DataFrame
    refused: list[SetAside] = field(default_factory=list)
    totals: dict[str, tuple[int, int]] = field(default_factory=dict)
    read: int = 0
    duplicates: int = 0
    bytes_read: int = 0
