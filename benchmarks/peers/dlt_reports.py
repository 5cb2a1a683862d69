"""dlt under benchmarks/harmonizer.py: its own reading of CSV in chunks, typed columns, rejecting schema, its loaders.

dlt types values and keeps its state; it does not check that a row makes sense, refuses no row with a reason (a value
that cannot be typed goes to a column of its own) and adds nothing up. "frames" is extract and normalize alone.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import pandas as pd
import pyarrow as pa

CHUNK = 100_000
WINDOWS = (1, 7, 14, 30)


def columns() -> dict[str, Any]:
    """Types of all columns; money as exact decimals."""
    texts = ["campaignId", "campaignName", "adGroupId", "adGroupName", "adId", "advertisedAsin"]
    counts = [
        "impressions",
        "clicks",
        *(f"{name}{days}d" for days in WINDOWS for name in ("purchases", "unitsSoldClicks")),
    ]
    money = ["cost", *(f"sales{days}d" for days in WINDOWS)]
    return {
        "date": {"data_type": "date"},
        **{name: {"data_type": "text"} for name in [*texts, "campaignBudgetCurrencyCode"]},
        **{name: {"data_type": "bigint"} for name in counts},
        **{name: {"data_type": "decimal", "precision": 18, "scale": 6} for name in money},
    }


def resource_of(path: Path) -> Any:
    wanted = columns()

    @dlt.resource(name="facts", columns=wanted, write_disposition="append")
    def facts() -> Iterator[Any]:
        for chunk in pd.read_csv(path, dtype=str, keep_default_na=False, chunksize=CHUNK):
            made = {}
            for name, said in wanted.items():
                kind = said["data_type"]
                if kind == "date":
                    made[name] = pa.array(pd.to_datetime(chunk[name], errors="coerce").dt.date)
                elif kind == "bigint":
                    made[name] = pa.array(pd.to_numeric(chunk[name], errors="coerce").astype("Int64"))
                elif kind == "decimal":
                    made[name] = pa.array(chunk[name]).cast(pa.decimal128(18, 6))
                else:
                    made[name] = pa.array(chunk[name])
            yield pa.table(made)

    return facts


def main() -> None:
    what, path, where = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    if what == "postgresql" and ":" not in where.split("//")[1].split("@")[0]:
        where = where.replace("@", ":none@", 1)  # dlt insists on a password, also where the server asks for none
    destination: Any = (
        dlt.destinations.postgres(credentials=where) if what == "postgresql"
        else dlt.destinations.sqlalchemy(credentials=f"sqlite:///{where}")
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        pipeline = dlt.pipeline("bench", destination=destination, dataset_name="bench", pipelines_dir=place)
        began, busy = time.perf_counter(), time.process_time()
        if what == "frames":
            pipeline.extract(resource_of(path))
            pipeline.normalize()
        else:
            pipeline.run(resource_of(path))
        seconds = time.perf_counter() - began
        counts = pipeline.last_trace.last_normalize_info.row_counts if pipeline.last_trace else {}
    busy = time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {
                "seconds": seconds,
                "good": counts.get("facts", 0),
                "refused": 0,
                "cents": None,
                "peak_mib": peak,
                "cpu_s": busy,
            }
        )
    )


if __name__ == "__main__":
    main()
