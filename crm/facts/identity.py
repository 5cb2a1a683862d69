"""What makes a fact itself: the key by which a later report finds the row again."""

from __future__ import annotations

from datetime import date

import polars as pl

from crm.identity import SEPARATOR, identities, identity_of
from crm.imports.reports.canonical import IDENTITY, NAME_UNLESS

DAILY = "endcap-daily"  # one row a campaign and day that no report brought: sample data, a shop's own books


def identify(frame: pl.DataFrame, *, retailer: str, report: str) -> pl.Series:
    """Identities (Int64) of a canonical frame, in its order. `retailer` is the slug."""
    parts = [
        pl.when(pl.col(NAME_UNLESS[name]) == "").then(pl.col(name)).otherwise(pl.lit(""))
        if name in NAME_UNLESS
        else pl.col(name).cast(pl.String).fill_null("")
        for name in IDENTITY
    ]
    joined = frame.select(
        joined=pl.concat_str([pl.lit(retailer), pl.lit(report), *parts], separator=SEPARATOR)
    ).to_series()
    return pl.Series("identity", identities(joined.cast(pl.Binary).to_list()), dtype=pl.Int64)


def daily_identity(retailer: str, *, campaign: str, day: date, currency: str) -> int:
    """That of a day of a campaign that no report brought. `campaign` is the external id."""
    known = {"measured_on": day, "campaign_id": campaign, "currency": currency}
    return identity_of([retailer, DAILY, *(known.get(name) for name in IDENTITY)])
