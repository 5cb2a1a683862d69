"""Addresses of Campaigns and Windows."""

from __future__ import annotations

from django.urls import path

from crm.views import campaigns, windows

urlpatterns = [
    path("", campaigns.campaigns, name="campaigns"),
    path("export.csv", campaigns.campaigns_csv, name="campaigns_csv"),
    path("new/", campaigns.campaign_new, name="campaign_new"),
    path("windows/", windows.windows, name="windows"),
    path("<int:pk>/", campaigns.campaign, name="campaign"),
    path("<int:pk>/change/", campaigns.campaign_change, name="campaign_change"),
    path("<int:pk>/plan/", campaigns.campaign_plan, name="campaign_plan"),
    path("<int:pk>/undo/", campaigns.campaign_undo, name="campaign_undo"),
]
