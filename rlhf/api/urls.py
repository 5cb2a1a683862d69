"""Addresses of experiences and feedback."""

from __future__ import annotations

from django.urls import path

from rlhf.api.experiences import ExperienceList, ExperienceOne
from rlhf.api.feedback import FeedbackList, RichFeedback, Undo
from rlhf.api.pairs import PairList

urlpatterns = [
    path("experiences/", ExperienceList.as_view(), name="api-experiences"),
    path("experiences/<uuid:id>", ExperienceOne.as_view(), name="api-experience"),
    path("feedback/", FeedbackList.as_view(), name="api-feedback"),
    path("feedback/preference-pair", PairList.as_view(), name="api-feedback-pairs"),
    path("feedback/<uuid:id>/undo", Undo.as_view(), name="api-feedback-undo"),
    path("layer2/feedback/", RichFeedback.as_view(), name="api-layer2-feedback"),
]
