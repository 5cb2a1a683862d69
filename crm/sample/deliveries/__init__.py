"""Files of the sample brands, brought in by the same door as any other file: nothing is written past it.

CRM exports lie beside this module; the shops' reports are made from the history of their simulated market.
"""

from __future__ import annotations

import io
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from django.utils import timezone

from crm import report_imports
from crm.imports import load_file
from crm.imports.reports.mapping import shipped
from crm.market.world import World
from crm.models import Brand, Import, ReportMapping, Retailer
from crm.sample.catalogue import BrandEntry
from crm.sample.reports import Delivery, Reported, deliveries, item_report, unknown_report

FOLDER = Path(__file__).parent
WORKER = "sample data"
CAME_AT = time(6, 10)


def take_in_deliveries(slug: str, brand: Brand) -> list[Import]:
    """Import every CRM file kept for this sample brand: invented, with rows that do not fit."""
    files = sorted((FOLDER / slug).glob("*.*"))
    return [load_file(brand=brand, path=path) for path in files]


def take_in_reports(brand: Brand, entry: BrandEntry, world: World, *, last_day: date) -> list[Import]:
    """Bring in what the shops sent, oldest first; the unknown export is left for a person to explain."""
    retailers = {one.name: one for one in Retailer.objects.for_brand(brand)}
    taken = []
    for shop in entry.retailers:
        reported = [
            Reported(one.id, one.name, world.history(one.id, budget=float(one.budget), last_day=last_day))
            for one in entry.campaigns
            if one.retailer == shop.name
        ]
        files = deliveries(shop.name, shop.network, reported)
        if shop.network == "criteo":
            files.append(item_report(shop.name, reported[0], entry.skus))
        taken += [_take_in(brand, retailers[shop.name], file) for file in files]
    waiting = unknown_report(shop.name, last_day, entry.skus)
    taken.append(
        report_imports.receive(
            brand=brand, retailer=retailers[shop.name], file=_content(waiting), filename=waiting.filename
        )
    )
    return taken


def _take_in(brand: Brand, retailer: Retailer, delivery: Delivery) -> Import:
    """The report came the morning after its last day; it is carried out right here, as there is no worker yet."""
    batch = report_imports.receive(brand=brand, retailer=retailer, file=_content(delivery), filename=delivery.filename)
    if batch.mapping.startswith("criteo-"):
        _say_window(batch)
    row = Import.objects.for_brand(brand).filter(pk=batch.pk)
    row.update(state=Import.State.QUEUED)
    report_imports.carry_out(batch.pk, worker=WORKER)
    came = datetime.combine(delivery.last_day + timedelta(days=1), CAME_AT, ZoneInfo(retailer.time_zone))
    came = min(came, timezone.now())
    row.update(started_at=came, finished_at=came)
    batch.refresh_from_db()
    return batch


def _say_window(batch: Import) -> None:
    """Criteo's files do not say the window that was asked for; here a person of the brand did, once for each kind."""
    read, retailer = shipped()[batch.mapping], batch.retailer
    assert retailer is not None
    kind = read.name.removeprefix("criteo-")
    window = read.windows[0].model_copy(update={"days": 14, "attribution": "click"})
    title = f"{retailer.name} by {kind}, 14 days after a click"
    own = read.model_copy(update={"name": f"{retailer.slug}-{kind}", "title": title, "windows": (window,)})
    ReportMapping.objects.for_brand(batch.brand_id).create(
        brand_id=batch.brand_id, retailer=retailer, name=own.name, title=own.title,
        body=own.model_dump(mode="json", exclude_defaults=True), fingerprint=batch.proposal["fingerprint"],
    )  # fmt: skip
    Import.objects.for_brand(batch.brand_id).filter(pk=batch.pk).update(mapping=own.name)


def _content(delivery: Delivery) -> io.BytesIO:
    return io.BytesIO(delivery.text.encode())
