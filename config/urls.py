"""All addresses: sign-in, admin, the API, and the pages of each app."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/", include("rlhf.api.urls")),
    path("api/", include("orchestrator.api.urls")),
    path("data/", include("crm.urls")),
    path("campaigns/", include("crm.urls_campaigns")),
    path("privacy/", include("crm.urls_privacy")),
    path("", include("rlhf.urls")),
    path("", include("orchestrator.urls")),
]
