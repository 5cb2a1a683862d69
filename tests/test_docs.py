"""Docs do not lie about what is there: links hold, named files and make targets exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", PAGES, ids=lambda document: document.name)
class TestPages:
    def test_its_links_lead_somewhere(self, document: Path):
        broken = [
            target
            for target in re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", document.read_text())
            if not (document.parent / target).exists()
        ]
        assert broken == []

    def test_it_names_make_targets_that_exist(self, document: Path):
        makefile = (ROOT / "Makefile").read_text()
        targets = set(re.findall(r"^([a-z][\w -]*):", makefile, re.M))
        known = {word for line in targets for word in line.split()}
        named = set(re.findall(r"`make ([a-z-]+)", document.read_text()))
        assert named - known == set()

    def test_it_shows_no_path_of_a_machine(self, document: Path):
        assert not re.search(r"(/root/|/home/\w+/|/work/)", document.read_text())


class TestReadme:
    def test_every_page_of_docs_is_reachable(self):
        readme = (ROOT / "README.md").read_text()
        missing = [page.name for page in PAGES[2:] if f"docs/{page.name}" not in readme]
        assert missing == []
