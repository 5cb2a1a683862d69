"""Client of a retailer's clean room over HTTP: `POST {endpoint}/query` with a bearer key.

Tries again only what trying again can help (429 with Retry-After, 502, 503, 504, lost connections), each time with the
same Idempotency-Key, after a growing, random wait. Goes to public https addresses only, and to the very address that
was checked, so that a name cannot be pointed inwards in between.
"""

from __future__ import annotations

import ipaddress
import json
import os
import random
import re
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from django.conf import settings
from pydantic import ValidationError

from crm.cleanroom.answers import Answer, Reply
from crm.cleanroom.errors import (
    BadQuery,
    BadReply,
    BudgetSpent,
    CleanRoomError,
    RoomNotSafe,
    RoomRefused,
    RoomUnavailable,
)
from crm.cleanroom.query import Aggregate, Overlap
from crm.models import CleanRoom

TRIES = 4
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 20.0
TIMEOUT = httpx.Timeout(30.0, connect=5.0)
LONGEST_REPLY_S = 60
LARGEST_REPLY = 8 * 2**20
MOST_PAGES, MOST_ROWS = 50, 10_000
RETRIED = (429, 502, 503, 504)
#: Only such variables are ever sent to an endpoint: a row must not be able to name SECRET_KEY.
KEY_NAME = re.compile(r"CLEANROOM_[A-Z0-9_]{1,70}")


@dataclass(frozen=True)
class Target:
    """Where to connect: `url` has the checked address in place of the name, which goes into Host and TLS."""

    url: httpx.URL
    host: str
    header: str


def host_of(room: CleanRoom) -> str:
    """The host of a room's endpoint, as answers and the account name it."""
    return httpx.URL(room.endpoint).host or room.endpoint


def ask(
    room: CleanRoom,
    question: Aggregate | Overlap,
    *,
    sleep: Callable[[float], None] = time.sleep,
    jitter: Callable[[], float] = random.random,
) -> Answer:
    """The whole answer, all pages of it.

    Raises BadQuery, BudgetSpent, RoomRefused, RoomUnavailable, BadReply, RoomNotSafe.
    """
    target, key = target_of(room.endpoint), key_of(room)
    once = str(uuid.uuid4())
    body: dict[str, Any] = {"query": question.written()}
    first: Answer | None = None
    rows = []
    with httpx.Client(timeout=TIMEOUT, follow_redirects=False, trust_env=False) as http:
        for page in range(MOST_PAGES):
            headers = {
                "Authorization": f"Bearer {key}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",  # nothing to unpack, so no bomb
                "Host": target.header,
                "Idempotency-Key": once if page == 0 else f"{once}-{page}",
            }
            reply = _page(http, target, headers, body, sleep, jitter)
            first = first or reply.answer
            rows += reply.answer.rows
            if len(rows) > MOST_ROWS:
                raise BadReply(f"{target.host} sent more than {MOST_ROWS:,} groups.", host=target.host)
            if reply.next is None:
                return first.model_copy(update={"rows": rows, "served_by": target.host, "query_id": None})
            body = {"query": question.written(), "cursor": reply.next}
    raise BadReply(f"{target.host} goes on after {MOST_PAGES} pages. Ask for fewer groups.", host=target.host)


def target_of(endpoint: str) -> Target:
    """The checked address of `{endpoint}/query`. Raises RoomNotSafe, or RoomUnavailable where the name is not known."""
    try:
        url = httpx.URL(endpoint)
    except httpx.InvalidURL as error:
        raise RoomNotSafe(f"{endpoint!r} is no address of a room: {error}.", field="endpoint") from error
    loopback = settings.CLEANROOM_ALLOW_LOOPBACK
    if url.userinfo:
        raise RoomNotSafe("An address holds no user or password; name the variable with the key.", field="endpoint")
    if not url.host or url.scheme not in ("https", "http"):
        raise RoomNotSafe(f"{endpoint!r} is no address of a room. It starts with https://.", field="endpoint")
    try:
        found = socket.getaddrinfo(url.host, url.port or 443, type=socket.SOCK_STREAM)
    except OSError as error:
        raise RoomUnavailable(f"The name {url.host} is not known. Check the room's address.", host=url.host) from error
    addresses = [ipaddress.ip_address(str(one[4][0]).split("%")[0]) for one in found]
    local = loopback and all(address.is_loopback for address in addresses)
    if url.scheme != "https" and not local:
        raise RoomNotSafe(f"{url.host}: a key and figures travel over https only.", field="endpoint", value=endpoint)
    if not local and not all(_is_public(address) for address in addresses):
        raise RoomNotSafe(f"{url.host} leads to an address that is not public. That is not followed.", field="endpoint")
    checked = url.copy_with(host=str(addresses[0]), path=url.path.rstrip("/") + "/query")
    return Target(checked, url.host, url.netloc.decode())


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    inner = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (inner or address).is_global and not address.is_multicast


