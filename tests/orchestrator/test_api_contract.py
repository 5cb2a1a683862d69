"""The API keeps to its own document: schemathesis makes calls from it, good and bad, and checks every answer.

Left out: signing out (it would end the session of the next call), the page and the document itself, and calls without
credentials, which the other tests make.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from knox.models import AuthToken
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from crm.api.repeats import HEADER as KEY_HEADER
from crm.api.resources import RESOURCES
from crm.models import Pack
from orchestrator.api import packs as packs_api
from tests.orchestrator.api_doors import judged

pytestmark = pytest.mark.django_db

OPERATIONS = [
    ("GET", "/api/brands/"),
    ("GET", "/api/packs/"),
    ("GET", "/api/episodes/"),
    ("GET", "/api/episodes/{id}"),
    ("GET", "/api/episodes/export.csv"),
    ("GET", "/api/episodes/export.jsonl"),
    ("POST", "/api/packs/{slug}/runs/dynamic"),
    ("POST", "/api/episodes/{id}/pause"),
    ("POST", "/api/episodes/{id}/resume"),
    ("POST", "/api/episodes/{id}/cancel"),
    ("POST", "/api/episodes/{id}/fork"),
    ("POST", "/api/orchestrator/train"),
    ("POST", "/api/auth/login"),
    *(("GET", f"/api/{resource.name}/") for resource in RESOURCES),
    ("GET", "/api/campaigns/{id}"),
    ("GET", "/api/performance/export.csv"),
    ("GET", "/api/audiences/{id}/members"),
    ("GET", "/api/schema/rmis/{name}"),
]
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]
load_all_checks()


@pytest.fixture(scope="module")
def document() -> Any:
    reply = Client().get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"})
    # JSON Schema has no word for "no NUL"; the serializers refuse it.
    config = schemathesis.Config.from_dict({"generation": {"allow-x00": False}})
    loaded = schemathesis.openapi.from_dict(reply.json(), config=config)
    loaded.app = get_wsgi_application()
    loaded.location = "/api/schema/"
    return loaded


@pytest.fixture(autouse=True)
def _one_connection() -> Iterator[None]:
    """As Django's own test client does: a request must not close the connection that holds the test's transaction."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def header(ana: Any, tax_assist: Pack, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    judged(tax_assist)
    ticks = itertools.count(step=100)
    # Nobody waits here: each look at the clock is a hundred seconds later.
    monkeypatch.setattr(packs_api, "time", SimpleNamespace(monotonic=lambda: next(ticks), sleep=lambda _: None))
    return {"Authorization": f"Token {AuthToken.objects.create(user=ana)[1]}"}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["good", "bad"])
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[" ".join(pair) for pair in OPERATIONS])
class TestContract:
    def test_it_is_kept(self, document: Any, header: dict[str, str], method: str, path: str, mode: GenerationMode):
        judge = positive_data_acceptance if mode is GenerationMode.POSITIVE else negative_data_rejection

        @settings(
            max_examples=12,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=document[path][method].as_strategy(generation_mode=mode))
        def call(case: Any) -> None:
            # A key that comes twice with different bodies is refused, rightly: every good call gets its own.
            key = (
                {KEY_HEADER: uuid.uuid4().hex} if mode is GenerationMode.POSITIVE and KEY_HEADER in case.headers else {}
            )
            case.call_and_validate(headers={**header, **key}, checks=[*CHECKS, judge])

        call()
