"""Judges that misbehave: what is stored when a reply is wrong, cut off, late or somebody else's.

    .venv/bin/python -m benchmarks.judge_faults [--ours-only] [--json] [--write FILE]

A server on this machine speaks the Messages API, the Batches API and chat completions. Ours runs whole: orders, calls
through the SDK, reading, rows in a database of its own. Beside it openpipe-art's `ruler_score_group` and deepeval's
G-Eval get the same faults, bent into the replies that they ask for. Exit code 1 where ours stored one wrong score.

wrong: a number was stored that is not the one the judge gave to that answer, or lies outside 0 to 1.
unearned: the right number, from a reply that was declined, cut off, or not what was asked for.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.report import emit
from tests.rlhf.judge.faults import FAULTS, Fault
from tests.rlhf.judge.loopback import Delivery, Loopback, Script

HERE = Path(__file__).parent
PEERS = HERE.parent / ".peers"
GRADES = (0.9, 0.35, 0.62)
TIMEOUT_S = 1.0
RIGHT, MISSING, WRONG, UNEARNED = "right", "missing", "wrong", "unearned"


def outcome(stored: Sequence[float | None], truth: Sequence[float], *, is_verdict: bool) -> str:
    """What became of one reply."""
    if all(score is None for score in stored):
        return MISSING
    same = all(score is not None and abs(score - true) < 1e-6 for score, true in zip(stored, truth, strict=True))
    return WRONG if not same else RIGHT if is_verdict else UNEARNED


# -- ours ----------------------------------------------------------------------------------------------------------


def ours(server: Loopback, folder: str) -> list[dict[str, Any]]:
    """Every fault in every form it can have, single and in a batch, through the real services."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings.base", "ENDCAP_VAR": folder, "DATABASE_URL": "", "REDIS_URL": "",
        "ANTHROPIC_API_KEY": "test", "CLAUDE_BASE_URL": server.url, "CLAUDE_TIMEOUT_S": str(TIMEOUT_S),
        "LOG_LEVEL": "ERROR",
    }  # fmt: skip
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from crm.models import Brand
    from rlhf.models import JudgeSettings

    brand = Brand.objects.create(name="Bench", slug="bench")
    JudgeSettings.objects.create(brand=brand, backend=JudgeSettings.Backend.CLAUDE, monthly_limit_usd=10_000)
    found = []
    for fault in FAULTS:
        server.script = fault.script
        forms = [*fault.forms, *(("batch",) if "absolute" in fault.forms and in_a_line(fault) else ())]
        for form in forms:
            stored, cause, truth = one_of_ours(brand, form)
            became = outcome(stored, truth, is_verdict=fault.cause is None)
            fits = became == RIGHT if fault.cause is None else became == MISSING and cause == fault.cause
            found.append({"fault": fault.name, "form": form, "stored": became, "cause": cause, "as_expected": fits})
    return found


def in_a_line(fault: Fault) -> bool:
    """Whether the fault is one of a message: in a batch the others are the batch's own."""
    return not fault.name[:1].isdigit() and fault.name not in ("slow", "hangs up", "HTML instead", "body broken off")


