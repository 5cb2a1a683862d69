"""Addresses of the pages about how good it was."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("rate/", include("rlhf.urls_rating")),
    path("feedback/", include("rlhf.urls_feedback")),
    path("", include("rlhf.urls_judge")),
]
