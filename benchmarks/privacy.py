"""Personal data: F1 per entity and sentences a second, against Presidio's pattern recognizers.

    .venv/bin/python -m benchmarks.privacy [--data FOLDER] [--json] [--write FILE]

Strict: kind, start and end are those of the label. Overlap: a find and a label of the same kind share a character.
Presidio gives scores and leaves the threshold to its user, so for each entity it is shown at the threshold that is best
for it on that very corpus. Names of people and places are labelled in the data, but neither side looks for them.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.privacy_corpus import KIND_OF, Sentence, made, published
from crm.privacy.detection import detect

HERE = Path(__file__).parent
DATA = HERE.parent.parent / "shared" / "data" / "pii"
PEER = HERE.parent / ".peers" / "presidio" / "bin" / "python"
HELD_OUT_SEED, HELD_OUT_SIZE = 20261121, 2000
THRESHOLDS = (0.0, 0.1, 0.3, 0.4, 0.5, 0.6, 0.8)
Spans = Sequence[tuple[str, int, int]]


@dataclass(frozen=True)
class Score:
    """Precision, recall and F1 of one kind, and how many labels there are."""

    precision: float
    recall: float
    f1: float
    labels: int


def score(gold: Sequence[Spans], found: Sequence[Spans], kind: str, *, strict: bool) -> Score:
    """Counts over all sentences (micro average)."""
    hits_found = hits_gold = total_found = total_gold = 0
    for labels, finds in zip(gold, found, strict=True):
        ours = [(start, end) for name, start, end in finds if name == kind]
        theirs = [(start, end) for name, start, end in labels if name == kind]
        total_found, total_gold = total_found + len(ours), total_gold + len(theirs)
        hits_found += sum(any(_same(one, label, strict) for label in theirs) for one in ours)
        hits_gold += sum(any(_same(one, label, strict) for one in ours) for label in theirs)
    precision = hits_found / total_found if total_found else 1.0
    recall = hits_gold / total_gold if total_gold else 1.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return Score(round(precision, 4), round(recall, 4), round(f1, 4), total_gold)


def ours(sentences: Sequence[Sentence]) -> tuple[list[list[tuple[str, int, int]]], float]:
    """Finds and seconds of one pass, after a warm-up."""
    for sentence in sentences[:50]:
        detect(sentence.text)
    began = time.perf_counter()
    found = [detect(sentence.text) for sentence in sentences]
    seconds = time.perf_counter() - began
    as_date = {"birth_date": "date"}
    return [[(as_date.get(s.kind, s.kind), s.start, s.end) for s in spans] for spans in found], seconds


def theirs(sentences: Sequence[Sentence]) -> tuple[list[list[tuple[str, int, int, float]]], float]:
    """The same of Presidio, with its scores."""
    python = str(PEER) if PEER.exists() else sys.executable
    run = subprocess.run(
        [python, "-W", "ignore", str(HERE / "peers" / "presidio_patterns.py")],
        input=json.dumps([sentence.text for sentence in sentences]), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if run.returncode:
        raise SystemExit(
            f"presidio did not run: {run.stderr[-600:]}\nInstall benchmarks/peers/requirements-presidio.txt."
        )
    said = json.loads(run.stdout[run.stdout.index('{"seconds"') :])
    return [[(KIND_OF[name], start, end, sure) for name, start, end, sure in one] for one in said["spans"]], said[
        "seconds"
    ]


def compare(name: str, sentences: Sequence[Sentence]) -> dict[str, Any]:
    """One corpus: both sides, every kind that it labels, strict and by overlap."""
    gold = [sentence.spans for sentence in sentences]
    mine, my_seconds = ours(sentences)
    peer, peer_seconds = theirs(sentences)
    cut = {at: [[(k, s, e) for k, s, e, sure in one if sure >= at] for one in peer] for at in THRESHOLDS}
    kinds = sorted({kind for spans in gold for kind, _, _ in spans})
    entities = {}
    for kind in kinds:
        entities[kind] = {
            way: {
                "ours": asdict(score(gold, mine, kind, strict=way == "strict")),
                "presidio": asdict(
                    max(
                        (score(gold, cut[at], kind, strict=way == "strict") for at in THRESHOLDS),
                        key=lambda one: one.f1,
                    )
                ),
            }
            for way in ("strict", "overlap")
        }
    return {
        "corpus": name,
        "sentences": len(sentences),
        "entities": entities,
        "sentences_per_s": {
            "ours": round(len(sentences) / my_seconds),
            "presidio": round(len(sentences) / peer_seconds),
            "ratio": round(peer_seconds / my_seconds, 1),
        },
    }


def _same(one: tuple[int, int], other: tuple[int, int], strict: bool) -> bool:
    return one == other if strict else one[0] < other[1] and other[0] < one[1]


def _table(result: dict[str, Any]) -> None:
    speed = result["sentences_per_s"]
    print(f"\n{result['corpus']}: {result['sentences']} sentences, F1 (precision / recall of ours)")
    print(f"{'entity':<16}{'labels':>7}{'strict':>9}{'presidio':>10}{'overlap':>9}{'presidio':>10}")
    for kind, by_way in result["entities"].items():
        strict, overlap = by_way["strict"], by_way["overlap"]
        print(
            f"{kind:<16}{strict['ours']['labels']:>7}{strict['ours']['f1']:>9.3f}{strict['presidio']['f1']:>10.3f}"
            f"{overlap['ours']['f1']:>9.3f}{overlap['presidio']['f1']:>10.3f}"
            f"   ({strict['ours']['precision']:.2f} / {strict['ours']['recall']:.2f})"
        )
    print(f"sentences/s: {speed['ours']:,} and {speed['presidio']:,}: {speed['ratio']} times")


def _misses(sentences: Sequence[Sentence], kind: str) -> None:
    found, _ = ours(sentences)
    for sentence, spans in zip(sentences, found, strict=True):
        wanted = {one for one in sentence.spans if one[0] == kind}
        got = {one for one in spans if one[0] == kind}
        for _, start, end in sorted(wanted - got):
            print("missed", repr(sentence.text[start:end]), "in", repr(sentence.text[max(0, start - 30) : end + 15]))
        for _, start, end in sorted(got - wanted):
            print("extra ", repr(sentence.text[start:end]), "in", repr(sentence.text[max(0, start - 30) : end + 15]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", type=Path)
    parser.add_argument("--misses", metavar="KIND", help="list what is missed on the corpus used for tuning (seed 1)")
    args = parser.parse_args()
    if not args.data.is_dir():
        raise SystemExit(f"--data: there is no folder {args.data}. It holds generated_small.json and templates.txt.")
    if args.misses:
        _misses(made(args.data, seed=1, size=600), args.misses)
        return
    results = [
        compare("published (tuned on)", published(args.data)),
        compare("templates, seed 1 (tuned on)", made(args.data, seed=1, size=600)),
        compare("templates, held out", made(args.data, seed=HELD_OUT_SEED, size=HELD_OUT_SIZE)),
    ]
    held_out = results[-1]
    whole = {
        "benchmark": "privacy",
        "unit": "F1; sentences per second",
        "seed": HELD_OUT_SEED,
        "ours": held_out["sentences_per_s"]["ours"],
        "peer": held_out["sentences_per_s"]["presidio"],
        "ratio": held_out["sentences_per_s"]["ratio"],
        "machine": {"python": platform.python_version(), "system": platform.platform()},
        "corpora": results,
    }
    if args.write:
        args.write.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    if args.json:
        print(json.dumps(whole))
        return
    for result in results:
        _table(result)


if __name__ == "__main__":
    main()
