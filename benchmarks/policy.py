"""Does the policy learn? Static, rules, plain REINFORCE, ours and an oracle on three simulated worlds.

Every run starts from the rules and sees 1,000 episodes in batches of 50, each drawn by the policy trained on all before
it, rewards with one drawn answer of the market in them. What is reported is the expected reward of the policy after so
many episodes (the market's own expectation, no luck in it): the mean over runs of different seeds, a 95 % interval.

The oracle knows the world: for each pack the sequence of agents with the best expected reward over its prospects and
products. The clairvoyant even knows the best sequence for every single one of them, with the very drafts it will get:
nobody can know that beforehand, it only bounds what there is. `benchmarks.policy_world` says how both search.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
# Two processes share two cores; more threads in each only wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from scipy import stats

from benchmarks.peers.report import emit

if TYPE_CHECKING:
    from benchmarks.policy_world import Setting

MARKS = (50, 200, 500, 1000)
BATCH = 50
ROLLOUTS = 12  # per subject, for the value of a policy
SHARE_OF_ORACLE = 0.95
MACHINE = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


@dataclass(frozen=True)
class Job:
    """One world and some seeds, for one process."""

    setting: Setting
    seeds: tuple[int, ...]
    episodes: int


@dataclass(frozen=True)
class Line:
    """One competitor in one world; `means`, `low` and `high` by mark, `by_pack` after the last mark."""

    world: str
    who: str
    means: list[float]
    low: list[float]
    high: list[float]
    by_pack: dict[str, float]


def main() -> None:
    given = _arguments()
    began = time.monotonic()
    settings = [setting for setting in _settings(given.subjects) if not given.worlds or setting.world in given.worlds]
    seeds = tuple(range(given.seeds))
    halves = [seeds[::2], seeds[1::2]] if len(seeds) > 1 else [seeds]
    jobs = [Job(setting, half, given.episodes) for setting in settings for half in halves]
    with multiprocessing.get_context("fork").Pool(given.processes) as pool:
        found = pool.map(run, jobs, chunksize=1)
    marks = [mark for mark in MARKS if mark <= given.episodes]
    lines = [line for setting in settings for line in _lines(setting.world, found, len(marks))]
    verdicts = [_verdict(setting.world, lines, marks) for setting in settings]
    minutes = (time.monotonic() - began) / 60
    if not given.json:
        print(table(lines, marks))
        print("\n".join(verdict["words"] for verdict in verdicts))
        print(
            f"{len(seeds)} seeds, {given.episodes} episodes each, {minutes:.1f} minutes on {given.processes} processes"
        )
    kept = {
        **headline(lines),
        "seeds": list(seeds),
        "sizes": {"episodes": given.episodes, "worlds": len(settings), "subjects_per_pack": given.subjects},
        "date": datetime.now(UTC).date().isoformat(),
        "machine": MACHINE,
        "minutes": round(minutes, 1),
        "marks": marks,
        "lines": [asdict(line) for line in lines],
        "verdicts": verdicts,
    }
    emit(kept, to_stdout=given.json, path=given.write)


def headline(lines: list[Line]) -> dict[str, Any]:
    """Expected reward after the last mark, mean over the worlds: ours, plain REINFORCE, and both against the oracle."""

    def last(who: str) -> float:
        return float(np.mean([line.means[-1] for line in lines if line.who == who]))

    ours, peer, oracle = last("ours"), last("plain REINFORCE"), last("oracle")
    return {
        "benchmark": "policy",
        "ours": round(ours, 4),
        "peer": round(peer, 4),
        "peer_name": "plain REINFORCE",
        "ratio": round(ours / peer, 4),
        "unit": "expected reward per episode, mean of the worlds",
        "oracle": round(oracle, 4),
        "share_of_oracle": round(ours / oracle, 4),
        "rule": round(last("rule"), 4),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How fast policies learn, on three simulated worlds.")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--episodes", type=int, default=1000)
    parser.add_argument("--subjects", type=int, default=3, help="prospects or products per pack")
    parser.add_argument("--worlds", nargs="*", default=[], help="names; all by default")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--write", type=Path, help="also write the JSON object to this file")
    return parser.parse_args()


def _settings(subjects: int) -> list[Setting]:
    """The sample brands, made in a database that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DATABASE_URL"] = f"sqlite:///{Path(folder) / 'worlds.sqlite3'}"
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
        import django

        django.setup()
        from django.db import connection

        from benchmarks.policy_world import load_settings

        try:
            return load_settings(subjects)
        finally:
            connection.close()


