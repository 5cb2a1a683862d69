"""Policies, consent, suppression lists and erasures. All but policies record what happened and are read here only."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin

from crm.admin.base import AcrossBrandsAdmin, HistoryAdmin
from crm.errors import EndcapError
from crm.models import Consent, Erasure, PrivacyPolicy, Suppression
from crm.privacy.policy import parse


class PolicyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A policy that would not work is not saved."""

    def clean_body(self) -> str:
        body: str = self.cleaned_data["body"]
        try:
            parse(body)
        except EndcapError as error:
            raise forms.ValidationError(error.message) from error
        return body


@admin.register(PrivacyPolicy)
class PrivacyPolicyAdmin(AcrossBrandsAdmin):
    form = PolicyForm
    list_display = ("brand", "retailer", "version", "changed_by", "changed_at")
    readonly_fields = ("version", "changed_by")
    search_fields = ("brand__name", "retailer__name")
    autocomplete_fields = ("brand", "retailer")
    page = "privacy"

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
        obj.changed_by = request.user
        obj.version += int(change)
        super().save_model(request, obj, form, change)


@admin.register(Consent)
class ConsentAdmin(HistoryAdmin):
    list_display = ("person", "purpose", "given", "source", "said_at")
    list_filter = ("purpose", "given")
    search_fields = ("person", "source")
    date_hierarchy = "said_at"
    page = "privacy"


@admin.register(Suppression)
class SuppressionAdmin(HistoryAdmin):
    list_display = ("person", "reason", "source", "since")
    list_filter = ("reason",)
    search_fields = ("person", "source")
    date_hierarchy = "since"
    page = "privacy"


@admin.register(Erasure)
class ErasureAdmin(HistoryAdmin):
    list_display = ("person", "state", "asked_by", "asked_at", "done_at")
    list_filter = ("state",)
    search_fields = ("person",)
    date_hierarchy = "asked_at"
    page = "privacy"
