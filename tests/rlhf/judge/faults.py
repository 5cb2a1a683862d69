"""The ways in which a judge's reply goes wrong, each with the cause that the verdict must be missing with.

`forms` says where the fault can happen. Used by the tests and by `benchmarks/judge_faults.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.rlhf.judge.loopback import Delivery, Script, error, form_of, good, said, saying

ALL = ("absolute", "group", "pair")


@dataclass(frozen=True)
class Fault:
    """`cause` None: the reply is unusual and right, and has to be understood."""

    name: str
    cause: str | None
    script: Script
    forms: tuple[str, ...] = ALL


def bent(**by_form: Any) -> Script:
    """Another change for each form."""

    def script(body: dict[str, Any]) -> Delivery:
        return saying(by_form[form_of(body)])(body)

    return script


def first(change: Any) -> Any:
    """Change the first answer of a ranking."""

    def changed(reply: dict[str, Any]) -> dict[str, Any]:
        return {"answers": [{**reply["answers"][0], **change(reply["answers"][0])}, *reply["answers"][1:]]}

    return changed


def swapped_scores(reply: dict[str, Any]) -> dict[str, Any]:
    """Each id gets the mark, words and score of the next one: the judge lost the thread."""
    answers = reply["answers"]
    return {"answers": [{**other, "id": one["id"]} for one, other in zip(answers, answers[1:] + answers[:1])]}  # noqa: B905


def cut(body: dict[str, Any]) -> Delivery:
    text = json.dumps(said(body))
    return Delivery(text[: len(text) // 2], stop_reason="max_tokens")


def half(body: dict[str, Any]) -> Delivery:
    text = json.dumps(said(body))
    return Delivery(text[: len(text) // 2])


def twice_a_name(body: dict[str, Any]) -> Delivery:
    text = json.dumps(said(body))
    extra = {"absolute": '"confidence": 0.01, ', "group": '"answers": [], ', "pair": '"better": "tie", '}
    return Delivery("{" + extra[form_of(body)] + text[1:])


def thinking_first(body: dict[str, Any]) -> Delivery:
    content = [
        {"type": "thinking", "thinking": "Let me see. {\"score\": 0.1}", "signature": "c2ln"},
        {"type": "text", "text": json.dumps(said(body))},
    ]  # fmt: skip
    return Delivery(content=content)


def fenced(body: dict[str, Any]) -> Delivery:
    return Delivery(f"Here you are:\n```json\n{json.dumps(said(body))}\n```")


def broken_off(body: dict[str, Any]) -> Delivery:
    return Delivery(raw=b'{"id": "msg_01", "type": "mess')


FAULTS = (
    Fault("good", None, good),
    Fault("thinks first", None, thinking_first),
    Fault("list permuted", None, saying(lambda r: {"answers": r["answers"][::-1]}), ("group",)),
    Fault("refusal", "refused", lambda b: Delivery("", stop_reason="refusal")),
    Fault("refusal with half a verdict", "refused", lambda b: Delivery(json.dumps(said(b)), stop_reason="refusal")),
    Fault("cut off", "cut_off", cut),
    Fault("cut off, whole JSON", "cut_off", lambda b: Delivery(json.dumps(said(b)), stop_reason="max_tokens")),
    Fault("half a JSON", "not_json", half),
    Fault("prose and a fence", "not_json", fenced),
    Fault("a list", "not_json", saying(lambda r: [r])),
    Fault("empty text", "not_json", lambda b: Delivery("")),
    Fault("no content", "not_json", lambda b: Delivery(content=[])),
    Fault("a name twice", "not_json", twice_a_name),
    Fault("a field left out", "not_json", saying(
        lambda r: {name: value for name, value in r.items() if name not in ("reasoning", "answers")})),
    Fault("a field too many", "not_json", saying(lambda r: {**r, "note": "see attachment"})),
    Fault("paused", "not_json", lambda b: Delivery(json.dumps(said(b)), stop_reason="pause_turn")),
    Fault("HTML instead", "not_json", lambda b: Delivery(raw=b"<html>busy</html>", content_type="text/html")),
    Fault("body broken off", "not_json", broken_off),
    Fault("score as text", "not_json", bent(
        absolute=lambda r: {**r, "confidence": "0.8"}, group=first(lambda a: {"score": str(a["score"])}),
        pair=lambda r: {**r, "better": 1})),
    Fault("score true", "not_json", bent(
        absolute=lambda r: {**r, "confidence": True}, group=first(lambda a: {"score": True})), ("absolute", "group")),
    Fault("score NaN", "not_json", bent(
        absolute=lambda r: {**r, "confidence": float("nan")}, group=first(lambda a: {"score": float("nan")})),
        ("absolute", "group")),
    Fault("score 85", "out_of_range", bent(
        absolute=lambda r: {**r, "dimensions": {**r["dimensions"], "accuracy": 85}},
        group=first(lambda a: {"score": 85})), ("absolute", "group")),
    Fault("score below 0", "out_of_range", bent(
        absolute=lambda r: {**r, "dimensions": {**r["dimensions"], "relevance": -0.1}},
        group=first(lambda a: {"score": -0.1})), ("absolute", "group")),
    Fault("confidence 1.4", "out_of_range", saying(lambda r: {**r, "confidence": 1.4}), ("absolute",)),
    Fault("thumb against scores", "out_of_range", saying(
        lambda r: {**r, "dimensions": dict.fromkeys(r["dimensions"], 0.95), "overall_rating": "down"}), ("absolute",)),
    Fault("rating sideways", "not_json", saying(lambda r: {**r, "overall_rating": "meh"}), ("absolute",)),
    Fault("another's mark", "wrong_ids", bent(
        absolute=lambda r: {**r, "mark": "zozozozo"}, group=first(lambda a: {"mark": "zozozozo"}),
        pair=lambda r: {**r, "mark": "zozozozo"})),
    Fault("widgets numbered from 1", "wrong_ids", saying(
        lambda r: {**r, "widget_feedback": [
            {"widget_index": 1, "widget_type": "kpi", "appropriateness_score": 0.5, "size_appropriate": True,
             "issues": [], "strengths": []}]}), ("absolute",)),
    Fault("id twice", "wrong_ids", saying(lambda r: {"answers": [r["answers"][0], *r["answers"][:-1]]}), ("group",)),
    Fault("one more", "wrong_ids", saying(lambda r: {"answers": [*r["answers"], r["answers"][0]]}), ("group",)),
    Fault("one left out", "wrong_ids", saying(lambda r: {"answers": r["answers"][1:]}), ("group",)),
    Fault("one left out, one twice", "wrong_ids", saying(
        lambda r: {"answers": [*r["answers"][1:], r["answers"][1]]}), ("group",)),
    Fault("unknown id", "wrong_ids", bent(
        group=first(lambda a: {"id": "answer 1"}), pair=lambda r: {**r, "better": "answer 1"}), ("group", "pair")),
    Fault("ids swapped", "wrong_ids", saying(swapped_scores), ("group",)),
    Fault("429", "rate_limited", error(429, "rate_limit_error", retry_after="7")),
    Fault("529", "overloaded", error(529, "overloaded_error")),
    Fault("500", "unreachable", error(500)),
    Fault("503", "overloaded", error(503)),
    Fault("504", "timed_out", error(504, "timeout_error")),
    Fault("400", "bad_call", error(400, "invalid_request_error", "schema too complex")),
    Fault("401", "bad_call", error(401, "authentication_error")),
    Fault("404", "bad_call", error(404, "not_found_error", "model: nobody")),
    Fault("413", "bad_call", error(413, "request_too_large")),
    Fault("slow", "timed_out", lambda b: Delivery(json.dumps(said(b)), delay_s=1.6)),
    Fault("hangs up", "unreachable", lambda b: Delivery(hang_up=True)),
)  # fmt: skip
