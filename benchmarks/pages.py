"""p95 of the web pages with 10,000 episodes and 100,000 leads, on SQLite and PostgreSQL, through gunicorn.

The peer is stock Django admin's changelist over the same rows in the same server: what one has without our pages.

    python -m benchmarks.pages [--json] [--write FILE] [--episodes 10000] [--leads 100000] [--requests 60] [--seed 7]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.peers.report import emit

ROOT = Path(__file__).resolve().parent.parent
POSTGRES = "postgres://postgres@127.0.0.1:5432"
PAGES = ["/", "/packs/", "/episodes/", "/episodes/?mode=rl&sort=-reward", "/episodes/{episode}/", "/data/"]
PEER_PAGES = ["/admin/orchestrator/episode/", "/admin/crm/lead/"]
AIM_MS = 150.0
MACHINE = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def fill(episodes: int, leads: int, seed: int) -> dict[str, Any]:
    """In a process of its own (`--fill`): sample brand, rows by the thousand, a training; sessions and an episode."""
    import django

    django.setup()
    import random
    from datetime import timedelta

    from django.contrib.auth import get_user_model
    from django.contrib.sessions.backends.db import SessionStore
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from crm.models import Brand, FunnelStage, Lead, Pack, PipelineStage
    from orchestrator import learning
    from orchestrator.models import Episode, PolicyVersion, Step
    from rlhf.models import Experience, Reward
    from rlhf.rewards import current_config

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    call_command("init_sample_data", verbosity=0)
    rng = random.Random(seed)
    brand = Brand.objects.get(slug="harbor-oats")
    packs = list(Pack.objects.for_brand(brand))
    stages = {stage.maps_to: stage for stage in PipelineStage.objects.for_brand(brand)}
    now = timezone.now()
    names = list(FunnelStage.values)
    batch = []
    for number in range(leads):
        stage = names[min(int(rng.expovariate(1.2)), 5)]
        batch.append(
            Lead(
                brand=brand,
                pack=rng.choice(packs),
                external_id=f"bench-{number}",
                name=f"Lead {number}",
                stage=stages[stage],
                funnel_stage=stage,
                source="bench",
                created_at=now - timedelta(minutes=rng.randrange(60 * 24 * 200)),
            )
        )
    Lead.across_brands.bulk_create(batch, batch_size=2000)
    made = []
    for number in range(episodes):
        mode = rng.choice(["rule", "rl", "static"])
        reward = max(-0.2, rng.gauss({"rule": 0.6, "rl": 0.8, "static": 0.45}[mode], 0.25))
        at = now - timedelta(minutes=rng.randrange(60 * 24 * 84))
        made.append(
            Episode(
                brand=brand,
                pack=rng.choice(packs),
                mode=mode,
                seed=number,
                title=f"Bench {number}",
                simulated=True,
                state="done",
                steps_count=5,
                reward=reward,
                reward_provisional=False,
                cost="0.01",
                started_at=at,
                finished_at=at + timedelta(seconds=3),
                concluded_at=at + timedelta(seconds=4),
            )
        )
    Episode.across_brands.bulk_create(made, batch_size=1000)
    for episode in made:
        assert episode.started_at is not None
        episode.created_at = episode.started_at
    Episode.across_brands.bulk_update(made, ["created_at"], batch_size=500)
    agents = ["insight", "creative", "governance", "reflect", "finish"]
    steps = [
        Step(
            episode=episode,
            index=index,
            action=action,
            allowed=agents,
            probabilities=[0.2] * 5,
            probability=0.2,
            policy=f"{episode.mode}@1",
            summary="A step of the benchmark",
            output={"note": "x" * 400},
            quality={"evidence": 0.5},
            quality_overall=rng.random(),
            finished_at=now,
        )
        for episode in made
        for index, action in enumerate(agents)
    ]
    Step.across_brands.bulk_create(steps, batch_size=1000)
    config = current_config(brand)
    experiences = [
        Experience(
            brand=brand, pack_id=e.pack_id, kind="creative", episode=e.public_id, served_by="composer@1", simulated=True
        )
        for e in made
    ]
    Experience.across_brands.bulk_create(experiences, batch_size=1000)
    Reward.across_brands.bulk_create(
        [
            Reward(
                experience=x,
                config=config,
                value=e.reward or 0.0,
                components={},
                attribution="episode",
                provisional=False,
                settles_at=now,
            )
            for x, e in zip(experiences, made, strict=True)
        ],
        batch_size=1000,
    )
    user = get_user_model().objects.get(username="ana")
    learning.train(brand=brand, by=user, max_runs=1_000)
    version = PolicyVersion.objects.for_brand(brand).filter(number__gt=0).get()
    Episode.objects.for_brand(brand).filter(mode="rl").update(policy_version=version)
    with connection.cursor() as cursor:
        # As autovacuum does within a minute of such a load, where it is not switched off, and SQLite by itself.
        cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE")
    admin = get_user_model().objects.filter(is_superuser=True).get()
    keys = {}
    for name, person in (("ours", user), ("peer", admin)):
        session = SessionStore()
        session["_auth_user_id"] = str(person.pk)
        session["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
        session["_auth_user_hash"] = person.get_session_auth_hash()
        session.create()
        keys[name] = session.session_key
    return {"sessions": keys, "episode": Episode.objects.for_brand(brand).filter(state="done").first().pk}  # type: ignore[union-attr]


def quantile(values: list[float], share: float) -> float:
    """Nearest rank."""
    return sorted(values)[max(0, round(share * len(values)) - 1)]


def measure(port: int, path: str, session: str, requests: int) -> dict[str, float]:
    """ms of `requests` GETs after three unmeasured ones."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    took = []
    for number in range(requests + 3):
        since = time.perf_counter()
        connection.request("GET", path, headers={"Cookie": f"sessionid={session}", "Host": "127.0.0.1"})
        reply = connection.getresponse()
        size = len(reply.read())
        if reply.status != 200:
            raise SystemExit(f"{path} answered {reply.status}")
        if number >= 3:
            took.append(1000 * (time.perf_counter() - since))
    return {"p50_ms": round(quantile(took, 0.5), 1), "p95_ms": round(quantile(took, 0.95), 1), "bytes": size}


