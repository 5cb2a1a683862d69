"""Mappings: those that come with Endcap and those that people of the brand confirmed; seen, changed, taken home."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from typing import Any

import yaml
from django import forms
from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.imports.reports.mapping import BadMapping, Mapping, from_yaml, shipped
from crm.models import Brand, ReportMapping
from crm.views.brand import BrandRequest, requires_brand, requires_planner
from crm.views.mapping_form import GRAINS

LARGEST = 60_000  # characters of a mapping


@dataclass(frozen=True)
class Known:
    """One mapping as the list shows it; `own` is None for one that only comes with Endcap."""

    name: str
    title: str
    mapping: Mapping | None
    own: ReportMapping | None
    trouble: str = ""

    @property
    def about(self) -> str:
        """What a row is about, in words."""
        if self.mapping is None:
            return ""
        if self.mapping.kind == "entities":
            return f"{self.mapping.entity.replace('_', ' ')}s".capitalize()
        return dict(GRAINS)[self.mapping.grain.name.lower()]


class YamlForm(forms.Form):
    """The text of a mapping; cleans to the mapping."""

    text = forms.CharField(
        max_length=LARGEST, widget=forms.Textarea(attrs={"rows": 28, "spellcheck": "false", "class": "yaml"})
    )

    def __init__(self, *args: Any, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = name

    def clean_text(self) -> Mapping:
        try:
            mapping = from_yaml(self.cleaned_data["text"])
        except BadMapping as error:
            raise forms.ValidationError(error.message) from error
        if mapping.name != self.name:
            raise forms.ValidationError(f"name must stay {self.name}: imports refer to it by that name.")
        return mapping


@require_safe
@requires_brand
def mappings(request: BrandRequest) -> HttpResponse:
    """All that may read a report of this brand; its own go first."""
    return render(request, "crm/mappings.html", {"place": "data", "mappings": known(request.brand)})


@require_safe
@requires_brand
def one_mapping(request: BrandRequest, name: str) -> HttpResponse:
    """One as YAML; `?download` sends it as a file."""
    found = _one(request.brand, name)
    text = as_yaml(_body(found))
    if "download" in request.GET:
        response = HttpResponse(text, content_type="application/yaml; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{found.name}.yaml"'
        return response
    return render(request, "crm/mapping.html", {"place": "data", "one": found, "text": text})


@require_http_methods(["GET", "HEAD", "POST"])
@requires_brand
@requires_planner
def mapping_change(request: BrandRequest, name: str) -> HttpResponse:
    """Change an own mapping, or make an own one of a shipped one: it then goes first for this brand."""
    found = _one(request.brand, name)
    form = YamlForm(request.POST or None, name=found.name, initial={"text": as_yaml(_body(found))})
    if request.method == "POST" and form.is_valid():
        mapping: Mapping = form.cleaned_data["text"]
        ReportMapping.objects.for_brand(request.brand).update_or_create(
            brand=request.brand,
            name=mapping.name,
            defaults={"title": mapping.title, "body": written(mapping), "confirmed_by": request.user},
        )
        messages.success(request, f"{mapping.title} is kept. The next report of its kind is read with it.")
        return redirect("mapping", name=mapping.name)
    context = {"place": "data", "one": found, "form": form}
    return render(request, "crm/mapping_change.html", context, status=422 if request.method == "POST" else 200)


@require_POST
@requires_brand
@requires_planner
def mapping_remove(request: BrandRequest, name: str) -> HttpResponse:
    """Remove an own mapping; what was imported with it stays."""
    own = get_object_or_404(ReportMapping.objects.for_brand(request.brand), name=name)
    own.delete()
    after = " The one that comes with Endcap is used again." if name in shipped() else ""
    messages.success(request, f"{own.title} is removed.{after} What was imported with it stays.")
    return redirect("mappings")


def known(brand: Brand) -> list[Known]:
    """Own ones first, then those that come with Endcap and are not replaced by one of them; by title."""
    own = {one.name: one for one in ReportMapping.objects.for_brand(brand).select_related("retailer", "confirmed_by")}
    ours = [_own(one) for one in own.values()]
    theirs = [Known(name, one.title, one, None) for name, one in shipped().items() if name not in own]
    return [*sorted(ours, key=lambda one: one.title), *sorted(theirs, key=lambda one: one.title)]


def written(mapping: Mapping) -> dict[str, Any]:
    """A mapping as its YAML file would say it: without what is the default anyway."""
    body: dict[str, Any] = mapping.model_dump(mode="json", exclude_defaults=True)
    return {**body, "grain": mapping.grain.name.lower()} if mapping.kind == "facts" else body


def as_yaml(body: MappingOf[str, Any]) -> str:
    text: str = yaml.safe_dump(dict(body), sort_keys=False, allow_unicode=True, width=110)
    return text


def _own(one: ReportMapping) -> Known:
    try:
        return Known(one.name, one.title, Mapping.model_validate(one.body), one)
    except ValueError as error:
        return Known(one.name, one.title, None, one, trouble=str(error).splitlines()[-1])


def _one(brand: Brand, name: str) -> Known:
    try:
        return _own(ReportMapping.objects.for_brand(brand).select_related("confirmed_by").get(name=name))
    except ObjectDoesNotExist:
        mapping = shipped().get(name)
    if mapping is None:
        raise Http404
    return Known(name, mapping.title, mapping, None)


def _body(found: Known) -> dict[str, Any]:
    if found.mapping is not None:
        return written(found.mapping)
    assert found.own is not None
    return dict(found.own.body)
