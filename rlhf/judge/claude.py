"""Calls to Claude through its SDK: what is sent, what comes back, and what a fault is called. Knows no Django.

`messages.create` with a schema, never `parse`, which hides why a reply ended. The SDK's own retries are off: what is
tried again, and when, is decided by `retries` over the order's row, so that it survives a restart. There is no
temperature in this SDK; two calls may differ, which is why self-agreement is measured.
"""

from __future__ import annotations

import email.utils
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import anthropic
import httpx2
from anthropic import Anthropic, transform_schema
from anthropic.types import Message
from pydantic import BaseModel, ConfigDict, ValidationError

from rlhf.judge.materials import Ask
from rlhf.judge.prices import Tokens
from rlhf.judge.replies import GroupReply, Missing, PairReply, Reply, RichReply

CONNECT_S = 5.0
MAX_TOKENS = {"absolute": 6000, "group": 8000, "pair": 3000}  # thinking counts, where the model thinks
ROOMIER = 2  # times as many tokens after a reply that was cut off
SCHEMAS: dict[str, type[Reply]] = {"absolute": RichReply, "group": GroupReply, "pair": PairReply}
FINISHED = ("end_turn", "stop_sequence")
CUT = ("max_tokens", "model_context_window_exceeded")
SHOWN = 180  # signs of a service's own words that are kept
NOTHING = Tokens()


@dataclass(frozen=True, slots=True)
class Answer:
    """What one call brought: the reply's text, or why there is none. `raw` is the text as it came, also where it is of
    no use. `tokens` None: nobody said, so it may have been paid for."""

    text: str | None
    missing: Missing | None = None
    raw: str = ""
    model: str = ""
    request_id: str = ""
    tokens: Tokens | None = None
    latency_ms: int = 0


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Block(_Lenient):
    type: str
    text: str = ""


class _Usage(_Lenient):
    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None


class _Stop(_Lenient):
    category: str | None = None
    explanation: str | None = None


class _Message(_Lenient):
    """The parts of a reply that we read, checked: the SDK builds its objects without looking."""

    model: str
    stop_reason: str | None
    content: list[_Block]
    usage: _Usage
    stop_details: _Stop | None = None


class _Problem(_Lenient):
    type: str = "api_error"
    message: str = ""


class _Errored(_Lenient):
    error: _Problem = _Problem()


class _Result(_Lenient):
    type: str
    message: dict[str, Any] | None = None
    error: _Errored = _Errored()


class _Line(_Lenient):
    custom_id: str
    result: _Result


def client_for(*, key: str, base_url: str = "", timeout_s: float = 90.0) -> Anthropic:
    """A client that waits `timeout_s` for the reply (the SDK's own default is ten minutes) and tries nothing twice."""
    return Anthropic(
        api_key=key,
        base_url=base_url or None,
        max_retries=0,
        timeout=httpx2.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s)),
    )


@lru_cache(maxsize=8)
def schema_of(form: str) -> dict[str, Any]:
    """The JSON schema of a form's reply in the subset that the service takes."""
    return transform_schema(SCHEMAS[form])


def params(ask: Ask, *, model: str, roomier: bool = False) -> dict[str, Any]:
    """The body of one call. Prompt and rubric are a prefix that the service may cache; for a pair the shared material
    is one too, since its second order comes right after."""
    blocks: list[dict[str, Any]] = []
    if ask.shared:
        blocks.append({"type": "text", "text": ask.shared})
        if ask.form == "pair":
            blocks[0]["cache_control"] = {"type": "ephemeral"}
    blocks.append({"type": "text", "text": ask.answers})
    return {
        "model": model,
        "max_tokens": max_tokens(ask.form, roomier=roomier),
        "system": [{"type": "text", "text": ask.system, "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": blocks}],
        "output_config": {"format": {"type": "json_schema", "schema": schema_of(ask.form)}},
    }


def max_tokens(form: str, *, roomier: bool = False) -> int:
    return MAX_TOKENS[form] * (ROOMIER if roomier else 1)


def call(client: Anthropic, ask: Ask, *, model: str, roomier: bool = False) -> Answer:
    """Ask once. Never raises because of the service: a fault is an answer that says what is missing."""
    began = time.perf_counter()
    try:
        reply = client.messages.create(**params(ask, model=model, roomier=roomier))
    except (anthropic.AnthropicError, ValueError) as error:
        missing, tokens = fault(error)
        ident = str(error.request_id or "") if isinstance(error, anthropic.APIStatusError) else ""
        return Answer(None, missing, raw=_words_of(error), request_id=ident, tokens=tokens, latency_ms=_since(began))
    if not isinstance(reply, Message):
        missing = Missing("not_json", "the service answered with something that is no message")
        return Answer(None, missing, raw=str(reply)[:4000], latency_ms=_since(began))
    return read(reply.to_dict(warnings=False), request_id=str(reply._request_id or ""), latency_ms=_since(began))


def _since(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)


