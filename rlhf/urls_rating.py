"""Addresses of the rating pages. The service worker stands below them, because it looks after them alone."""

from __future__ import annotations

from django.urls import path

from rlhf.views import rating, rating_answers, rating_beside, rating_settings, rating_widgets

urlpatterns = [
    path("", rating.rate, name="rate"),
    path("worker.js", rating_settings.rate_worker, name="rate_worker"),
    path("my/settings/", rating_settings.rate_settings, name="rate_settings"),
    path("my/timings/", rating_settings.rate_timings, name="rate_timings"),
    path("my/sign/", rating_settings.rate_sign, name="rate_sign"),
    path("items/<uuid:item>/answer/", rating_answers.rate_answer, name="rate_answer"),
    path("items/<uuid:item>/skip/", rating_answers.rate_skip, name="rate_skip"),
    path("items/<uuid:item>/undo/", rating_answers.rate_undo, name="rate_undo"),
    path("items/<uuid:item>/explain/", rating_answers.rate_explain, name="rate_explain"),
    path("items/<uuid:item>/draft/", rating_answers.rate_draft, name="rate_draft"),
    path("items/<uuid:item>/diff/", rating_answers.rate_diff, name="rate_diff"),
    path("items/<uuid:item>/text/<str:letter>/", rating_beside.rate_beside, name="rate_beside"),
    path("widgets/<uuid:experience>/<int:widget>/", rating_widgets.widget_thumb, name="widget_thumb"),
    path("<slug:slug>/", rating.rate_task, name="rate_task"),
    path("<slug:slug>/items/", rating.rate_items, name="rate_items"),
    path("<slug:slug>/undo/", rating_answers.rate_undo_last, name="rate_undo_last"),
    path("<slug:slug>/stop/", rating_answers.rate_stop, name="rate_stop"),
]
