"""A question in a sentence, for pages and the command line."""

from __future__ import annotations

from crm.charts.words import listed
from crm.cleanroom.query import Aggregate, Amount, Overlap, Words
from crm.cleanroom.vocabulary import DIMENSIONS, METRICS, RATES

TESTS = {"at_least": "at least", "at_most": "at most", "above": "above", "below": "below"}


def sentence(question: Aggregate | Overlap) -> str:
    """`People and conversion by stage, where segment is Loyal, from 2026-09-01`."""
    if isinstance(question, Overlap):
        said = f"Overlap of {listed(list(question.segments))}"
    else:
        titles = [(RATES[name] if name in RATES else METRICS[name]).title.lower() for name in question.metrics]
        said = listed(titles)[:1].upper() + listed(titles)[1:]
        if question.by:
            said += " by " + listed([DIMENSIONS[name].title.lower() for name in question.by])
    tests = [_said(one) for one in question.where]
    if tests:
        said += ", where " + listed(tests)
    if isinstance(question, Aggregate):
        said += f", from {question.starts_on}" if question.starts_on else ""
        said += f", to {question.ends_on}" if question.ends_on else ""
    return said


def _said(one: Words | Amount) -> str:
    if isinstance(one, Amount):
        return f"amount is {TESTS[one.test]} {one.value:g}"
    return f"{DIMENSIONS[one.field].title.lower()} is {'not ' if one.test == 'not_in' else ''}{' or '.join(one.values)}"
