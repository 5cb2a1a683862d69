"""An experience of any kind as plain pieces that a template, a rater and a training file can use. No HTML."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from crm.privacy.email_law import without_footer
from rlhf.models import Experience

MOST_FACTS = 8


@dataclass(frozen=True, slots=True)
class Block:
    """One piece. form letter: `paragraphs`; form list: `items`; form table: `head` and `rows`; form widget: `kind`,
    `items` as short facts. `index` numbers widgets from 0."""

    form: str
    title: str = ""
    paragraphs: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    kind: str = ""
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """`title` names the output, `facts` are what a reader should know to judge it, `text` is all of it as one text."""

    title: str
    request: str
    facts: tuple[tuple[str, str], ...]
    blocks: tuple[Block, ...]
    warnings: tuple[str, ...] = ()
    text: str = field(default="", compare=False)

    @property
    def empty(self) -> bool:
        return not self.blocks


def shown(experience: Experience) -> Shown:
    """The experience as pieces. What cannot be read is left out; an output without any piece is `empty`."""
    output: dict[str, Any] = experience.output if isinstance(experience.output, dict) else {}
    blocks = tuple(_blocks(experience.kind, output, str(experience.context.get("currency") or "EUR")))
    return Shown(
        title=_title(experience, output),
        request=_request(experience),
        facts=tuple(_facts(experience)),
        blocks=blocks,
        warnings=tuple(str(one) for one in output.get("gate_issues") or ()),
        text="\n\n".join(_as_text(block) for block in blocks),
    )


def text_of(experience: Experience) -> str:
    """The output as one text: what a person corrects and what a training file holds."""
    return shown(experience).text


def prompt_of(experience: Experience) -> str:
    """The request with the facts that the writer had, as one text."""
    output = _request(experience)
    facts = [f"- {text}" for text in _known_facts(experience).values()]
    about = [f"{name}: {value}" for name, value in _facts(experience)]
    parts = [output, "\n".join(about), "Facts:\n" + "\n".join(facts) if facts else ""]
    return "\n\n".join(part for part in parts if part)


def _request(experience: Experience) -> str:
    return experience.request or str(experience.context.get("goal") or "")


def _title(experience: Experience, output: dict[str, Any]) -> str:
    emails, copies, report = output.get("emails") or [], output.get("copies") or [], output.get("report") or {}
    if experience.kind == "outreach" and emails:
        return str(emails[0].get("subject", ""))
    if copies:
        return str(copies[0].get("headline", ""))
    return str(report.get("title") or output.get("title") or experience.title or experience.kind.capitalize())


def _facts(experience: Experience) -> list[tuple[str, str]]:
    context = experience.context
    found: list[tuple[str, str]] = []
    prospect = context.get("prospect") or {}
    if prospect.get("name"):
        where = f", {prospect['company']}" if prospect.get("company") else ""
        found.append(("Reader", f"{prospect['name']}{where}"))
    if prospect.get("segment"):
        found.append(("Segment", str(prospect["segment"])))
    if prospect.get("need"):
        found.append(("Looks for", str(prospect["need"])))
    product = (context.get("products") or {}).get(context.get("product") or "")
    if product:
        found.append(("Product", str(product)))
    if context.get("voice"):
        found.append(("How the brand sounds", str(context["voice"])))
    return found


def cited_facts(experience: Experience) -> list[str]:
    """The facts that e-mails and copy texts cite, in words; the first of those they had where they cite none. A report
    tells its facts itself."""
    known, cited = _known_facts(experience), []
    output = experience.output
    texts = [*(output.get("emails") or ()), *(output.get("copies") or ())]
    for piece in texts:
        cited += [known[one] for one in piece.get("citations", ()) if one in known]
    return list(dict.fromkeys(cited or (known.values() if texts else ())))[:MOST_FACTS]


def _known_facts(experience: Experience) -> dict[str, str]:
    facts = experience.context.get("facts")
    return facts if isinstance(facts, dict) else {}


def _blocks(kind: str, output: dict[str, Any], currency: str) -> list[Block]:
    made: list[Block] = []
    for mail in output.get("emails") or []:
        body = without_footer(str(mail.get("body", "")))
        made.append(Block("letter", str(mail.get("subject", "")), _paragraphs(body)))
    for number, copy in enumerate(output.get("copies") or [], start=1):
        title = str(copy.get("headline", "")) or f"Variant {number}"
        made.append(Block("letter", title, _paragraphs(str(copy.get("body", "")))))
    if output.get("plan"):
        made.append(_plan(output["plan"], currency))
    elif output.get("allocation"):
        rows = tuple((name, f"{money:,.0f}") for name, money in sorted(output["allocation"].items()))
        made.append(Block("table", "Money a week", head=("Campaign", currency), rows=rows))
    report = output.get("report") or {}
    findings = tuple(str(one.get("text", "")) for one in report.get("findings") or [])
    if findings:
        made.append(Block("list", "What was found", items=findings))
    if report.get("recommendation"):
        made.append(Block("letter", "What to do", _paragraphs(str(report["recommendation"]))))
    made += [_widget(index, one) for index, one in enumerate(output.get("widgets") or [])]
    for name in ("answer", "text"):
        if output.get(name) and isinstance(output[name], str):
            made.append(Block("letter", "", _paragraphs(output[name])))
    return made


def _plan(plan: dict[str, Any], currency: str) -> Block:
    rows = tuple(
        (
            str(one.get("name") or one.get("external_id", "")),
            f"{float(one.get('now') or 0):,.0f}",
            f"{float(one.get('proposed') or 0):,.0f}",
        )
        for one in plan.get("placements") or []
    )
    title = f"Money a week, {float(plan.get('total') or 0):,.0f} {currency} in all"
    low, high = float(plan.get("uplift_low") or 0), float(plan.get("uplift_high") or 0)
    brings = (
        f"Expected: {float(plan.get('uplift') or 0):+,.0f} {currency} of sales a week ({low:+,.0f} to {high:+,.0f})"
    )
    return Block("table", title, (brings,), head=("Campaign", "Now", "Proposed"), rows=rows)


def _widget(index: int, widget: dict[str, Any]) -> Block:
    says = [str(widget.get("text") or "")]
    says += [
        f"{name.capitalize()}: {', '.join(str(one) for one in widget[name])}"
        for name in ("metrics", "dimensions")
        if widget.get(name)
    ]
    size = f"{widget.get('width', '?')} wide, {widget.get('rows', '?')} high"
    kind = str(widget.get("type", "widget"))
    items = tuple(one for one in [*says, size] if one)
    return Block("widget", str(widget.get("title") or kind), items=items, kind=kind, index=index)


def _paragraphs(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.replace("\r\n", "\n").split("\n\n") if part.strip())


def _as_text(block: Block) -> str:
    lines = [block.title] if block.title else []
    lines += block.paragraphs
    lines += [f"- {item}" for item in block.items]
    lines += [" | ".join(row) for row in ((block.head,) if block.head else ()) + block.rows]
    return "\n\n".join(lines) if block.form == "letter" else "\n".join(lines)
