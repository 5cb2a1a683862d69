"""How well a retailer's item is told to be one of our products by its words and size, and whether the confidence holds.

Real product names (Open Food Facts, household bar codes; with real brands and sizes where the file has them) are
written as retailers write them: shouted, words cut off, vowels left out, words dropped, swapped or run together, sizes
in other units, prices that differ. Half of the products are kept out of the catalogue, so that half of the items are
none of ours. The coefficients are fitted on one half of the products and everything below is measured on the other.

What is proposed never settles anything by itself: the threshold shows what would happen if it did.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import os
import platform
import random
import re
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from rapidfuzz import fuzz, process
from sklearn.linear_model import LogisticRegression

from benchmarks.peers.report import emit
from crm.products.matching import COEFFICIENTS, FEATURES, Ours, Shelf, Theirs, lead_of, sigmoid
from crm.products.sizes import parse_size

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "products"
MACHINE = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.98)
SIZES = ("250 g", "500 g", "1 kg", "330 ml", "750 ml", "1 l", "6 x 27 g", "100 g", "2 x 80 g")


@dataclass(frozen=True, slots=True)
class Trial:
    """An item as a shop writes it, and the product it is: None where the catalogue does not have it."""

    item: Theirs
    truth: int | None


def products(seed: int) -> list[Ours]:
    """Real names, each once. Where the file has no size, a seeded one is given to every other product, so that sizes
    take part; prices are seeded, too: no file at hand has both names and prices."""
    rng = random.Random(seed)
    seen: dict[tuple[str, str], Ours] = {}
    with gzip.open(DATA / "openfoodfacts" / "off_export_sample.csv.gz") as packed:
        for row in csv.DictReader(io.TextIOWrapper(packed, "utf-8")):
            brand = row["brands"].split(",")[0].strip()
            size = row["quantity"] if parse_size(row["quantity"]) else ""
            _add(seen, row["product_name"], brand, size, rng)
    for name in json.loads((DATA / "household_barcodes.json").read_text()).values():
        _add(seen, name, "", "", rng)
    return list(seen.values())


def _add(seen: dict[tuple[str, str], Ours], name: str, brand: str, size: str, rng: random.Random) -> None:
    name = " ".join(name.split())
    if len(name) < 4 or (name.casefold(), brand.casefold()) in seen:
        return
    size = size or (rng.choice(SIZES) if rng.random() < 0.5 else "")
    at = len(seen)
    seen[name.casefold(), brand.casefold()] = Ours(
        at, f"P{at}", name, brand, size, "", round(rng.lognormvariate(1.1, 0.5), 2)
    )


def as_a_shop_writes(product: Ours, rng: random.Random) -> Theirs:
    """The product as it stands in a retailer's list: see the module."""
    words = [_shortened(word, rng) for word in re.findall(r"[^\W_]+", f"{product.product_brand} {product.name}")]
    if len(words) > 2 and rng.random() < 0.3:
        words.pop(rng.randrange(len(words)))
    if len(words) > 1 and rng.random() < 0.2:
        at = rng.randrange(len(words) - 1)
        words[at : at + 2] = [words[at] + words[at + 1]] if rng.random() < 0.4 else [words[at + 1], words[at]]
    name = " ".join(words)
    size = parse_size(product.size)
    if size is not None and rng.random() < 0.8:
        name += " " + _written(size.total / size.packs, size.unit, size.packs, rng)
    price = (
        None
        if rng.random() < 0.4
        else round((product.price or 1) * rng.choice((1, 1, 0.99, 1.05, 0.9, 1.2, 0.75, 0.6)), 2)
    )
    return Theirs(f"VF-{rng.randrange(10**6)}", name.upper() if rng.random() < 0.7 else name, price=price)


def _shortened(word: str, rng: random.Random) -> str:
    if len(word) < 4 or word.isdigit():
        return word
    way = rng.random()
    if way < 0.2:
        return word[0] + re.sub(r"[aeiouyàâäéèêëîïôöùûüœæ]", "", word[1:], flags=re.IGNORECASE)
    if way < 0.4:
        return word[: rng.randint(3, max(3, len(word) - 2))]
    if way < 0.45:
        at = rng.randrange(1, len(word) - 1)
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word


def _written(each: float, unit: str, packs: int, rng: random.Random) -> str:
    if unit == "g" and each >= 1000 and rng.random() < 0.7:
        text = f"{each / 1000:g}KG"
    elif unit == "ml" and each >= 100 and rng.random() < 0.5:
        text = f"{each / 1000:g}L" if each >= 1000 else f"{each / 10:g}CL"
    else:
        text = f"{each:g}{ {'g': 'G', 'ml': 'ML', 'pieces': 'CT', 'mm': 'MM'}[unit] }"
    return f"{packs}x{text}" if packs > 1 else text


def trials(listed: list[Ours], seed: int) -> tuple[list[Ours], list[Trial]]:
    """Half of the products are the catalogue; every product is written twice as a shop would."""
    rng = random.Random(seed)
    inside = [product for product in listed if rng.random() < 0.5]
    held = {product.key for product in inside}
    made = [Trial(as_a_shop_writes(one, rng), one.key if one.key in held else None) for one in listed for _ in range(2)]
    return inside, made


