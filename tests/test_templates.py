"""Templates: what is an id stays one. Numbers in text are written for people ("1,351"); in an attribute an address or a
script would read another number, or none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
TAG = re.compile(r"\{%.*?%\}", re.DOTALL)
ELEMENT = re.compile(r"<[a-zA-Z][^<>]*(?:\"[^\"]*\"[^<>]*)*>")
ID = re.compile(r"\{\{\s*([\w.]+\.(?:pk|id|number)|following|[a-z]+_window|[a-z.]+_page_number)\s*\}\}")


def bare_ids(text: str) -> list[str]:
    """The ids and numbers that are written with separators inside the elements of `text`."""
    quiet = TAG.sub(lambda tag: "~" * len(tag.group()), text)
    return [found for element in ELEMENT.finditer(quiet) for found in ID.findall(element.group())]


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_an_id_in_an_attribute_has_no_separator(path: Path) -> None:
    if "allauth/elements" in str(path):
        pytest.skip("the ids of elements, which are words")
    assert not bare_ids(path.read_text()), "write it as {{ … |stringformat:'d' }}"


def test_it_would_be_found() -> None:
    assert bare_ids('<a href="{% url "x" %}?item={{ one.pk }}">{{ one.number }}</a>') == ["one.pk"]
    assert not bare_ids("<a href=\"?item={{ one.pk|stringformat:'d' }}\">{{ one.number }}</a>")
