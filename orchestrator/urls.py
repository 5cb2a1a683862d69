"""Addresses of the orchestrator's pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from orchestrator.views import episode, erasure, home, listing, packs

urlpatterns: list[URLPattern] = [
    path("", home.home, name="home"),
    path("recent/", home.recent_episodes, name="recent_episodes"),
    path("packs/", packs.packs, name="packs"),
    path("packs/train/", packs.train, name="train"),
    path("packs/training/", packs.training_part, name="training_part"),
    path("packs/<slug:slug>/", packs.pack_card, name="pack_card"),
    path("packs/<slug:slug>/run/", packs.pack_run, name="pack_run"),
    path("privacy/erase/", erasure.erase_person, name="privacy_erase"),
    path("episodes/", listing.episodes, name="episodes"),
    path("episodes/export.csv", listing.episodes_export, {"form": "csv"}, name="episodes_csv"),
    path("episodes/export.jsonl", listing.episodes_export, {"form": "jsonl"}, name="episodes_jsonl"),
    path("episodes/<int:pk>/", episode.episode, name="episode"),
    path("episodes/<uuid:public_id>/", episode.episode_by_id, name="episode_by_id"),
    path("episodes/<int:pk>/part/", episode.episode_part, name="episode_part"),
    path("episodes/<int:pk>/pause/", episode.episode_pause, name="episode_pause"),
    path("episodes/<int:pk>/resume/", episode.episode_resume, name="episode_resume"),
    path("episodes/<int:pk>/cancel/", episode.episode_cancel, name="episode_cancel"),
    path("episodes/<int:pk>/retry/", episode.episode_retry, name="episode_retry"),
    path("episodes/<int:pk>/fork/", episode.episode_fork, name="episode_fork"),
]