def features(catalogue: list[Ours], made: list[Trial]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """(n, features) of the best candidate of each item that has one, and whether it is right."""
    shelf = Shelf(catalogue)
    x, y = [], []
    for trial in made:
        ranked = shelf.compare(trial.item)
        if ranked:
            x.append(ranked[0].features(lead_of(ranked)))
            y.append(ranked[0].ours.key == trial.truth)
    return np.array(x), np.array(y)


def measure(catalogue: list[Ours], made: list[Trial], coefficients: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Precision and recall at the thresholds, how often the right product is first, Brier score, calibration error."""
    began = time.perf_counter()
    x, y = features(catalogue, made)
    seconds = time.perf_counter() - began
    p = np.array([sigmoid(float(value)) for value in x @ coefficients])
    known = sum(trial.truth is not None for trial in made)
    at = {}
    for threshold in THRESHOLDS:
        taken = p >= threshold
        right = int(y[taken].sum())
        at[str(threshold)] = _share(right, int(taken.sum()), known)
    bins = np.clip((p * 10).astype(int), 0, 9)
    ece = sum(
        abs(p[bins == b].mean() - y[bins == b].mean()) * (bins == b).mean() for b in range(10) if (bins == b).any()
    )
    return {
        "items": len(made), "ours_among_them": known, "products": len(catalogue),
        "right_is_first": round(float(y.sum()) / known, 4), "at": at,
        "brier": round(float(np.mean((p - y) ** 2)), 4), "calibration_error": round(float(ece), 4),
        "items_per_s": round(len(made) / seconds),
    }  # fmt: skip


def _share(right: int, taken: int, known: int) -> dict[str, float]:
    return {"precision": round(right / max(1, taken), 4), "recall": round(right / known, 4), "wrong": taken - right}


def peer(catalogue: list[Ours], made: list[Trial]) -> dict[str, Any]:
    """rapidfuzz's token_set_ratio on the whole names, the usual way: precision and recall at its scores."""
    names = [f"{one.product_brand} {one.name} {one.size}".lower() for one in catalogue]
    known = sum(trial.truth is not None for trial in made)
    found = [
        (process.extractOne(trial.item.name.lower(), names, scorer=fuzz.token_set_ratio), trial.truth) for trial in made
    ]
    at = {}
    for threshold in THRESHOLDS:
        taken = [catalogue[best[2]].key == truth for best, truth in found if best and best[1] >= threshold * 100]
        at[str(threshold)] = _share(sum(taken), len(taken), known)
    first = sum(bool(best) and catalogue[best[2]].key == truth for best, truth in found)
    return {"right_is_first": round(first / known, 4), "at": at}


def fit(catalogue: list[Ours], made: list[Trial]) -> np.ndarray[Any, Any]:
    """Coefficients by logistic regression (L2, C=1); what the data never shows keeps its prior."""
    x, y = features(catalogue, made)
    shown = x.std(axis=0) > 0
    model = LogisticRegression(C=1.0, max_iter=5000).fit(x[:, shown], y)
    found = np.array(COEFFICIENTS, dtype=np.float64)
    found[shown] = model.coef_[0]
    found[0] = model.intercept_[0]
    return found


def main() -> None:
    given = _arguments()
    listed = products(given.seed)
    random.Random(given.seed).shuffle(listed)
    half = len(listed) // 2
    if given.fit:
        found = fit(*trials(listed[:half], given.seed))
        print(dict(zip(FEATURES, np.round(found, 2).tolist(), strict=True)))
        return
    catalogue, made = trials(listed[half:], given.seed + 1)
    mine, other = measure(catalogue, made, COEFFICIENTS), peer(catalogue, made)
    kept = {
        "benchmark": "matching",
        "ours": mine["at"]["0.95"]["precision"],
        "peer": other["at"]["0.95"]["precision"],
        "peer_name": "rapidfuzz token_set_ratio",
        "ratio": round(mine["at"]["0.95"]["precision"] / max(1e-9, other["at"]["0.95"]["precision"]), 4),
        "unit": "precision at confidence 0.95 (score 95)",
        "seed": given.seed,
        "sizes": {"names": len(listed), "measured_on": mine["items"]},
        "date": datetime.now(UTC).date().isoformat(),
        "machine": MACHINE,
        "results": {"ours": mine, "rapidfuzz token_set_ratio": other},
    }
    if not given.json:
        print(table(kept))
    emit(kept, to_stdout=given.json, path=given.write)


def table(kept: dict[str, Any]) -> str:
    mine = kept["results"]["ours"]
    known = f"{mine['ours_among_them']} of them among {mine['products']} products"
    lines = [f"{mine['items']} items, {known}; seed {kept['seed']}"]
    lines.append(f"{'':28}{'first':>8}" + "".join(f"{'P @ ' + str(t):>11}{'R':>8}" for t in THRESHOLDS))
    for name, one in kept["results"].items():
        cells = "".join(f"{one['at'][str(t)]['precision']:11.3f}{one['at'][str(t)]['recall']:8.3f}" for t in THRESHOLDS)
        lines.append(f"{name:28}{one['right_is_first']:8.3f}{cells}")
    lines.append(
        f"Brier {mine['brier']}, calibration error {mine['calibration_error']}, {mine['items_per_s']:,} items a second"
    )
    return "\n".join(lines)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Precision and recall of matching by words and size.")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--fit", action="store_true", help="fit the coefficients on the training half and print them")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--write", type=Path, help="also write the JSON object to this file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
