"""Bar codes that spreadsheets ruined: how many are repaired rightly, and how many become another product.

The corpus is real codes (Open Food Facts, household bar codes), each ruined in every way that spreadsheets and people
ruin them. The catalogue holds a seeded part of the products only, and for each product left out its near neighbours:
valid codes that differ in one digit, in two that changed places, and in the last two digits. A repair that names
another product than the real one is false, whatever the catalogue says; a refusal is never false.
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
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from stdnum import ean

from benchmarks.peers.report import emit
from crm.products.gtin import Catalogue, check_digit, holds, normalise, restricted

Reader = Callable[[str, Catalogue], str]
DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "products"
COUNTED = ("trials", "inside", "right", "right inside", "refused", "false", "matched", "undetectable")
MACHINE = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def _significant(value: int, digits: int) -> str:
    """Scientific notation as Excel writes it, with so many digits behind the point."""
    mantissa, exponent = f"{value:.{digits}E}".split("E")
    return f"{mantissa}E{int(exponent):+03d}"


#: Ways to ruin a code as it stands on the package.
RUINS: dict[str, Callable[[str], str]] = {
    "as it is": lambda code: code,
    "in text quotes": lambda code: f'="{code}"',
    "zeros lost": lambda code: code.lstrip("0"),
    "trailing .0": lambda code: f"{int(code)}.0",
    "thousands, comma": lambda code: f"{int(code):,}",
    "thousands, point": lambda code: f"{int(code):,}".replace(",", "."),
    "thousands and cents": lambda code: f"{int(code):,}.00",
    "scientific, all digits": lambda code: _significant(int(code), len(str(int(code))) - 1),
    "scientific, 6 digits": lambda code: _significant(int(code), 5),
    "scientific, 3 digits": lambda code: _significant(int(code), 2),
    "scientific, 12 digits": lambda code: _significant(int(code), 11),
    "check digit cut": lambda code: code[:-1],
    "check digit cut, zeros lost": lambda code: code[:-1].lstrip("0"),
    "last digit rounded to 0": lambda code: code[:-1] + "0",
    "one digit mistyped": lambda code: code[:5] + str((int(code[5]) + 1) % 10) + code[6:],
}


@dataclass(frozen=True, slots=True)
class Trial:
    """A ruined code, the GTIN-14 it was, and whether the catalogue holds that product."""

    text: str
    truth: str
    ruin: str
    inside: bool


def ours(text: str, catalogue: Catalogue) -> str:
    return normalise(text, catalogue).gtin


def _digits(text: str) -> str:
    """What every naive reader does first: quotes off, float syntax read as a number, separators dropped."""
    bare = text.strip().strip('="').strip()
    try:
        return str(int(float(bare))) if "E" in bare or (bare.count(".") == 1 and "," not in bare) else _kept(bare)
    except ValueError:
        return _kept(bare)


def _kept(bare: str) -> str:
    body = bare.removesuffix(".00")
    return "".join(sign for sign in body if sign.isdigit())


def padding(text: str, catalogue: Catalogue) -> str:
    """Fill with zeros to 14; where the check digit does not hold, take it for cut off and put one on."""
    digits = _digits(text)
    if not 0 < len(digits) <= 14:
        return ""
    gtin, payload = digits.zfill(14), digits.zfill(13)[-13:]
    return gtin if holds(gtin) else payload + str(check_digit(payload))


def stdnum_alone(text: str, catalogue: Catalogue) -> str:
    """python-stdnum's compact and validate, filled to 14; what it refuses is refused."""
    bare = text.strip().strip('="')
    try:
        return ean.validate(bare.zfill(13) if len(bare) < 13 and bare.isdigit() else bare).zfill(14)
    except Exception:  # noqa: BLE001 - stdnum has several, all mean refused
        return ""


def nearest(text: str, catalogue: Catalogue) -> str:
    """The only product of the catalogue that begins (or reads) alike: what a lookup by prefix would do."""
    gtin = padding(text, catalogue)
    if gtin in catalogue:
        return gtin
    bare = text.strip().strip('="')
    if "E" in bare:
        value, gone = int(float(bare)), max(0, int(bare.split("E")[1]) - len(bare.split("E")[0]) + 2)
        found = catalogue.between(value - 10**gone, value + 10**gone)
        return found[0] if len(found) == 1 else ""
    return ""


READERS: dict[str, Reader] = {
    "ours": ours,
    "zeros and check digit": padding,
    "stdnum alone": stdnum_alone,
    "nearest in catalogue": nearest,
}


def real_codes() -> list[str]:
    """Valid codes that mean something everywhere, as they stand in the files, each product once."""
    found: dict[str, str] = {}
    with gzip.open(DATA / "openfoodfacts" / "off_export_sample.csv.gz") as packed:
        rows = csv.DictReader(io.TextIOWrapper(packed, "utf-8"))
        given: Iterable[str] = [row["code"] for row in rows]
    given = [*given, *json.loads((DATA / "household_barcodes.json").read_text())]
    for code in map(str.strip, given):
        plain = len(code) in (8, 12, 13, 14) and code.isdigit() and holds(code)
        gtin = code.zfill(14)
        if plain and not restricted(gtin) and len(gtin.lstrip("0")) >= 8:
            found.setdefault(gtin, code)
    return list(found.values())