def one_of_ours(brand: Any, form: str) -> tuple[list[float | None], str, list[float]]:
    """Scores and cause as they lie in the database after one try, and the grades that the answers are worth."""
    from django.utils import timezone

    from rlhf.judging import batches, carrying, orders
    from rlhf.models import Evaluation, Experience, JudgeOrder

    def work(grade: float) -> Experience:
        body = f"Plain rolled oats for bakers, grade {grade:.2f}."
        made: Experience = Experience.objects.for_brand(brand).create(
            brand=brand, kind="creative", request="Sell oats", context={"brand": "Bench"}, served_by="bench@1",
            output={"kind": "creative", "copies": [{"sku_code": "A", "headline": "Oats", "body": body}]},
        )  # fmt: skip
        return made

    model = os.environ.get("CLAUDE_MODEL", "claude-sonnet-5-5")
    members = [work(grade) for grade in (GRADES if form == "group" else GRADES[:2] if form == "pair" else GRADES[:1])]
    truth = [1.0, 0.0] if form == "pair" else list(GRADES[: len(members)])
    if form == "group":
        order = orders.order_group(members, judge=model)
    elif form == "pair":
        order = orders.order_pair(*members, judge=model)
    else:
        order, _ = orders.order_absolute(members[0], judge=model)
    if form == "batch":
        client = carrying.client()
        batch = batches.send(brand, worker="bench", client=client, now=timezone.now(), behind=0)
        assert batch is not None
        batches.collect(batch, client=client, now=timezone.now())
    else:
        claimed = orders.claim(brand, worker="bench", now=timezone.now(), order=order.pk)
        assert claimed is not None
        carrying.carry_out(claimed)
    rows = {row.experience_id: row for row in Evaluation.objects.for_brand(brand).filter(experience__in=members)}
    JudgeOrder.objects.for_brand(brand).filter(pk=order.pk).delete()  # the next case begins with an empty queue
    first = rows[members[0].pk]
    return [rows[member.pk].score for member in members], first.cause, truth


# -- peers ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wire:
    """A reply of a judge, before it is put into one of the two protocols. `end`: ok, refusal, cut."""

    text: str = ""
    end: str = "ok"
    status: int = 200
    delay_s: float = 0.0
    hang_up: bool = False
    raw: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()


Bend = Callable[[dict[str, Any]], Wire]


def said(reply: Any) -> Wire:
    return Wire(json.dumps(reply))


def scores_of(reply: dict[str, Any]) -> list[dict[str, Any]]:
    return list(reply["scores"])


def on_first(**changes: Any) -> Bend:
    """Change the first score of a ranking, or the only one of a verdict."""

    def bent(reply: dict[str, Any]) -> Wire:
        if "scores" in reply:
            first, *rest = scores_of(reply)
            return said({"scores": [{**first, **changes}, *rest]})
        return said({**reply, **changes})

    return bent


def score(group: Any, single: Any) -> Bend:
    return lambda reply: on_first(score=group if "scores" in reply else single)(reply)


def text(change: Callable[[str], str], end: str = "ok") -> Bend:
    return lambda reply: Wire(change(json.dumps(reply)), end)


def doubled_name(whole: str) -> str:
    """The last score is given twice, the second time as 0.01; most readers keep that one."""
    body = whole.rstrip("}]")
    return f'{body}, "score": 0.01{whole[len(body) :]}'


def swapped(reply: dict[str, Any]) -> Wire:
    own = scores_of(reply)
    moved = own[1:] + own[:1]
    return said(
        {"scores": [{**other, "trajectory_id": one["trajectory_id"]} for one, other in zip(own, moved, strict=True)]}
    )


@dataclass(frozen=True)
class PeerFault:
    """`verdict` False: no number may be kept. `only` names the one peer whose replies can have this fault."""

    name: str
    bend: Bend
    verdict: bool = False
    only: str = ""


