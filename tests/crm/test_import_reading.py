"""Files of every encoding and shape: read without losing a character, or refused as a whole with place and remedy."""

from __future__ import annotations

import gzip
import json

import pytest

from crm.imports.faults import BrokenFile
from crm.imports.kinds import kind_of
from crm.imports.reading import read

NAMES = "id,name\n1,Zoë Åström\n2,Łódź\n"
WESTERN = "id,name\n1,Zoë Müller\n"


class TestEncodings:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
    def test_unicode_files_are_read_with_and_without_their_mark(self, encoding: str) -> None:
        rows = read(NAMES.encode(encoding), "x.csv").rows
        assert [row.values["name"] for row in rows] == ["Zoë Åström", "Łódź"]
        assert list(rows[0].values) == ["id", "name"]

    def test_latin_1_is_read_and_told(self) -> None:
        content = read(WESTERN.encode("latin-1"), "x.csv")
        assert content.rows[0].values["name"] == "Zoë Müller"
        assert any("Latin-1" in note for note in content.notes)

    def test_the_euro_sign_of_windows_is_kept(self) -> None:
        content = read("id;amount\n1;5,00 €\n".encode("cp1252"), "x.csv")
        assert content.rows[0].values["amount"] == "5,00 €"
        assert any("Windows-1252" in note for note in content.notes)

    def test_bytes_that_are_neither_break_the_file(self) -> None:
        with pytest.raises(BrokenFile, match="neither UTF-8"):
            read(b"id,name\n1,\x81\xff\n", "x.csv")

    def test_a_nul_byte_breaks_the_file_and_names_the_line(self) -> None:
        with pytest.raises(BrokenFile, match=r"NUL byte in line 2"):
            read(b"id,name\n1,a\0b\n", "x.csv")
        with pytest.raises(BrokenFile, match="NUL byte"):
            read(b"id,name\n1,\xff\0b\n", "x.csv")

    def test_gzip_is_unpacked_and_a_cut_off_one_is_refused(self) -> None:
        packed = gzip.compress(NAMES.encode()) + gzip.compress(b"3,Ana\n")
        assert [row.values["id"] for row in read(packed, "x.csv.gz").rows] == ["1", "2", "3"]
        with pytest.raises(BrokenFile, match="cut off"):
            read(packed[:-6], "x.csv.gz")

    @pytest.mark.parametrize("data", [b"", b"  \n", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0)])
    def test_an_empty_file_is_refused(self, data: bytes) -> None:
        with pytest.raises(BrokenFile, match="is empty"):
            read(data, "x.csv")

    def test_a_workbook_is_refused_with_the_remedy(self) -> None:
        with pytest.raises(BrokenFile, match="save the sheet as CSV"):
            read(b"PK\x03\x04rest", "x.xlsx")


class TestJson:
    def test_numbers_keep_their_digits(self) -> None:
        assert str(read(b'[{"amount": 0.10}]', "x.json").rows[0].values["amount"]) == "0.10"

    def test_a_syntax_error_names_line_and_column(self) -> None:
        with pytest.raises(BrokenFile, match=r"line 2, column 10"):
            read(b'{"sales":\n [{"id": }]}', "x.json")

    @pytest.mark.parametrize("data", [b"{}", b'{"sales": 3}', b'{"sales": [], "leads": []}', b'{"rows": []}'])
    def test_another_shape_is_refused(self, data: bytes) -> None:
        with pytest.raises(BrokenFile, match="must be a list"):
            read(data, "x.json")

    @pytest.mark.parametrize(
        "data", [b'[{"amount": NaN}]', b"[" * 100_000, b"[1" + b"0" * 5000 + b"]", b"[1e" + b"9" * 30 + b"]"]
    )
    def test_what_json_cannot_say_is_refused(self, data: bytes) -> None:
        with pytest.raises(BrokenFile):
            read(data, "x.json")


class TestTables:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    def test_the_delimiter_is_found_in_the_header(self, delimiter: str) -> None:
        text = f'id{delimiter}"a, b; c"{delimiter}note\n1{delimiter}2{delimiter}"x{delimiter}y"\n'
        row = read(text.encode(), "x.csv").rows[0].values
        assert row == {"id": "1", "a, b; c": "2", "note": f"x{delimiter}y"}

    def test_an_open_quotation_mark_breaks_the_file(self) -> None:
        with pytest.raises(BrokenFile, match="quotation mark"):
            read(b'id,name\n1,"Ana\n2,Ben\n', "x.csv")

    def test_a_column_that_comes_twice_breaks_the_file(self) -> None:
        with pytest.raises(BrokenFile, match="'id' more than once"):
            read(b"id,id\n1,2\n", "x.csv")

    def test_plain_prose_is_no_table(self) -> None:
        with pytest.raises(BrokenFile, match="neither JSON nor a table"):
            read(b"hello\nworld\n", "x.csv")


class TestKind:
    @pytest.mark.parametrize(
        ("row", "kind"),
        [
            ({"saleId": 1, "amount": 2, "status": "paid"}, "sales"),
            ({"id": 1, "amount": 2, "date": "2026-01-01"}, "sales"),
            ({"leadId": 1, "status": "won"}, "leads"),
            ({"id": 1, "pipelineStage": "won"}, "leads"),
            ({"deal id": 1, "pipeline": "A", "stage": "x"}, "deals"),
        ],
    )
    def test_it_is_told_from_the_columns(self, row: dict[str, object], kind: str) -> None:
        assert kind_of(read(json.dumps([row]).encode(), "x.json"), "x.json") == kind

    @pytest.mark.parametrize(
        "rows", [[], [{"id": 1}], [{"saleId": 1, "stage": "won"}], [{"leadId": 1, "amount": 2, "date": 3}]]
    )
    def test_what_fits_several_or_none_is_refused(self, rows: list[dict[str, object]]) -> None:
        with pytest.raises(BrokenFile, match="Choose the kind"):
            kind_of(read(json.dumps(rows).encode(), "x.json"), "x.json")

    def test_the_wrapper_may_not_be_contradicted(self) -> None:
        with pytest.raises(BrokenFile, match="leads was asked for"):
            kind_of(read(b'{"sales": []}', "x.json"), "x.json", "leads")