def neighbours(gtin: str) -> set[str]:
    """Valid codes next to one: one digit changed and two swapped (the check digit follows), all with the same front."""
    payload = gtin[:13]
    near = {payload[:at] + digit + payload[at + 1 :] for at in range(1, 13) for digit in "0123456789"}
    near |= {payload[:at] + payload[at + 1] + payload[at] + payload[at + 2 :] for at in range(12)}
    made = {body + str(check_digit(body)) for body in near}
    made |= {code for code in (gtin[:12] + f"{tail:02d}" for tail in range(100)) if holds(code)}
    return made - {gtin}


def corpus(codes: list[str], seed: int, share: float) -> tuple[Catalogue, list[Trial]]:
    """A catalogue of a seeded share of the products with neighbours of the others, and every code ruined every way.

    Products that are themselves a neighbour stay what they are: the catalogue never holds a product that is left out.
    """
    rng = random.Random(seed)
    inside = {code.zfill(14) for code in codes if rng.random() < share}
    outside = [code.zfill(14) for code in codes if code.zfill(14) not in inside]
    planted = {near for gtin in outside for near in neighbours(gtin)} - set(outside)
    trials = []
    for code in codes:
        gtin = code.zfill(14)
        for name, ruin in RUINS.items():
            text = ruin(code)
            if name in ("as it is", "in text quotes") or text != code:
                trials.append(Trial(text, gtin, name, gtin in inside))
    return Catalogue(inside | planted), trials


def measure(reader: Reader, catalogue: Catalogue, trials: list[Trial]) -> dict[str, Any]:
    """Counts by ruin: `right`, `refused`, `false` (another code), `matched` (a wrong code that the catalogue has).

    A text that is itself a whole valid code (a cut code that holds by chance) is counted apart as `undetectable`: no
    reader can tell it from a code as it is. They are counted for every reader alike.
    """
    by_ruin: dict[str, Counter[str]] = {}
    began = time.perf_counter()
    for trial in trials:
        counts = by_ruin.setdefault(trial.ruin, Counter(dict.fromkeys(COUNTED, 0)))
        gtin = reader(trial.text, catalogue)
        outcome = "right" if gtin == trial.truth else _wrong(gtin, trial.text)
        counts.update(["trials", outcome])
        counts["inside"] += trial.inside
        counts["right inside"] += trial.inside and outcome == "right"
        counts["matched"] += outcome not in ("right", "refused") and gtin in catalogue
    seconds = time.perf_counter() - began
    sums: Counter[str] = Counter()
    for counts in by_ruin.values():
        sums.update(counts)
    return {**sums, "codes_per_s": round(len(trials) / seconds), "by_ruin": by_ruin}


def _wrong(gtin: str, text: str) -> str:
    whole = len(text) in (8, 12, 13, 14) and text.isdigit() and holds(text)
    return "refused" if not gtin else "undetectable" if whole and gtin == text.zfill(14) else "false"


def main() -> None:
    given = _arguments()
    codes = real_codes()
    shares = (0.0, 0.5, 1.0)
    worlds: dict[str, Any] = {}
    for share in shares:
        catalogue, trials = corpus(codes, given.seed, share)
        worlds[f"{share:.0%} of the products known"] = {
            "catalogue": len(catalogue),
            "trials": len(trials),
            **{name: measure(reader, catalogue, trials) for name, reader in READERS.items()},
        }
    totals = {name: {key: sum(world[name][key] for world in worlds.values()) for key in COUNTED} for name in READERS}
    mine, peer = totals["ours"]["false"], totals["zeros and check digit"]["false"]
    kept = {
        "benchmark": "gtin",
        "ours": mine,
        "peer": peer,
        "peer_name": "zeros and check digit",
        "ratio": mine / peer if peer else None,
        "unit": "false repairs",
        "totals": totals,
        "seed": given.seed,
        "sizes": {"codes": len(codes), "ways": len(RUINS), "trials": sum(world["trials"] for world in worlds.values())},
        "date": datetime.now(UTC).date().isoformat(),
        "machine": MACHINE,
        "worlds": worlds,
    }
    if not given.json:
        print(table(kept))
    emit(kept, to_stdout=given.json, path=given.write)


def table(kept: dict[str, Any]) -> str:
    """Sums of each reader, and ours by way of ruining."""
    sizes = kept["sizes"]
    lines = [f"{sizes['codes']} real codes, {sizes['ways']} ways, three catalogues, seed {kept['seed']}", ""]
    shown = ("inside", "right inside", "right", "refused", "false", "matched", "undetectable")
    lines.append(f"{'':28}" + "".join(f"{name:>14}" for name in shown))
    for name, sums in kept["totals"].items():
        lines.append(f"{name:28}" + "".join(f"{sums[key]:14,}" for key in shown))
    half = kept["worlds"]["50% of the products known"]["ours"]
    lines += ["", "ours, half of the products known"]
    for ruin, counts in half["by_ruin"].items():
        lines.append(f"{ruin:28}" + "".join(f"{counts[key]:14,}" for key in shown))
    return "\n".join([*lines, "", f"{half['codes_per_s']:,} codes a second"])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Right and false repairs of bar codes that spreadsheets ruined.")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--write", type=Path, help="also write the JSON object to this file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