def key_of(room: CleanRoom) -> str:
    """The bearer key from the environment. Raises RoomNotSafe for a strange name, RoomRefused without a key."""
    if not KEY_NAME.fullmatch(room.key_variable):
        raise RoomNotSafe(
            f"{room.name}: the key's variable is called CLEANROOM_ and then capitals, digits or _; it was "
            f"{room.key_variable!r}.",
            field="key_variable",
            value=room.key_variable,
        )
    key = os.environ.get(room.key_variable, "")
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise RoomRefused(f"{room.name}: the environment variable {room.key_variable} holds no key.", room=room.name)
    return key


def _page(
    http: httpx.Client,
    target: Target,
    headers: dict[str, str],
    body: dict[str, Any],
    sleep: Callable[[float], None],
    jitter: Callable[[], float],
) -> Reply:
    last: CleanRoomError | None = None
    for attempt in range(TRIES):
        try:
            status, replied, content = _post(http, target, headers, body)
        except httpx.TransportError as error:
            said = f"{target.host} did not answer: {type(error).__name__}."
            last, wait = RoomUnavailable(said, host=target.host), None
        else:
            if status == 200:
                return _read(content, target)
            last, wait = _refusal(status, content, target), _retry_after(replied.get("Retry-After"))
            hopeless = status not in RETRIED or isinstance(last, BudgetSpent)
            if hopeless or (status == 429 and wait is None) or (wait or 0) > LONGEST_WAIT_S:
                raise last
        if attempt < TRIES - 1:
            # Full jitter (Brooker, 2015): many clients that failed together do not come back together.
            backoff = jitter() * min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (attempt + 1))
            sleep(backoff if wait is None else wait + jitter() * FIRST_WAIT_S)
    assert last is not None
    raise last


def _post(
    http: httpx.Client, target: Target, headers: dict[str, str], body: dict[str, Any]
) -> tuple[int, httpx.Headers, bytes]:
    tls = {"sni_hostname": target.host}
    with http.stream("POST", target.url, json=body, headers=headers, extensions=tls) as reply:
        content, began = bytearray(), time.monotonic()
        for part in reply.iter_raw():
            content += part
            if time.monotonic() - began > LONGEST_REPLY_S:
                raise RoomUnavailable(f"{target.host} took over {LONGEST_REPLY_S} s to say it.", host=target.host)
            if len(content) > LARGEST_REPLY:
                raise BadReply(f"{target.host} sent more than {LARGEST_REPLY // 2**20} MiB.", host=target.host)
        return reply.status_code, reply.headers, bytes(content)


def _read(content: bytes, target: Target) -> Reply:
    try:
        return Reply.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"]) or "the body"
        raise BadReply(
            f"{target.host} answered something that is no answer: {where}: {first['msg']}.",
            host=target.host,
        ) from None


def _refusal(status: int, content: bytes, target: Target) -> CleanRoomError:
    """Whose turn it is, from the status and, where there is one, the problem document (RFC 9457)."""
    try:
        problem = json.loads(content)
    except ValueError:
        problem = {}
    problem = problem if isinstance(problem, dict) else {}
    said = str(problem.get("detail") or problem.get("title") or f"status {status}")[:500]
    context = problem.get("context")
    context = context if isinstance(context, dict) else {}
    about = {"host": target.host, "status_there": status}
    if "budget" in str(problem.get("type", "")) or status == 402:
        when = {name: str(context[name])[:40] for name in ("whole_again_at", "affordable_at") if context.get(name)}
        return BudgetSpent(f"{target.host} says: {said}", **about, **when)
    if status in (401, 403, 407):
        return RoomRefused(f"{target.host} does not let us in: {said} Check the room's key.", **about)
    if status in (409, *RETRIED) or status >= 500:  # 409: an earlier try is still being answered
        return RoomUnavailable(f"{target.host} has no answer now: {said} Try again later.", **about)
    if 400 <= status < 500:
        return BadQuery(f"{target.host} does not take the question: {said}", field=_field(problem), **about)
    return BadReply(f"{target.host} answered with status {status}; redirects are not followed.", **about)


def _field(problem: dict[str, Any]) -> str:
    match problem.get("errors"):
        case [{"field": str(name)}, *_]:
            return name[:120]
    return "query"


def _retry_after(value: str | None) -> float | None:
    """Seconds to wait, from seconds or a date (RFC 9110, 10.2.3); None where it says neither."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
