"""The API of feedback keeps to its document: schemathesis calls it, good and bad.

Left out: preference-pair (two unlike bodies, of which texts that are blank or equal are refused) and import (any text
is a file, of which lines are set aside).
"""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from knox.models import AuthToken
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from crm.api.repeats import HEADER as KEY_HEADER
from crm.models import Brand
from rlhf.feedback.giving import prefer, rate
from tests.orchestrator.test_api_contract import CHECKS, _one_connection, document  # noqa: F401
from tests.rlhf.api.rows import raters, two

pytestmark = pytest.mark.django_db
CALLS = [
    ("GET", "/api/feedback/"),
    ("POST", "/api/feedback/"),
    ("POST", "/api/feedback/{id}/undo"),
    ("GET", "/api/feedback/preference-pair"),
    ("GET", "/api/feedback/stats"),
    ("GET", "/api/feedback/export"),
    ("GET", "/api/feedback/export-summary"),
    ("GET", "/api/feedback/export-dpo"),
    ("POST", "/api/feedback/export-dpo"),
    ("GET", "/api/feedback/export-kto"),
    ("GET", "/api/feedback/export-sft"),
    ("POST", "/api/layer2/feedback/"),
    ("GET", "/api/experiences/"),
    ("GET", "/api/experiences/{id}"),
]
SURFACE = {
    *CALLS,
    ("POST", "/api/feedback/preference-pair"),
    ("POST", "/api/feedback/import"),
    ("POST", "/api/feedback/export-kto"),
    ("POST", "/api/feedback/export-sft"),
}


@pytest.fixture
def token(ana: Any, harbor: Brand) -> dict[str, str]:
    a, b = two(harbor)
    for person in raters(harbor, 2):
        rate(experience=a, rater=person, stars=5)
        prefer(a=a, b=b, verdict="a", rater=person)
    return {"Authorization": f"Token {AuthToken.objects.create(user=ana)[1]}"}


class TestDocument:
    @pytest.fixture(scope="class")
    def told(self) -> dict[str, Any]:
        reply = Client().get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"})
        found: dict[str, Any] = reply.json()
        return found

    def test_the_whole_surface_is_there(self, told: dict[str, Any]):
        there = {(method.upper(), path) for path, methods in told["paths"].items() for method in methods}
        assert there >= SURFACE

    def test_what_can_be_repeated_says_so(self, told: dict[str, Any]):
        for method, path in SURFACE:
            operation = told["paths"][path][method.lower()]
            names = {parameter["name"] for parameter in operation.get("parameters", [])}
            assert (KEY_HEADER in names) == (method == "POST" and "/export-" not in path), path
            assert "X-Brand" in names

    def test_the_six_fields_of_a_verdict_are_named(self, told: dict[str, Any]):
        fields = told["components"]["schemas"]["RichFeedbackInput"]["properties"]
        assert {
            "evaluation_confidence", "evaluation_reasoning", "query_understanding", "per_widget_feedback",
            "missing_widgets", "suggested_improvements",
        } <= fields.keys()  # fmt: skip


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["good", "bad"])
@pytest.mark.parametrize(("method", "path"), CALLS, ids=[" ".join(pair) for pair in CALLS])
class TestContract:
    def test_it_is_kept(self, document: Any, token: dict[str, str], method: str, path: str, mode: GenerationMode):  # noqa: F811
        judge = positive_data_acceptance if mode is GenerationMode.POSITIVE else negative_data_rejection

        @settings(
            max_examples=10, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=document[path][method].as_strategy(generation_mode=mode))
        def call(case: Any) -> None:
            case.call_and_validate(headers=token, checks=[*CHECKS, judge])

        call()
