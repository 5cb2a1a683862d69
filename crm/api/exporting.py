"""`GET {resource}/export.csv` and `.parquet`: what the list's filters leave, streamed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from crm import exports
from crm.api.described import Operation
from crm.api.filters import left
from crm.api.resource import Resource
from crm.api.rows import ResourceView, word
from crm.exports import Cleaner, Column
from crm.models import Brand
from crm.privacy.applying import cleaner

BLOCK = 64 * 1024


def columns_of(resource: type[Resource]) -> list[Column]:
    """A column for each field of the output that is one value of the row or of what it belongs to."""
    found = []
    for name, field in resource.output().fields.items():
        path = (field.source or name).replace(".", "__")
        if isinstance(field, serializers.SlugRelatedField):
            path = f"{path}__{field.slug_field}"
        one_value = not isinstance(field, serializers.BaseSerializer | serializers.SerializerMethodField)
        if one_value and not isinstance(field, serializers.ManyRelatedField) and path != "*":
            found.append(exports.column(resource.model, name, path, getattr(field, "words", None)))
    return found


def cleaners(resource: type[Resource], brand: Brand) -> dict[str, Cleaner]:
    """How columns with what people may be known by leave the house: as the brand's privacy policy says."""
    if not resource.personal:
        return {}
    clean = cleaner(brand, "exports")
    return dict.fromkeys(resource.personal, clean)


class ExportRenderer(BaseRenderer):
    """Lets a caller ask for the media type; the view streams the body itself."""

    def render(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        return data


class CSVRenderer(ExportRenderer):
    media_type = "text/csv"
    format = "csv"


class ParquetRenderer(ExportRenderer):
    media_type = "application/vnd.apache.parquet"
    format = "parquet"
    charset = None


class Export(ResourceView):
    """The rows that the filters leave, as a file."""

    def get(self, request: Request, **kwargs: Any) -> StreamingHttpResponse:
        rows = left(self.resource.filters, self.get_queryset(), request.query_params)
        renderer = self.renderer_classes[0]
        charset = "; charset=utf-8" if renderer.charset else ""
        response = StreamingHttpResponse(self.body(rows), content_type=f"{renderer.media_type}{charset}")
        name = f"endcap-{self.resource.name}-{timezone.now():%Y-%m-%d}.{renderer.format}"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    def body(self, rows: Any) -> Iterator[Any]:
        raise NotImplementedError

    def operation(self, method: str) -> Operation:
        it, renderer = self.resource, self.renderer_classes[0]
        kind = {"type": "string"} if renderer.charset else {"type": "string", "format": "binary"}
        return Operation(
            f"{word(it)}_export_{renderer.format}",
            f"{it.many.capitalize()} as {'CSV' if renderer.charset else 'Parquet'}",
            {(200, renderer.media_type): kind},
            parameters=it.filters.parameters(),
        )


class ExportCSV(Export):
    """A row for each line. Text that a spreadsheet would run as a formula is prefixed with an apostrophe."""

    renderer_classes = [CSVRenderer]

    def body(self, rows: Any) -> Iterator[Any]:
        return exports.csv_lines(rows, columns_of(self.resource), cleaners(self.resource, self.brand))


class ExportParquet(Export):
    """Typed columns: decimals, days and instants are what they are. Row groups of 100,000 rows."""

    renderer_classes = [ParquetRenderer]

    def body(self, rows: Any) -> Iterator[Any]:
        folder = tempfile.TemporaryDirectory(prefix="endcap-export-")
        file = Path(folder.name) / "rows.parquet"
        exports.write_parquet(rows, columns_of(self.resource), file, cleaners(self.resource, self.brand))
        return blocks(file, folder)


def blocks(file: Path, folder: tempfile.TemporaryDirectory[str]) -> Iterator[bytes]:
    """The file in parts; its folder goes when the last part is read, or when nobody wants the rest."""
    with folder, file.open("rb") as written:
        while block := written.read(BLOCK):
            yield block
