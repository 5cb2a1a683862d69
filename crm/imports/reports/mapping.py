"""What the columns of one kind of report mean: the YAML files in `mappings/`, and those that people of a brand confirm.

A mapping says everything that a file does not say of itself, so that nothing has to be guessed while rows are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from crm.errors import EndcapError
from crm.imports.money import CURRENCIES
from crm.imports.reports.canonical import ATTRIBUTED, COUNTS, DELIVERY, MONEY, Grain
from crm.imports.reports.names import plain

FOLDER = Path(__file__).parent / "mappings"
ATTRIBUTIONS = ("click", "click_view", "view", "linear", "modelled", "exposure", "unknown")
ID_FIELDS = ("campaign_id", "ad_group", "ad", "item", "audience", "external_id")
TEXT_FIELDS = ("campaign_id", "campaign_name", "ad_group", "ad_group_name", "ad", "target", "match_type", "item",
               "item_name", "audience", "currency")  # fmt: skip
DAY_FIELDS = ("measured_on", "range_start", "range_end", "hour")
FACT_FIELDS = (*DAY_FIELDS, *TEXT_FIELDS, "impressions", "clicks", "spend")
ENTITY_FIELDS = ("external_id", "name", "campaign_id", "campaign_name", "ad_group", "status", "objective", "item",
                 "text", "match_type", "currency", "time_zone", "budget", "starts_on", "ends_on",
                 "changed_at")  # fmt: skip


class BadMapping(EndcapError):
    """A mapping cannot be used; the message names the file, the field and what is wrong with it."""

    status = 422


class Unit(StrEnum):
    """How a column writes its figure."""

    COUNT = "count"
    CURRENCY = "currency"  # 12.50
    CENTS = "cents"  # 1250
    MICROS = "micros"  # 12500000
    PERCENT = "percent"  # a share; never a figure of its own
    RATIO = "ratio"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Part):
    """Where one thing stands: the names it may have in the header, the first that is there wins."""

    names: tuple[str, ...] = Field(min_length=1)
    sum_of: tuple[str, ...] = ()  # where none of `names` is there: the sum of these, if all of them are
    unit: Unit | None = None
    required: bool = False
    fractions: Literal["refuse", "round"] = "refuse"  # for impressions and clicks that a source estimates

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        """`[date, Day]` and `date` are short for `{names: [date, Day]}`."""
        if isinstance(given, str):
            return {"names": [given]}
        return {"names": given} if isinstance(given, list) else given

    @field_validator("unit")
    @classmethod
    def _no_share(cls, unit: Unit | None) -> Unit | None:
        if unit in (Unit.PERCENT, Unit.RATIO):
            raise ValueError("a share cannot be added up; leave the column out, it is computed from the figures")
        return unit


class Window(_Part):
    """Figures that a source attributes within `days` (null: it does not say how many) of a click or a view."""

    days: int | None = Field(default=None, ge=1, le=365)
    attribution: Literal["click", "click_view", "view", "linear", "modelled", "exposure", "unknown"] = "unknown"
    primary: bool = False
    orders: Column | None = None
    units: Column | None = None
    sales: Column | None = None
    ntb_orders: Column | None = None
    ntb_units: Column | None = None
    ntb_sales: Column | None = None

    @property
    def key(self) -> str:
        """As in PerformanceMetric.other_windows: `30|click`."""
        return f"{'' if self.days is None else self.days}|{self.attribution}"

    def columns(self) -> dict[str, Column]:
        return {name: column for name in ATTRIBUTED if (column := getattr(self, name)) is not None}


class Dates(_Part):
    """How days are written. ISO days are always read; `formats` are those of strptime, tried first."""

    formats: tuple[str, ...] = ()
    order: Literal["auto", "day_first", "month_first"] = "auto"
    excel_serial: bool = False


class Numbers(_Part):
    """How numbers are written. `auto`: the file must prove its decimal sign; where it does not, a number with two
    readings is set aside."""

    decimal: Literal["auto", ".", ","] = "auto"
    blanks: tuple[str, ...] = ("-", "--", "—", "–", "n/a", "na", "null", "none", "nan", "not set")


class Money(_Part):
    """Currency: a column of its own (`columns.currency`), `fixed`, or else the retailer's."""

    fixed: str | None = None
    mixed: Literal["keep", "refuse"] = "keep"  # rows of other currencies than the retailer's

    @field_validator("fixed")
    @classmethod
    def _known(cls, code: str | None) -> str | None:
        if code is not None and code not in CURRENCIES:
            raise ValueError(f"{code!r} is not a currency of ISO 4217, for example EUR")
        return code


