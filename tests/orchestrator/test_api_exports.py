"""Run logs as CSV and JSONL: they parse back, follow the filters, and hold no formula for a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import Brand, Pack
from orchestrator import runlogs
from tests.factories import EpisodeFactory, PackFactory
from tests.orchestrator.api_doors import door, judged
from tests.orchestrator.test_api_reading import problem

pytestmark = pytest.mark.django_db


def text(reply: Any) -> str:
    assert reply.status_code == 200, reply.content
    return b"".join(reply.streaming_content).decode()


class TestCSV:
    def test_it_parses_back(self, ana: Any, tax_assist: Pack):
        title = 'Fennel, "Co"\nBerlin – Ü'
        episode = judged(tax_assist, reward=0.25, title=title, cost="0.012300")
        reply = door(ana).get("/api/episodes/export.csv")
        assert reply["Content-Type"] == "text/csv; charset=utf-8"
        assert reply["Content-Disposition"].startswith('attachment; filename="endcap-run-logs-')
        [row] = csv.DictReader(io.StringIO(text(reply), newline=""))
        assert tuple(row) == runlogs.COLUMNS
        assert row["title"] == title
        assert float(row["reward"]) == 0.25
        assert row["cost_eur"] == "0.012300"
        assert row["actions"] == "insight → insight → insight"
        assert row["public_id"] == str(episode.public_id)
        assert row["created_at"] == episode.created_at.isoformat()
        assert row["simulated"] == "false"

    @pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "＝"])
    def test_a_cell_is_never_a_formula(self, ana: Any, tax_assist: Pack, start: str):
        attack = f"{start}cmd|' /C calc'!A0"
        EpisodeFactory(pack=tax_assist, title=attack, request=attack, error=attack)
        [row] = csv.DictReader(io.StringIO(text(door(ana).get("/api/episodes/export.csv")), newline=""))
        for name in ("title", "request", "error"):
            assert row[name] == f"'{attack}"

    def test_a_negative_reward_stays_a_number(self, ana: Any, tax_assist: Pack):
        judged(tax_assist, reward=-0.5)
        [row] = csv.DictReader(io.StringIO(text(door(ana).get("/api/episodes/export.csv")), newline=""))
        assert row["reward"] == "-0.5"

    def test_it_follows_filter_order_and_tenant(self, ana: Any, tax_assist: Pack, lumen: Brand):
        for reward in (0.2, 0.9, 0.5):
            judged(tax_assist, reward=reward)
        judged(PackFactory(brand=lumen), reward=0.99)
        reply = door(ana).get("/api/episodes/export.csv?reward_min=0.3&ordering=-reward")
        assert [row["reward"] for row in csv.DictReader(io.StringIO(text(reply)))] == ["0.9", "0.5"]

    def test_without_episodes_it_is_the_header(self, ana: Any):
        assert text(door(ana).get("/api/episodes/export.csv")) == ",".join(runlogs.COLUMNS) + "\r\n"

    @pytest.mark.parametrize("accept", ["text/csv", "*/*"])
    def test_it_may_be_asked_for_by_its_media_type(self, ana: Any, accept: str):
        assert door(ana).get("/api/episodes/export.csv", headers={"Accept": accept}).status_code == 200

    @pytest.mark.parametrize("extension", ["csv", "jsonl"])
    def test_a_bad_filter_is_a_problem_before_anything_is_sent(self, ana: Any, extension: str):
        reply = door(ana).get(f"/api/episodes/export.{extension}?mode=magic")
        assert reply.status_code == 400
        assert problem(reply)["errors"][0]["value"] == "magic"


class TestJSONL:
    def test_it_parses_back_with_every_step(self, ana: Any, tax_assist: Pack):
        episode = judged(tax_assist, steps=2, title="a\nb")
        reply = door(ana).get("/api/episodes/export.jsonl")
        assert reply["Content-Type"].startswith("application/jsonl")
        [line] = text(reply).splitlines()
        row = json.loads(line)
        assert row["id"] == episode.pk
        assert row["title"] == "a\nb"
        assert row["reward"] == 0.6
        step = row["steps_log"][1]
        assert step["allowed"] == ["insight", "finish"]
        assert step["probabilities"] == [0.75, 0.25]
        assert step["output"] == {"text": "Oats"}

    def test_the_number_of_queries_stays(self, ana: Any, tax_assist: Pack):
        client = door(ana)

        def queries(more: int) -> int:
            for _ in range(more):
                judged(tax_assist)
            with CaptureQueriesContext(connection) as seen:
                text(client.get("/api/episodes/export.jsonl"))
            return len(seen)

        assert queries(5) == queries(45)
