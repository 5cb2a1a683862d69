"""List, create, read, change and delete: the same for every `Resource`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, transaction
from django.http import Http404
from drf_spectacular.utils import OpenApiResponse
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.described import DescribedSchema, Operation
from crm.api.filters import left
from crm.api.references import Names
from crm.api.repeats import ChangingView
from crm.api.resource import SOURCE, Resource, Written
from crm.upserts import KeyTaken, apply, stamped


class ResourceView(ChangingView):
    """A view on one kind of row."""

    schema = DescribedSchema()
    resource: type[Resource]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method not in ("GET", "HEAD", "OPTIONS") and not self.resource.may_write(self.membership):
            raise PermissionDenied(f"Only owners of {self.brand} may change {self.resource.many}.")

    def get_queryset(self) -> Any:
        rows = self.resource.model.objects
        return rows.none() if self.only_described else self.resource.rows(self.brand)

    def get_serializer_class(self) -> Any:
        return self.resource.output

    def context(self) -> dict[str, Any]:
        return {**self.get_serializer_context(), "names": Names(self.brand), "brand": self.brand, "stages": {}}

    def shown(self, row: Any) -> Any:
        """The row as it is stored now."""
        return self.resource.output(self.get_queryset().get(pk=row.pk), context=self.get_serializer_context()).data

    def operation(self, method: str) -> Operation:
        raise NotImplementedError


class RowList(ResourceView):
    """The brand's rows, and a new one."""

    def get(self, request: Request, **kwargs: Any) -> Response:
        rows = left(self.resource.filters, self.get_queryset(), request.query_params)
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def operation(self, method: str) -> Operation:
        it = self.resource
        if method == "POST":
            return Operation(
                f"{word(it)}_create", f"Create one {it.one}", {201: OpenApiResponse(it.output, "As it is stored")},
                request=it.input,
            )  # fmt: skip
        return Operation(
            f"{word(it)}_list", f"{it.many.capitalize()}, filtered and sorted", it.output(many=True),
            parameters=it.filters.parameters(),
        )  # fmt: skip

    def change(self, request: Request, **kwargs: Any) -> Response:
        assert self.resource.input is not None
        given = self.resource.input(data=request.data, context=self.context())
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        plain = {name: value for name, value in values.items() if name not in self.resource.beside}
        self.resource.refuse_taken(self.brand, plain)
        with alone(), transaction.atomic():
            done = self.resource.upsert(self.brand, [(0, values)], request.user)
        return Response(self.shown(done.rows[0]), status=201)


class RowOne(ResourceView):
    """One row: read, change, delete."""

    def found(self) -> Any:
        row = self.get_queryset().filter(pk=self.kwargs["id"]).first()
        if row is None:
            raise Http404(f"{self.brand} has no such {self.resource.one}.")
        return row

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(self.get_serializer(self.found()).data)

    def patch(self, request: Request, **kwargs: Any) -> Response:
        resource = self.resource
        assert resource.input is not None
        row = self.found()
        given = resource.input(row, data=request.data, context=self.context(), partial=True)
        given.is_valid(raise_exception=True)
        beside = {name: value for name, value in given.validated_data.items() if name in resource.beside}
        plain = {name: value for name, value in given.validated_data.items() if name not in resource.beside}
        resource.refuse_taken(self.brand, plain, row)
        with alone(), transaction.atomic():
            names = apply(row, plain)
            if names:
                row._history_user, row._change_reason = request.user, SOURCE
                row.save(update_fields=sorted(stamped(resource.model, names)))
            resource.settle(self.brand, {0: Written(row, beside, created=False)}, request.user)
        return Response(self.shown(row))

    def delete(self, request: Request, **kwargs: Any) -> Response:
        with transaction.atomic():
            self.resource.delete(self.brand, self.found())
        return Response(status=204)

    def operation(self, method: str) -> Operation:
        it = self.resource
        if method == "PATCH":
            return Operation(
                f"{word(it)}_change", f"Change one {it.one}", it.output, request=it.input,
                description="Fields that are left out stay as they are.",
            )  # fmt: skip
        if method == "DELETE":
            return Operation(f"{word(it)}_delete", f"Delete one {it.one}", {204: None})
        return Operation(f"{word(it)}_read", f"One {it.one}", it.output)


@contextmanager
def alone() -> Iterator[None]:
    """Two calls that make the same key at once: the second one loses with a 409 instead of a 500."""
    try:
        yield
    except IntegrityError as error:
        raise KeyTaken("Another call has just stored a row with this key. Read it, then change it.") from error


def word(resource: type[Resource]) -> str:
    return resource.name.replace("-", "_")
