"""Addresses of the business API. Every resource has the same five."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, path

from crm.api.bulk import Bulk
from crm.api.exporting import ExportCSV, ExportParquet
from crm.api.facts import FactBulk, FactList
from crm.api.imports import Confirm, Discard, ImportList, Undo
from crm.api.members import Members
from crm.api.resources import RESOURCES, Imports, Performance, Resource
from crm.api.rmis import SchemaIndex, SchemaOne
from crm.api.rows import ResourceView, RowList, RowOne

ALWAYS = ("head", "options")


def view(resource: type[Resource], base: type[ResourceView], *methods: str) -> Callable[..., Any]:
    """The view of one resource that answers to `methods` only."""
    made: Any = type(
        f"{resource.__name__}{base.__name__}",
        (base,),
        {"resource": resource, "http_method_names": [*methods, *ALWAYS], "__doc__": base.__doc__},
    )
    return made.as_view()  # type: ignore[no-any-return]


def routes(resource: type[Resource]) -> list[URLPattern]:
    """List and new, bulk, exports, one."""
    name, writable = resource.name, resource.input is not None
    facts = resource is Performance
    one_by_one = writable and not facts
    change = ("patch",) if one_by_one and resource.changeable else ()
    delete = ("delete",) if one_by_one and resource.deletable else ()
    listing, bulk = (FactList, FactBulk) if facts else (RowList, Bulk)
    rows = view(resource, listing, "get", *(("post",) if one_by_one else ()))
    found = [path(f"{name}/", ImportList.as_view() if resource is Imports else rows, name=f"api-{name}")]
    if writable:
        found.append(path(f"{name}/bulk", view(resource, bulk, "post"), name=f"api-{name}-bulk"))
    found.append(path(f"{name}/export.csv", view(resource, ExportCSV, "get"), name=f"api-{name}-csv"))
    found.append(path(f"{name}/export.parquet", view(resource, ExportParquet, "get"), name=f"api-{name}-parquet"))
    one = view(resource, RowOne, "get", *change, *delete)
    found.append(path(f"{name}/<int:id>", one, name=f"api-{name}-one"))
    return found


urlpatterns = [
    path("schema/rmis/", SchemaIndex.as_view(), name="api-rmis"),
    path("schema/rmis/<str:name>", SchemaOne.as_view(), name="api-rmis-one"),
    path("audiences/<int:id>/members", Members.as_view(), name="api-audiences-members"),
    path("imports/<int:id>/confirm", Confirm.as_view(), name="api-imports-confirm"),
    path("imports/<int:id>/discard", Discard.as_view(), name="api-imports-discard"),
    path("imports/<int:id>/undo", Undo.as_view(), name="api-imports-undo"),
    *(route for resource in RESOURCES for route in routes(resource)),
]
