"""The client against a server that misbehaves in many ways, and addresses that must not be followed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from crm.cleanroom import client, rooms
from crm.cleanroom.errors import BadQuery, BadReply, BudgetSpent, RoomNotSafe, RoomRefused, RoomUnavailable
from crm.cleanroom.query import parse
from crm.models import CleanRoom, CleanRoomQuery
from tests.crm.cleanroom.conftest import NOW

QUESTION = parse({"metrics": ["people"], "by": ["stage"]})
HUNDRED = {"value": 100, "low": 90, "high": 110}
BUDGET = {"spent": 0.5, "left": 9.5, "limit": 10.0, "period_days": 30}


def page(*stages: str, following: str | None = None) -> dict[str, Any]:
    return {
        "answer": {
            "served_by": "embedded", "room": "theirs", "kind": "aggregate", "by": ["stage"], "minimum_group": 50,
            "columns": [{"name": "people", "title": "People", "unit": "people"}], "threshold": 60, "suppressed": 0,
            "rows": [{"group": {"stage": one}, "figures": {"people": HUNDRED}} for one in stages],
            "noise": {"mechanism": "discrete Laplace"}, "budget": BUDGET, "asked_at": NOW.isoformat(),
        },
        "next": following,
    }  # fmt: skip


class Waits(list[float]):
    """Records what the client would have slept."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture(scope="module")
def running() -> Iterator[HTTPServer]:
    with HTTPServer(host="127.0.0.1") as one:
        yield one


@pytest.fixture
def server(running: HTTPServer, settings: Any) -> Iterator[HTTPServer]:
    settings.CLEANROOM_ALLOW_LOOPBACK = True
    yield running
    running.clear()


