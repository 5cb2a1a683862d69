"""What an episode made, and nothing about how: the only thing of an episode that the market ever sees."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Email:
    """A message to one prospect. `citations` are ids of facts; `prospect_key` is the lead's external id."""

    prospect_key: str
    subject: str
    body: str
    citations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Copy:
    """One text for a product page or an ad."""

    sku_code: str
    headline: str
    body: str
    citations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement of a report; `value` is its figure where it has one, `citation` the id of the fact behind it."""

    text: str
    value: float | None = None
    citation: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a measurement or a plan says and what it advises to do."""

    title: str
    findings: tuple[Finding, ...] = ()
    recommendation: str = ""


@dataclass(frozen=True, slots=True)
class Produced:
    """The whole output of one episode.

    `allocation` is money per week by campaign (external id); a campaign that is not in it keeps what it has. `audience`
    are the keys of the prospects chosen; empty means whom the e-mail was written to and those like them. `gate_issues`
    are unresolved problems of governance: with any of them nothing is sent.
    """

    kind: str
    emails: tuple[Email, ...] = ()
    copies: tuple[Copy, ...] = ()
    allocation: dict[str, float] = field(default_factory=dict)
    audience: tuple[str, ...] = ()
    report: Report | None = None
    gate_issues: tuple[str, ...] = ()
