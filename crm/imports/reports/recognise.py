"""Which mapping fits a file: by the names in its header, and by its file name where the header leaves a choice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from pathlib import Path

from crm.imports.faults import BrokenFile
from crm.imports.reports.header import header_for
from crm.imports.reports.mapping import Footer, Mapping, note_in
from crm.imports.reports.names import plain
from crm.imports.reports.parsing import plan
from crm.imports.reports.tables import Table, table

SURE = 0.5  # a mapping with a lower score is not taken by itself
CLEAR = 0.03  # and one that leads by less is not, either
SAMPLE = 200
_BOOKKEEPING = ("fivetran", "airbyte", "dbt", "sdc")


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a mapping fits a header: `score` in [0, 1], and why in words."""

    mapping: str
    score: float
    why: str
    hinted: bool = False  # the file is called as the mapping expects


@dataclass(frozen=True, slots=True)
class Recognised:
    """`mapping` is the name of the one that fits, "" where none does or several do as well as each other.

    `header` and `sample` are the table itself (the first rows, texts), `facts` how the file was read, `fits` all
    mappings that could read it, best first.
    """

    mapping: str
    score: float
    why: str
    header: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    facts: dict[str, str] = field(default_factory=dict)
    fits: tuple[Fit, ...] = ()

    @property
    def fingerprint(self) -> str:
        """The same for every file with the same columns, whatever their order."""
        return fingerprint(self.header)


def fingerprint(header: Iterable[str]) -> str:
    joined = "\n".join(sorted({plain(name) for name in header}))
    return blake2b(joined.encode(), digest_size=16).hexdigest()


def recognise(path: Path, mappings: Iterable[Mapping], filename: str | None = None) -> Recognised:
    """What a file is. Raises BrokenFile where it is no table at all."""
    name = filename or path.name
    every = list(mappings)
    best: tuple[Table, list[Fit]] | None = None
    tables: dict[tuple[str, ...], Table] = {}
    plainly = table(path, name)
    tables[plainly.header.names] = plainly
    for mapping in every:  # a title row can look like a header: every mapping looks for its own
        found = header_for(mapping, plainly.head)[0]
        if found is not None and found.names not in tables:
            tables[found.names] = table(path, name, mapping)
    for one in tables.values():
        fits = ranked(every, one.header.names, name)
        if best is None or (fits and (not best[1] or fits[0].score > best[1][0].score)):
            best = (one, fits)
    assert best is not None
    found_table, fits = best
    chosen, why = _choice(fits)
    return Recognised(
        chosen, fits[0].score if fits else 0.0, why, found_table.header.names, _sample(found_table, every),
        found_table.facts, tuple(fits[:5]),
    )  # fmt: skip


def ranked(mappings: Iterable[Mapping], header: Sequence[str], filename: str) -> list[Fit]:
    """All mappings that can read a table with this header, best first."""
    fits = [fit for mapping in mappings if (fit := _fit(mapping, header, filename))]
    return sorted(fits, key=lambda fit: (-fit.score, fit.mapping))


def _fit(mapping: Mapping, header: Sequence[str], filename: str) -> Fit | None:
    names = {plain(name) for name in header if not plain(name).startswith(_BOOKKEEPING)} - {""}
    for mark in mapping.marks:
        if not {plain(name) for name in mark.split("|")} & names:
            return None
    try:
        plan(mapping, header, currency="", today=date.max, filename=filename)
    except BrokenFile:
        return None
    known = len(names & mapping.known_names())
    columns = list(mapping.every_column())
    present = sum(1 for _, column in columns if {plain(name) for name in column.names} & names)
    score = 0.6 * known / max(1, len(names)) + 0.3 * present / len(columns)
    hinted = [hint for hint in mapping.filenames if plain(hint) in plain(filename)]
    if hinted:
        score += 0.1 * max(len(plain(hint)) for hint in hinted) / max(1, len(plain(Path(filename).stem)))
    if not mapping.network:
        score *= 0.8  # what names a network knows more of its report than the plain one
    why = f"knows {known} of {len(names)} columns" + (
        f", and the file is called like one ({hinted[0]})" if hinted else ""
    )
    return Fit(mapping.name, round(min(1.0, score), 4), why, bool(hinted))


def _choice(fits: Sequence[Fit]) -> tuple[str, str]:
    if not fits:
        return "", "No mapping knows this header."
    if fits[0].score < SURE:
        return "", f"{fits[0].mapping} comes closest, but it only {fits[0].why}."
    rivals = [fit for fit in fits[1:] if fits[0].score - fit.score < CLEAR]
    if rivals and (not fits[0].hinted or any(fit.hinted for fit in rivals)):
        return "", f"{fits[0].mapping} and {fits[1].mapping} fit equally well: choose one."
    return fits[0].mapping, f"{fits[0].mapping} {fits[0].why}."


def _sample(found: Table, mappings: Sequence[Mapping]) -> tuple[tuple[str, ...], ...]:
    """The first rows of data: no blank row, no total of the file's own, no note below the data."""
    footers = {Footer(), *(mapping.footer for mapping in mappings)}
    for part in found.parts():
        keys = [f"c{at}" for at in range(found.width)]
        return tuple(
            row
            for row in part.frame.head(SAMPLE).select(keys).rows()
            if any(cell.strip() for cell in row)
            and not any(footer.is_total(row) for footer in footers)
            and not note_in(row)
        )
    return ()
