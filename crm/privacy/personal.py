"""Somebody's data in a text that is about to be published or sent: a narrow view of `crm.privacy.detection`.

Plain links, dates and postal addresses are allowed there (a shop has one); everything else names a person.
"""

from __future__ import annotations

from crm.privacy.detection import Span, detect

IN_ORDER = frozenset({"address", "date", "birth_date"})


def find_personal_data(text: str) -> tuple[Span, ...]:
    """Finds that must not stand in an ad or an e-mail, by position."""
    return tuple(span for span in detect(text) if span.personal and span.kind not in IN_ORDER)


def mask(text: str) -> str:
    """`text` with each such find replaced by its kind in brackets."""
    for found in reversed(find_personal_data(text)):
        text = f"{text[: found.start]}[{found.kind}]{text[found.end :]}"
    return text