def run(job: Job) -> dict[str, Any]:
    """Everything about one world for some seeds; values by competitor, seed and mark, and by pack."""
    from benchmarks.policy_world import Table
    from orchestrator.policies import ClippedPolicyGradient, PlainReinforce, rule

    table = Table(job.setting)
    found: dict[str, Any] = {"world": job.setting.world}
    found["static"] = table.value(table.static_odds, np.random.default_rng(0), 1)
    found["rule"] = [table.value(rule.probabilities, np.random.default_rng([1, seed]), ROLLOUTS) for seed in job.seeds]
    found["rule, not exploring"] = table.value(
        lambda now: rule.probabilities(now, epsilon=0.0), np.random.default_rng(0), 1
    )
    for name, learner in (("plain REINFORCE", PlainReinforce), ("ours", ClippedPolicyGradient)):
        found[name] = [_learn(table, learner, seed, job.episodes) for seed in job.seeds]
    found["best known"] = table.search()
    return found


def _learn(table: Any, learner: Callable[..., Any], seed: int, episodes: int) -> list[dict[str, float]]:
    """Values by pack at every mark of one run."""
    from orchestrator.policies import rule
    from orchestrator.policies.logged import Batch

    rng = np.random.default_rng([2, seed])
    odds: Callable[..., Any] = rule.probabilities
    log: list[Any] = []
    marked = []
    while len(log) < episodes:
        odds = table.remembered(odds)
        log += [table.episode(odds, rng) for _ in range(BATCH)]
        odds = learner(seed=seed).fit_batch(Batch.of(log, table.space), table.space).policy_.probabilities
        if len(log) in MARKS:
            marked.append(table.value(table.remembered(odds), np.random.default_rng([3, seed]), ROLLOUTS))
    return marked


def _lines(world: str, found: list[dict[str, Any]], marks: int) -> list[Line]:
    """Competitors of one world with the runs of all its jobs together."""
    parts = [part for part in found if part["world"] == world]
    lines = []
    for who in ("static", "rule", "rule, not exploring", "plain REINFORCE", "ours"):
        if isinstance(parts[0][who], dict):
            runs = [[parts[0][who]] * marks]
        else:
            runs = [one if isinstance(one, list) else [one] * marks for part in parts for one in part[who]]
        lines.append(_line(world, who, runs))
    # each process searched and met sequences of its own: the best of both is known
    packs = list(parts[0]["best known"])
    known = {pack: [part["best known"][pack] for part in parts] for pack in packs}
    oracle = {pack: max(float(np.mean(best.by_sequence)) for best in known[pack]) for pack in packs}
    seer = {pack: float(np.mean(np.max([best.by_subject for best in known[pack]], axis=0))) for pack in packs}
    return [*lines, _line(world, "oracle", [[oracle] * marks]), _line(world, "clairvoyant", [[seer] * marks])]


def _line(world: str, who: str, runs: list[list[dict[str, float]]]) -> Line:
    values = np.array([[float(np.mean(list(mark.values()))) for mark in one] for one in runs])  # (runs, marks)
    means = values.mean(axis=0)
    reach = np.zeros_like(means)
    if len(values) > 1:
        reach = stats.t.ppf(0.975, len(values) - 1) * values.std(axis=0, ddof=1) / np.sqrt(len(values))
    last = {pack: round(float(np.mean([one[-1][pack] for one in runs])), 4) for pack in runs[0][-1]}
    rounded = [[round(float(v), 4) for v in series] for series in (means, means - reach, means + reach)]
    return Line(world, who, rounded[0], rounded[1], rounded[2], last)


def _verdict(world: str, lines: list[Line], marks: list[int]) -> dict[str, Any]:
    """The two things that must hold, said as they are."""
    line = {one.who: one for one in lines if one.world == world}
    ours, ruled, oracle = line["ours"], line["rule"], line["oracle"]
    share = ours.means[-1] / oracle.means[-1]
    of_seer = ours.means[-1] / line["clairvoyant"].means[-1]
    optimal = ruled.means[-1] >= SHARE_OF_ORACLE * oracle.means[-1]
    said = [f"{world}: ours reaches {share:.1%} of the oracle after {marks[-1]} episodes"]
    said[0] += f" ({of_seer:.1%} of the clairvoyant)"
    said.append("which holds" if share >= SHARE_OF_ORACLE else f"short of {SHARE_OF_ORACLE:.0%}")
    above = None
    if 200 in marks:
        place = marks.index(200)
        above = ours.means[place] > ruled.means[place]
        gap = ours.means[place] - ruled.means[place]
        said.append(f"at 200 it is {gap:+.3f} against the rules ({'above' if above else 'not above'})")
    return {"world": world, "share": round(share, 4), "rule_near_optimal": optimal, "above_rule_at_200": above} | {
        "words": "; ".join(said) + "."
    }


def table(lines: list[Line], marks: list[int]) -> str:
    """Markdown."""
    rows = ["| world | policy | " + " | ".join(f"{mark:,} episodes" for mark in marks) + " |"]
    rows.append("|---|---|" + "---:|" * len(marks))
    for line in lines:
        cells = [
            f"{mean:.3f}" + (f" ({low:.3f} to {high:.3f})" if high > low else "")
            for mean, low, high in zip(line.means, line.low, line.high, strict=True)
        ]
        rows.append(f"| {line.world} | {line.who} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
