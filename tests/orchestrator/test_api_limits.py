"""Tokens, lockout, second factor, throttles."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.core.cache import cache
from knox.models import AuthToken
from rest_framework.throttling import SimpleRateThrottle

from crm.models import Pack
from tests.orchestrator.api_doors import door
from tests.orchestrator.test_api_reading import problem

pytestmark = pytest.mark.django_db
LOGIN = "/api/auth/login"
RIGHT = {"username": "ana", "password": "endcap-demo"}


@pytest.fixture(autouse=True)
def _fresh_counts() -> None:
    cache.clear()


class TestTokens:
    def test_login_logout(self, ana: Any, tax_assist: Pack):
        client = door()
        reply = client.post(LOGIN, RIGHT)
        assert reply.status_code == 200
        header = {"Authorization": f"Token {reply.json()['token']}"}
        assert client.get("/api/packs/", headers=header).status_code == 200
        assert client.post("/api/packs/tax-assist/runs/dynamic", {}, headers=header).status_code == 202
        assert client.post("/api/auth/logout", headers=header).status_code == 204
        assert client.get("/api/packs/", headers=header).status_code == 401

    def test_logoutall_ends_every_token(self, ana: Any):
        client = door()
        tokens = [client.post(LOGIN, RIGHT).json()["token"] for _ in range(2)]
        assert client.post("/api/auth/logoutall", headers={"Authorization": f"Token {tokens[0]}"}).status_code == 204
        assert client.get("/api/brands/", headers={"Authorization": f"Token {tokens[1]}"}).status_code == 401

    def test_the_token_is_stored_hashed(self, ana: Any):
        token = door().post(LOGIN, RIGHT).json()["token"]
        assert token not in str(list(AuthToken.objects.values()))

    @pytest.mark.parametrize(("name", "password"), [("ana", "hunter2"), ("nobody", "endcap-demo")])
    def test_wrong_credentials_are_refused_alike(self, ana: Any, name: str, password: str):
        reply = door().post(LOGIN, {"username": name, "password": password})
        assert reply.status_code == 401
        assert problem(reply)["detail"] == "User name or password is wrong."
        assert password.encode() not in reply.content

    def test_a_bad_password_field_is_named_without_its_value(self, ana: Any):
        [error] = problem(door().post(LOGIN, {"username": "ana", "password": "geheim" * 99}))["errors"]
        assert (error["field"], error["value"]) == ("password", "(hidden)")

    def test_somebody_inactive_gets_none(self, ana: Any):
        ana.is_active = False
        ana.save()
        assert door().post(LOGIN, RIGHT).status_code == 401

    def test_there_is_a_limit(self, ana: Any):
        for _ in range(20):
            AuthToken.objects.create(user=ana)
        reply = door().post(LOGIN, RIGHT)
        assert reply.status_code == 403
        assert "logoutall" in problem(reply)["detail"]


class TestLockout:
    @pytest.fixture(autouse=True)
    def _on(self, settings: Any) -> None:
        settings.AXES_ENABLED = True

    def test_many_wrong_passwords_lock_the_person_out(self, ana: Any, settings: Any):
        client = door()
        for _ in range(settings.AXES_FAILURE_LIMIT):
            reply = client.post(LOGIN, {**RIGHT, "password": "wrong"})
        assert reply.status_code == 429
        reply = client.post(LOGIN, RIGHT)
        assert reply.status_code == 429
        assert problem(reply)["type"] == "urn:endcap:problem:locked-out"
        assert int(reply["Retry-After"]) == settings.AXES_COOLOFF_TIME * 3600

    def test_upper_case_does_not_walk_around_it(self, ana: Any, settings: Any):
        client = door()
        for number in range(settings.AXES_FAILURE_LIMIT):
            name = "ANA" if number % 2 else "ana"
            client.post(LOGIN, {"username": name, "password": "wrong"})
        assert client.post(LOGIN, RIGHT).status_code == 429

    def test_the_page_of_sign_in_counts_too(self, ana: Any, client: Any, settings: Any):
        settings.ACCOUNT_RATE_LIMITS = False  # allauth's own brake would come first
        for _ in range(settings.AXES_FAILURE_LIMIT):
            client.post("/accounts/login/", {"login": "ana", "password": "wrong"})
        assert door().post(LOGIN, RIGHT).status_code == 429

    def test_others_at_the_same_address_may_still_sign_in(self, ana: Any, ben: Any, settings: Any):
        client = door()
        for _ in range(settings.AXES_FAILURE_LIMIT):
            client.post(LOGIN, {**RIGHT, "password": "wrong"})
        assert client.post(LOGIN, {**RIGHT, "username": "ben"}).status_code == 200


class TestSecondFactor:
    @pytest.fixture
    def codes(self, ana: Any) -> list[str]:
        Authenticator.objects.create(user=ana, type=Authenticator.Type.TOTP, data={"secret": "JBSWY3DPEHPK3PXP"})
        return list(RecoveryCodes.activate(ana).get_unused_codes())

    def test_the_password_alone_is_not_enough(self, codes: list[str]):
        reply = door().post(LOGIN, RIGHT)
        assert reply.status_code == 401
        assert problem(reply)["type"] == "urn:endcap:problem:second-factor-missing"

    def test_a_code_works_once(self, codes: list[str]):
        client = door()
        assert client.post(LOGIN, {**RIGHT, "code": codes[0]}).status_code == 200
        reply = client.post(LOGIN, {**RIGHT, "code": codes[0]})
        assert reply.status_code == 401
        assert problem(reply)["type"] == "urn:endcap:problem:second-factor-wrong"


class TestThrottles:
    @pytest.fixture
    def rates(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
        rates = {"user": "1000/min", "anon": "1000/min", "runs": "1000/min"}
        monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", rates)
        return rates

    def refused(self, reply: Any) -> None:
        assert reply.status_code == 429
        assert 1 <= int(reply["Retry-After"]) <= 60
        assert problem(reply)["type"] == "urn:endcap:problem:throttled"

    def test_of_one_person(self, ana: Any, ben: Any, rates: dict[str, str]):
        rates["user"] = "3/min"
        client = door(ana)
        assert [client.get("/api/brands/").status_code for _ in range(3)] == [200] * 3
        self.refused(client.get("/api/brands/"))
        assert door(ben).get("/api/brands/").status_code == 200

    def test_of_runs(self, ana: Any, tax_assist: Pack, rates: dict[str, str]):
        rates["runs"] = "2/min"
        client = door(ana)
        run = "/api/packs/tax-assist/runs/dynamic"
        assert [client.post(run, {}).status_code for _ in range(2)] == [202] * 2
        self.refused(client.post(run, {}))
        assert client.get("/api/packs/").status_code == 200

    def test_of_sign_in_by_address_which_a_header_cannot_change(self, ana: Any, rates: dict[str, str]):
        rates["anon"] = "2/min"
        client = door()
        for number in range(2):
            client.post(LOGIN, {**RIGHT, "password": "x"}, headers={"X-Forwarded-For": f"10.0.0.{number}"})
        self.refused(client.post(LOGIN, RIGHT, headers={"X-Forwarded-For": "10.0.0.9"}))