@pytest.fixture
def far(server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> CleanRoom:
    monkeypatch.setenv("CLEANROOM_KEY", "s3cret")
    return CleanRoom(name="Far", endpoint=server.url_for("/v1?tenant=7"), key_variable="CLEANROOM_KEY")


def asked(room: CleanRoom, waits: Waits | None = None) -> Any:
    return client.ask(room, QUESTION, sleep=Waits() if waits is None else waits, jitter=lambda: 0.5)


def requests_to(server: HTTPServer) -> list[Request]:
    return [request for request, _ in server.log]


class TestAsking:
    def test_it_posts_the_question_with_key_and_keeps_the_address_query(self, server, far):
        server.expect_request("/v1/query", query_string="tenant=7").respond_with_json(page("engaged"))
        answer = asked(far)
        [request] = requests_to(server)
        assert request.method == "POST"
        assert request.headers["Authorization"] == "Bearer s3cret"
        assert request.get_json() == {"query": QUESTION.written()}
        assert answer.served_by == "127.0.0.1"
        assert answer.rows[0].figures["people"].low == 90

    def test_it_collects_all_pages(self, server, far):
        server.expect_ordered_request("/v1/query").respond_with_json(page("engaged", following="c1"))
        server.expect_ordered_request("/v1/query").respond_with_json(page("purchased"))
        assert [row.group["stage"] for row in asked(far).rows] == ["engaged", "purchased"]
        first, second = requests_to(server)
        assert second.get_json()["cursor"] == "c1"
        assert first.headers["Idempotency-Key"] != second.headers["Idempotency-Key"]

    def test_a_server_that_never_ends_is_left(self, server, far):
        server.expect_request("/v1/query").respond_with_json(page("engaged", following="again"))
        with pytest.raises(BadReply, match="goes on after 50 pages"):
            asked(far)


class TestTryingAgain:
    @pytest.mark.parametrize("status", [502, 503, 504])
    def test_it_tries_again_with_the_same_key_and_growing_waits(self, server, far, status):
        for _ in range(2):
            server.expect_ordered_request("/v1/query").respond_with_data("busy", status=status)
        server.expect_ordered_request("/v1/query").respond_with_json(page("engaged"))
        waits = Waits()
        assert asked(far, waits).rows
        assert waits == [0.5, 1.0]
        assert len({request.headers["Idempotency-Key"] for request in requests_to(server)}) == 1

    def test_it_gives_up_after_four(self, server, far):
        server.expect_request("/v1/query").respond_with_data("busy", status=503)
        with pytest.raises(RoomUnavailable, match="has no answer now"):
            asked(far)
        assert len(server.log) == 4

    @pytest.mark.parametrize(("as_date", "seconds", "least"), [(False, 3, 3.0), (True, 15, 5.0)])
    def test_it_waits_as_long_as_a_429_says(self, server, far, as_date, seconds, least):
        at = datetime.now(UTC) + timedelta(seconds=seconds)
        after = format_datetime(at, usegmt=True) if as_date else str(seconds)
        busy = Response("later", status=429, headers={"Retry-After": after})
        server.expect_ordered_request("/v1/query").respond_with_response(busy)
        server.expect_ordered_request("/v1/query").respond_with_json(page("engaged"))
        waits = Waits()
        asked(far, waits)
        assert least <= waits[0] < 21

    @pytest.mark.parametrize("headers", [{}, {"Retry-After": "86400"}, {"Retry-After": "soon"}])
    def test_it_does_not_wait_for_ever_or_for_nothing(self, server, far, headers):
        server.expect_request("/v1/query").respond_with_response(Response("no", status=429, headers=headers))
        waits = Waits()
        with pytest.raises(RoomUnavailable):
            asked(far, waits)
        assert (len(server.log), waits) == (1, [])

    def test_a_server_that_is_away_is_tried_again_and_then_told(self, far):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        far.endpoint = f"http://127.0.0.1:{port}"
        waits = Waits()
        with pytest.raises(RoomUnavailable, match="did not answer: ConnectError"):
            asked(far, waits)
        assert len(waits) == 3

    def test_a_slow_server_is_not_waited_for(self, server, far, monkeypatch):
        import time

        import httpx

        monkeypatch.setattr(client, "TIMEOUT", httpx.Timeout(0.2))
        monkeypatch.setattr(client, "TRIES", 1)
        server.expect_request("/v1/query").respond_with_handler(lambda request: (time.sleep(0.6), Response("late"))[1])
        with pytest.raises(RoomUnavailable, match="ReadTimeout"):
            asked(far)
        time.sleep(0.8)  # until the server has noticed, so that the next test does not find this request in its log


class TestErrorsToldApart:
    PROBLEM = {
        "type": "urn:endcap:problem:budget-spent",
        "detail": "Spent.",
        "context": {"affordable_at": "2026-12-01"},
    }

    @pytest.mark.parametrize(
        ("status", "body", "error", "said"),
        [
            (401, {"detail": "Bad key."}, RoomRefused, "does not let us in: Bad key"),
            (403, {}, RoomRefused, "does not let us in"),
            (403, PROBLEM, BudgetSpent, "Spent"),
            (402, {"title": "Pay"}, BudgetSpent, "Pay"),
            (429, PROBLEM, BudgetSpent, "Spent"),
            (400, {"detail": "No such metric.", "errors": [{"field": "metrics.0"}]}, BadQuery, "No such metric"),
            (404, {}, BadQuery, "status 404"),
            (422, [1], BadQuery, "status 422"),
            (409, {}, RoomUnavailable, "no answer now"),
            (500, {}, RoomUnavailable, "no answer now"),
            (302, {}, BadReply, "redirects are not followed"),
            (200, {"rows": []}, BadReply, "answer: Field required"),
            (200, [], BadReply, "no answer"),
        ],
    )
    def test_each_is_its_own_error_and_asked_once(self, server, far, status, body, error, said):
        server.expect_request("/v1/query").respond_with_json(
            body, status=status, headers={"Location": "http://10.0.0.1/"}
        )
        with pytest.raises(error, match=said) as caught:
            asked(far)
        assert type(caught.value) is error
        assert len(server.log) == 1
        assert "s3cret" not in caught.value.message

    def test_a_budget_says_when(self, server, far):
        server.expect_request("/v1/query").respond_with_json(self.PROBLEM, status=403)
        with pytest.raises(BudgetSpent) as caught:
            asked(far)
        assert caught.value.detail["affordable_at"] == "2026-12-01"

    @pytest.mark.parametrize("content", [b"", b"<html>", b"\xff\xfe", b'{"answer": NaN}', b"[" * 50_000])
    def test_what_is_no_json_is_a_bad_reply(self, server, far, content):
        server.expect_request("/v1/query").respond_with_data(content, status=200)
        with pytest.raises(BadReply):
            asked(far)

    def test_more_than_it_should_send_is_cut_off(self, server, far, monkeypatch):
        monkeypatch.setattr(client, "LARGEST_REPLY", 2**20)
        server.expect_request("/v1/query").respond_with_data(b"x" * (2**20 + 1))
        with pytest.raises(BadReply, match="more than 1 MiB"):
            asked(far)

    def test_figures_that_are_no_numbers_are_a_bad_reply(self, server, far):
        body = page("engaged")
        body["answer"]["rows"][0]["figures"]["people"]["value"] = "many"
        server.expect_request("/v1/query").respond_with_json(body)
        with pytest.raises(BadReply, match=r"rows\.0\.figures\.people\.value"):
            asked(far)


class TestSafety:
    @pytest.mark.parametrize(
        ("endpoint", "said"),
        [
            ("http://93.184.216.34/v1", "https only"),
            ("https://127.0.0.1/v1", "not public"),
            ("https://10.1.2.3/v1", "not public"),
            ("https://169.254.169.254/latest/meta-data", "not public"),
            ("https://[::1]/v1", "not public"),
            ("https://[::ffff:10.0.0.1]/v1", "not public"),
            ("https://0.0.0.0/v1", "not public"),
            ("https://100.64.0.1/v1", "not public"),
            ("https://224.0.0.1/v1", "not public"),
            ("https://2130706433/v1", "not public"),
            ("https://user:pass@93.184.216.34/v1", "no user or password"),
            ("file:///etc/passwd", "no address of a room"),
            ("https:///v1", "no address of a room"),
            ("https://[::1", "no address of a room"),
        ],
    )
    def test_an_unsafe_address_is_not_followed(self, settings, endpoint, said):
        settings.CLEANROOM_ALLOW_LOOPBACK = False
        with pytest.raises(RoomNotSafe, match=said):
            client.target_of(endpoint)

    def test_loopback_is_closed_unless_a_setting_opens_it(self, server, far, settings):
        settings.CLEANROOM_ALLOW_LOOPBACK = False
        with pytest.raises(RoomNotSafe):
            asked(far)
        assert server.log == []

    def test_a_name_with_one_inner_address_is_refused(self, monkeypatch):
        both = [(2, 1, 6, "", (address, 443)) for address in ("93.184.216.34", "10.0.0.1")]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: both)
        with pytest.raises(RoomNotSafe, match="not public"):
            client.target_of("https://rooms.example/v1")

    def test_it_connects_to_the_address_that_was_checked(self, monkeypatch):
        """A second look-up could name another address: there is none."""
        monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: [(2, 1, 6, "", ("93.184.216.34", 443))])
        target = client.target_of("https://rooms.example/v1/")
        assert str(target.url) == "https://93.184.216.34/v1/query"
        assert (target.host, target.header) == ("rooms.example", "rooms.example")

    def test_a_name_nobody_knows_is_unavailable(self, monkeypatch):
        def unknown(*args: Any, **kwargs: Any) -> Any:
            raise socket.gaierror(-2, "unknown")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        with pytest.raises(RoomUnavailable, match="is not known"):
            client.target_of("https://rooms.example")

    @pytest.mark.parametrize(
        "name", ["", "SECRET_KEY", "DATABASE_URL", "CLEANROOM_", "XCLEANROOM_KEY", "CLEANROOM_KEY\n"]
    )
    def test_a_row_cannot_name_another_secret_of_ours(self, server, far, name, monkeypatch):
        monkeypatch.setenv("SECRET_KEY", "of-django")
        far.key_variable = name
        with pytest.raises(RoomNotSafe, match="CLEANROOM_"):
            asked(far)
        assert server.log == []

    @pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "ümlaut"])
    def test_without_a_key_nothing_is_sent(self, server, far, key, monkeypatch):
        monkeypatch.setenv("CLEANROOM_KEY", key)
        with pytest.raises(RoomRefused, match="holds no key"):
            asked(far)
        assert server.log == []


@pytest.mark.django_db
class TestAccount:
    def test_what_they_took_is_written_down_and_failures_cost_nothing(self, server, far, harbor):
        far.brand = harbor
        far.save()
        server.expect_ordered_request("/v1/query").respond_with_json({}, status=400)
        server.expect_ordered_request("/v1/query").respond_with_json(page("engaged"))
        server.expect_ordered_request("/v1/query").respond_with_data("x", status=200)
        with pytest.raises(BadQuery):
            rooms.ask(room=far, query=QUESTION, by=None)
        rooms.ask(room=far, query=QUESTION, by=None)
        with pytest.raises(BadReply):
            rooms.ask(room=far, query={"metrics": ["buyers"]}, by=None)
        rows = CleanRoomQuery.objects.for_brand(harbor).order_by("pk").values_list("state", "epsilon", "served_by")
        assert list(rows) == [("answered", 0.5, "127.0.0.1"), ("failed", 0.0, "127.0.0.1")]