PEER_FAULTS = (
    PeerFault("good", said, verdict=True),
    PeerFault("list permuted", lambda r: said({"scores": scores_of(r)[::-1]}), verdict=True, only="art"),
    PeerFault("prose and a fence", text(lambda t: f"Here you are:\n```json\n{t}\n```"), verdict=True),
    PeerFault("score as text", lambda r: on_first(score=str((r.get("scores") or [r])[0]["score"]))(r), verdict=True),
    PeerFault("refusal", lambda r: Wire("", "refusal")),
    PeerFault("refusal with half a verdict", text(lambda t: t, "refusal")),
    PeerFault("cut off", text(lambda t: t[: len(t) // 2], "cut")),
    PeerFault("cut off, whole JSON", text(lambda t: t, "cut")),
    PeerFault("half a JSON", text(lambda t: t[: len(t) // 2])),
    PeerFault("a list", lambda r: said([r])),
    PeerFault("empty text", lambda r: Wire("")),
    PeerFault("a name twice", text(doubled_name)),
    PeerFault("a field left out", lambda r: said({n: v for n, v in r.items() if n not in ("reason", "scores")})),
    PeerFault("score true", on_first(score=True)),
    PeerFault("score NaN", on_first(score=float("nan"))),
    PeerFault("score 85", on_first(score=85)),
    PeerFault("score below 0", score(-0.1, -1)),
    PeerFault("another request's reply", lambda r: on_first(score=2)(r) if "score" in r else said(
        {"scores": [{**one, "score": 0.11 * n} for n, one in enumerate(scores_of(r))]})),
    PeerFault("id twice", lambda r: said({"scores": [scores_of(r)[0], *scores_of(r)[:-1]]}), only="art"),
    PeerFault("one more", lambda r: said({"scores": [*scores_of(r), scores_of(r)[0]]}), only="art"),
    PeerFault("one left out", lambda r: said({"scores": scores_of(r)[1:]}), only="art"),
    PeerFault("one left out, one twice", lambda r: said({"scores": [*scores_of(r)[1:], scores_of(r)[1]]}), only="art"),
    PeerFault("unknown id", on_first(trajectory_id="answer 1"), only="art"),
    PeerFault("ids swapped", swapped, only="art"),
    PeerFault("HTML instead", lambda r: Wire(raw=b"<html>busy</html>")),
    PeerFault("body broken off", lambda r: Wire(raw=b'{"id": "msg_01", "type": "mess')),
    PeerFault("429", lambda r: Wire(status=429)),
    PeerFault("529", lambda r: Wire(status=529)),
    PeerFault("500", lambda r: Wire(status=500)),
    PeerFault("401", lambda r: Wire(status=401)),
    PeerFault("slow", lambda r: Wire(json.dumps(r), delay_s=1.8)),
    PeerFault("hangs up", lambda r: Wire(hang_up=True)),
)  # fmt: skip


def as_chat(wire: Wire) -> Delivery:
    """As an OpenAI-compatible server delivers it."""
    ended = {"ok": "stop", "refusal": "content_filter", "cut": "length"}[wire.end]
    body: Any = {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "judge",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": wire.text}, "finish_reason": ended}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20},
    }  # fmt: skip
    if wire.status != 200:
        body = {"error": {"message": "no", "type": "error", "code": wire.status}}
    return _delivered(wire, body)


def as_message(wire: Wire) -> Delivery:
    """As the Messages API delivers it."""
    ended = {"ok": "end_turn", "refusal": "refusal", "cut": "max_tokens"}[wire.end]
    if wire.status != 200:
        return _delivered(wire, {"type": "error", "error": {"type": "api_error", "message": "no"}})
    return Delivery(wire.text, stop_reason=ended, delay_s=wire.delay_s, hang_up=wire.hang_up, raw=wire.raw)


def _delivered(wire: Wire, body: Any) -> Delivery:
    return Delivery(
        status=wire.status, body=body, delay_s=wire.delay_s, hang_up=wire.hang_up, raw=wire.raw,
        content_type="text/html" if wire.raw and wire.raw.startswith(b"<") else "application/json",
    )  # fmt: skip


ART_REPLY = {
    "scores": [
        {"trajectory_id": str(number), "explanation": "As it says.", "score": grade}
        for number, grade in enumerate(GRADES, start=1)
    ]
}
GEVAL_REPLY = {"reason": "As it says.", "score": 9}


def peer(name: str, server: Loopback) -> list[dict[str, Any]]:
    """Every fault that this peer's replies can have: what it returned, and whether that was right."""
    cases = [fault for fault in PEER_FAULTS if fault.only in ("", name)]

    def by_path(path: str) -> Script | None:
        if not path.startswith("/fault/"):
            return None
        fault = cases[int(path.split("/")[2])]
        wire = fault.bend(ART_REPLY if name == "art" else GEVAL_REPLY)
        return lambda body: as_chat(wire) if name == "art" else as_message(wire)

    server.by_path = by_path
    script, python = {"art": ("art_ruler.py", "openpipe-art"), "deepeval": ("deepeval_geval.py", "deepeval")}[name]
    end = "/v1" if name == "art" else ""
    job = {
        "cases": [{"name": c.name, "url": f"{server.url}/fault/{n}{end}"} for n, c in enumerate(cases)],
        "answers": [f"Plain rolled oats, answer {number}." for number in (1, 2, 3)],
        "answer": "Plain rolled oats.", "timeout_s": TIMEOUT_S,
    }  # fmt: skip
    run = subprocess.run(
        [str(PEERS / python / "bin" / "python"), "-W", "ignore", str(HERE / "peers" / script)],
        input=json.dumps(job), capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip
    line = next((one for one in run.stdout.splitlines() if one.startswith("RESULT ")), None)
    if line is None:
        raise SystemExit(f"{name} did not run: {run.stderr[-800:]}\nmake bench-setup installs it.")
    truth = list(GRADES) if name == "art" else [0.9]
    found = []
    for fault, said_back in zip(cases, json.loads(line.removeprefix("RESULT ")), strict=True):
        stored = said_back.get("scores", [None] * len(truth))
        became = outcome(stored, truth, is_verdict=fault.verdict)
        shown = [score if score is None or math.isfinite(score) else str(score) for score in stored]  # NaN is no JSON
        found.append({"fault": fault.name, "stored": became, "scores": shown, "error": said_back.get("error", "")})
    return found


# -- report --------------------------------------------------------------------------------------------------------


def counts(rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    return {name: sum(row["stored"] == name for row in rows) for name in (RIGHT, MISSING, WRONG, UNEARNED)}


def version_of(venv: str, package: str) -> str:
    code = f"from importlib.metadata import version as v; print(v('{package}'))"
    python = str(PEERS / venv / "bin" / "python")
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=False).stdout.strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--ours-only", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    peers: dict[str, list[dict[str, Any]]] = {}
    with Loopback() as server, tempfile.TemporaryDirectory(prefix="judge-faults-") as folder:
        rows = ours(server, folder)
        if not options.ours_only:
            peers = {name: peer(name, server) for name in ("art", "deepeval")}
    if not options.json:
        table(rows, peers)
    unexpected = [row for row in rows if not row["as_expected"]]
    result = {
        "what": "scores stored from replies of a judge that misbehaves",
        "ours": counts(rows), "ours_cases": len(rows), "ours_unexpected": unexpected,
        "peer": {name: counts(found) for name, found in peers.items()},
        "peer_cases": {name: len(found) for name, found in peers.items()},
        "versions": {name: version_of(name, name) for name in ("openpipe-art", "deepeval")} if peers else {},
        "unit": "replies", "seed": "the orders' own random groups",
        "machine": platform.platform(), "python": platform.python_version(),
        "ours_rows": rows, "peer_rows": peers,
    }  # fmt: skip
    emit(result, to_stdout=options.json, path=options.write)
    return 1 if counts(rows)[WRONG] or counts(rows)[UNEARNED] or unexpected else 0


def table(rows: Sequence[dict[str, Any]], peers: dict[str, list[dict[str, Any]]]) -> None:
    forms = ("absolute", "group", "pair", "batch")
    print(f"{'ours':<30}" + "".join(f"{form:<24}" for form in forms))
    for name in dict.fromkeys(row["fault"] for row in rows):
        cells = {row["form"]: row for row in rows if row["fault"] == name}
        shown = [f"{cells[f]['stored']} {cells[f]['cause']}".strip() if f in cells else "" for f in forms]
        print(f"{name:<30}" + "".join(f"{cell:<24}" for cell in shown))
    print(f"{'together':<30}{counts(rows)}")
    for name, found in peers.items():
        print(f"\n{name}")
        for row in found:
            told = row["error"][:60] if row["error"] else row["scores"]
            print(f"  {row['fault']:<28}{row['stored']:<10}{told}")
        print(f"  {'together':<28}{counts(found)}")


if __name__ == "__main__":
    sys.exit(main())
