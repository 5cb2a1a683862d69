"""Rows that cannot be stored are set aside with column, value and reason; nothing with two readings is guessed."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.crm.reports.files import Read, read, small, written

HEADER = [
    "Date",
    "Campaign ID",
    "Impressions",
    "Clicks",
    "Spend",
    "Orders",
    "Units",
    "Sales",
    "NTB Orders",
    "NTB Sales",
]
GOOD = {
    "Date": "2026-01-01",
    "Campaign ID": "1",
    "Impressions": "100",
    "Clicks": "5",
    "Spend": "1.50",
    "Orders": "2",
    "Units": "2",
    "Sales": "9.80",
    "NTB Orders": "1",
    "NTB Sales": "4.90",
}


def file(tmp_path: Path, *changes: dict[str, str], header: list[str] | None = None) -> Path:
    """One good row, changed as asked, for every change; campaigns are numbered so that no two rows are the same."""
    columns = header or HEADER
    rows = [
        [{**GOOD, "Campaign ID": str(number), **change}.get(name, "") for name in columns]
        for number, change in enumerate(changes, start=1)
    ]
    return written(tmp_path / "report.csv", columns, rows)


def only(tmp_path: Path, mapping: Any = None, header: list[str] | None = None, **change: str) -> Read:
    names = {name.replace(" ", "_"): name for name in (header or HEADER)}
    change = {names[key]: value for key, value in change.items()}
    proof = {"Spend": "1.50", "Sales": "9.80"}
    return read(file(tmp_path, proof, change, header=header), mapping or small())


class TestNumbers:
    @pytest.mark.parametrize(
        ("text", "micros"),
        [
            ("1234.56", 1_234_560_000),
            ("$1,234.56", 1_234_560_000),
            ("1,234.56 USD", 1_234_560_000),
            ('="12.5"', 12_500_000),
            ("'12.5", 12_500_000),
            (" 12.5 ", 12_500_000),
            (".5", 500_000),
            ("1 234.56", 1_234_560_000),
            ("1'234.56", 1_234_560_000),
            ("0.000001", 1),
            ("99999999999.99", 99_999_999_999_990_000),
            ("-", None),
            ("--", None),
            ("n/a", None),
            ("", None),
        ],
    )
    def test_amounts_are_exact_however_they_are_written(self, tmp_path: Path, text: str, micros: int | None) -> None:
        found = only(tmp_path, Spend=text)
        assert found.refused == []
        assert found.frame["spend"][1] == micros

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("1.2E+05", "scientific notation"),
            ("12,5", "has a decimal comma"),
            ("1.234,56", "has a decimal comma"),
            ("12%", "share in percent"),
            ("abc", "is not an amount"),
            ("1.2.3", "is not an amount"),
            ("€12.50", "another currency"),
            ("12 XYZ", "is not an amount"),
            ("(12.50)", "is negative"),
            ("12.50-", "is negative"),
            ("-12.50", "is negative"),
            ("−12.50", "is negative"),
            ("1,23.5", "is not an amount"),
            ("inf", "is not an amount"),
            ("999999999999999", "is not an amount"),
        ],
    )
    def test_what_is_no_amount_is_set_aside_with_the_reason(self, tmp_path: Path, text: str, reason: str) -> None:
        found = only(tmp_path, small(numbers={"decimal": "."}), Spend=text)
        (refused,) = found.refused
        assert (refused.row, refused.field, refused.value) == (2, "Spend", text)
        assert reason in refused.reason
        assert refused.raw["Sales"] == "9.80" and refused.raw["Spend"] == text

    def test_decimal_commas_are_read_where_the_file_proves_them(self, tmp_path: Path) -> None:
        comma = {"Sales": "12,5", "NTB Sales": "0,50"}
        found = read(
            file(tmp_path, {"Spend": "1.234,50 €", **comma}, {"Spend": "1.234", **comma}), small(), currency="EUR"
        )
        assert found.refused == []
        assert found.frame["spend"].to_list() == [1_234_500_000, 1_234_000_000]

    def test_a_number_with_two_readings_is_not_guessed(self, tmp_path: Path) -> None:
        whole = {"Sales": "9", "NTB Sales": "4"}
        found = read(file(tmp_path, {"Spend": "1,234", **whole}, {"Spend": "7", **whole}), small())
        assert found.frame["spend"].to_list() == [7_000_000]
        assert "could mean 1234 or 1.234" in found.refused[0].reason

    def test_a_later_row_proves_how_an_earlier_one_is_read(self, tmp_path: Path) -> None:
        whole = {"Sales": "9", "NTB Sales": "4"}
        found = read(file(tmp_path, {"Spend": "1,234", **whole}, {"Spend": "7.25", **whole}), small())
        assert found.frame["spend"].to_list() == [1_234_000_000, 7_250_000]

    def test_impressions_are_whole(self, tmp_path: Path) -> None:
        assert "whole number" in only(tmp_path, Impressions="100.5").refused[0].reason
        assert only(tmp_path, Impressions="1,000.0").frame["impressions"][1] == 1000


class TestDays:
    @pytest.mark.parametrize(
        "text",
        [
            "2026-03-05",
            "2026/3/5",
            "20260305",
            "5 Mar 2026",
            "Mar 5, 2026",
            "2026-03-05T07:00:00Z",
            "2026-03-05 00:00:00",
            '="2026-03-05"',
            "2026-03-05 - 2026-03-05",
        ],
    )
    def test_days_are_read_as_they_are_written(self, tmp_path: Path, text: str) -> None:
        assert only(tmp_path, Date=text).frame["measured_on"][1] == date(2026, 3, 5)

    def test_the_order_of_day_and_month_comes_from_the_whole_column(self, tmp_path: Path) -> None:
        found = read(file(tmp_path, {"Date": "03/04/2026"}, {"Date": "25/04/2026"}), small())
        assert found.frame["measured_on"].to_list() == [date(2026, 4, 3), date(2026, 4, 25)]

    def test_it_is_never_guessed(self, tmp_path: Path) -> None:
        found = read(file(tmp_path, {"Date": "03/04/2026"}, {"Date": "05/05/2026"}), small())
        assert found.frame["measured_on"].to_list() == [date(2026, 5, 5)]
        assert "day/month or month/day" in found.refused[0].reason

    def test_a_column_that_proves_both_orders_proves_none(self, tmp_path: Path) -> None:
        found = read(file(tmp_path, {"Date": "03/04/2026"}, {"Date": "25/04/2026"}, {"Date": "04/25/2026"}), small())
        assert [one.row for one in found.refused] == [1]

    def test_the_mapping_may_say_it(self, tmp_path: Path) -> None:
        found = read(file(tmp_path, {"Date": "03/04/2026"}), small(dates={"order": "month_first"}))
        assert found.frame["measured_on"][0] == date(2026, 3, 4)
        found = read(file(tmp_path, {"Date": "03/04/26"}), small(dates={"formats": ["%d/%m/%y"]}))
        assert found.frame["measured_on"][0] == date(2026, 4, 3)

    def test_serial_numbers_of_excel_are_days_only_where_the_mapping_says_so(self, tmp_path: Path) -> None:
        path = file(tmp_path, {"Date": "46023"})
        assert "serial number" in read(path, small()).refused[0].reason
        assert read(path, small(dates={"excel_serial": True})).frame["measured_on"][0] == date(2026, 1, 1)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("2026-07-01", "lies in the future"),
            ("1999-12-31", "lies before 2000"),
            ("2026-02-30", "not a day of the calendar"),
            ("", "is empty"),
            ("soon", "is not a day"),
            ("03/04/26", "year of two digits"),
            ("2026-01-01 - 2026-01-07", "covers several days"),
            ("2026-01-07 - 2026-01-01", "ends before it begins"),
        ],
    )
    def test_impossible_days_are_set_aside(self, tmp_path: Path, text: str, reason: str) -> None:
        (refused,) = only(tmp_path, Date=text).refused
        assert reason in refused.reason and refused.field == "Date"

    def test_a_range_in_two_columns_is_a_fact_only_where_it_is_one_day(self, tmp_path: Path) -> None:
        header = ["Start Date", "End Date", *HEADER[1:]]
        one = {"Start Date": "2026-01-01", "End Date": "2026-01-01"}
        week = {"Start Date": "2026-01-01", "End Date": "2026-01-07"}  # overlaps the first and the last
        found = read(
            file(tmp_path, one, week, {**one, "End Date": ""}, {**one, "Start Date": "2026-01-02"}, header=header),
            small(),
        )
        assert found.frame["row"].to_list() == [1]
        assert "covers several days" in found.reasons()[2] and "export the report by day" in found.reasons()[2]
        assert "when does it end" in found.reasons()[3] and "ends before it begins" in found.reasons()[4]

    def test_hours_are_kept(self, tmp_path: Path) -> None:
        header = [*HEADER, "Hour"]
        found = read(
            file(tmp_path, {"Hour": "7"}, {"Hour": "2026-01-01T23:00:00"}, {"Hour": "24"}, {}, header=header), small()
        )
        assert found.frame["hour"].to_list() == [7, 23, None]
        assert "not an hour" in found.reasons()[3]


class TestImpossible:
    @pytest.mark.parametrize(
        ("change", "column"),
        [
            ({"Impressions": "-1"}, "Impressions"),
            ({"Clicks": "-1"}, "Clicks"),
            ({"Sales": "-1"}, "Sales"),
            ({"Impressions": "0"}, "Clicks"),
            ({"NTB Orders": "3"}, "NTB Orders"),
            ({"NTB Sales": "9.81"}, "NTB Sales"),
            ({"Orders": "0", "NTB Orders": "0"}, "Sales"),
            ({"Orders": "0", "NTB Orders": "0", "Sales": "0", "NTB Sales": "0"}, "Units"),
        ],
    )
    def test_a_row_that_contradicts_itself_is_set_aside(
        self, tmp_path: Path, change: dict[str, str], column: str
    ) -> None:
        (refused,) = read(file(tmp_path, change), small()).refused
        assert refused.field == column

    def test_what_a_row_does_not_say_contradicts_nothing(self, tmp_path: Path) -> None:
        found = read(
            file(tmp_path, {"Impressions": ""}, {"Orders": "", "NTB Orders": ""}, {"Clicks": "0", "Impressions": "0"}),
            small(),
        )
        assert found.refused == []
        assert found.frame["impressions"].to_list() == [None, 100, 0]

    def test_a_row_without_any_figure_is_set_aside(self, tmp_path: Path) -> None:
        found = read(file(tmp_path, dict.fromkeys(HEADER[2:], ""), {}), small())
        assert "like all other figures" in found.reasons()[1]

    def test_a_row_that_names_no_campaign_is_set_aside(self, tmp_path: Path) -> None:
        assert "does not say of what" in only(tmp_path, Campaign_ID="").refused[0].reason


class TestIds:
    def test_wrapping_of_spreadsheets_is_taken_off(self, tmp_path: Path) -> None:
        found = read(
            file(tmp_path, {"Campaign ID": '="00123"'}, {"Campaign ID": "'0456"}, {"Campaign ID": "789.0"}), small()
        )
        assert found.frame["campaign_id"].to_list() == ["00123", "0456", "789"]

    def test_a_ruined_id_is_set_aside(self, tmp_path: Path) -> None:
        assert "last digits are lost" in only(tmp_path, Campaign_ID="1.23457E+11").refused[0].reason

    def test_a_ruined_product_code_is_taken_only_where_it_was_repaired_for_certain(self, tmp_path: Path) -> None:
        path = file(tmp_path, {"ASIN": "4.006381333931E+12"}, {"ASIN": "4.00638E+12"}, header=[*HEADER, "ASIN"])
        found = read(path, small(), repair=lambda codes: {"4.006381333931E+12": "4006381333931"})
        assert found.frame["item"].to_list() == ["4006381333931"]
        assert [one.value for one in found.refused] == ["4.00638E+12"]
        assert len(read(path, small()).refused) == 2

    def test_a_text_that_no_column_holds_is_set_aside(self, tmp_path: Path) -> None:
        assert "longer than 80" in only(tmp_path, Campaign_ID="x" * 81).refused[0].reason


class TestCurrencies:
    CURRENCY = {"columns": {"currency": ["Currency"]}}

    def test_each_row_keeps_its_own_where_the_report_has_a_column(self, tmp_path: Path) -> None:
        path = file(tmp_path, {"Currency": "eur", "Spend": "€1.50"}, {"Currency": ""}, header=[*HEADER, "Currency"])
        found = read(path, small(**self.CURRENCY))
        assert found.refused == []
        assert found.frame["currency"].to_list() == ["EUR", "USD"]

    def test_other_ones_are_set_aside_where_the_mapping_says_so(self, tmp_path: Path) -> None:
        path = file(
            tmp_path, {"Currency": "EUR"}, {"Currency": "USD"}, {"Currency": "XXZ"}, header=[*HEADER, "Currency"]
        )
        found = read(path, small(**self.CURRENCY, currency={"mixed": "refuse"}))
        assert [one.row for one in found.refused] == [1, 3]
        assert "another currency than USD" in found.reasons()[1] and "ISO 4217" in found.reasons()[3]

    def test_a_sign_that_contradicts_the_currency_is_set_aside(self, tmp_path: Path) -> None:
        path = file(
            tmp_path,
            {"Currency": "CAD", "Spend": "$1.50"},
            {"Currency": "EUR", "Spend": "$1.50"},
            header=[*HEADER, "Currency"],
        )
        found = read(path, small(**self.CURRENCY))
        assert found.frame["row"].to_list() == [1] and "another currency" in found.reasons()[2]


class TestRepeats:
    def test_the_same_row_again_is_counted_once(self, tmp_path: Path) -> None:
        found = read(
            file(tmp_path, {"Campaign ID": "1"}, {"Campaign ID": "2"}, {"Campaign ID": "1", "Spend": "1.5"}), small()
        )
        assert found.frame["row"].to_list() == [1, 2] and found.duplicates == 1
        assert found.totals["spend"] == (3_000_000, 1_500_000)
        assert found.refused[0].raw["Spend"] == "1.5"

    def test_rows_that_contradict_each_other_are_all_set_aside(self, tmp_path: Path) -> None:
        same = {"Campaign ID": "1"}
        found = read(file(tmp_path, same, {"Campaign ID": "2"}, {**same, "Spend": "2.00"}, same), small())
        assert found.frame["row"].to_list() == [2] and found.duplicates == 0
        assert {row: reason.split(":")[1].strip() for row, reason in found.reasons().items()} == {
            1: "contradicts row 3",
            3: "contradicts row 1",
            4: "contradicts row 1",
        }

    def test_a_renamed_campaign_is_the_same_row(self, tmp_path: Path) -> None:
        header = [*HEADER, "Campaign"]
        found = read(
            file(
                tmp_path,
                {"Campaign ID": "1", "Campaign": "Old"},
                {"Campaign ID": "1", "Campaign": "New"},
                header=header,
            ),
            small(),
        )
        assert found.frame.height == 0 and len(found.refused) == 2

    def test_a_bad_row_does_not_spoil_a_good_one(self, tmp_path: Path) -> None:
        found = read(file(tmp_path, {"Campaign ID": "1"}, {"Campaign ID": "1", "Spend": "-2"}), small())
        assert found.frame["row"].to_list() == [1]
