"""Addresses of the pages about judges, weights and single experiences."""

from __future__ import annotations

from django.urls import path

from rlhf.views import experience, judge, weights

urlpatterns = [
    path("judge/", judge.judge, name="judge"),
    path("judge/settings/", judge.judge_settings, name="judge_settings"),
    path("judge/measure/", judge.judge_measure, name="judge_measure"),
    path("judge/rubrics/<slug:kind>/", judge.rubric, name="rubric"),
    path("judge/rubrics/<slug:kind>/draft/", judge.rubric_draft, name="rubric_draft"),
    path("judge/rubrics/<slug:kind>/adopt/", judge.rubric_adopt, name="rubric_adopt"),
    path("judge/rubrics/<slug:kind>/freeze/", judge.rubric_freeze, name="rubric_freeze"),
    path("judge/rubrics/<slug:kind>/try/", judge.rubric_try, name="rubric_try"),
    path("rewards/", weights.weights, name="weights"),
    path("rewards/adopt/", weights.weights_adopt, name="weights_adopt"),
    path("rewards/<int:version>/put-back/", weights.weights_put_back, name="weights_put_back"),
    path("experiences/<uuid:public_id>/", experience.experience, name="experience"),
]
