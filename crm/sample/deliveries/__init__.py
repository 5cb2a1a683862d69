"""Files of the sample brands, brought in by the same door as any other file: nothing is written past it.

CRM exports lie beside this module; the shops' reports are made from the history of their simulated market.
"""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

from crm import report_imports
from crm.imports import load_file
from crm.market.world import World
from crm.models import Brand, Import, Retailer
from crm.sample.catalogue import BrandEntry
from crm.sample.reports import Delivery, Reported, deliveries, item_report, unknown_report

FOLDER = Path(__file__).parent
WORKER = "sample data"


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
        if shop.network == "walmart":
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
    """The report is carried out right here: there is no worker yet that could be told."""
    batch = report_imports.receive(brand=brand, retailer=retailer, file=_content(delivery), filename=delivery.filename)
    Import.objects.for_brand(brand).filter(pk=batch.pk).update(state=Import.State.QUEUED)
    return report_imports.carry_out(batch.pk, worker=WORKER) or batch


def _content(delivery: Delivery) -> io.BytesIO:
    return io.BytesIO(delivery.text.encode())