def read(message: Mapping[str, Any], *, request_id: str = "", latency_ms: int = 0) -> Answer:
    """A message as it came, looked at in this order: is it a message, why did it end, what does it say."""
    try:
        shaped = _Message.model_validate(message)
    except ValidationError as error:
        missing = Missing("not_json", f"no message: {error.errors()[0]['msg']}"[:200])
        return Answer(None, missing, raw=str(message)[:4000], request_id=request_id, latency_ms=latency_ms)
    usage = shaped.usage
    tokens = Tokens(
        input=usage.input_tokens,
        cache_write=usage.cache_creation_input_tokens or 0,
        cache_read=usage.cache_read_input_tokens or 0,
        output=usage.output_tokens,
    )
    text = "".join(block.text for block in shaped.content if block.type == "text")
    missing_or_none = _ended_badly(shaped)
    if missing_or_none is None and not text.strip():
        missing_or_none = Missing("not_json", "the reply is empty")
    return Answer(
        None if missing_or_none else text,
        missing_or_none,
        raw=text,
        model=shaped.model,
        request_id=request_id,
        tokens=tokens,
        latency_ms=latency_ms,
    )


def _ended_badly(message: _Message) -> Missing | None:
    if message.stop_reason in FINISHED:
        return None
    if message.stop_reason == "refusal":
        said = message.stop_details
        why = (said.explanation or said.category or "") if said else ""
        return Missing("refused", f"the model declined{f': {why}' if why else ''}"[:200])
    if message.stop_reason in CUT:
        return Missing("cut_off", f"the reply was cut off ({message.stop_reason})")
    return Missing("not_json", f"the reply ended with {message.stop_reason}")


def fault(error: Exception) -> tuple[Missing, Tokens | None]:
    """What an error of the SDK is called, and what it cost: nothing where the service said no, unknown where a reply
    may have been on its way."""
    if isinstance(error, anthropic.APIStatusError):
        return _refused_call(error), Tokens()
    if isinstance(error, anthropic.APITimeoutError):
        return Missing("timed_out", "no reply in time"), None
    if isinstance(error, anthropic.APIConnectionError):
        never_sent = isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout)
        return Missing("unreachable", f"the connection was lost: {error.__cause__}"[:200]), (
            Tokens() if never_sent else None
        )
    if isinstance(error, ValueError):
        return Missing("not_json", f"the service's answer is no JSON: {error}"[:200]), None
    return Missing("bad_call", f"the call could not be made: {error}"[:200]), Tokens()


def _refused_call(error: anthropic.APIStatusError) -> Missing:
    wait = _asked_wait(error.response.headers)
    said = str(error.api_message or error.message)[:SHOWN]
    code = error.status_code
    if code == 429:
        return Missing("rate_limited", f"429: {said}", wait)
    if code in (529, 503):
        return Missing("overloaded", f"{code}: {said}", wait)
    if code in (408, 504):
        return Missing("timed_out", f"{code}: {said}", wait)
    if code >= 500:
        return Missing("unreachable", f"{code}: {said}", wait)
    return Missing("bad_call", f"{code}: {said}")


def _asked_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds of `retry-after`, a number or a date; None where there is none or it makes no sense."""
    given = headers.get("retry-after")
    if not given:
        return None
    try:
        seconds = float(given)
    except ValueError:
        when = email.utils.parsedate_tz(given)
        if when is None:
            return None
        seconds = email.utils.mktime_tz(when) - time.time()
    return seconds if 0 <= seconds < float("inf") else None


def _words_of(error: Exception) -> str:
    if isinstance(error, anthropic.APIStatusError):
        return error.response.text[:4000]
    return str(error)[:4000]


#: What a line of a batch that failed is called, by the service's own word for it.
ERRORED = {
    "rate_limit_error": "rate_limited",
    "overloaded_error": "overloaded",
    "timeout_error": "timed_out",
    "gateway_timeout_error": "timed_out",
    "api_error": "unreachable",
}


def read_batch(client: Anthropic, external_id: str) -> Iterator[tuple[str, Answer]]:
    """The results of an ended batch as (custom_id, answer), in whatever order they come.

    Lines that are no results are left out, so that their orders are found missing by the caller. Raises what the SDK
    raises where the file cannot be had or breaks off, and ValueError where a line is no JSON.
    """
    for entry in client.messages.batches.results(external_id):
        try:
            line = _Line.model_validate(entry.to_dict(warnings=False))
        except (ValidationError, AttributeError):
            continue
        yield line.custom_id, _answer_of(line.result)


def _answer_of(result: _Result) -> Answer:
    if result.type == "succeeded" and result.message is not None:
        return read(result.message)
    if result.type == "errored":
        problem = result.error.error
        cause = ERRORED.get(problem.type, "bad_call")
        return Answer(None, Missing(cause, f"{problem.type}: {problem.message}"[:200]), tokens=Tokens())
    why = {"expired": "the batch expired", "canceled": "the batch was cancelled"}.get(result.type)
    return Answer(None, Missing("expired", why or f"the batch says {result.type[:40]}"), tokens=Tokens())
