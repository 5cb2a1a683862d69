"""The API: authentication, errors as RFC 9457 problems, throttling, OpenAPI 3.1."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "knox.auth.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_FILTER_BACKENDS": [],
    "DEFAULT_PAGINATION_CLASS": "crm.api.pages.Pages",
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.UserRateThrottle",
        "rest_framework.throttling.AnonRateThrottle",
    ],
    "DEFAULT_SCHEMA_CLASS": "crm.api.schema.EndcapSchema",
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "URL_FORMAT_OVERRIDE": None,
}
PROBLEM_STATUSES = ("400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "429", "500")
PROBLEM = "crm.api.problems.ProblemSerializer"
DRF_STANDARDIZED_ERRORS: dict[str, Any] = {
    "EXCEPTION_HANDLER_CLASS": "crm.api.problems.ProblemHandler",
    "EXCEPTION_FORMATTER_CLASS": "crm.api.problems.ProblemFormatter",
    "ERROR_SCHEMAS": dict.fromkeys(PROBLEM_STATUSES, PROBLEM),
}
REST_KNOX = {"TOKEN_TTL": timedelta(days=90), "TOKEN_LIMIT_PER_USER": 20, "AUTH_HEADER_PREFIX": "Token"}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Endcap",
    "DESCRIPTION": "Run packs, read episodes, train the policy.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SCHEMA_PATH_PREFIX": "/api/",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "EpisodeState": "orchestrator.models.EpisodeState",
        "PolicyMode": "orchestrator.models.PolicyMode",
        "Role": "crm.models.Membership.Role",
        "PackTask": "crm.models.Pack.Task",
        "OutcomeKind": "crm.models.Outcome.Kind",
        "FunnelStage": "crm.models.FunnelStage",
        "AudienceSource": "crm.models.AudienceSegment.Source",
        "ConsentBasis": "crm.models.AudienceSegment.Consent",
        "CampaignStatus": "crm.models.Campaign.Status",
        "BudgetPeriod": "crm.models.Campaign.BudgetPeriod",
        "ItemScheme": "crm.models.RetailerItem.Scheme",
        "ItemState": "crm.models.RetailerItem.State",
        "ImportState": "crm.models.Import.State",
        "AttributionKind": "crm.models.PerformanceMetric.Attribution",
        "FactGrain": "crm.models.PerformanceMetric.Grain",
        "SuppressionReason": "crm.models.Suppression.Reason",
        "ConsentPurpose": "crm.models.Consent.Purpose",
        "Attribution": "rlhf.models.Reward.Attribution",
        "FeedbackSource": "rlhf.models.Source",
        "FeedbackKind": "rlhf.models.Feedback.Kind",
        "PairVerdict": "rlhf.models.PreferencePair.Verdict",
        "EvaluationForm": "rlhf.models.Evaluation.Form",
        "MissingCause": "rlhf.models.Evaluation.Cause",
        "SignalKind": "rlhf.models.Signal.Kind",
    },
}
