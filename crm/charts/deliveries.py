"""The last deliveries of a retailer, one bar each."""

from collections.abc import Sequence

from django.utils.safestring import SafeString

from crm.charts.svg import element

BARS = 30


def deliveries(turns: Sequence[str]) -> SafeString:
    """`on time` is a tall bar, `late` a short one, `missing` an outline; the newest stands at the right."""
    step = 100 / BARS
    first = BARS - len(turns)
    bars = []
    for place, turn in enumerate(turns, start=first):
        late = turn == "late"
        bars.append(
            element(
                "rect", class_={"late": "late", "missing": "gone"}.get(turn), x=place * step + 0.3,
                y=9 if late else 1, width=step - 0.9, height=8 if late else 16,
            )
        )  # fmt: skip
    counted = {turn: list(turns).count(turn) for turn in ("on time", "late", "missing")}
    said = ", ".join(f"{count} {turn}" for turn, count in counted.items())
    return element(
        "svg", *bars, class_="days", viewBox="0 0 100 18", preserveAspectRatio="none", role="img",
        aria_label=f"Last {len(turns)} expected deliveries: {said}" if turns else "No deliveries yet",
    )  # fmt: skip
