"""A server on this machine that speaks the Messages API and the Batches API, with replies as good or bad as wanted.

A reply is a function of the request's body. `good` reads the material that was sent and judges it: an answer that says
"grade 0.83" is worth 0.83, anything else 0.7. Faults bend that reply, or the way it is delivered.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

MATERIAL = re.compile(r"<material>\n(.*?)\n</material>", re.S)
GRADE = re.compile(r"grade (\d\.\d+)")


@dataclass
class Delivery:
    """What goes over the wire. `text` is the model's own text; `body` replaces the whole message."""

    text: str = "{}"
    status: int = 200
    stop_reason: str | None = "end_turn"
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    raw: bytes | None = None
    delay_s: float = 0.0
    hang_up: bool = False
    usage: dict[str, Any] = field(default_factory=lambda: {"input_tokens": 900, "output_tokens": 300})
    content: list[dict[str, Any]] | None = None
    model: str | None = None
    content_type: str = "application/json"


Script = Callable[[dict[str, Any]], Delivery]


def material(body: dict[str, Any]) -> dict[str, Any]:
    """Everything between the tags of a request, put together."""
    found: dict[str, Any] = {}
    for message in body["messages"]:
        for block in message["content"]:
            for data in MATERIAL.findall(block["text"]):
                found.update(json.loads(data))
    return found


def grade(answer: Any) -> float:
    said = GRADE.search(json.dumps(answer))
    return float(said.group(1)) if said else 0.7


def form_of(body: dict[str, Any]) -> str:
    names = body["output_config"]["format"]["schema"]["properties"]
    return "group" if "answers" in names else "pair" if "better" in names else "absolute"


def rich(mark: str, value: float, widgets: int = 0, **changes: Any) -> dict[str, Any]:
    names = ("accuracy", "completeness", "coherence", "relevance", "brand_fit", "compliance")
    return {
        "mark": mark,
        "query_understanding": "It was understood.",
        "dimensions": dict.fromkeys(names, value),
        "widget_feedback": [
            {
                "widget_index": index, "widget_type": "kpi", "appropriateness_score": value,
                "size_appropriate": True, "issues": [], "strengths": [],
            }
            for index in range(widgets)
        ],
        "missing_widgets": [],
        "suggested_improvements": ["say it shorter"],
        "reasoning": "It is about as good as it says. Nothing else matters.",
        "confidence": 0.8,
        "overall_rating": "up" if value >= 0.5 else "down",
        **changes,
    }  # fmt: skip


def said(body: dict[str, Any]) -> dict[str, Any]:
    """What a careful judge would say to this request."""
    sent = material(body)
    form = form_of(body)
    if form == "absolute":
        return rich(sent["mark"], grade(sent["work"]), len(sent["work"].get("widgets", [])))
    answers = sent["answers"]
    if form == "group":
        ranked = sorted(answers, key=lambda one: -grade(one["answer"]))
        return {
            "answers": [
                {"id": one["id"], "mark": one["mark"], "reasoning": "As it says.", "score": grade(one["answer"])}
                for one in ranked
            ]
        }
    first, second = answers
    if grade(first["answer"]) == grade(second["answer"]):
        return {"reasoning": "Both alike.", "better": "tie", "mark": "tie"}
    best = max(answers, key=lambda one: grade(one["answer"]))
    return {"reasoning": "It is better.", "better": best["id"], "mark": best["mark"]}


def good(body: dict[str, Any]) -> Delivery:
    return Delivery(json.dumps(said(body)))


def saying(change: Callable[[dict[str, Any]], Any]) -> Script:
    """A reply that says something else than `good` would."""
    return lambda body: Delivery(json.dumps(change(said(body))))


