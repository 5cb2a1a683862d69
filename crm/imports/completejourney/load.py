"""Making a brand out of the Complete Journey folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from crm.errors import EndcapError
from crm.imports.books import close, fail, open_import, repeat_of
from crm.imports.completejourney import tables as reading
from crm.imports.completejourney.figures import figures
from crm.imports.completejourney.journeys import journeys
from crm.imports.completejourney.storing import Storing
from crm.imports.faults import BrokenFile
from crm.imports.tally import Tally
from crm.models import Brand, Import, Membership

KIND = "completejourney"


class SimulatedBrand(EndcapError):
    """Real sales must not be mixed with those of a simulated market."""

    status = 409


def load_completejourney(
    *,
    folder: Path | str,
    slug: str = "complete-journey",
    owners: Sequence[Any] = (),
    by: Any = None,
    now: datetime | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Import:
    """Load the folder into the brand with this slug, made when new; `owners` become its owners.

    Returns an Import: failed when a file is missing or broken (then nothing was stored, except the empty brand). `say`
    is told of each step. Raises SimulatedBrand when the brand's market is simulated, OSError when files cannot be read.
    """
    now = now or timezone.now()
    folder = Path(folder)
    brand, _ = Brand.objects.get_or_create(slug=slug, defaults={"name": "Complete Journey", "currency": "USD"})
    if brand.is_simulated:
        raise SimulatedBrand(f"{brand.name} has a simulated market. Choose another --brand for the real data.")
    for owner in owners:
        Membership.objects.get_or_create(user=owner, brand=brand, defaults={"role": Membership.Role.OWNER})
    sha256 = ""
    try:
        paths = reading.find(folder)
        sha256 = _digest(paths)
        tables = reading.read(paths)
    except BrokenFile as error:
        return fail(brand, filename=folder.name, sha256=sha256, kind=KIND, error=error, by=by, now=now)
    say(f"Read {sum(tables.rows.values()):,} rows of {len(tables.rows)} files")
    with transaction.atomic():
        batch = open_import(brand, filename=folder.name, sha256=sha256, kind=KIND, by=by)
        earlier = repeat_of(batch)
        if earlier is not None:
            say("The same data are in already; nothing to do")
            return close(batch, _repeated(earlier), now=now)
        found = figures(tables)
        say(f"{len(found.bought):,} sales lines, {len(found.exposed):,} exposures found for reached households")
        books = Storing(brand, tables, found, journeys(tables, found), say).run()
        books[0].notes = _notes(tables)
        return close(batch, [book for book in books if book.read], now=now)


def _notes(tables: reading.Tables) -> list[str]:
    explaining = ("coupons", "demographics", "products", "promotions", "transactions")
    counts = ", ".join(f"{name} {tables.rows[name]:,}" for name in explaining)
    return [
        f"Read to tell who was exposed and who bought what; not counted row by row: {counts}",
        "Transactions and promotions are samples: sums are sums of real lines, not of the whole year",
        "Nobody is marked as lost, because a sample cannot show that a household bought nothing",
    ]


def _repeated(earlier: Import) -> list[Tally]:
    note = f"Same content as the import of {earlier.started_at:%d %b %Y}: nothing changed"
    return [
        Tally(name, read=books["read"], unchanged=books["read"], notes=[note])
        for name, books in earlier.stored["files"].items()
    ]


def _digest(paths: dict[str, Path]) -> str:
    whole = hashlib.sha256()
    for name in sorted(paths):
        whole.update(f"{name} {hashlib.sha256(paths[name].read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()
