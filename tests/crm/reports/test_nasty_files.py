"""Files as they really come: packed, in other encodings, with titles and totals, cut off, or built to do harm."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from crm.imports.faults import BrokenFile
from crm.imports.reports import harmonize as harmonizing
from crm.imports.reports import reading, repeats, tables
from tests.crm.reports.files import read, small, written

HEADER = ["Date", "Campaign ID", "Campaign", "Impressions", "Clicks", "Spend", "Orders", "Sales"]
ROWS = [
    ["2026-01-01", "1", "Café Ünïon", "1000", "10", "12.50", "2", "30.00"],
    ["2026-01-02", "2", 'Say "hi", all', "2000", "20", "1212.05", "3", "44.10"],
]
TEXT = "Date,Campaign ID,Campaign,Impressions,Clicks,Spend,Orders,Sales\n" + "\n".join(
    ["2026-01-01,1,Café Ünïon,1000,10,12.50,2,30.00", '2026-01-02,2,"Say ""hi"", all",2000,20,1212.05,3,44.10']
)


def right(path: Path, **options: Any) -> None:
    """The two rows above came out, and nothing else."""
    found = read(path, small(), **options)
    assert found.refused == []
    rows = found.rows()
    assert [row["campaign_name"] for row in rows] == ["Café Ünïon", 'Say "hi", all']
    assert [row["spend"] for row in rows] == [12_500_000, 1_212_050_000]
    assert [(row["row"], row["orders"]) for row in rows] == [(1, 20_000), (2, 30_000)]


class TestEncodings:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
    def test_a_file_in_any_of_them_reads_the_same(self, tmp_path: Path, encoding: str) -> None:
        path = tmp_path / "report.csv"
        path.write_bytes(TEXT.encode(encoding))
        right(path)

    @pytest.mark.parametrize("end", ["\r\n", "\r"])
    def test_lines_may_end_as_on_windows_or_an_old_mac(self, tmp_path: Path, end: str) -> None:
        path = tmp_path / "report.csv"
        path.write_bytes(TEXT.replace("\n", end).encode())
        right(path)

    def test_a_file_that_changes_its_encoding_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tables, "BLOCK", 64)
        path = tmp_path / "report.csv"
        path.write_bytes(TEXT.encode() + b"\n" + b"2026-01-03,3,caf\xe9,1,0,0,0,0\n")
        with pytest.raises(BrokenFile, match="something else later"):
            read(path, small())

    def test_a_nul_byte_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "report.csv"
        path.write_bytes(TEXT.encode() + b"\n2026-01-03,3,\0,1,0,0,0,0\n")
        with pytest.raises(BrokenFile, match="NUL"):
            read(path, small())


class TestPacking:
    def test_gzip_reads_like_the_file_in_it(self, tmp_path: Path) -> None:
        path = tmp_path / "report.csv.gz"
        path.write_bytes(gzip.compress(TEXT.encode()[:90]) + gzip.compress(TEXT.encode()[90:]))
        right(path)

    def test_a_zip_of_one_file_does_too(self, tmp_path: Path) -> None:
        path = tmp_path / "report.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("folder/report.csv", TEXT)
            archive.writestr("__MACOSX/._report.csv", "x")
        right(path)

    def test_a_zip_of_several_says_to_bring_them_one_by_one(self, tmp_path: Path) -> None:
        path = tmp_path / "report.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.csv", TEXT)
            archive.writestr("b.csv", TEXT)
        with pytest.raises(BrokenFile, match="holds 2 files"):
            read(path, small())

    def test_a_bomb_is_stopped_while_it_unpacks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "FREE_OF_RATIO", 2**20)
        text = TEXT.encode() + b"\n" + b"2026-01-03,3,aaaaaaaaaa,1,0,0,0,0\n" * 400_000
        for name, pack in (("bomb.csv.gz", gzip.compress), ("bomb.zip", _zipped)):
            path = tmp_path / name
            path.write_bytes(pack(text))
            assert len(text) > reading.MAX_RATIO * path.stat().st_size
            with pytest.raises(BrokenFile, match="unpacks to more than"):
                read(path, small())

    def test_a_cut_off_gzip_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "report.csv.gz"
        path.write_bytes(gzip.compress(TEXT.encode())[:-20])
        with pytest.raises(BrokenFile, match=r"cut off|cannot be unpacked"):
            read(path, small())

    def test_a_workbook_bomb_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "MAX_WORKBOOK", 1000)
        with pytest.raises(BrokenFile, match="too much for a workbook"):
            read(_workbook(tmp_path / "report.xlsx", [HEADER, *ROWS]), small())

    @pytest.mark.parametrize("start", [b"%PDF-1.7", b"\xd0\xcf\x11\xe0\xa1\xb1", b"PAR1"])
    def test_other_formats_are_named(self, tmp_path: Path, start: bytes) -> None:
        path = tmp_path / "report.csv"
        path.write_bytes(start + b"x" * 100)
        with pytest.raises(BrokenFile, match=r"is an? "):
            read(path, small())


def _zipped(data: bytes) -> bytes:
    import io

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.csv", data)
    return buffer.getvalue()


def _workbook(path: Path, rows: list[list[Any]]) -> Path:
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("Report")
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return path


class TestShapes:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_columns_may_be_cut_by_any_usual_sign(self, tmp_path: Path, delimiter: str) -> None:
        right(written(tmp_path / "report.csv", HEADER, ROWS, delimiter=delimiter))

    def test_a_workbook_reads_like_a_csv(self, tmp_path: Path) -> None:
        numbers = [
            [row[0], row[1], row[2], int(row[3]), int(row[4]), float(row[5]), int(row[6]), float(row[7])]
            for row in ROWS
        ]
        right(_workbook(tmp_path / "report.xlsx", [["Title"], [], HEADER, *numbers]))

    @pytest.mark.parametrize("form", ["list", "lines", "wrapped", "compact"])
    def test_json_in_all_its_forms_reads_like_a_csv(self, tmp_path: Path, form: str) -> None:
        objects = [dict(zip(HEADER, row, strict=True)) for row in ROWS]
        objects[0]["Spend"] = 12.50  # type: ignore[assignment]
        text = {
            "list": json.dumps(objects, indent=1),
            "lines": "\n".join(json.dumps(one) for one in objects),
            "wrapped": json.dumps({"success": True, "errors": [], "data": objects}),
            "compact": json.dumps({"columns": HEADER, "data": ROWS, "rows": 2}),
        }[form]
        path = tmp_path / "report.json"
        path.write_text(text)
        right(path)

    def test_json_that_breaks_off_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "report.json"
        path.write_text(json.dumps([dict(zip(HEADER, row, strict=True)) for row in ROWS])[:-30])
        with pytest.raises(BrokenFile, match="breaks off"):
            read(path, small())

    def test_title_rows_above_and_totals_and_notes_below_are_no_data(self, tmp_path: Path) -> None:
        path = tmp_path / "report.csv"
        total = "Total,,,3000,30,1224.55,5,74.10\n"
        path.write_text(
            f'Sponsored Products,"Jan 1, 2026 - Jan 2, 2026"\n\nAccount: Harbor\n{TEXT}\n{total}Data may change.\n'
        )
        right(path)
        found = read(path, small())
        assert found.said == {
            "impressions": 3000,
            "clicks": 30,
            "spend": 1_224_550_000,
            "orders": 50_000,
            "sales": 74_100_000,
        }
        assert found.notes == ["Data may change."]
        assert {name: good for name, (good, _) in found.totals.items()} == found.said

    def test_empty_lines_are_no_rows(self, tmp_path: Path) -> None:
        path = tmp_path / "report.csv"
        path.write_text(TEXT.replace("\n", "\n\n,,,,,,,\n  \n") + "\n\n")
        right(path)

    def test_rows_with_too_few_or_too_many_cells_are_set_aside(self, tmp_path: Path) -> None:
        path = tmp_path / "report.csv"
        path.write_text(
            TEXT + "\n2026-01-03,3,short,5,1\n2026-01-04,4,long,5,1,2,3,4,5,6\n2026-01-05,5,empty last,5,1,2,3,\n"
        )
        found = read(path, small())
        assert [row["row"] for row in found.rows()] == [1, 2, 5]
        assert found.reasons() == {3: ": has 5 cells, the header has 8", 4: ": has 10 cells, the header has 8"}

    def test_a_quotation_that_is_not_closed_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "report.csv"
        path.write_text(TEXT + '\n2026-01-03,3,"open,5,1,2,3,4\n' * 1)
        with pytest.raises(BrokenFile, match="quotation"):
            read(path, small())

    def test_a_missing_column_is_named(self, tmp_path: Path) -> None:
        path = written(tmp_path / "report.csv", ["Day of week", "Campaign", "Spend"], [["Monday", "A", "1"]])
        with pytest.raises(BrokenFile, match="no column for a day"):
            read(path, small())

    def test_a_column_that_comes_twice_is_refused(self, tmp_path: Path) -> None:
        path = written(
            tmp_path / "report.csv", ["Date", "Campaign", "Spend", "Spend "], [["2026-01-01", "A", "1", "2"]]
        )
        with pytest.raises(BrokenFile, match="more than once"):
            read(path, small())

    @pytest.mark.parametrize("text", ["", "\n \n", "nothing here\nat all\n"])
    def test_a_file_without_a_table_is_refused(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "report.csv"
        path.write_text(text)
        with pytest.raises(BrokenFile):
            read(path, small())

    def test_blocks_may_end_anywhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "report.csv"
        path.write_bytes(TEXT.replace("Café Ünïon", '"Ca\nfé Ünïon"').encode())
        for size in (1, 7, 50, 64):
            monkeypatch.setattr(tables, "BLOCK", size)
            assert read(path, small()).frame["campaign_name"].to_list() == ["Ca\nfé Ünïon", 'Say "hi", all']


class TestLargeFiles:
    def test_rows_that_do_not_fit_in_memory_are_read_twice_with_the_same_result(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = [[f"2026-01-{1 + n % 28:02}", str(n), f"C{n}", str(n + 1), "1", "1.05", "1", "2.20"] for n in range(500)]
        path = written(tmp_path / "report.csv", HEADER, [*rows, rows[7]])
        whole = read(path, small())
        monkeypatch.setattr(harmonizing, "HELD", 1)
        monkeypatch.setattr(repeats, "HELD", 50)
        monkeypatch.setattr(tables, "BLOCK", 2000)
        again = read(path, small())
        assert len(again.batches) > 10
        assert again.frame.equals(whole.frame) and again.totals == whole.totals
        assert again.reasons() == whole.reasons() == {501: "row: says the same as row 8: it is counted once"}

    def test_a_limit_reads_no_more_rows(self, tmp_path: Path) -> None:
        rows = [["2026-01-01", str(n), "A", "9", "1", "1.05", "1", "2.20"] for n in range(100)]
        assert read(written(tmp_path / "report.csv", HEADER, rows), small(), limit=20).read == 20
