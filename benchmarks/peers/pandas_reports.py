"""A careful loader by hand: pandas in chunks, every value checked, exact money, the same rows refused, same columns.

It is what a good engineer writes for one report: no mapping, one format of days and numbers, duplicates within the file
found by the identity of the row, other attribution windows kept as JSON, COPY or executemany into the same columns with
the same keys. It does not find out what the file is, keeps no file, no reasons beyond the first, and restates nothing.
"""

from __future__ import annotations

import hashlib
import io
import json
import resource
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg

CHUNK = 100_000
WINDOWS = (1, 7, 14, 30)
PRIMARY = 7
TEXTS = ["campaignId", "campaignName", "adGroupId", "adGroupName", "adId", "advertisedAsin"]
COUNTS = ["impressions", "clicks", *(f"{name}{days}d" for days in WINDOWS for name in ("purchases", "unitsSoldClicks"))]
MONEY = ["cost", *(f"sales{days}d" for days in WINDOWS)]
COLUMNS = (
    "brand_id", "retailer_id", "campaign_id", "measured_on", "grain", "ad_group", "ad", "item", "impressions", "clicks",
    "spend", "window_days", "attribution", "orders", "units", "sales", "other_windows", "currency", "report",
    "source_id", "source_row", "identity", "counts",
)  # fmt: skip
TABLE = """CREATE TABLE facts (id {serial}, brand_id bigint NOT NULL, retailer_id bigint NOT NULL, campaign_id bigint,
    measured_on date NOT NULL, grain smallint NOT NULL, ad_group varchar(120) NOT NULL, ad varchar(120) NOT NULL,
    item varchar(80) NOT NULL, impressions bigint, clicks bigint, spend numeric(18, 6), window_days smallint,
    attribution varchar(10) NOT NULL, orders numeric(16, 4), units numeric(16, 4), sales numeric(18, 6),
    other_windows text, currency varchar(3) NOT NULL, report varchar(60) NOT NULL, source_id bigint,
    source_row integer, identity bigint NOT NULL, counts bool NOT NULL, UNIQUE (brand_id, measured_on, identity))"""
INDEX = "CREATE INDEX counting ON facts (brand_id, campaign_id, measured_on) WHERE counts"