class Footer(_Part):
    """Rows below the data. A row whose first filled text is one of `totals` is the file's own total."""

    totals: tuple[str, ...] = ("total", "totals", "grand total", "summe", "gesamt", "total général", "totale")

    def is_total(self, cells: Iterable[str]) -> bool:
        first = next((text for cell in cells if (text := cell.strip())), "")
        return first.strip(" :*").casefold() in self.totals


def note_in(cells: Sequence[str]) -> str:
    """The text of a row that is a note below the data: a sentence in its first cell and nothing else, or ""."""
    first = cells[0].strip()
    alone = len(cells) > 2 and not any(cell.strip() for cell in cells[1:])
    return first if alone and " " in first else ""


class Only(_Part):
    """Which rows are read: those with one of `values` in `column`; the others are left out, and counted by reason."""

    column: Column
    values: tuple[str, ...] = Field(min_length=1)
    otherwise: str
    reasons: dict[str, str] = {}


def _grain(given: Any) -> Any:
    if isinstance(given, str):
        try:
            return Grain[given.upper()]
        except KeyError:
            raise ValueError(f"must be one of {', '.join(grain.name.lower() for grain in Grain)}") from None
    return given


class Mapping(_Part):
    """One kind of report. `columns` and `windows` say where its figures stand, the rest how they are written."""

    name: str = Field(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$", max_length=60)
    title: str = Field(max_length=120)
    network: str = ""
    kind: Literal["facts", "entities"] = "facts"
    grain: Annotated[Grain, BeforeValidator(_grain)] = Grain.CAMPAIGN
    entity: Literal["", "campaign", "ad_group", "ad", "keyword", "account", "portfolio"] = ""
    columns: dict[str, Column]
    breakdown: dict[str, Column] = {}
    windows: tuple[Window, ...] = ()
    identity: tuple[str, ...] = ()  # what every row must name: `campaign_id|campaign_name` is either of both
    leave_out: dict[str, str] = {}  # columns that are known and not read, with the reason
    dates: Dates = Dates()
    numbers: Numbers = Numbers()
    currency: Money = Money()
    header_within: int = Field(default=40, ge=1, le=200)  # title rows may stand above the header, at most so many
    footer: Footer = Footer()
    only: Only | None = None
    # columns that must be in the header for the mapping to fit; `a|b` is either of both. What names a network has one
    # mark that a plain report does not have, or it would claim the reports of others
    marks: tuple[str, ...] = ()
    filenames: tuple[str, ...] = ()
    restatement_days: int = Field(default=14, ge=0, le=365)
    time_zone: str = ""
    scope: str = ""
    notes: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        allowed = FACT_FIELDS if self.kind == "facts" else ENTITY_FIELDS
        for name, column in self.columns.items():
            if name not in allowed:
                raise ValueError(f"columns.{name} is not one of {', '.join(allowed)}")
            _unit_fits(f"columns.{name}", name, column)
        if self.kind == "entities":
            if not self.entity:
                raise ValueError("entity is missing: say what the rows are, for example campaign")
            if self.windows or self.breakdown:
                raise ValueError("a table of entities has no windows and no breakdown")
            return self
        if "measured_on" not in self.columns and "range_start" not in self.columns:
            raise ValueError("columns.measured_on is missing: every figure belongs to a day")
        if not self.windows and not {"impressions", "clicks", "spend"} & set(self.columns):
            raise ValueError("no column holds a figure: name impressions, clicks, spend or a window")
        for number, window in enumerate(self.windows):
            if not window.columns():
                raise ValueError(f"windows.{number} has no figures")
            for name, column in window.columns().items():
                _unit_fits(f"windows.{number}.{name}", name, column)
        keys = [window.key for window in self.windows]
        if len(set(keys)) < len(keys):
            raise ValueError(f"windows: {max(keys, key=keys.count)} comes twice")
        if sum(window.primary for window in self.windows) != min(1, len(self.windows)):
            raise ValueError("windows: exactly one must be primary: true")
        known = {*FACT_FIELDS, "breakdown"}
        for alternatives in self.identity:
            if unknown := set(alternatives.split("|")) - known:
                raise ValueError(f"identity: {min(unknown)} is not a field")
        return self

    @property
    def primary(self) -> Window | None:
        return next((window for window in self.windows if window.primary), None)

    def every_column(self) -> Iterable[tuple[str, Column]]:
        """(where it stands in the mapping, the column) of all columns that are read."""
        yield from ((f"columns.{name}", column) for name, column in self.columns.items())
        yield from ((f"breakdown.{name}", column) for name, column in self.breakdown.items())
        for number, window in enumerate(self.windows):
            yield from ((f"windows.{number}.{name}", column) for name, column in window.columns().items())
        if self.only:
            yield "only.column", self.only.column

    def known_names(self) -> frozenset[str]:
        """Plain names of all columns that the mapping reads or leaves out on purpose."""
        read = {plain(name) for _, column in self.every_column() for name in (*column.names, *column.sum_of)}
        return frozenset(read | {plain(name) for name in self.leave_out})


def _unit_fits(place: str, field: str, column: Column) -> None:
    money = field in (*MONEY, "budget")
    if column.unit is None:
        return
    if money and column.unit is Unit.COUNT:
        raise ValueError(f"{place}.unit: money is in currency, cents or micros, not a count")
    if not money and (column.unit is not Unit.COUNT or field not in (*COUNTS, *DELIVERY)):
        raise ValueError(f"{place}.unit: {column.unit} does not fit {field}")


def parse(body: dict[str, Any], *, source: str = "") -> Mapping:
    """A mapping from what its YAML file says. Raises BadMapping that names the file and the field."""
    try:
        return Mapping.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        found = first["msg"].removeprefix("Value error, ")
        where = source or str(body.get("name") or "The mapping")
        message = f"{where}: {place + ': ' if place else ''}{found}"
        raise BadMapping(message, file=source, field=place, value=str(first.get("input"))[:200]) from error


def from_yaml(text: str, *, source: str = "") -> Mapping:
    """A mapping from the text of a YAML file. Raises BadMapping."""
    return parse(_body(text, source), source=source)


def _body(text: str, source: str) -> dict[str, Any]:
    try:
        body = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadMapping(f"{source or 'The mapping'} is not valid YAML: {error}", file=source) from error
    if not isinstance(body, dict):
        raise BadMapping(f"{source or 'The mapping'} must be a list of fields with values, like `name: my-report`.")
    return body


@lru_cache(maxsize=1)
def shipped() -> dict[str, Mapping]:
    """The mappings beside the code, by name. Raises BadMapping for one that cannot be used."""
    return load(FOLDER)


def load(folder: Path) -> dict[str, Mapping]:
    """All *.yaml of a folder, each one mapping; `extends` takes over what another says, `drop` leaves parts of it."""
    bodies = {path.stem: (path.name, _body(path.read_text(encoding="utf-8"), path.name))
              for path in sorted(folder.glob("*.yaml"))}  # fmt: skip
    made: dict[str, Mapping] = {}
    for stem, (file, body) in bodies.items():
        whole = _extended(stem, bodies, ())
        if body.get("abstract"):
            continue
        if whole.get("name", stem) != stem:
            raise BadMapping(f"{file}: name must be {stem}, like the file", file=file, field="name")
        made[stem] = parse({"name": stem, **whole}, source=file)
    return made


def _extended(stem: str, bodies: dict[str, tuple[str, dict[str, Any]]], seen: tuple[str, ...]) -> dict[str, Any]:
    file, body = bodies[stem]
    body = {key: value for key, value in body.items() if key != "abstract"}
    parent = body.pop("extends", None)
    dropped = body.pop("drop", [])
    if parent is None:
        return body
    if parent not in bodies or parent in seen:
        raise BadMapping(f"{file}: extends: there is no mapping {parent}", file=file, field="extends")
    whole = _extended(parent, bodies, (*seen, stem))
    for place in dropped:
        part, _, name = str(place).partition(".")
        if part not in whole or name not in whole[part]:
            raise BadMapping(f"{file}: drop: {parent} has no {place}", file=file, field="drop")
        whole[part] = {key: value for key, value in whole[part].items() if key != name}
    for key, value in body.items():
        deep = isinstance(value, dict) and isinstance(whole.get(key), dict)
        whole[key] = {**whole[key], **value} if deep else value
    return whole
