"""`manage.py import_report FILE [FILE ...] --brand SLUG --retailer R`: reports of retailers into the facts."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

import yaml
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q
from django.utils.text import slugify
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from crm import report_imports
from crm.errors import EndcapError
from crm.imports.reports.mapping import from_yaml
from crm.models import Brand, Import, Retailer

NO_LIMIT = 1 << 62
SHOWN = 10
UNKNOWN, FAILED = 3, 1


class Command(BaseCommand):
    help = (
        "Take in reports of a retailer: CSV, JSON, Excel, also .gz and .zip, of any size. Lists of campaigns and ads "
        "go first, whatever the order on the line. Exit code 0: all stored (rows may be set aside), 1: a file failed, "
        "3: a report nobody knows; the proposal is printed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--brand", required=True, help="slug of the brand")
        parser.add_argument("--retailer", required=True, help="slug or name of the retailer")
        parser.add_argument(
            "--make-retailer", action="store_true", help="add the retailer, where the brand has none such"
        )
        parser.add_argument(
            "--mapping", default="", help="name of a mapping, or a file NAME.yaml; else it is found out"
        )
        parser.add_argument("--save-mapping", type=Path, help="write the proposal for an unknown report to this file")
        parser.add_argument("--currency", default="", help="of amounts that name none; kept as the retailer's")
        parser.add_argument("--dry-run", action="store_true", help="say what would be stored, and store nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        self.console = Console(file=self.stdout, width=max(150, Console().width))  # type: ignore[arg-type]
        for path in options["files"]:
            if not path.is_file():
                raise CommandError(f"{path} is no file.")
        brand = _brand(options["brand"])
        retailer = _retailer(brand, options["retailer"], make=options["make_retailer"])
        if currency := options["currency"].upper():
            retailer.currency = currency
            retailer.save(update_fields=["currency"])
        mapping, body = _given(options["mapping"])
        done: list[tuple[Import, dict[str, Any]]] = []
        received = [self._receive(brand, retailer, path, mapping) for path in options["files"]]
        code = FAILED if None in received else 0
        for batch in sorted((one for one in received if one), key=lambda one: _figures_last(brand, one)):
            if not batch.mapping and body is None:
                self._unknown(batch, options["save_mapping"])
                report_imports.discard(batch, by=None)
                code = code or UNKNOWN
                continue
            done.append(self._dry(batch, body) if options["dry_run"] else self._carry_out(batch, body))
        self._summary(done, dry=options["dry_run"])
        if any(batch.state == Import.State.FAILED for batch, _ in done):
            code = FAILED
        if code:
            sys.exit(code)

    def _receive(self, brand: Brand, retailer: Retailer, path: Path, mapping: str) -> Import | None:
        try:
            with path.open("rb") as file:
                return report_imports.receive(
                    brand=brand, retailer=retailer, file=file, filename=path.name, limit=NO_LIMIT, mapping=mapping
                )
        except EndcapError as error:
            self.console.print(f"{path.name}: {error.message}", markup=False, style="red")
            return None

    def _carry_out(self, batch: Import, body: dict[str, Any] | None) -> tuple[Import, dict[str, Any]]:
        report_imports.confirm(batch, body=body, tell=False)
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True) as bar:
            task = bar.add_task(batch.filename, total=1.0)
            done = report_imports.carry_out(
                batch.pk,
                worker=f"{socket.gethostname()}:{os.getpid()}",
                watch=lambda row: bar.update(task, completed=row.progress),
            )
        batch = done or batch
        batch.refresh_from_db()
        return batch, batch.reconciliation

    def _dry(self, batch: Import, body: dict[str, Any] | None) -> tuple[Import, dict[str, Any]]:
        """The row with the counts of a dry run; then it is discarded."""
        try:
            seen = report_imports.preview(batch, body=body, rows=None)
        except EndcapError as error:
            report_imports.discard(batch, by=None)
            batch.state, batch.error = Import.State.FAILED, error.message
            return batch, {}
        report_imports.discard(batch, by=None)
        result = seen.result
        batch.rows_read, batch.rows_stored = result.read, result.stored
        batch.rows_unchanged, batch.rows_restated = result.unchanged, result.restated
        batch.rows_set_aside = result.set_aside
        batch.stored = {"notes": [check.text for check in seen.checks if not check.ok]}
        for row in seen.refused[:SHOWN]:
            self.console.print(f"{row.file} row {row.row}, {row.field} {row.value!r}: {row.reason}", markup=False)
        return batch, result.reconciliation

    def _unknown(self, batch: Import, save: Path | None) -> None:
        said = batch.proposal
        self.console.print(
            f"{batch.filename}: {said['why']} Nothing was stored. This is what it could mean:", markup=False
        )
        table = Table("Column", "Goes to", "Sure", "Why", "For example")
        for one in said.get("columns", []):
            examples = ", ".join(str(value) for value in one.get("samples", [])[:3])
            table.add_row(
                one["column"], one.get("goes_to") or "(left out)", f"{one['confidence']:.0%}", one.get("reason", ""),
                examples,
            )  # fmt: skip
        self.console.print(table)
        for what in said.get("missing", []):
            self.console.print(f"Missing: {what}", markup=False, style="red")
        if save is None:
            self.console.print("To use it: --save-mapping FILE.yaml, put the file right, then --mapping FILE.yaml")
            return
        save.write_text(yaml.safe_dump(said["body"], sort_keys=False, allow_unicode=True))
        self.console.print(f"Written to {save}. Put it right, then: --mapping {save}", markup=False)

    def _summary(self, done: list[tuple[Import, dict[str, Any]]], *, dry: bool) -> None:
        if not done:
            return
        table = Table(title="What would be stored" if dry else "Stored")
        for name in ("File", "Mapping", "State"):
            table.add_column(name, overflow="fold")
        for name in (
            "Read",
            "Stored",
            "Unchanged",
            "Restated",
            "Set aside",
            "Spend in file",
            "stored",
            "set aside",
            "",
        ):
            table.add_column(name, justify="right")
        for batch, sums in done:
            counts = (
                batch.rows_read,
                batch.rows_stored,
                batch.rows_unchanged,
                batch.rows_restated,
                batch.rows_set_aside,
            )
            spend = sums.get("spend")
            money = (spend["source"], spend["stored"], spend["set_aside"]) if spend else ("", "", "")
            off = [f"{name} off by {one['off']}" for name, one in sums.items() if not one["adds_up"]]
            verdict = ", ".join(off) or ("adds up" if sums else "")
            state = "Failed" if batch.state == Import.State.FAILED else "" if dry else batch.get_state_display()
            table.add_row(batch.filename, batch.mapping, state, *(f"{count:,}" for count in counts), *money, verdict)
        self.console.print(table)
        for batch, _ in done:
            self._tell(batch)

    def _tell(self, batch: Import) -> None:
        if batch.error:
            self.console.print(f"{batch.filename}: {batch.error}", markup=False, style="red")
        for note in batch.stored.get("notes", []):
            self.console.print(f"{batch.filename}: {note}", markup=False)
        rows = batch.quarantine.all()[:SHOWN] if batch.pk else []
        for row in rows:
            self.console.print(f"{row.file} row {row.row}, {row.field} {row.value!r}: {row.reason}", markup=False)
        if batch.pk and batch.rows_set_aside > SHOWN:
            self.console.print(f"and {batch.rows_set_aside - SHOWN:,} more, on the Data page", markup=False)


def _brand(slug: str) -> Brand:
    try:
        return Brand.objects.get(slug=slug)
    except Brand.DoesNotExist as error:
        known = ", ".join(Brand.objects.values_list("slug", flat=True)) or "none yet"
        raise CommandError(f"There is no brand {slug!r}. Brands: {known}.") from error


def _retailer(brand: Brand, named: str, *, make: bool) -> Retailer:
    """The brand's retailer of this slug or name; with `make` a new one, where there is none."""
    shops = Retailer.objects.for_brand(brand)
    found: Retailer | None = shops.filter(Q(slug=named) | Q(name__iexact=named)).first()
    if found is None and make:
        found = shops.create(brand=brand, name=named, slug=slugify(named))
    if found is None:
        known = ", ".join(shops.values_list("slug", flat=True)) or "none yet"
        raise CommandError(f"{brand} has no retailer {named!r}. Retailers: {known}. --make-retailer adds it.")
    return found


def _given(named: str) -> tuple[str, dict[str, Any] | None]:
    """--mapping as a name, or as the body of a YAML file."""
    if not named.endswith((".yaml", ".yml")):
        return named, None
    try:
        text = Path(named).read_text(encoding="utf-8")
        from_yaml(text, source=named)
    except OSError as error:
        raise CommandError(f"{named} cannot be opened: {error.strerror}.") from error
    except EndcapError as error:
        raise CommandError(error.message) from error
    return "", yaml.safe_load(text)


def _figures_last(brand: Brand, batch: Import) -> int:
    known = report_imports.mappings_of(brand).get(batch.mapping)
    if known is None or known.kind == "facts":
        return 9
    return {"account": 0, "portfolio": 1, "campaign": 2, "ad_group": 3, "ad": 4}.get(known.entity, 5)