def on(database: str, options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        name = f"endcap_pages_{secrets.token_hex(4)}"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        env = {
            **os.environ,
            "ENDCAP_VAR": folder,
            "DATABASE_URL": "" if database == "sqlite" else f"{POSTGRES}/{name}",
            "REDIS_URL": "",
            "PORT": str(port),
            "DJANGO_SETTINGS_MODULE": "config.settings.base",
        }
        if database == "postgresql":
            subprocess.run(["createdb", "-h", "127.0.0.1", "-U", "postgres", name], check=True)
        try:
            filler = [sys.executable, __file__, "--fill", *("--episodes", str(options.episodes))]
            filler += ["--leads", str(options.leads), "--seed", str(options.seed)]
            done = subprocess.run(filler, env=env, cwd=ROOT, capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(done.stderr)
            filled = json.loads(done.stdout.splitlines()[-1])
            server = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "config.wsgi", "--config", "config/gunicorn.py"],
                env=env,
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
            )
            try:
                for _ in range(100):
                    with socket.socket() as probe:
                        if probe.connect_ex(("127.0.0.1", port)) == 0:
                            break
                    time.sleep(0.2)
                ours, peer = {}, {}
                for path in PAGES:
                    at = path.format(episode=filled["episode"])
                    ours[path] = measure(port, at, filled["sessions"]["ours"], options.requests)
                for path in PEER_PAGES:
                    peer[path] = measure(port, path, filled["sessions"]["peer"], options.requests)
            finally:
                server.terminate()
                server.wait(20)
        finally:
            if database == "postgresql":
                subprocess.run(["dropdb", "-h", "127.0.0.1", "-U", "postgres", "--force", name], check=True)
    return {"ours": ours, "peer": peer}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", type=Path, help="also write the JSON object to this file")
    parser.add_argument("--fill", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--episodes", type=int, default=10_000)
    parser.add_argument("--leads", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    if options.fill:
        print(json.dumps(fill(options.episodes, options.leads, options.seed)))
        return 0
    runs = {database: on(database, options) for database in ("sqlite", "postgresql")}
    worst = {name: max(page["p95_ms"] for page in run["ours"].values()) for name, run in runs.items()}
    worst_peer = {name: max(page["p95_ms"] for page in run["peer"].values()) for name, run in runs.items()}
    result = {
        "benchmark": "pages",
        "ours": max(worst.values()),
        "peer": max(worst_peer.values()),
        "peer_name": "Django admin changelist over the same rows",
        "ratio": round(max(worst.values()) / max(worst_peer.values()), 3),
        "unit": "ms, p95 of the slowest page",
        "aim": AIM_MS,
        "held": max(worst.values()) <= AIM_MS,
        "seeds": [options.seed],
        "sizes": {"episodes": options.episodes, "leads": options.leads, "requests": options.requests},
        "details": runs,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": MACHINE,
    }
    for database, run in runs.items():
        print(f"\n{database}: {options.episodes:,} episodes, {options.leads:,} leads", file=sys.stderr)
        for side in ("ours", "peer"):
            for path, figures in run[side].items():
                row = f"p50 {figures['p50_ms']:>7.1f} ms   p95 {figures['p95_ms']:>7.1f} ms"
                print(f"  {side:<5} {path:<34} {row}", file=sys.stderr)
    emit(result, to_stdout=options.json, path=options.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
