"""Numbers as people read them: a true minus, a space before %, and how a finding is put in a sentence."""

from math import isfinite

MINUS = "\N{MINUS SIGN}"
NO_BREAK = "\N{NO-BREAK SPACE}"
MODE_NAMES = {"rl": "RL", "rule": "Rule", "static": "Static", "plan": "Plan"}


def figure(value: float | None, decimals: int = 2) -> str:
    """``0.66``, with a true minus and thousands apart; nothing for a value that is not there."""
    if value is None or not isfinite(value):
        return ""
    rounded = round(value, decimals)
    written = f"{abs(rounded):,.{decimals}f}"
    return f"{MINUS}{written}" if rounded < 0 else written


def signed(value: float | None, decimals: int = 2) -> str:
    """``+0.25`` or ``−0.03``; nothing for a value that is not there."""
    if value is None or not isfinite(value):
        return ""
    written = figure(value, decimals)
    return written if written.startswith(MINUS) else f"+{written}"


def share(part: float, whole: float) -> str:
    """``40 %`` with a space that does not break; nothing of nothing."""
    if not whole or not isfinite(part) or not isfinite(whole):
        return ""
    percent = 100 * part / whole
    if 0 < percent < 1:
        return f"under 1{NO_BREAK}%"
    return f"{round(percent):,}{NO_BREAK}%"


def span(low: float | None, high: float | None, decimals: int = 2) -> str:
    """``0.63 to 0.69``; nothing when an end is not known."""
    if low is None or high is None or not isfinite(low) or not isfinite(high):
        return ""
    return f"{figure(low, decimals)} to {figure(high, decimals)}"


def mode_name(mode: str) -> str:
    """The word for a policy mode: RL, Rule, Static."""
    return MODE_NAMES.get(mode, mode.capitalize())


def listed(parts: list[str]) -> str:
    """``a, b and c``."""
    return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else "".join(parts)
