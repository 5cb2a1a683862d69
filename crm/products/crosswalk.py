"""The crosswalk: under which codes retailers know our products, found in bulk and decided by people one by one.

A code settles itself only where it is a bar code that exactly one of our products has. Everything else waits with
the best proposal and what was compared. A decision reaches the facts that carry the code; it can be taken back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet, Sum
from django.utils import timezone

from crm.errors import EndcapError
from crm.models import SKU, Brand, PerformanceMetric, Retailer, RetailerItem
from crm.products.gtin import Catalogue, Done, Normalised, looks_like_one, normalise
from crm.products.matching import Ours, Proposal, Row, Shelf, Theirs

CHUNK = 2000
UNDO_DEPTH = 10
BAR_CODE = "Bar code"
State = RetailerItem.State


class AlreadyDecided(EndcapError):
    """Somebody decided about this code before; it has to be undone first."""

    status = 409


class CannotUndo(EndcapError):
    """The decision is not among the last ones, or there is none."""

    status = 409


class NotOurs(EndcapError):
    """No product to accept was proposed or chosen, or it is another brand's."""

    status = 422


@dataclass(frozen=True, slots=True)
class Seen:
    """An item as a report or a product list names it. `gtin`: a bar code beside the retailer's own code."""

    scheme: str
    code: str
    name: str = ""
    size: str = ""
    price: Decimal | None = None
    gtin: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a decision changed: the item, and how many rows of facts got (or lost) their product."""

    item: RetailerItem
    rows: int


@dataclass(frozen=True, slots=True)
class Summary:
    """How many codes wait for a person, are ours, and are not."""

    waiting: int
    matched: int
    rejected: int


class Known:
    """Products of a brand, by bar code and ready for comparison: two queries, made once for a whole file."""

    def __init__(self, brand: Brand) -> None:
        self.brand = brand
        rows = list(SKU.objects.for_brand(brand).order_by("code"))
        self.by_gtin = {sku.gtin: sku for sku in rows if sku.gtin}
        self.catalogue = Catalogue(self.by_gtin)
        self._rows = rows
        self._shelf: Shelf | None = None

    @property
    def shelf(self) -> Shelf:
        if self._shelf is None:
            self._shelf = Shelf([_ours(sku) for sku in self._rows])
        return self._shelf


def repairer(brand: Brand) -> Callable[[Sequence[str]], dict[str, str]]:
    """Puts codes of a report back that a spreadsheet wrote as `4.006381333931E+12`, where nothing is guessed.

    A code comes back with as many digits as its exponent says, as the report would have had it: one that was not opened
    in a spreadsheet is then the same row. The bar codes are read here, as reports are parsed in threads of their own.
    """
    catalogue = Catalogue(list(SKU.objects.for_brand(brand).exclude(gtin="").values_list("gtin", flat=True)))

    def repair(ruined: Sequence[str]) -> dict[str, str]:
        found = {code: normalise(code, catalogue) for code in ruined}
        return {
            code: one.gtin[-int(re.split(r"[eE]\+?", code)[1]) - 1 :]
            for code, one in found.items()
            if one and one.known
        }

    return repair


def resolve(
    brand: Brand,
    retailer: Retailer | None,
    items: Iterable[Seen | Sequence[Any]],
    *,
    known: Known | None = None,
) -> dict[str, int | None]:
    """SKU ids by code, None where a person must decide. `items` are `Seen`, or tuples in the order of its fields.

    Codes met for the first time become RetailerItems: matched where a bar code says so, else waiting with a proposal.
    A few queries for every 2,000 items. Pass `known` when the same brand is asked several times.
    """
    wanted: dict[tuple[str, str], Seen] = {}
    for given in items:
        item = given if isinstance(given, Seen) else Seen(*given)
        code = item.code.strip()[:80]
        if code:
            wanted.setdefault((item.scheme, code), item)
    found: dict[str, int | None] = {}
    rows = iter(wanted.items())
    while chunk := dict(islice(rows, CHUNK)):
        known = _resolve_chunk(brand, retailer, chunk, found, known)
    return found


def _resolve_chunk(
    brand: Brand,
    retailer: Retailer | None,
    wanted: dict[tuple[str, str], Seen],
    found: dict[str, int | None],
    known: Known | None,
) -> Known | None:
    stored = RetailerItem.objects.for_brand(brand).filter(retailer=retailer, code__in=[code for _, code in wanted])
    rows = {(row.scheme, row.code): row for row in stored.all()}
    new = [key for key in wanted if key not in rows]
    named = [key for key, row in rows.items() if key in wanted and _says_more(wanted[key], row)]
    if new or named:
        known = known or Known(brand)
        made = [_first_seen(brand, retailer, scheme, code, wanted[scheme, code], known) for scheme, code in new]
        RetailerItem.objects.for_brand(brand).bulk_create(made, batch_size=500, ignore_conflicts=True)
        _look_at([_told(rows[key], wanted[key]) for key in named], known)
        # another worker may have been first
        said = list(stored.values_list("scheme", "code", "state", "sku"))
    else:
        said = [(row.scheme, row.code, row.state, row.sku_id) for row in rows.values()]
    for scheme, code, state, sku in said:
        if (scheme, code) in wanted:
            found[code] = sku if state == State.MATCHED else found.get(code)
    return known


def look_again(brand: Brand, *, known: Known | None = None) -> int:
    """Compare everything that waits with the products as they are now; how many a bar code settled."""
    known = known or Known(brand)
    rows = list(RetailerItem.objects.for_brand(brand).filter(state=State.WAITING).order_by("pk"))
    _look_at(rows, known)
    settled = [row for row in rows if row.state == State.MATCHED]
    for row in settled:
        _facts_of(row).filter(sku__isnull=True).update(sku=row.sku)
    return len(settled)


def read_code(item: RetailerItem | Seen, known: Known) -> Normalised | None:
    """What the item's bar code says, or None where it has none. A ruined one often comes as the shop's own number."""
    if isinstance(item, Seen):
        text = item.gtin
    else:  # what stood beside the item's own code is kept in its evidence
        text = next((row["theirs"] for row in item.evidence if row["compared"] == BAR_CODE), "")
    ruined = item.scheme == RetailerItem.Scheme.ITEM and looks_like_one(item.code)
    if item.scheme == RetailerItem.Scheme.GTIN or (ruined and not text):
        text = item.code
    return normalise(text, known.catalogue) if text else None


@transaction.atomic
def accept(item: RetailerItem, sku: SKU | None = None, *, by: Any) -> Effect:
    """The item is this product (the proposed one by default); its facts get it. Raises AlreadyDecided, NotOurs."""
    row = _to_decide(item)
    chosen = sku or row.proposed
    if chosen is None:
        raise NotOurs(f"Nothing was proposed for {row.code}. Choose the product it is.", field="sku", value="")
    if chosen.brand_id != row.brand_id:
        raise NotOurs(f"{chosen.code} is no product of {row.brand}.", field="sku", value=chosen.code)
    row.state, row.sku = State.MATCHED, chosen
    _sign(row, by)
    return Effect(row, _facts_of(row).filter(sku__isnull=True).update(sku=chosen))


@transaction.atomic
def reject(item: RetailerItem, *, by: Any) -> Effect:
    """The item is none of ours; its facts stay without a product. Raises AlreadyDecided."""
    row = _to_decide(item)
    row.state, row.sku = State.REJECTED, None
    _sign(row, by)
    return Effect(row, 0)


@transaction.atomic
def undo(item: RetailerItem, *, by: Any) -> Effect:
    """Take a decision back: the item waits again and its facts lose the product. Raises CannotUndo.

    Only the last ten decisions of the brand can be taken back, by whoever may decide.
    """
    row: RetailerItem = RetailerItem.objects.for_brand(item.brand_id).select_for_update().get(pk=item.pk)
    if not any(one.pk == row.pk for one in last_decisions(row.brand_id)):
        raise CannotUndo(f"{row.code} is not among the last {UNDO_DEPTH} decisions, so it cannot be undone here.")
    was = row.sku
    row.state, row.sku = State.WAITING, None
    row.decided_by, row.decided_at = None, None
    row.save(update_fields=["state", "sku", "decided_by", "decided_at"])
    return Effect(row, _facts_of(row).filter(sku=was).update(sku=None) if was else 0)


def last_decisions(brand: Brand | int, *, by: Any = None) -> list[RetailerItem]:
    """Decisions of people that can be undone, the newest first; only those of one person with `by`."""
    rows = RetailerItem.objects.for_brand(brand).filter(decided_by__isnull=False, decided_at__isnull=False)
    newest = list(rows.select_related("sku", "retailer", "decided_by").order_by("-decided_at", "-pk")[:UNDO_DEPTH])
    return newest if by is None else [row for row in newest if row.decided_by_id == by.pk]


def waiting(brand: Brand) -> QuerySet[Any]:
    """The review queue, the likeliest first."""
    rows: QuerySet[Any] = RetailerItem.objects.for_brand(brand).filter(state=State.WAITING)
    return rows.select_related("retailer", "proposed").order_by(F("confidence").desc(nulls_last=True), "pk")


def summary(brand: Brand) -> Summary:
    """What the Data page says about the crosswalk: one query."""
    counted = RetailerItem.objects.for_brand(brand).aggregate(
        waiting=Count("pk", filter=Q(state=State.WAITING)),
        matched=Count("pk", filter=Q(state=State.MATCHED)),
        rejected=Count("pk", filter=Q(state=State.REJECTED)),
    )
    return Summary(**counted)


def reach(item: RetailerItem) -> tuple[int, Decimal | None]:
    """Rows of facts without a product that carry the item's code, and their spend: what accepting would settle."""
    summed = _facts_of(item).filter(sku__isnull=True).aggregate(rows=Count("pk"), spend=Sum("spend"))
    return summed["rows"], summed["spend"]


