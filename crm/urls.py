"""Addresses of the Data page and the brand switch."""

from __future__ import annotations

from django.urls import path

from crm.views import data, signed_out
from crm.views.brand import switch_brand

urlpatterns = [
    path("", data.data, name="data"),
    path("upload/", data.upload, name="data_upload"),
    path("quarantine.csv", data.quarantine_download, name="quarantine_download"),
    path("kept/", signed_out.kept, name="kept"),
    path("kept/leave/", signed_out.leave_kept, name="leave_kept"),
    path("brand/<slug:slug>/", switch_brand, name="switch_brand"),
]
