"""Addresses of the Data page and the brand switch."""

from __future__ import annotations

from django.urls import path

from crm.views.brand import switch_brand

urlpatterns = [
    path("brand/<slug:slug>/", switch_brand, name="switch_brand"),
]