def rows_by_item(items: Sequence[RetailerItem]) -> dict[int, int]:
    """Rows of facts without a product for each item, by its id: one query."""
    if not items:
        return {}
    facts = PerformanceMetric.objects.for_brand(items[0].brand_id).filter(
        item__in={item.code for item in items}, sku__isnull=True
    )
    counts = {
        (row["retailer"], row["item"]): row["rows"]
        for row in facts.order_by().values("retailer", "item").annotate(rows=Count("pk"))
    }
    return {item.pk: counts.get((item.retailer_id, item.code), 0) for item in items}


def _facts_of(item: RetailerItem) -> QuerySet[Any]:
    """Facts that carry the item's code. A bar code without a retailer means the same everywhere."""
    facts: QuerySet[Any] = PerformanceMetric.objects.for_brand(item.brand_id).filter(item=item.code)
    if item.retailer_id is not None:
        return facts.filter(retailer=item.retailer_id)
    return facts if item.scheme == RetailerItem.Scheme.GTIN else facts.filter(Q(pk__in=[]))


def _to_decide(item: RetailerItem) -> RetailerItem:
    row: RetailerItem = RetailerItem.objects.for_brand(item.brand_id).select_for_update().get(pk=item.pk)
    if row.state != State.WAITING:
        who = f" by {row.decided_by}" if row.decided_by_id else ""
        word = "matched" if row.state == State.MATCHED else "marked as not ours"
        raise AlreadyDecided(f"{row.code} was {word}{who} before. Undo that first.", state=row.state)
    return row


