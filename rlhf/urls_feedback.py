"""Addresses of the pages about what people said."""

from __future__ import annotations

from django.urls import path

from rlhf.views import feedback, feedback_disputes, feedback_flags, feedback_tasks

urlpatterns = [
    path("", feedback.feedback, name="feedback"),
    path("files/", feedback.feedback_files, name="feedback_files"),
    path("disputes/", feedback_disputes.feedback_disputes, name="feedback_disputes"),
    path("disputes/<int:pk>/", feedback_disputes.feedback_decide, name="feedback_decide"),
    path("disputes/<int:pk>/undo/", feedback_disputes.feedback_reopen, name="feedback_reopen"),
    path("flags/", feedback_flags.feedback_flags, name="feedback_flags"),
    path("flags/<int:pk>/", feedback_flags.feedback_settle, name="feedback_settle"),
    path("guides/", feedback_tasks.feedback_guides, name="feedback_guides"),
    path("tasks/new/", feedback_tasks.feedback_task_new, name="feedback_task_new"),
    path("tasks/<slug:slug>/", feedback_tasks.feedback_task, name="feedback_task"),
]
