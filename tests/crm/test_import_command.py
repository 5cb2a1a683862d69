"""`manage.py import_crm`: what it prints and how it ends."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from crm.models import Brand, Import, Lead, Sale


def run(*args: str) -> str:
    out = StringIO()
    call_command("import_crm", *args, stdout=out)
    return out.getvalue()


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    path = tmp_path / "sales.json"
    rows = [{"id": "S1", "amount": 5, "date": "2026-03-01"}, {"id": "S2", "amount": "1,234", "date": "2026-03-01"}]
    path.write_text(json.dumps({"sales": rows}))
    return path


class TestImportCrm:
    def test_it_prints_the_books_and_names_what_was_set_aside(self, harbor: Brand, sales: Path) -> None:
        printed = run(str(sales), "--brand", "harbor-oats")
        assert "sales.json" in printed
        assert "Set aside and not stored: 1 row " in printed
        assert "sales.json, row 2, amount '1,234': could mean 1234 or 1.234" in printed
        assert Sale.objects.for_brand(harbor).count() == 1

    def test_a_failed_file_ends_with_code_1_and_the_others_go_in(
        self, harbor: Brand, sales: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        broken = tmp_path / "broken.json"
        broken.write_text("{")
        with pytest.raises(SystemExit) as end:
            run(str(broken), str(sales), "--brand", "harbor-oats")
        assert end.value.code == 1
        assert Sale.objects.for_brand(harbor).count() == 1
        assert Import.objects.for_brand(harbor).filter(state=Import.State.FAILED).count() == 1

    def test_an_unknown_brand_or_file_says_so(self, harbor: Brand, sales: Path) -> None:
        with pytest.raises(CommandError, match="Brands: harbor-oats"):
            run(str(sales), "--brand", "nobody")
        with pytest.raises(CommandError, match="cannot be opened"):
            run(str(sales.parent / "absent.json"), "--brand", "harbor-oats")

    @pytest.mark.real_data
    def test_a_hubspot_folder_lists_every_file(self, harbor: Brand, shared_data: Path) -> None:
        printed = run(str(shared_data / "crm" / "hubspot_fivetran"), "--brand", "harbor-oats")
        assert "deal_pipeline_stage_data.csv" in printed
        assert "14 rows, the first is row 1, deal_id" in printed
        assert Lead.objects.for_brand(harbor).count() == 44
