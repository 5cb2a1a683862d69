"""Addresses of the Privacy page; those of an erasure are the orchestrator's, because it reaches every app."""

from __future__ import annotations

from django.urls import path

from crm.views import privacy

urlpatterns = [
    path("", privacy.privacy, name="privacy"),
    path("try/", privacy.try_text, name="privacy_try"),
    path("policy/", privacy.change_policy, name="privacy_policy"),
    path("suppressed/find/", privacy.find_suppressed, name="privacy_find"),
    path("suppressed/add/", privacy.add_suppressed, name="privacy_add"),
    path("suppressed/remove/", privacy.remove_suppressed, name="privacy_remove"),
    path("suppressed/import/", privacy.import_suppressed, name="privacy_import"),
]
