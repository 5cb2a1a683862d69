"""A mapping says clearly what is wrong with it, and the shipped ones say nothing twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crm.imports.reports.mapping import FOLDER, BadMapping, from_yaml, load, shipped
from crm.imports.reports.names import plain
from tests.crm.reports.files import SMALL, small


def test_all_networks_of_the_issue_are_there() -> None:
    assert {mapping.network for mapping in shipped().values()} == {
        "amazon",
        "walmart",
        "criteo",
        "instacart",
        "google",
        "meta",
        "pinterest",
        "",
    }


def test_every_file_is_a_mapping_or_the_base_of_one() -> None:
    names = {path.stem for path in FOLDER.glob("*.yaml")}
    assert {name for name in names if not name.startswith("_")} == set(shipped())


@pytest.mark.parametrize("name", [name for name, mapping in shipped().items() if mapping.network])
def test_what_names_a_network_asks_for_something_that_a_plain_report_does_not_have(name: str) -> None:
    everyday = shipped()["generic"].known_names()
    assert any(not {plain(one) for one in mark.split("|")} & everyday for mark in shipped()[name].marks)


@pytest.mark.parametrize("name", list(shipped()))
def test_every_name_of_a_mark_says_something(name: str) -> None:
    assert all(plain(one) for mark in shipped()[name].marks for one in mark.split("|"))


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"columns": {"spending": ["Spend"]}}, "", "columns.spending is not one of"),
        ({"columns": {"spend": {"names": []}}}, "columns.spend.names", "at least 1 item"),
        (
            {"columns": {"spend": {"names": ["Spend"], "unit": "percent"}}},
            "columns.spend.unit",
            "a share cannot be added",
        ),
        ({"columns": {"spend": {"names": ["Spend"], "unit": "count"}}}, "", "money is in currency"),
        ({"columns": {"clicks": {"names": ["Clicks"], "unit": "micros"}}}, "", "does not fit clicks"),
        (
            {"windows": [{"days": 0, "orders": ["Orders"], "primary": True}]},
            "windows.0.days",
            "greater than or equal to 1",
        ),
        ({"windows": [{"days": 7, "orders": ["Orders"]}]}, "", "exactly one must be primary"),
        ({"windows": [{"days": 7, "primary": True}]}, "", "windows.0 has no figures"),
        ({"grain": "planet"}, "grain", "must be one of campaign"),
        ({"currency": {"fixed": "EURO"}}, "currency.fixed", "not a currency of ISO 4217"),
        ({"identity": ["campaign|name"]}, "", "is not a field"),
        ({"colour": "red"}, "colour", "Extra inputs"),
        ({"name": "Not A Slug"}, "name", "pattern"),
    ],
)
def test_a_mistake_is_named_with_its_field(change: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(BadMapping) as error:
        small(**change)
    assert words in error.value.message
    assert error.value.detail["field"] == field


def test_two_windows_of_the_same_kind_are_refused() -> None:
    twice = [{**SMALL["windows"][0]}, {**SMALL["windows"][0], "primary": False}]
    with pytest.raises(BadMapping, match=r"14\|click comes twice"):
        small(windows=twice)


def test_a_file_names_itself_in_its_error(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("title: x\ncolumns: {spend: [Cost]}\n")
    with pytest.raises(BadMapping, match=r"mine\.yaml: columns\.measured_on is missing"):
        load(tmp_path)


def test_text_that_is_no_yaml_is_refused() -> None:
    with pytest.raises(BadMapping, match="not valid YAML"):
        from_yaml("columns: [", source="mine.yaml")
    with pytest.raises(BadMapping, match="must be a list of fields"):
        from_yaml("- a\n- b", source="mine.yaml")


def test_one_mapping_may_extend_another(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("title: x\ncolumns: {measured_on: [Day], spend: [Cost], clicks: [Clicks]}\n")
    (tmp_path / "mine.yaml").write_text("extends: base\ntitle: y\ncolumns: {spend: [Price]}\ndrop: [columns.clicks]\n")
    made = load(tmp_path)["mine"]
    assert made.title == "y" and set(made.columns) == {"measured_on", "spend"}
    assert made.columns["spend"].names == ("Price",)
    (tmp_path / "other.yaml").write_text("extends: nobody\n")
    with pytest.raises(BadMapping, match="there is no mapping nobody"):
        load(tmp_path)
