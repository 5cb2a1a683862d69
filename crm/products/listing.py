"""Product lists as files hold them: which column says what, and one row as a typed record. Knows no database.

Read are tables with a header, JSON lists, `{"products": [..]}` and JSON objects of bar code to name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from crm.imports.decoding import decode
from crm.imports.faults import BrokenFile, Fault
from crm.imports.money import parse_amount
from crm.imports.reading import MISFIT, TWICE, Content, RawRow, read
from crm.imports.values import storable, text
from crm.imports.words import Fields, blank, plain
from crm.products.gtin import holds

GTIN = ("gtin", "gtin14", "gtin13", "gtin12", "ean", "ean13", "upc", "upca", "barcode", "bar code")
OWN = ("sku", "productCode", "itemCode", "itemNumber", "articleNumber", "variantSku")
LOOSE = ("code", "id", "productId", "handle")  # an own code, unless `code` turns out to hold bar codes
NAME = ("name", "productName", "displayName", "title", "productTitle", "genericName", "description")
BRAND = ("productBrand", "brand", "brands", "vendor", "manufacturer")
SIZE = ("size", "quantity", "packageSize", "packSize", "netContent")
CATEGORY = ("category", "categoriesEn", "googleProductCategory", "productType", "categories", "productCategory")
PRICE = ("price", "listPrice", "recommendedPrice", "rrp")
LISTS = ("products", "items", "skus")
MOST_BARCODES = 0.5  # share of a column's values whose check digit holds, from which it is one of bar codes
_TAXONOMY = re.compile(r"^\s*(\d+)\s*(?:\|[^|]*\|\s?|-\s)\s*(.+?)\s*$")


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of a list; "" and None where it does not say."""

    code: str
    gtin: str
    gtin_field: str
    name: str
    product_brand: str
    size: str
    category: str
    price: Decimal | None


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows of a file, with the columns that hold bar codes and notes for the person."""

    rows: list[RawRow]
    gtin: tuple[str, ...]
    own: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())


class _Pairs(list[tuple[str, Any]]):
    """A JSON object that keeps names which come twice."""


def read_listing(data: bytes, filename: str) -> Listing:
    """Rows and columns of a product list. Raises BrokenFile where it is none."""
    content = _content(data, filename)
    columns = {
        plain(str(name)) for row in content.rows for name in (row.values if isinstance(row.values, dict) else ())
    }
    if not columns & {plain(name) for name in NAME}:
        seen = ", ".join(sorted(columns)[:8]) or "no columns at all"
        raise BrokenFile(
            f"{filename} is no list of products: no column says their names (it has {seen}). "
            "Call one of them name, title or product_name.",
            file=filename,
        )
    notes = list(content.notes)
    gtin: tuple[str, ...] = GTIN
    own: tuple[str, ...] = (*OWN, *LOOSE)
    if not columns & {plain(name) for name in GTIN} and "code" in columns:
        values = [str(row.values["code"]).strip() for row in content.rows if isinstance(row.values, dict)
                  and not blank(row.values.get("code"))]  # fmt: skip
        held = sum(value.isascii() and value.isdigit() and len(value) >= 8 and holds(value) for value in values)
        if values and held / len(values) >= MOST_BARCODES:
            gtin, own = ("code", *GTIN), (*OWN, *(name for name in LOOSE if name != "code"))
            notes.append(f"Column code holds bar codes: {held:,} of {len(values):,} have a check digit that holds")
    return Listing(content.rows, gtin, own, tuple(notes))


def listed(row: RawRow, listing: Listing, *, home: str, taxonomy: dict[str, str] | None = None) -> Listed:
    """One row, checked. Raises Fault for what cannot be stored; `home` is the brand's currency."""
    if not isinstance(row.values, dict):
        raise Fault("", row.values, "is not a row with fields")
    if TWICE in row.values:
        raise Fault(row.values[TWICE], "", "stands twice in this row")
    if MISFIT in row.values:
        raise Fault(
            "", row.values[MISFIT], "the line has more or fewer values than the header; look for a stray delimiter"
        )
    storable(row.values)
    fields = Fields(row.values)
    gtin_field, gtin = fields.first(listing.gtin)
    price_field, price = fields.first(PRICE)
    category = _text(fields, CATEGORY, 2000)
    if taxonomy and category.isdecimal():
        category = taxonomy.get(category, category)
    name = _text(fields, NAME, 200)
    if not name:
        raise Fault(NAME[0], "", "is missing; a product needs a name")
    return Listed(
        code=_text(fields, listing.own, 60),
        gtin="" if gtin is None else str(gtin),
        gtin_field=gtin_field,
        name=name,
        product_brand=_text(fields, BRAND, 120),
        size=_text(fields, SIZE, 60),
        category=_shortened(category),
        price=None if price is None else parse_amount(price, field=price_field, currency=None, home=home).amount,
    )


def read_taxonomy(lines: Sequence[str]) -> dict[str, str]:
    """Names by id of Google's product taxonomy, in both shapes it is published in (`1 - Animals`, and nested sets)."""
    found = {}
    for line in lines:
        match = None if line.startswith("#") else _TAXONOMY.match(line)
        if match:
            found[match[1]] = match[2].split(" > ")[-1].strip()
    return found


def _content(data: bytes, filename: str) -> Content:
    decoded = decode(data, filename)
    body = decoded.text.removeprefix("\ufeff").lstrip()
    if not body.startswith("{"):
        return read(data, filename)
    try:
        found = json.loads(body, parse_float=Decimal, object_pairs_hook=_Pairs)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise BrokenFile(f"{filename} is not valid JSON: {error}. Export it again.", file=filename) from error
    rows = next((value for name, value in found if name in LISTS and not isinstance(value, str)), None)
    if rows is None and all(isinstance(value, str) for _, value in found):
        rows = [_Pairs([("barcode", code), ("name", name)]) for code, name in found]
        notes = (*decoded.notes, "Read as bar codes with names")
    elif isinstance(rows, list) and not isinstance(rows, _Pairs):
        notes = decoded.notes
    else:
        raise BrokenFile(
            f'{filename} must be a list, an object with a list called "products", or bar codes with their names.',
            file=filename,
        )
    return Content([RawRow(number, _plain(row)) for number, row in enumerate(rows, start=1)], notes=notes)


def _plain(value: Any) -> Any:
    """Objects as dicts again; a name that came twice is marked."""
    if not isinstance(value, _Pairs):
        return [_plain(one) for one in value] if isinstance(value, list) else value
    made = {name: _plain(one) for name, one in value}
    names = [name for name, _ in value]
    if len(made) < len(names):
        made[TWICE] = next(name for name in names if names.count(name) > 1)
    return made


def _text(fields: Fields, names: tuple[str, ...], longest: int) -> str:
    name, value = fields.first(names)
    return "" if value is None else " ".join(text(value, field=name, longest=longest).split())


def _shortened(category: str) -> str:
    """The most particular part of a path or list of categories, as far as the column holds it."""
    last = re.split(r"\s*>\s*|,(?=\S)", category)[-1].strip()
    return last[:120]
