"""The report that benchmarks/harmonizer.py reads: Sponsored Products by advertised product, in Amazon's API v3 words.

Seeded. One row a day, campaign, ad group and product; one row in 2,000 is broken in a way that real reports are.
"""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

FIRST = date(2026, 1, 1)
DAYS = 90
ADS_PER_CAMPAIGN = 40
WINDOWS = (1, 7, 14, 30)
HEADER = [
    "date", "campaignId", "campaignName", "adGroupId", "adGroupName", "adId", "advertisedAsin",
    "campaignBudgetCurrencyCode", "impressions", "clicks", "cost",
    *(f"{name}{days}d" for days in WINDOWS for name in ("purchases", "unitsSoldClicks", "sales")),
]  # fmt: skip
BROKEN_EVERY = 2000


def write(path: Path, rows: int, seed: int) -> dict[str, Any]:
    """Write the file; how many rows, which are broken, and the exact cents of `cost` in the good rows."""
    rng = np.random.default_rng(seed)
    ads = max(1, -(-rows // DAYS))
    asins = [f"B0{number:08d}" for number in rng.integers(0, 10**8, size=ads)]
    cents, broken = 0, 0
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(HEADER)
        for number in range(rows):
            day, ad = divmod(number, ads)
            campaign = ad // ADS_PER_CAMPAIGN
            if ad == 0:
                figures = _figures(rng, ads)
            impressions, clicks, cost, *attributed = figures[ad]
            row = [
                (FIRST + timedelta(days=day)).isoformat(), 300_000_000_000 + campaign, f"SP | Oats | {campaign:05d}",
                400_000_000_000 + ad // 8, f"Group {ad // 8:06d}", 500_000_000_000 + ad, asins[ad], "USD", impressions,
                clicks, f"{cost / 100:.2f}",
            ]  # fmt: skip
            for at in range(0, len(attributed), 3):
                orders, units, sales = attributed[at : at + 3]
                row += [orders, units, f"{sales / 100:.2f}"]
            if number % BROKEN_EVERY == BROKEN_EVERY - 1:
                broken += 1
                _break(row, broken)
            else:
                cents += cost
            out.writerow(row)
    return {"rows": rows, "broken": broken, "good_cents": cents, "bytes": path.stat().st_size}


def _figures(rng: np.random.Generator, ads: int) -> list[list[int]]:
    """Of one day, by ad: impressions, clicks, cents, then orders, units and cents of every window, ever wider."""
    impressions = rng.integers(50, 5000, size=ads)
    clicks = rng.binomial(impressions, 0.012)
    columns = [impressions, clicks, clicks * rng.integers(20, 160, size=ads)]
    orders = np.zeros(ads, dtype=np.int64)
    for _ in WINDOWS:
        orders = orders + rng.binomial(clicks, 0.04)
        columns += [orders, orders * 2, orders * 1299]
    table: list[list[int]] = np.stack(columns, axis=1).tolist()
    return table


def _break(row: list[Any], which: int) -> None:
    """A day that is none, clicks without impressions, a negative cost, or a word for a number."""
    match which % 4:
        case 0:
            row[0] = "2026-02-30"
        case 1:
            row[8], row[9] = 0, 3
        case 2:
            row[10] = "-1.00"
        case _:
            row[9] = "n. a. N."
