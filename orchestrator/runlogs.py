"""Run logs as CSV (a row per episode) and JSONL (an object per episode, with its steps), written as they are read.

Personal data leaves only as the brand's privacy policy lets it into exports.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from crm.privacy.applying import cleaner
from orchestrator.models import Episode, EpisodeQuerySet, Step

CHUNK = 500
ARROW = " → "
COLUMNS = (
    "episode",
    "id",
    "public_id",
    "brand",
    "pack",
    "pack_name",
    "mode",
    "policy_version",
    "state",
    "simulated",
    "title",
    "request",
    "actions",
    "steps",
    "max_steps",
    "reward",
    "reward_provisional",
    "cost_eur",
    "tokens",
    "seed",
    "error",
    "created_at",
    "started_at",
    "finished_at",
)
# A cell that begins with one of these, after spaces, is a formula to a spreadsheet (OWASP, CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class _Line:
    """A file that hands back what csv writes, one line at a time."""

    def write(self, text: str) -> str:
        return text


class _Cleaners:
    """What each brand's policy lets into an export; one query a brand."""

    def __init__(self) -> None:
        self.by_brand: dict[int, Callable[[Any], Any]] = {}

    def __call__(self, episode: Episode, row: dict[str, Any]) -> dict[str, Any]:
        if episode.brand_id not in self.by_brand:
            self.by_brand[episode.brand_id] = cleaner(episode.brand, "exports")
        cleaned: dict[str, Any] = self.by_brand[episode.brand_id](row)
        return cleaned | {"public_id": row["public_id"]}


def csv_lines(episodes: EpisodeQuerySet) -> Iterator[str]:
    """The header, then a line per episode; three queries for each 500 episodes."""
    writer = csv.writer(_Line())
    yield writer.writerow(COLUMNS)
    clean = _Cleaners()
    for episode in _read(episodes):
        row = clean(episode, summary(episode))
        yield writer.writerow(_cell(row[name]) for name in COLUMNS)


def jsonl_lines(episodes: EpisodeQuerySet) -> Iterator[str]:
    """A JSON object per line: the columns of the CSV and `steps_log`."""
    clean = _Cleaners()
    for episode in _read(episodes):
        row = {**summary(episode), "steps_log": [step_log(step) for step in episode.steps.all()]}
        row = clean(episode, row)
        yield json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False) + "\n"


def filename(extension: str) -> str:
    return f"endcap-run-logs-{timezone.now():%Y-%m-%d}.{extension}"


def summary(episode: Episode) -> dict[str, Any]:
    """One episode in the columns; money is text so that nothing is rounded."""
    steps = list(episode.steps.all())
    return {
        "episode": episode.number,
        "id": episode.pk,
        "public_id": str(episode.public_id),
        "brand": episode.brand.slug,
        "pack": episode.pack.slug,
        "pack_name": episode.pack.name,
        "mode": episode.mode,
        "policy_version": str(episode.policy_version) if episode.policy_version else "",
        "state": episode.state,
        "simulated": episode.simulated,
        "title": episode.title,
        "request": episode.request,
        "actions": ARROW.join(step.action for step in steps),
        "steps": episode.steps_count,
        "max_steps": episode.max_steps,
        "reward": episode.reward,
        "reward_provisional": episode.reward_provisional,
        "cost_eur": str(episode.cost),
        "tokens": episode.tokens,
        "seed": episode.seed,
        "error": episode.error,
        "created_at": episode.created_at,
        "started_at": episode.started_at,
        "finished_at": episode.finished_at,
    }


def step_log(step: Step) -> dict[str, Any]:
    """One decision as it was logged: enough to learn from it elsewhere."""
    return {
        "index": step.index,
        "action": step.action,
        "allowed": step.allowed,
        "probabilities": step.probabilities,
        "probability": step.probability,
        "policy": step.policy,
        "why": step.why,
        "summary": step.summary,
        "output": step.output,
        "quality": step.quality,
        "quality_overall": step.quality_overall,
        "served_by": step.served_by,
        "cost_eur": str(step.cost),
        "tokens": step.tokens,
        "duration_ms": step.duration_ms,
        "finished_at": step.finished_at,
    }


def _read(episodes: EpisodeQuerySet) -> Iterator[Episode]:
    rows = episodes.with_names().select_related("brand").prefetch_related("steps")
    return iter(rows.iterator(chunk_size=CHUNK))


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value.lstrip(" ").startswith(FORMULA):
        return "'" + value
    return value