def _sign(row: RetailerItem, by: Any) -> None:
    row.decided_by, row.decided_at = by, timezone.now()
    row.save(update_fields=["state", "sku", "decided_by", "decided_at"])


def _first_seen(
    brand: Brand, retailer: Retailer | None, scheme: str, code: str, seen: Seen, known: Known
) -> RetailerItem:
    row = RetailerItem(brand=brand, retailer=retailer, scheme=scheme, code=code)
    _judge(_told(row, seen), known, read_code(Seen(scheme, code, gtin=seen.gtin), known))
    return row


def _says_more(seen: Seen, row: RetailerItem) -> bool:
    """Whether a report names what an earlier one left out, of an item that still waits."""
    if row.state != State.WAITING:
        return False
    blank = (not row.name and seen.name) or (not row.size and seen.size) or (row.price is None and seen.price)
    return bool(blank)


def _told(row: RetailerItem, seen: Seen) -> RetailerItem:
    row.name = row.name or seen.name.strip()[:300]
    row.size = row.size or seen.size.strip()[:60]
    row.price = seen.price if row.price is None else row.price
    return row


def _look_at(rows: Sequence[RetailerItem], known: Known) -> None:
    """Judge waiting items again and store what came of it."""
    for row in rows:
        _judge(row, known, read_code(row, known))
    if rows:
        fields = ["name", "size", "price", "state", "sku", "proposed", "confidence", "evidence", "decided_at"]
        RetailerItem.objects.for_brand(known.brand).bulk_update(rows, fields, batch_size=200)


def _judge(row: RetailerItem, known: Known, code: Normalised | None) -> None:
    """Matched where a bar code says so, else waiting with the best proposal; writes on the row, stores nothing."""
    sku = known.by_gtin.get(code.gtin) if code else None
    if code and sku is not None and not code.restricted:
        row.state, row.sku, row.proposed, row.confidence = State.MATCHED, sku, sku, 1.0
        row.decided_at = timezone.now()
        note = "" if code.done is not Done.REPAIRED else f"repaired: {', '.join(code.steps)}"
        row.evidence = [Row(BAR_CODE, code.given, sku.gtin, "same", note).as_dict()]
        return
    digits = "".join(sign for sign in (code.given if code else "") if sign.isdigit())
    price = None if row.price is None else float(row.price)
    found = known.shelf.propose(Theirs(row.code, row.name, row.size, digits, price))
    row.evidence = _evidence(found, code)
    row.proposed_id = found.ours.key if found else None
    row.confidence = found.confidence if found else None


def _evidence(found: Proposal | None, code: Normalised | None) -> list[dict[str, str]]:
    """What was compared, the bar code first, as it was given and why it settled nothing."""
    rows = [row.as_dict() for row in found.evidence] if found else []
    if code is None:
        return rows
    if code.done is Done.REFUSED:
        note = f"cannot be used: {code.reason}"
    else:
        note = "a number of one shop only" if code.restricted else "none of our products has it"
    return [Row(BAR_CODE, code.given, "", "", note).as_dict(), *rows]


def _ours(sku: SKU) -> Ours:
    return Ours(
        key=sku.pk, code=sku.code, name=sku.name, product_brand=sku.product_brand, size=sku.size, gtin=sku.gtin,
        price=None if sku.price is None else float(sku.price),
    )  # fmt: skip
