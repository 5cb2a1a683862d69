"""What came in, what was set aside, and the mappings that read it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from crm.api.filters import Choice, Day, DayOf, Order, RowFilters, Search, Text, Whole
from crm.api.inputs import Strict
from crm.api.references import PlainObject, Reference
from crm.api.resource import Resource
from crm.imports.reports.mapping import BadMapping, parse
from crm.models import Import, QuarantinedRow, ReportMapping, Retailer


class ImportOutput(serializers.ModelSerializer[Import]):
    """One file, or one call, that came in. Rows read = stored + unchanged + set aside."""

    retailer = serializers.SlugRelatedField[Retailer](slug_field="slug", read_only=True, allow_null=True)
    stored = serializers.JSONField(help_text="Rows stored by model, and notes")
    reconciliation = serializers.JSONField(help_text="By figure: source, stored, unchanged, set_aside, off")

    class Meta:
        model = Import
        fields = (
            "id", "kind", "filename", "sha256", "size_bytes", "state", "retailer", "mapping", "rows_read",
            "rows_stored", "rows_unchanged", "rows_set_aside", "rows_restated", "first_on", "last_on", "progress",
            "stored", "reconciliation", "error", "started_at", "finished_at", "undone_at",
        )  # fmt: skip
        read_only_fields = fields


class ImportFilters(RowFilters):
    kind = Text("kind", "What it is")
    state = Choice("state", Import.State, "How it stands")
    retailer = Text("retailer__slug", "Slug of the retailer")
    mapping = Text("mapping", "Name of the mapping")
    sha256 = Text("sha256", "Hash of the file")
    days_from = Day("last_on", "gte", "Has figures of this day or later")
    days_to = Day("first_on", "lte", "Has figures of this day or earlier")
    started_from = DayOf("started_at", "gte", "First day it came")
    started_to = DayOf("started_at", "lte", "Last day it came, included")
    search = Search("filename")
    ordering = Order({"started": "started_at", "filename": "filename", "rows": "rows_read"}, default="-started")


class Imports(Resource):
    name, one, many = "imports", "import", "imports"
    model = Import
    output, filters = ImportOutput, ImportFilters
    joins = ("retailer",)


class QuarantinedOutput(serializers.ModelSerializer[QuarantinedRow]):
    """A row that was not stored: where it stood, which field, which value, why."""

    import_id = serializers.IntegerField(source="batch_id")
    raw = serializers.JSONField()

    class Meta:
        model = QuarantinedRow
        fields = ("id", "import_id", "file", "row", "field", "value", "reason", "spend", "raw")
        read_only_fields = fields


class QuarantinedFilters(RowFilters):
    import_id = Whole("batch", "Id of the import")
    field = Text("field", "Field that is wrong")
    reason = Text("reason", "Why")
    search = Search("value", "reason")
    ordering = Order({"row": "row", "import": "batch"}, default="row")


class Quarantine(Resource):
    name, one, many = "quarantine", "row set aside", "rows set aside"
    model = QuarantinedRow
    output, filters = QuarantinedOutput, QuarantinedFilters
    personal = ("value", "raw")


class MappingOutput(serializers.ModelSerializer[ReportMapping]):
    """What the columns of a kind of report mean, as a person of the brand confirmed it."""

    retailer = serializers.SlugRelatedField[Retailer](slug_field="slug", read_only=True, allow_null=True)
    body = serializers.JSONField(help_text="As the YAML file would say it")

    class Meta:
        model = ReportMapping
        fields = ("id", "name", "title", "retailer", "body", "confirmed_at")
        read_only_fields = fields


class MappingInput(Strict):
    """A mapping, found again by the `name` in its body. It goes before a shipped one of the same name."""

    body = PlainObject(help_text="As the YAML file would say it; name and title are part of it")
    retailer = Reference(Retailer, "slug", required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "body" in attrs:
            try:
                mapping = parse(attrs["body"])
            except BadMapping as error:
                raise serializers.ValidationError({"body": error.message}) from None
            attrs |= {"name": mapping.name, "title": mapping.title}
        return attrs


class MappingFilters(RowFilters):
    name = Text("name", "Name")
    retailer = Text("retailer__slug", "Slug of the retailer")
    search = Search("name", "title")
    ordering = Order({"name": "name", "title": "title", "confirmed": "confirmed_at"}, default="name")


class Mappings(Resource):
    name, one, many = "mappings", "mapping", "mappings"
    model, key = ReportMapping, ("name",)
    output, input, filters = MappingOutput, MappingInput, MappingFilters
    joins = ("retailer",)
