"""What a file holds: sales, leads or deals, told from its wrapper or its columns. Where both fit, a person must say."""

from __future__ import annotations

from crm.imports.faults import BrokenFile
from crm.imports.reading import Content
from crm.imports.words import plain

KINDS = ("sales", "leads", "deals")

# A column that only one kind has. Checked in the plain form (case, spaces, _ and - do not matter).
_ONLY_DEALS = {"dealid", "opportunityid", "dealname", "opportunityname", "dealstage", "pipeline", "pipelinename",
               "dealpipeline", "probability", "winprobability", "stageprobability", "closedate",
               "expectedclosedate"}  # fmt: skip
_ONLY_SALES = {"saleid", "soldat", "saledate"}
_STAGES = {"stage", "pipelinestage", "status"}
_MONEY = {"amount", "value", "total", "revenue"}
_DAY = {"date", "closedat", "timestamp", "createdat"}


def kind_of(content: Content, filename: str, asked: str = "auto") -> str:
    """`sales`, `leads` or `deals`. Raises BrokenFile when the file fits several or none, or contradicts `asked`."""
    if asked not in ("auto", *KINDS):
        raise BrokenFile(f"{asked} is not a kind of file; choose {', '.join(KINDS)} or auto.", kind=asked)
    if content.wrapper:
        if asked not in ("auto", content.wrapper):
            raise BrokenFile(f'{filename} says it holds "{content.wrapper}", but {asked} was asked for.', file=filename)
        return content.wrapper
    if asked != "auto":
        return asked
    columns = _columns(content)
    fits = _fits(columns)
    if len(fits) == 1:
        return fits[0]
    seen = ", ".join(sorted(columns)[:8]) or "no columns at all"
    told = (
        f"could hold {' or '.join(fits)}" if fits else "holds neither sales nor leads nor deals that can be recognised"
    )
    raise BrokenFile(
        f"{filename} {told} (it has {seen}). Choose the kind when you import it, or name the list in the file.",
        file=filename,
    )


def fitting(content: Content) -> list[str]:
    """Every kind that the content could be; none for what is not from a CRM."""
    return [content.wrapper] if content.wrapper else _fits(_columns(content))


def _columns(content: Content) -> set[str]:
    columns = {plain(name) for name in content.header}
    for row in content.rows:
        if isinstance(row.values, dict):
            columns.update(plain(str(name)) for name in row.values)
    return columns


def _fits(columns: set[str]) -> list[str]:
    only_deals, only_sales = columns & _ONLY_DEALS, columns & _ONLY_SALES
    # `status` beside a sale's id or day is the state of a payment; `stage` is a stage wherever it stands.
    staged = columns & (_STAGES - {"status"} if only_sales else _STAGES)
    if only_deals and not only_sales:
        return ["deals"]
    if only_sales:
        return ["sales"] + (["leads"] if staged else []) + (["deals"] if only_deals else [])
    if staged or "leadid" in columns:
        if columns & _MONEY and columns & _DAY and not staged:
            return ["sales", "leads"]
        return ["leads"]
    if columns & _MONEY and columns & _DAY:
        return ["sales"]
    return []
