"""The OpenAPI document is valid and complete, and the page to explore it works under our content policy."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

SURFACE = {
    ("/api/packs/", "get"),
    ("/api/packs/{slug}/runs/dynamic", "post"),
    ("/api/episodes/", "get"),
    ("/api/episodes/{id}", "get"),
    ("/api/episodes/{id}/pause", "post"),
    ("/api/episodes/{id}/resume", "post"),
    ("/api/episodes/{id}/cancel", "post"),
    ("/api/episodes/{id}/fork", "post"),
    ("/api/episodes/export.csv", "get"),
    ("/api/episodes/export.jsonl", "get"),
    ("/api/orchestrator/train", "post"),
    ("/api/brands/", "get"),
    ("/api/auth/login", "post"),
    ("/api/auth/logout", "post"),
    ("/api/auth/logoutall", "post"),
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    reply = Client().get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"})
    assert reply.status_code == 200
    found: dict[str, Any] = reply.json()
    return found


class TestDocument:
    def test_it_is_valid_without_a_warning(self):
        call_command("spectacular", "--validate", "--fail-on-warn", stdout=io.StringIO())

    def test_it_is_openapi_3_1_with_the_whole_surface(self, document: dict[str, Any]):
        assert document["openapi"] == "3.1.0"
        assert {(path, method) for path, methods in document["paths"].items() for method in methods} >= SURFACE

    def test_every_error_is_a_problem(self, document: dict[str, Any]):
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                errors = {status: reply for status, reply in operation["responses"].items() if status >= "400"}
                assert errors, (path, method)
                for reply in errors.values():
                    [(media_type, content)] = reply["content"].items()
                    assert media_type == "application/problem+json"
                    assert content["schema"] == {"$ref": "#/components/schemas/Problem"}

    def test_what_can_be_repeated_says_so(self, document: dict[str, Any]):
        for path, method in SURFACE:
            operation = document["paths"][path][method]
            names = {parameter["name"] for parameter in operation.get("parameters", [])}
            repeatable = method == "post" and "/auth/" not in path
            assert ("Idempotency-Key" in names) == repeatable
            assert ({"409", "422"} <= set(operation["responses"])) == repeatable
            assert ("X-Brand" in names) == ("/auth/" not in path and path != "/api/brands/")

    def test_unknown_fields_are_refused_by_the_document_too(self, document: dict[str, Any]):
        run = document["components"]["schemas"]["RunInput"]
        assert run["additionalProperties"] is False
        assert run["properties"]["max_steps"]["maximum"] == 100
        assert run["properties"]["policy_mode"]["default"] == "rule"


class TestExplorer:
    def test_no_script_stands_in_the_page(self, client: Client, db: None):
        reply = client.get("/api/docs/")
        assert reply.status_code == 200
        for attributes, inner in re.findall(r"<script([^>]*)>(.*?)</script>", reply.content.decode(), re.DOTALL):
            assert "src=" in attributes
            assert not inner.strip()
        assert "http" not in re.sub(r"<!--.*?-->", "", reply.content.decode()).replace("http-equiv", "")

    def test_only_styles_are_freed(self, client: Client, db: None):
        policy = client.get("/api/docs/")["Content-Security-Policy"]
        directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
        assert directives["style-src"] == "'self' 'unsafe-inline'"
        assert directives["default-src"] == "'self'"
        assert "script-src" not in directives
        assert "unsafe-inline" not in client.get("/api/schema/")["Content-Security-Policy"]

    def test_its_script_is_a_file_of_its_own(self, client: Client, db: None):
        reply = client.get("/api/docs/?script=")
        assert reply["Content-Type"].startswith("application/javascript")
        assert b"SwaggerUIBundle" in reply.content
