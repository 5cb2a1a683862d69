"""Addresses of the API."""

from __future__ import annotations

from django.urls import include, path, re_path

from crm.api.auth import Login, Logout, LogoutAll
from crm.api.brands import BrandList
from crm.api.cleanroom import Query, Rooms
from orchestrator.api.documents import Document, Explorer, elsewhere
from orchestrator.api.episodes import Cancel, EpisodeList, EpisodeOne, ExportCSV, ExportJSONL, Fork, Pause, Resume
from orchestrator.api.learning import Train
from orchestrator.api.packs import PackList, StartRun

urlpatterns = [
    path("auth/login", Login.as_view(), name="api-login"),
    path("auth/logout", Logout.as_view(), name="api-logout"),
    path("auth/logoutall", LogoutAll.as_view(), name="api-logoutall"),
    path("brands/", BrandList.as_view(), name="api-brands"),
    path("packs/", PackList.as_view(), name="api-packs"),
    path("packs/<slug:slug>/runs/dynamic", StartRun.as_view(), name="api-run"),
    path("episodes/", EpisodeList.as_view(), name="api-episodes"),
    path("episodes/export.csv", ExportCSV.as_view(), name="api-export-csv"),
    path("episodes/export.jsonl", ExportJSONL.as_view(), name="api-export-jsonl"),
    path("episodes/<str:id>", EpisodeOne.as_view(), name="api-episode"),
    path("episodes/<str:id>/pause", Pause.as_view(), name="api-pause"),
    path("episodes/<str:id>/resume", Resume.as_view(), name="api-resume"),
    path("episodes/<str:id>/cancel", Cancel.as_view(), name="api-cancel"),
    path("episodes/<str:id>/fork", Fork.as_view(), name="api-fork"),
    path("orchestrator/train", Train.as_view(), name="api-train"),
    path("cleanroom/query", Query.as_view(), name="api-cleanroom-query"),
    path("cleanroom/rooms/", Rooms.as_view(), name="api-cleanroom-rooms"),
    path("schema/", Document.as_view(), name="api-schema"),
    path("docs/", Explorer.as_view(), name="api-docs"),
    path("", include("crm.api.urls")),
    re_path(r"^", elsewhere, name="api-elsewhere"),
]