def error(status: int, kind: str = "api_error", message: str = "no", **headers: str) -> Script:
    body = {"type": "error", "error": {"type": kind, "message": message}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Delivery(status=status, body=body, headers=named)


class Loopback:
    """The server. `script` answers every call that `queue` has nothing for; `seen` is every body that came."""

    def __init__(self) -> None:
        self.script: Script = good
        self.queue: list[Script] = []
        self.seen: list[dict[str, Any]] = []
        self.batches: dict[str, dict[str, Any]] = {}
        self.taken = 0
        self.by_path: Callable[[str], Script | None] = lambda path: None
        self.lines: Callable[[list[dict[str, Any]]], list[Any]] = lambda lines: lines
        self.batch_status = "ended"
        self.lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if self.path.endswith("/messages/batches"):
                    self.deliver(outer.take_batch(body), {})
                    return
                with outer.lock:
                    outer.seen.append(body)
                    script = outer.by_path(self.path) or (outer.queue.pop(0) if outer.queue else outer.script)
                self.deliver(script(body), body)

            def do_GET(self) -> None:
                name = self.path.rstrip("/").removesuffix("/results").rsplit("/", 1)[-1]
                if name not in outer.batches:
                    self.deliver(error(404, "not_found_error", "no such batch")({}), {})
                elif self.path.endswith("/results"):
                    self.deliver(outer.results(name), {})
                else:
                    self.deliver(Delivery(body=outer.shown(name)), {})

            def deliver(self, made: Delivery, body: dict[str, Any]) -> None:
                if made.delay_s:
                    time.sleep(made.delay_s)
                if made.hang_up:
                    self.close_connection = True
                    self.connection.close()
                    return
                payload = made.raw if made.raw is not None else json.dumps(made.body or message(made, body)).encode()
                try:
                    self.send_response(made.status)
                    self.send_header("content-type", made.content_type)
                    self.send_header("content-length", str(len(payload)))
                    self.send_header("request-id", f"req_{len(outer.seen)}")
                    for key, value in made.headers.items():
                        self.send_header(key, value)
                    self.end_headers()
                    self.wfile.write(payload)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients hang up on purpose
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def take_batch(self, body: dict[str, Any]) -> Delivery:
        with self.lock:
            script = self.queue.pop(0) if self.queue else None
            if script is not None:
                return script(body)
            self.taken += 1
            name = f"msgbatch_{self.taken:04d}"
            self.batches[name] = body
            self.seen += [request["params"] for request in body["requests"]]
        return Delivery(body=self.shown(name, "in_progress"))

    def shown(self, name: str, status: str = "") -> dict[str, Any]:
        size = len(self.batches[name]["requests"])
        state = status or self.batch_status
        counts = {"processing": 0, "succeeded": size, "errored": 0, "canceled": 0, "expired": 0}
        return {
            "id": name, "type": "message_batch", "processing_status": state, "request_counts": counts,
            "created_at": "2026-11-25T10:00:00Z", "expires_at": "2026-11-26T10:00:00Z", "archived_at": None,
            "cancel_initiated_at": None, "ended_at": "2026-11-25T11:00:00Z" if state == "ended" else None,
            "results_url": f"{self.url}/v1/messages/batches/{name}/results" if state == "ended" else None,
        }  # fmt: skip

    def results(self, name: str) -> Delivery:
        made = []
        for request in self.batches[name]["requests"]:
            result = {"type": "succeeded", "message": message(self.script(request["params"]), request["params"])}
            made.append({"custom_id": request["custom_id"], "result": result})
        lines = [line if isinstance(line, str) else json.dumps(line) for line in self.lines(made)]
        return Delivery(raw=("\n".join(lines) + "\n").encode(), content_type="application/x-jsonl")


def message(made: Delivery, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "msg_01", "type": "message", "role": "assistant", "model": made.model or body.get("model", "unknown"),
        "content": made.content if made.content is not None else [{"type": "text", "text": made.text}],
        "stop_reason": made.stop_reason, "stop_sequence": None, "usage": made.usage,
    }  # fmt: skip
