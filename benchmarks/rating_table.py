"""What the figures of benchmarks/rating.py say: verdicts against the aims, and the table."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.rating_sites import AT_ONCE

NEXT_P50_MS, NEXT_P95_MS = 80.0, 150.0
TIMES_LABEL_STUDIO = 20.0
READS = ("list", "dashboard", "dashboard page", "export")

Found = dict[str, dict[str, Any]]


def _names(found: Found, start: str) -> list[str]:
    return [name for name in found if name.startswith(start)]


def _next_item(found: Found) -> dict[str, Any]:
    """The slowest of ours over tasks and databases, beside the quickest of the peers."""

    def all_of(names: list[str], what: str) -> list[float]:
        return [one[what] for name in names for one in found[name]["keyboard"].values() if what in one]

    own = _names(found, "endcap")
    others = [name for name in found if name not in own]
    p50, p95, theirs = all_of(own, "p50_ms"), all_of(own, "p95_ms"), all_of(others, "p50_ms")
    if not p50:
        return {}
    verdict: dict[str, Any] = {
        "ours": max(p50),
        "ours_p95": max(p95),
        "aim": {"p50_ms": NEXT_P50_MS, "p95_ms": NEXT_P95_MS},
        "held": max(p50) <= NEXT_P50_MS and max(p95) <= NEXT_P95_MS,
        "unit": "ms, p50 from the key to the next item, the slowest of ours against the quickest of the peers",
    }
    if theirs:
        verdict |= {"peer": min(theirs), "ratio": round(max(p50) / min(theirs), 3)}
    return verdict


def _rate(found: Found, how: str) -> dict[str, Any]:
    """How many times Label Studio's annotations per second, by clients, where both used the same database. `how` they
    came: one by one ("api") or by the hundred ("many")."""
    verdict: dict[str, Any] = {}
    for name in _names(found, "label-studio"):
        own = name.replace("label-studio", "endcap")
        for clients, theirs in found[name][how].items():
            mine = found.get(own, {}).get(how, {}).get(clients)
            if not mine or mine["troubles"] or theirs["troubles"] or not theirs["stored"] or not mine["stored"]:
                continue
            verdict[clients] = {
                "ours": mine["per_second"],
                "peer": theirs["per_second"],
                "ratio": round(mine["per_second"] / theirs["per_second"], 2),
                "ratio_of_server_cpu": round(theirs["server_cpu_ms"] / mine["server_cpu_ms"], 2),
            }
    if not verdict:
        return {}
    held = min(one["ratio"] for one in verdict.values()) >= TIMES_LABEL_STUDIO
    return {"by_clients": verdict, "aim": TIMES_LABEL_STUDIO, "held": held, "unit": "annotations per second"}


def verdicts(found: Found) -> dict[str, Any]:
    asked = {"next_item": _next_item(found), "api": _rate(found, "api"), "many": _rate(found, "many")}
    return {name: one for name, one in asked.items() if one}


def headline(judged: dict[str, Any]) -> dict[str, Any]:
    told = judged.get("next_item", {})
    return {name: told[name] for name in ("ours", "peer", "ratio", "unit") if name in told}


def _cell(one: Any) -> str:
    if not isinstance(one, dict):
        return ""
    if "cut_off" in one or "trouble" in one:
        return str(one.get("cut_off") or one["trouble"])
    return f"{one['p95_ms']:,.0f} (first {one['first_ms']:,.0f})"


def show(console: Console, found: Found, judged: dict[str, Any]) -> None:
    keys = Table(title="By keyboard: ms from the last key to the next item", title_justify="left")
    for column in ("", "task", "keys", "p50", "p95", "saved p50", "saved p95", "stored"):
        keys.add_column(column, justify="left" if column in ("", "task") else "right")
    api = Table(title="API: annotations per second", title_justify="left")
    for column in ("", "in a call", "clients", "per second", "p50 ms", "p95 ms", "server's CPU, ms each", "troubles"):
        api.add_column(column, justify="left" if column in ("", "troubles") else "right")
    pages = Table(title="p95 in ms, with that many rated items", title_justify="left")
    for column in ("", "items", *READS):
        pages.add_column(column, justify="left" if not column else "right")
    for name, said in found.items():
        for task, one in said["keyboard"].items():
            times = [str(one.get(f"{which}_ms", "–")) for which in ("p50", "p95", "saved_p50", "saved_p95")]
            keys.add_row(name, task, str(one["keys"]), *times, f"{one['stored']} of {one['moved']}")
        for how, each in (("api", "1"), ("many", str(AT_ONCE))):
            for clients, one in said[how].items():
                figures = [str(one[which]) for which in ("per_second", "p50_ms", "p95_ms", "server_cpu_ms")]
                api.add_row(name, each, clients, *figures, "; ".join(one["troubles"]))
        for size, at_size in said["reads"].items():
            pages.add_row(name, f"{int(size):,}", *(_cell(at_size.get(what)) for what in READS))
    for one in (keys, api, pages):
        console.print(one)
    for name, verdict in judged.items():
        console.print(f"{name}: {verdict}", highlight=False)
