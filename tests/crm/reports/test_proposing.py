"""What an unknown report means is proposed with a confidence that can be relied on, and never guessed silently."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from crm.imports.reports.mapping import parse, shipped
from crm.imports.reports.proposing import LEAST, SURE, propose
from crm.imports.reports.recognise import recognise
from crm.sample.catalogue import brand_entry
from crm.sample.reports import unknown_report
from tests.crm.reports.files import read, small, written
from tests.crm.reports.held_out import cases, proposal, right

RENAMED = [
    "Rpt_Dt",
    "Cmpgn_Id",
    "Cmpgn_Nm",
    "Prd_UPC",
    "Impres_Cnt",
    "Clks",
    "Spnd_Amt_USD",
    "Att_Sls_14d",
    "Att_Ord_14d",
    "Att_Sls_30d",
    "NTB_Sls_14d",
    "CTR_Pct",
    "Row_Hash",
    "Bid",
]
VALUES = [
    "2026-03-01",
    "C-7",
    "Spring",
    "012345678905",
    "1000",
    "12",
    "$3.50",
    "20.00",
    "2",
    "25.00",
    "9.00",
    "1.2%",
    "a9f",
    "0.5",
]


def goes_to(header: list[str], values: list[str], **options: object) -> dict[str, str]:
    made = propose(header, [values] * 4, mappings=shipped().values(), **options)  # type: ignore[arg-type]
    return {one.column: one.goes_to for one in made.columns}


class TestHowFarItCanBeTrusted:
    @pytest.mark.real_data
    def test_confident_proposals_are_right_on_networks_it_has_not_seen(
        self, shared_data: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        by_tenth: dict[int, list[bool]] = {}
        wanted = found = 0
        for case in cases(shared_data):
            wanted += sum(1 for one in case.truth.values() if one != "part of a sum")
            for one in proposal(case).columns:
                if one.goes_to:
                    correct = right(one.goes_to, case.truth.get(one.column, ""))
                    by_tenth.setdefault(int(one.confidence * 10 + 1e-9), []).append(correct)
                    found += correct and one.confidence >= SURE
        sure = by_tenth[9]
        with capsys.disabled():
            print(
                f"\nproposals at {SURE} and more: {sum(sure)} of {len(sure)} right ({sum(sure) / len(sure):.3f}), "
                f"{found} of {wanted} columns found; "
                + ", ".join(
                    f"{tenth / 10:.1f}: {sum(ones) / len(ones):.2f} of {len(ones)}"
                    for tenth, ones in sorted(by_tenth.items())
                )
            )
        assert len(sure) > 300
        assert sum(sure) / len(sure) >= 0.97
        assert found / wanted >= 0.6


class TestPropose:
    def test_short_names_are_read_word_by_word(self) -> None:
        found = goes_to(RENAMED, VALUES)
        assert found["Rpt_Dt"] == "measured_on"
        assert found["Cmpgn_Id"] == "campaign_id" and found["Cmpgn_Nm"] == "campaign_name"
        assert found["Prd_UPC"] == "item"
        assert found["Clks"] == "clicks" and found["Spnd_Amt_USD"] == "spend"
        assert found["Att_Sls_14d"] == "sales|14|unknown" and found["Att_Sls_30d"] == "sales|30|unknown"
        assert found["Att_Ord_14d"] == "orders|14|unknown" and found["NTB_Sls_14d"] == "ntb_sales|14|unknown"

    @pytest.mark.parametrize(
        ("name", "field"),
        [
            ("Imp", "impressions"), ("Imps", "impressions"), ("Impr", "impressions"), ("IMP", "impressions"),
            ("Clk", "clicks"), ("Clks", "clicks"), ("Cmp", "campaign_name"), ("Cmp_Nm", "campaign_name"),
            ("CMP_ID", "campaign_id"), ("Kwd", "target"), ("Prd_Cd", "item"), ("AdGrp_Nm", "ad_group_name"),
            ("Qty", "units||unknown"), ("Sls", "sales||unknown"), ("Rev", "sales||unknown"), ("Ord", "orders||unknown"),
            ("Att_Sls_14d", "sales|14|unknown"), ("Cost_net", "spend"), ("Conv", "orders||unknown"), ("Amt", "spend"),
            ("Purch_Conv_Value_7d", "sales|7|unknown"),
        ],
    )  # fmt: skip
    def test_an_abbreviation_is_read(self, name: str, field: str) -> None:
        assert goes_to([name], ["12"]) == {name: field}

    @pytest.mark.parametrize("name", ["Cost_net", "Conv", "Amt", "Sls_x"])
    def test_a_name_that_could_be_something_else_is_not_certain(self, name: str) -> None:
        (one,) = propose([name], [["12"]] * 4, mappings=shipped().values()).columns
        assert LEAST <= one.confidence < 0.8
        assert one.reason

    def test_the_sample_export_with_unknown_headings_is_understood(self, tmp_path: Path) -> None:
        made = unknown_report("Nordmarkt", date(2026, 3, 1), brand_entry("harbor-oats").skus)
        path = tmp_path / made.filename
        path.write_text(made.text, encoding="utf-8")
        found = recognise(path, shipped().values())
        assert found.mapping == ""
        columns = propose(found.header, found.sample, mappings=shipped().values()).columns
        assert [one.goes_to for one in columns] == [
            "measured_on", "campaign_name", "item", "impressions", "clicks", "spend", "sales|14|unknown", "",
        ]  # fmt: skip
        assert {one.column for one in columns if one.confidence < 0.8} == {"Cost_net", "Acct_Mgr"}

    def test_what_is_not_understood_is_left_out_with_the_reason(self) -> None:
        made = {one.column: one for one in propose(RENAMED, [VALUES] * 4, mappings=shipped().values()).columns}
        for name in ("CTR_Pct", "Row_Hash", "Bid"):
            assert made[name].goes_to == "" and made[name].reason
        assert all(one.confidence >= LEAST for one in made.values() if one.goes_to)

    def test_values_take_back_what_a_name_promises(self) -> None:
        made = propose(["Date", "Campaign", "Spend", "Clicks"], [["2026-01-01", "A", "high", "12%"]] * 3)
        spend, clicks = made.columns[2], made.columns[3]
        assert (spend.goes_to, clicks.goes_to) == ("", "")
        assert "does not hold numbers" in spend.reason and "percent" in clicks.reason

    def test_two_columns_for_one_field_are_not_both_sure(self) -> None:
        made = propose(["Date", "Campaign", "Cost", "Spend"], [["2026-01-01", "A", "1.5", "1.6"]] * 3)
        assert [one.goes_to for one in made.columns].count("spend") == 1
        assert all(one.confidence < SURE for one in made.columns if one.column in ("Cost", "Spend"))

    def test_what_is_missing_is_said(self) -> None:
        missing = propose(["Foo", "Orders"], [["a", "2"]] * 3).missing
        assert any("a day" in one for one in missing) and any("a campaign" in one for one in missing)
        assert any("attribution window" in one for one in missing)

    def test_a_mapping_that_a_person_confirmed_goes_first(self) -> None:
        mine = parse({"name": "mine", "title": "Mine", "columns": {"measured_on": ["D"], "spend": ["Zaster"]}})
        made = propose(["D", "Zaster"], [["2026-01-01", "1.50"]] * 3, mappings=shipped().values(), past=[mine])
        assert [(one.goes_to, one.confidence) for one in made.columns] == [("measured_on", 0.99), ("spend", 0.99)]

    def test_the_proposed_mapping_reads_the_file(self, tmp_path: Path) -> None:
        path = written(tmp_path / "report.csv", RENAMED, [VALUES])
        found = recognise(path, shipped().values())
        assert found.mapping == ""
        body = propose(found.header, found.sample, mappings=shipped().values()).body
        result = read(path, parse(body))
        (row,) = result.rows()
        assert result.refused == []
        assert (row["spend"], row["sales"], row["window_days"]) == (3_500_000, 20_000_000, 14)
        assert row["other_windows"] == '{"30|unknown":{"sales":25}}'


class TestRecognise:
    def test_a_header_among_title_rows_is_found(self, tmp_path: Path) -> None:
        path = tmp_path / "report.csv"
        path.write_text(
            "Harbor Oats,Report\n\nDate,Campaign Name,Impressions,Clicks,Spend,14 Day Total Sales,Units,Orders\n"
            "2026-01-01,A,1,0,0,0,0,0\n"
        )
        assert recognise(path, shipped().values()).header[0] == "Date"

    def test_two_mappings_that_fit_equally_are_left_to_a_person(self, tmp_path: Path) -> None:
        header = ["ad_id", "date", "index", "action_type", "value", "_7_d_click"]
        row = ["1", "2026-01-01", "0", "offsite_conversion.fb_pixel_purchase", "2", "2"]
        found = recognise(written(tmp_path / "export.csv", header, [row]), shipped().values())
        assert found.mapping == "" and "choose one" in found.why
        assert {fit.mapping for fit in found.fits[:2]} == {"meta-ads-actions", "meta-ads-action-values"}
        assert (
            recognise(tmp_path / "export.csv", shipped().values(), "ad_action_values.csv").mapping
            == "meta-ads-action-values"
        )

    @pytest.mark.parametrize(
        "end", ["Total,,120,1200", "Grand total:,,120,1200", ",Summe,120,1200", "Made by Ana B,,,"]
    )
    def test_the_sample_holds_data_only(self, end: str, tmp_path: Path) -> None:
        path = tmp_path / "small.csv"
        days = "".join(f"2026-01-0{day},A,{day},3\n" for day in (1, 2, 3))
        path.write_text(f"Dt,Cmp_Nm,Cost_x,Imp\n{days} , , , \n{end}\n")
        found = recognise(path, shipped().values())
        assert [row[0] for row in found.sample] == ["2026-01-01", "2026-01-02", "2026-01-03"]
        first = propose(found.header, found.sample, mappings=shipped().values()).columns[0]
        assert (first.goes_to, first.confidence) == ("measured_on", 0.93)

    @pytest.mark.parametrize("more", [[], ["Shelf", "Buyer"]])
    def test_a_plain_report_is_not_taken_for_a_network(self, more: list[str], tmp_path: Path) -> None:
        header = ["Day", "Campaign", "Impressions", "Clicks", "Cost", *more]
        path = written(tmp_path / "x.csv", header, [["2026-01-01", "A", "9", "1", "1.5", *("x" for _ in more)]])
        found = recognise(path, shipped().values())
        assert found.mapping == ("" if more else "generic")
        assert [fit.mapping for fit in found.fits] == ["generic"]

    def test_a_report_of_the_google_console_is_still_known(self, tmp_path: Path) -> None:
        header = ["Day", "Campaign", "Campaign ID", "Currency code", "Cost", "Impr.", "Clicks", "Conv. value"]
        row = ["2026-01-01", "A", "1", "EUR", "1.5", "9", "1", "3"]
        assert recognise(written(tmp_path / "x.csv", header, [row]), shipped().values()).mapping == "google-ads-console"

    def test_a_mapping_of_the_brand_is_found_like_a_shipped_one(self, tmp_path: Path) -> None:
        path = written(
            tmp_path / "x.csv", ["Date", "Campaign ID", "ASIN", "Spend", "Orders"], [["2026-01-01", "1", "B", "1", "1"]]
        )
        assert recognise(path, [small(marks=["ASIN"]), *shipped().values()]).fits[0].mapping in ("small", "generic")

    def test_the_fingerprint_is_of_the_columns_not_of_their_order(self, tmp_path: Path) -> None:
        one = recognise(written(tmp_path / "a.csv", ["Date", "Spend"], [["2026-01-01", "1"]]), [])
        other = recognise(written(tmp_path / "b.csv", ["spend", "date"], [["1", "2026-01-01"]]), [])
        third = recognise(written(tmp_path / "c.csv", ["spend", "day"], [["1", "2026-01-01"]]), [])
        assert one.fingerprint == other.fingerprint != third.fingerprint
