"""The six criteria where the output is a dashboard; the same signature and meaning as in `criteria`."""

from __future__ import annotations

import math

from crm.privacy import find_personal_data
from rlhf.judge.criteria import Check, Notes, accuracy, brand_fit
from rlhf.judge.dashboards import layout_faults, missing_widgets, widget_verdicts
from rlhf.judge.evidence import Evidence, Piece
from rlhf.judge.shapes import ContextShape, OutputShape, RubricShape
from rlhf.judge.wording import covered, stems


def figures_hold(
    output: OutputShape,
    context: ContextShape,
    request: str,
    pieces: list[Piece],
    evidence: Evidence,
    rubric: RubricShape,
    notes: Notes,
) -> float | None:
    """Figures of the texts against the facts; a widget without data where data was counted costs its share."""
    shares = []
    if evidence.accuracy is not None:
        held = accuracy(output, context, request, pieces, evidence, rubric, notes)
        shares.append(evidence.accuracy if held is None else held)
    counted = [widget for widget in output.widgets if widget.rows_count is not None]
    if counted:
        shares.append(sum(widget.rows_count != 0 for widget in counted) / len(counted))
        for widget in counted:
            if widget.rows_count == 0:
                notes.issue("accuracy", f"{widget.title or widget.type} shows no data", "leave out what has no data")
    return math.fsum(shares) / len(shares) if shares else None


def asked_is_there(
    output: OutputShape,
    context: ContextShape,
    request: str,
    pieces: list[Piece],
    evidence: Evidence,
    rubric: RubricShape,
    notes: Notes,
) -> float | None:
    """Share of what was asked that is on some widget, an answer in words, and enough widgets."""
    parts = {
        "an answer in words": float(bool(output.answer.strip())),
        "enough widgets": min(1.0, len(output.widgets) / rubric.wants.get("widgets", 3)),
    }
    missing = missing_widgets(output, context.intent)
    if missing is not None:
        wanted = max(len(context.intent.metrics) + len(context.intent.dimensions), 1)
        parts["what was asked"] = max(0.0, 1 - len(missing) / wanted)
        for one in missing[:3]:
            notes.issue("completeness", f"a {one} is missing", f"add a {one}")
    for name, there in parts.items():
        if there < 1 and name != "what was asked":
            notes.issue("completeness", f"{name} {'is missing' if there == 0 else 'falls short'}", f"add {name}")
    if all(there == 1 for there in parts.values()):
        notes.strengths.append("nothing that was asked is missing")
    return math.fsum(parts.values()) / len(parts)


def fits_a_page(
    output: OutputShape,
    context: ContextShape,
    request: str,
    pieces: list[Piece],
    evidence: Evidence,
    rubric: RubricShape,
    notes: Notes,
) -> float | None:
    """1 − a third for each broken limit of the page."""
    faults = layout_faults(output)
    for fault in faults:
        notes.issue("coherence", fault)
    return max(0.0, 1 - len(faults) / 3)


def about_the_question(
    output: OutputShape,
    context: ContextShape,
    request: str,
    pieces: list[Piece],
    evidence: Evidence,
    rubric: RubricShape,
    notes: Notes,
) -> float | None:
    """Mean appropriateness of the widgets, and the words of the request that titles and answer take up."""
    shares = []
    scored = [
        verdict.appropriateness_score
        for verdict in widget_verdicts(output, context.intent)
        if verdict.appropriateness_score is not None
    ]
    if scored:
        shares.append(math.fsum(scored) / len(scored))
        if shares[-1] < 0.5:
            notes.issue("relevance", "most widgets do little for this question", "start from what was asked")
    if stems(request):
        shown = " ".join([output.answer, *(f"{widget.title} {widget.text}" for widget in output.widgets)])
        shares.append(min(1.0, 1.5 * covered(request, shown)))
        if shares[-1] < 0.5:
            notes.issue("relevance", "titles and answer hardly take up the question", "answer in the question's words")
    return math.fsum(shares) / len(shares) if shares else None


def keeps_limits(
    output: OutputShape,
    context: ContextShape,
    request: str,
    pieces: list[Piece],
    evidence: Evidence,
    rubric: RubricShape,
    notes: Notes,
) -> float | None:
    """Share of widgets in a size of the catalogue; personal data in a title or text blocks the whole."""
    verdicts = widget_verdicts(output, context.intent)
    shares = [sum(verdict.size_appropriate for verdict in verdicts) / len(verdicts)] if verdicts else []
    texts = [output.answer, *(widget.title for widget in output.widgets), *(widget.text for widget in output.widgets)]
    leaks = [leak for text in texts for leak in find_personal_data(text)]
    shares.append(max(0.0, 1 - 0.5 * len(leaks)))
    if leaks:
        notes.blocked = True
        notes.issue("compliance", f"{leaks[0].kind} of a person is shown", "leave personal data out")
    for gate in output.gate_issues:
        notes.issue("compliance", gate)
        shares.append(0.0)
    return math.fsum(shares) / len(shares)


DASHBOARD_CHECKS: dict[str, Check] = {
    "accuracy": figures_hold,
    "completeness": asked_is_there,
    "coherence": fits_a_page,
    "relevance": about_the_question,
    "brand_fit": brand_fit,
    "compliance": keeps_limits,
}
