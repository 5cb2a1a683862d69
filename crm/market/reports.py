"""What a report advises to do with money, read from its recommendation, and how far people follow it. Pure.

Understood are plain sentences that name campaigns: "Raise Northmart search by 15 % and cut Basketly display", "Move
400 a week from NM-02 to BK-01", "Put more into A, less into B". Anything else is not wrong, it just moves no money.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

from crm.market.curves import marginal_return
from crm.market.produced import Report
from crm.market.reading import figures_in, length_fit
from crm.market.spec import Curve, ReportChannel
from crm.snapshot import CampaignSeries

UP = (
    "rais",
    "increas",
    "grow",
    "scal",
    "expand",
    "add",
    "more",
    "boost",
    "invest",
    "doubl",
    "strengthen",
    "favour",
    "favor",
)
DOWN = ("cut", "reduc", "lower", "decreas", "paus", "stop", "trim", "less", "shrink", "end", "drop", "withdraw")
HOLD = ("keep", "hold", "maintain", "leav", "unchanged")
MOVE = ("mov", "shift", "reallocat", "transfer")
COUNTED = 4


def advice(recommendation: str, campaigns: Iterable[CampaignSeries]) -> dict[str, int]:
    """+1 (more money) or -1 (less) for every campaign the text gives a direction; external id -> direction."""
    named: dict[str, str] = {}
    for campaign in campaigns:
        named[campaign.external_id.lower()] = campaign.external_id
        named[campaign.name.lower()] = campaign.external_id
    if not named or not recommendation:
        return {}
    longest_first = "|".join(re.escape(name) for name in sorted(named, key=len, reverse=True) if name)
    token = re.compile(rf"(?<![\w-])(?P<campaign>{longest_first})(?![\w-])|(?P<word>[a-z]+)|(?P<stop>[.;!?\n](?=\s|$))")
    found: dict[str, int] = {}
    direction, moving = 0, False
    for match in token.finditer(recommendation.lower()):
        if match["campaign"]:
            if direction:
                found[named[match["campaign"]]] = direction
        elif match["stop"]:
            direction, moving = 0, False
        else:
            direction, moving = _after(match["word"], direction, moving)
    return found


def _after(word: str, direction: int, moving: bool) -> tuple[int, bool]:
    if word.startswith(MOVE):
        return direction, True
    if moving and word == "from":
        return -1, moving
    if moving and word in ("to", "into", "towards", "toward", "onto"):
        return 1, moving
    if word.startswith(HOLD):
        return 0, moving
    if word.startswith(UP) and word not in ("additional", "added", "growth", "moreover", "scale"):
        return 1, moving
    if word.startswith(DOWN) and word not in ("ended", "ending", "endcap", "unless"):
        return -1, moving
    return direction, moving


def rightness(found: Mapping[str, int], curves: Mapping[str, Curve], now: Mapping[str, float]) -> float:
    """How right the advice is, in [-1, 1].

    More money is right where the true marginal return is above 1. A campaign weighs |log marginal return| (0.05 to
    1.5); the sum over right minus wrong is set against the four heaviest campaigns, so that naming the few that
    matter suffices.
    """
    logs = {name: math.log(max(marginal_return(curve, now.get(name, 0.0)), 1e-6)) for name, curve in curves.items()}
    weight = {name: min(max(abs(value), 0.05), 1.5) for name, value in logs.items()}
    most = sum(sorted(weight.values(), reverse=True)[:COUNTED])
    if most <= 0:
        return 0.0
    net = sum(
        weight[name] * (1 if (logs[name] > 0) == (sign > 0) else -1) for name, sign in found.items() if name in logs
    )
    return max(-1.0, min(1.0, net / most))


def adoption(report: Report, channel: ReportChannel) -> float:
    """Chance in [0, 1] that people act on it: base, plus figures and a length they will read."""
    text = "\n".join([report.title, *(finding.text for finding in report.findings), report.recommendation])
    readable = length_fit(text, channel.ideal_words)
    raw = channel.adoption_base + channel.adoption_figures * figures_in(text) + channel.adoption_length * readable
    return min(raw, 1.0)
