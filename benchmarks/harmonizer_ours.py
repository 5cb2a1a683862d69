"""Endcap's own road under benchmarks/harmonizer.py: real settings, migrations, harmonizer and merge; timed inside."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")
os.environ.setdefault("LOG_LEVEL", "ERROR")
django.setup()

# Models can only be imported once Django is set up.
# ruff: noqa: E402
from django.core.management import call_command
from django.db import connection

from crm import report_imports
from crm.facts import merging
from crm.imports.reports.harmonize import harmonize
from crm.imports.reports.mapping import shipped
from crm.models import Brand, PerformanceMetric, Retailer
from crm.report_imports.keeping import path_of

MAPPING = "amazon-sp-product"


def frames(path: Path) -> dict[str, Any]:
    began, busy = time.perf_counter(), time.process_time()
    good = refused = micros = 0
    for batch in harmonize(path, shipped()[MAPPING], currency="USD", today=date(2026, 12, 31)):
        good += len(batch.frame)
        refused += len(batch.refused)
        micros += int(batch.frame["spend"].sum())
    took = {"seconds": time.perf_counter() - began, "cpu_s": time.process_time() - busy}
    return {**took, "good": good, "refused": refused, "cents": micros // 10_000}


def database(path: Path) -> dict[str, Any]:
    """The whole way: upload kept, read, checked, stored, reconciled, books closed."""
    call_command("migrate", verbosity=0)
    brand = Brand.objects.create(name="Bench", slug="bench", currency="USD")
    shop = Retailer.objects.for_brand(brand).create(brand=brand, name="Amazon", slug="amazon", network="amazon")
    stored = _timed_storing()
    began, busy = time.perf_counter(), time.process_time()
    with path.open("rb") as file:
        batch = report_imports.receive(
            brand=brand, retailer=shop, file=file, filename=path.name, mapping=MAPPING, limit=1 << 40
        )
    report_imports.confirm(batch, tell=False)
    done = report_imports.carry_out(batch.pk, worker="bench")
    took = {"seconds": time.perf_counter() - began, "cpu_s": time.process_time() - busy}
    assert done is not None and all(sums["adds_up"] for sums in done.reconciliation.values()), done
    with connection.cursor() as cursor:
        table = PerformanceMetric._meta.db_table
        cursor.execute(f"SELECT count(*), sum(CAST(round(spend * 100) AS bigint)) FROM {table}")
        good, cents = cursor.fetchone()
    path_of(done).unlink()
    return {**took, "stored_s": stored[0], "good": good, "refused": done.rows_set_aside, "cents": int(cents)}


def _timed_storing() -> list[float]:
    """A list that gets the seconds of the one transaction that stores: validated frames to reconciled facts."""
    seconds: list[float] = []
    store = merging._store

    def timed(*arguments: Any) -> Any:
        began = time.perf_counter()
        result = store(*arguments)
        seconds.append(time.perf_counter() - began)
        return result

    merging._store = timed  # type: ignore[assignment]
    return seconds


def main() -> None:
    what, path = sys.argv[1], Path(sys.argv[2])
    found = frames(path) if what == "frames" else database(path)
    print(
        json.dumps(
            {
                **found,
                "cpu_s": time.process_time(),
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
