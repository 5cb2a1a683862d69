"""Addresses of experiences and feedback."""

from __future__ import annotations

from django.urls import path

from rlhf.api.experiences import ExperienceList, ExperienceOne
from rlhf.api.exports import ExportDPO, ExportKTO, ExportRaw, ExportSFT, Summary
from rlhf.api.feedback import FeedbackList, RichFeedback, Undo
from rlhf.api.imports import ImportEvents
from rlhf.api.many import Many
from rlhf.api.pairs import PairList
from rlhf.api.stats import Stats

urlpatterns = [
    path("experiences/", ExperienceList.as_view(), name="api-experiences"),
    path("experiences/<uuid:id>", ExperienceOne.as_view(), name="api-experience"),
    path("feedback/", FeedbackList.as_view(), name="api-feedback"),
    path("feedback/bulk", Many.as_view(), name="api-feedback-bulk"),
    path("feedback/preference-pair", PairList.as_view(), name="api-feedback-pairs"),
    path("feedback/stats", Stats.as_view(), name="api-feedback-stats"),
    path("feedback/export", ExportRaw.as_view(), name="api-feedback-export"),
    path("feedback/export-summary", Summary.as_view(), name="api-feedback-export-summary"),
    path("feedback/export-dpo", ExportDPO.as_view(), name="api-feedback-export-dpo"),
    path("feedback/export-kto", ExportKTO.as_view(), name="api-feedback-export-kto"),
    path("feedback/export-sft", ExportSFT.as_view(), name="api-feedback-export-sft"),
    path("feedback/import", ImportEvents.as_view(), name="api-feedback-import"),
    path("feedback/<uuid:id>/undo", Undo.as_view(), name="api-feedback-undo"),
    path("layer2/feedback/", RichFeedback.as_view(), name="api-layer2-feedback"),
]