class Loader:
    """Reads chunks, keeps what was refused and which rows were seen."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.refused: list[tuple[int, str, dict[Any, Any]]] = []
        self.seen: set[int] = set()
        self.good = 0
        self.cents = 0

    def chunks(self) -> Any:
        start = 1
        for raw in pd.read_csv(self.path, dtype=str, keep_default_na=False, chunksize=CHUNK):
            yield self.checked(raw, np.arange(start, start + len(raw)))
            start += len(raw)

    def checked(self, raw: pd.DataFrame, rows: Any) -> pd.DataFrame:
        made = pd.DataFrame({"row": rows}, index=raw.index)
        for name in TEXTS:
            made[name] = raw[name].str.strip()
        made["currency"] = raw["campaignBudgetCurrencyCode"].str.strip()
        made["date"] = pd.to_datetime(raw["date"], format="%Y-%m-%d", errors="coerce")
        reason = pd.Series("", index=raw.index, dtype=object)

        def refuse(where: Any, why: str) -> None:
            reason[where & (reason == "")] = why

        refuse(made["date"].isna(), "not a day")
        refuse(made["date"] > pd.Timestamp("2026-12-31"), "in the future")
        refuse(made["campaignId"] == "", "no campaign")
        for name in COUNTS:
            made[name] = pd.to_numeric(raw[name].str.strip(), errors="coerce")
            refuse(made[name].isna() & (raw[name] != ""), f"{name} is not a number")
            refuse(made[name].notna() & (made[name] % 1 != 0), f"{name} is not whole")
        for name in MONEY:
            made[name] = (pd.to_numeric(raw[name].str.strip(), errors="coerce") * 1_000_000).round()
            refuse(made[name].isna() & (raw[name] != ""), f"{name} is not an amount")
        for name in (*COUNTS, *MONEY):
            refuse(made[name] < 0, f"{name} is negative")
        refuse((made["clicks"] > 0) & (made["impressions"] == 0), "clicks without impressions")
        for days in WINDOWS:
            refuse((made[f"sales{days}d"] > 0) & (made[f"purchases{days}d"] == 0), "sales without orders")
            refuse((made[f"unitsSoldClicks{days}d"] > 0) & (made[f"purchases{days}d"] == 0), "units without orders")
        made["identity"] = self.identities(made)
        repeated = [one in self.seen for one in made["identity"]]
        refuse(pd.Series(repeated, index=raw.index) | made["identity"].duplicated(), "the same row twice")
        bad = reason != ""
        records = raw[bad].to_dict("records")
        self.refused += list(zip(made.loc[bad, "row"], reason[bad], records, strict=True))
        good = made[~bad].copy()
        self.seen.update(good["identity"])
        for name in (*COUNTS, *MONEY):
            good[name] = good[name].astype("Int64")
        good["other_windows"] = self.others(good)
        self.good += len(good)
        self.cents += int(good["cost"].sum()) // 10_000
        return good

    @staticmethod
    def identities(made: pd.DataFrame) -> list[int]:
        days = made["date"].dt.strftime("%Y-%m-%d").fillna("")
        parts = zip(days, made["campaignId"], made["adGroupId"], made["adId"], made["advertisedAsin"], made["currency"],
                    strict=True)  # fmt: skip
        blake = hashlib.blake2b
        return [
            int.from_bytes(blake("\x1f".join(part).encode(), digest_size=8).digest(), "big", signed=True)
            for part in parts
        ]

    @staticmethod
    def others(good: pd.DataFrame) -> list[str]:
        windows = [days for days in WINDOWS if days != PRIMARY]
        columns = [
            good[f"{name}{days}d"].tolist() for days in windows for name in ("purchases", "unitsSoldClicks", "sales")
        ]

        def said(figures: tuple[int, ...]) -> dict[str, dict[str, float]]:
            return {
                f"{days}|click": {
                    "orders": figures[at * 3], "units": figures[at * 3 + 1], "sales": figures[at * 3 + 2] / 1_000_000
                }
                for at, days in enumerate(windows)
            }  # fmt: skip

        return [json.dumps(said(figures)) for figures in zip(*columns, strict=True)]


def as_table(good: pd.DataFrame, campaigns: dict[str, int]) -> pd.DataFrame:
    for identifier in good["campaignId"].unique():
        campaigns.setdefault(identifier, len(campaigns) + 1)
    return pd.DataFrame({
        "brand_id": 1, "retailer_id": 1, "campaign_id": good["campaignId"].map(campaigns),
        "measured_on": good["date"].dt.strftime("%Y-%m-%d"), "grain": 4, "ad_group": good["adGroupId"],
        "ad": good["adId"], "item": good["advertisedAsin"], "impressions": good["impressions"],
        "clicks": good["clicks"], "spend": good["cost"] / 1_000_000, "window_days": PRIMARY, "attribution": "click",
        "orders": good[f"purchases{PRIMARY}d"], "units": good[f"unitsSoldClicks{PRIMARY}d"],
        "sales": good[f"sales{PRIMARY}d"] / 1_000_000, "other_windows": good["other_windows"],
        "currency": good["currency"], "report": "amazon-sp-product", "source_id": 1, "source_row": good["row"],
        "identity": good["identity"], "counts": True,
    })[list(COLUMNS)]  # fmt: skip


def postgresql(loader: Loader, url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(TABLE.format(serial="bigserial PRIMARY KEY"))
        connection.execute(INDEX)
        campaigns: dict[str, int] = {}
        statement = f"COPY facts ({', '.join(COLUMNS)}) FROM STDIN WITH (FORMAT csv)"
        for good in loader.chunks():
            body = io.StringIO()
            as_table(good, campaigns).to_csv(body, index=False, header=False)
            with connection.cursor() as cursor, cursor.copy(statement) as copy:  # type: ignore[arg-type]
                copy.write(body.getvalue())


def sqlite(loader: Loader, path: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(TABLE.format(serial="integer PRIMARY KEY"))
    connection.execute(INDEX)
    campaigns: dict[str, int] = {}
    marks = ", ".join("?" for _ in COLUMNS)
    for good in loader.chunks():
        table = as_table(good, campaigns).astype(object)
        connection.executemany(f"INSERT INTO facts ({', '.join(COLUMNS)}) VALUES ({marks})", table.values.tolist())
    connection.commit()
    connection.close()


def main() -> None:
    what, path, where = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    loader = Loader(path)
    began, busy = time.perf_counter(), time.process_time()
    if what == "frames":
        for _ in loader.chunks():
            pass
    elif what == "postgresql":
        postgresql(loader, where)
    else:
        sqlite(loader, where)
    found = {"seconds": time.perf_counter() - began, "good": loader.good, "refused": len(loader.refused)}
    busy = time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**found, "cents": loader.cents, "peak_mib": peak, "cpu_s": busy}))


if __name__ == "__main__":
    main()
