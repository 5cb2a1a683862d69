"""What a check returns."""

from __future__ import annotations

from dataclasses import dataclass

BLOCKING = "blocking"
WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong. `start`/`end` are offsets in `field`; 0/0 where something is absent.

    `replacement` is what a mechanical repair puts there; None where a person or a new draft is needed.
    """

    code: str
    message: str
    severity: str
    field: str
    start: int = 0
    end: int = 0
    replacement: str | None = None


def repaired(text: str, issues: tuple[Issue, ...], field: str) -> str:
    """`text` with every mechanical repair of this field applied, from the last span to the first."""
    spans = sorted(
        (
            issue
            for issue in issues
            if issue.field == field and issue.replacement is not None and issue.end > issue.start
        ),
        key=lambda issue: (issue.start, issue.end),
        reverse=True,
    )
    if not spans:
        return text
    untouched = len(text)
    for issue in spans:
        if issue.end > untouched:  # overlaps a repair already made
            continue
        text = text[: issue.start] + (issue.replacement or "") + text[issue.end :]
        untouched = issue.start
    return tidy(text)


def tidy(text: str) -> str:
    """No double spaces, none before punctuation, a capital at the start of each line that lost its first word."""
    lines = []
    for line in text.split("\n"):
        words = " ".join(line.split())
        for mark in (".", ",", ";", ":", "?"):
            words = words.replace(f" {mark}", mark)
        words = words.lstrip(" ,;")
        lines.append(words[:1].upper() + words[1:])
    return "\n".join(lines)
