"""Taking in a list of products: the brand's own become SKUs, a shop's list becomes items of the crosswalk.

One file is one transaction and one Import of kind "products". A bar code that is not certain sets its row aside with
the reason and what it could have been; the same list a second time changes nothing. What the list does not say stays.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from crm.imports.books import close, fail, open_import, repeat_of
from crm.imports.faults import BrokenFile, Fault
from crm.imports.reading import RawRow
from crm.imports.tally import Tally
from crm.models import SKU, Brand, Import, Retailer, RetailerItem
from crm.products import crosswalk
from crm.products.crosswalk import Known, Seen
from crm.products.gtin import Catalogue, Done, normalise
from crm.products.listing import Listed, Listing, listed, read_listing, read_taxonomy

KIND = "products"
FIELDS = ("name", "product_brand", "size", "category", "price", "gtin")
CHUNK = 500


def take_in(
    brand: Brand,
    path: Path | str,
    by: Any = None,
    *,
    retailer: Retailer | None = None,
    filename: str = "",
    taxonomy: Path | None = None,
    now: datetime | None = None,
) -> Import:
    """Take in a product list. Always returns an Import; look at its state. Raises OSError when it cannot be opened.

    With a `retailer` the list is that shop's: its items are matched by bar code or wait for a person. `taxonomy` is
    Google's file of category ids.
    """
    now, path = now or timezone.now(), Path(path)
    data, name = path.read_bytes(), filename or path.name
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        listing = read_listing(data, name)
        names = read_taxonomy(taxonomy.read_text(encoding="utf-8").splitlines()) if taxonomy else None
    except BrokenFile as error:
        return fail(brand, filename=name, sha256=sha256, kind=KIND, error=error, by=by, now=now)
    with transaction.atomic():
        batch = open_import(brand, filename=name, sha256=sha256, kind=KIND, by=by)
        batch.retailer, batch.size_bytes = retailer, len(data)
        earlier = repeat_of(batch)
        if earlier is not None and earlier.retailer_id == batch.retailer_id:
            note = f"Same content as {earlier.filename}, imported on {earlier.started_at:%d %b %Y}: nothing changed"
            return close(batch, [Tally(name, len(listing.rows), unchanged=len(listing.rows), notes=[note])], now=now)
        tally = Tally(name, read=len(listing.rows), notes=list(listing.notes))
        rows = _rows(listing, tally, home=brand.currency, taxonomy=names)
        if retailer is None:
            _store_products(brand, rows, tally)
        else:
            _store_items(brand, retailer, rows, tally)
        return close(batch, [tally], now=now)


def _rows(listing: Listing, tally: Tally, *, home: str, taxonomy: dict[str, str] | None) -> list[tuple[RawRow, Listed]]:
    made = []
    for row in listing.rows:
        try:
            made.append((row, listed(row, listing, home=home, taxonomy=taxonomy)))
        except Fault as fault:
            tally.refuse(row, fault)
    return made


class _Stock:
    """Products by code and bar code while a list is stored, with the row of the list that wrote each."""

    def __init__(self, brand: Brand) -> None:
        self.brand = brand
        rows = list(SKU.objects.for_brand(brand))
        self.by_code = {sku.code: sku for sku in rows}
        self.by_gtin = {sku.gtin: sku for sku in rows if sku.gtin}
        self.catalogue = Catalogue(self.by_gtin)
        self.written: dict[int, tuple[int, Listed]] = {}
        self.new: list[SKU] = []
        self.changed: dict[int, SKU] = {}

    def place(self, row: RawRow, one: Listed, tally: Tally) -> None:
        """Store one row, or raise Fault. Counts it as stored or unchanged."""
        gtin = self._gtin(one, tally)
        sku = self._same(one, gtin)
        if sku is not None and id(sku) in self.written:
            number, other = self.written[id(sku)]
            if other == one:
                tally.unchanged += 1
                return
            raise Fault(one.gtin_field if gtin else "code", one.gtin or one.code,
                        f"row {number} has the same code and other content")  # fmt: skip
        wanted = {"name": one.name, "product_brand": one.product_brand, "size": one.size, "category": one.category,
                  "price": one.price, "gtin": gtin}  # fmt: skip
        if sku is None:
            sku = SKU(brand=self.brand, code=one.code or gtin, **wanted)
            self.new.append(sku)
            tally.stored += 1
        else:
            differing = {name: value for name, value in wanted.items() if value and getattr(sku, name) != value}
            for name, value in differing.items():
                setattr(sku, name, value)
            if differing:
                self.changed[sku.pk] = sku
                tally.stored += 1
            else:
                tally.unchanged += 1
        self.written[id(sku)] = (row.number, one)
        self.by_code[sku.code] = sku
        if sku.gtin:
            self.by_gtin[sku.gtin] = sku

    def _gtin(self, one: Listed, tally: Tally) -> str:
        """The bar code of a row, certain or a Fault; "" where it has none but a code of its own."""
        if not one.gtin.strip():
            if not one.code:
                raise Fault(one.gtin_field, "", "is missing; a product needs a bar code or a code of its own")
            return ""
        code = normalise(one.gtin, self.catalogue)
        if not code:
            maybe = f"; could be {', '.join(code.could_be)}" if code.could_be else ""
            raise Fault(one.gtin_field, one.gtin, f"{code.reason}{maybe}")
        if code.restricted:
            raise Fault(one.gtin_field, one.gtin, f"{code.gtin} is a number of one shop only, no bar code of a product")
        if code.done is Done.REPAIRED:
            tally.notes.append(f"Bar code {code.told()}")
        return code.gtin

    def _same(self, one: Listed, gtin: str) -> SKU | None:
        """The product a row is about. Raises Fault where its code and its bar code are of two products."""
        by_gtin = self.by_gtin.get(gtin) if gtin else None
        by_code = self.by_code.get(one.code) if one.code else self.by_code.get(gtin)
        if by_gtin is not None and by_code is not None and by_gtin is not by_code:
            raise Fault(one.gtin_field, one.gtin, f"belongs to {by_gtin.code}, but the code is {one.code}")
        if by_code is not None and gtin and by_code.gtin and by_code.gtin != gtin:
            raise Fault(one.gtin_field, one.gtin, f"{by_code.code} has the bar code {by_code.gtin}")
        return by_gtin or by_code


def _store_products(brand: Brand, rows: list[tuple[RawRow, Listed]], tally: Tally) -> None:
    stock = _Stock(brand)
    for row, one in rows:
        try:
            stock.place(row, one, tally)
        except Fault as fault:
            tally.refuse(row, fault)
    SKU.objects.for_brand(brand).bulk_create(stock.new, batch_size=CHUNK)
    SKU.objects.for_brand(brand).bulk_update(stock.changed.values(), FIELDS, batch_size=200)
    tally.models["SKU"] += len(stock.new) + len(stock.changed)
    if stock.new or stock.changed:
        settled = crosswalk.look_again(brand)
        if settled:
            tally.notes.append(f"Codes of shops that waited and are settled now: {settled:,}")


def _store_items(brand: Brand, retailer: Retailer, rows: list[tuple[RawRow, Listed]], tally: Tally) -> None:
    scheme = RetailerItem.Scheme
    items: dict[str, Seen] = {}
    for row, one in rows:
        code = (one.code or one.gtin).strip()
        if not code:
            tally.refuse(row, Fault(one.gtin_field, "", "is missing; an item needs a code"))
            continue
        seen = Seen(
            scheme.ITEM if one.code else scheme.GTIN, code, one.name, one.size, one.price, one.gtin if one.code else ""
        )
        if items.get(code, seen) != seen:
            tally.refuse(row, Fault("code", code, "an earlier row has the same code and other content"))
        elif code in items:
            tally.unchanged += 1
        else:
            items[code] = seen
    own = RetailerItem.objects.for_brand(brand).filter(retailer=retailer)
    before = set(own.values_list("code", flat=True))
    found = crosswalk.resolve(brand, retailer, items.values(), known=Known(brand))
    new = sum(code not in before for code in items)
    tally.stored += new
    tally.unchanged += len(items) - new
    tally.models["RetailerItem"] += new
    settled = sum(sku is not None for sku in found.values())
    tally.notes.append(f"Items of {retailer}: {settled:,} matched, {len(found) - settled:,} not matched yet")
