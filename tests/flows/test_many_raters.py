"""Many processes rate and judge the same experiences at the same time: nothing is lost, nothing counts twice, and
nobody is told that something is not there. One process is killed in the middle; one person has two windows open."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import Count

from crm.models import Brand, Membership
from rlhf.models import Assignment, Evaluation, Experience, Feedback, PreferencePair, RatingItem, RatingTask, Signal
from tests.factories import ExperienceFactory, MembershipFactory, RatingTaskFactory, UserFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]

ROOT = Path(__file__).resolve().parents[2]
WANTED = 2
ALLOWED = {200, 201, 302}


@dataclass
class Size:
    processes: int
    experiences: int
    seconds: int


def small() -> Size:
    """What every run of the suite can spare; SQLite lets one process write at a time."""
    return Size(8, 80, 300) if connection.vendor == "postgresql" else Size(4, 40, 300)


@dataclass
class Race:
    """A brand with work to rate, and processes that rate it."""

    brand: Brand
    size: Size
    folder: Path
    cpu_s: float = 0.0

    def __post_init__(self) -> None:
        self.raters = [UserFactory(username=f"rater{number}") for number in range(self.size.processes - 1)]
        for rater in self.raters:
            MembershipFactory(user=rater, brand=self.brand, role=Membership.Role.RATER)
        batch = ExperienceFactory.build_batch(self.size.experiences, brand=self.brand)
        self.experiences = Experience.across_brands.bulk_create(batch, batch_size=200)
        self.alone = RatingTaskFactory(
            brand=self.brand, slug="raced", overlap=WANTED, gold_share=0.04, repeat_share=0.04
        )
        self.pairs = RatingTaskFactory(brand=self.brand, slug="raced-pairs", asks="pair", overlap=WANTED)
        ours = self.experiences
        items = [self._item(self.alone, one, is_gold=place % 25 == 0) for place, one in enumerate(ours)]
        items += [self._item(self.pairs, a, b=b) for a, b in zip(ours[::8], ours[4::8], strict=False)]
        RatingItem.across_brands.bulk_create(items, batch_size=200)

    def _item(self, task: RatingTask, a: Experience, **more: Any) -> RatingItem:
        known = {"gold_answer": "4"} if more.get("is_gold") else {}
        return RatingItem(brand=self.brand, task=task, a=a, wanted=WANTED, priority=a.pk % 7 / 7, **known, **more)

    def plan(self, number: int, window: str = "a") -> str:
        """The path of what a rater is to do."""
        plan = self.folder / f"{number}{window}.json"
        plan.write_text(
            json.dumps(
                {
                    "user": self.raters[number].username, "number": number, "raters": len(self.raters),
                    "window": window, "alone": number != 1, "log": str(self.log(number, window)),
                    "brand": self.brand.slug, "tasks": ["raced", "raced-pairs"],
                    "experiences": [one.pk for one in self.experiences],
                }
            )
        )  # fmt: skip
        return str(plan)

    def log(self, number: int, window: str = "a") -> Path:
        return self.folder / f"{number}{window}.log"

    def lines(self, log: Path) -> list[dict[str, Any]]:
        """What a process wrote; it may have been killed in the middle of a line."""
        said = log.read_text() if log.exists() else ""
        return [json.loads(line) for line in said.splitlines(keepends=True) if line.endswith("\n")]

    def run(self) -> float:
        """Let them all rate until everything is rated; seconds it took. The first one is killed on its way."""
        raters = subprocess.Popen(
            [sys.executable, "-m", "tests.flows.rating_worker"],
            cwd=ROOT,
            env={**os.environ, "TEST_DATABASE": str(connection.settings_dict["NAME"]), "LOG_LEVEL": "ERROR"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors.open("w"),
            text=True,
            start_new_session=True,
        )
        try:
            plans = [*(self.plan(number) for number in range(len(self.raters))), self.plan(1, "b")]
            first, *others = [self.start(raters, plan) for plan in plans]
            began = time.monotonic()
            self.kill(first)
            again = self.start(raters, plans[0])
            said, _ = raters.communicate(timeout=self.size.seconds)
            ended = {first: -signal.SIGKILL, **dict.fromkeys([*others, again], 0)}
            told = json.loads(said)
            assert told["ended"] == {str(process): code for process, code in ended.items()}, self.trouble()
            self.cpu_s = told["cpu_s"]
            return time.monotonic() - began
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(raters.pid, signal.SIGKILL)
            raters.wait(30)

    def start(self, raters: subprocess.Popen[str], plan: str) -> int:
        """A rater as a process; its number."""
        assert raters.stdin is not None and raters.stdout is not None
        raters.stdin.write(f"{plan}\n")
        raters.stdin.flush()
        said = raters.stdout.readline()
        assert said.strip().isdecimal(), self.trouble()
        return int(said)

    def kill(self, process: int) -> None:
        """In the middle of its work, wherever it is."""
        enough = max(3, len(self.experiences) // (2 * self.size.processes))
        until = time.monotonic() + self.size.seconds
        while sum("kept" in line for line in self.lines(self.log(0))) < enough:
            assert time.monotonic() < until, f"it answered too little to be killed in the middle\n{self.trouble()}"
            time.sleep(0.002)
        os.kill(process, signal.SIGKILL)

    def trouble(self) -> str:
        return self.errors.read_text()[-5000:]

    @property
    def errors(self) -> Path:
        return self.folder / "errors.txt"

    def everything(self) -> list[dict[str, Any]]:
        return [line for log in sorted(self.folder.glob("*.log")) for line in self.lines(log)]


def words(**where: Any) -> list[Any]:
    return [*Feedback.across_brands.filter(**where), *PreferencePair.across_brands.filter(**where)]


def assert_nothing_lost_and_nothing_twice(race: Race) -> None:
    lines = race.everything()
    refused = Counter((line["path"], line["status"]) for line in lines if line.get("status", 200) not in ALLOWED)
    assert not refused
    stored = Counter((said.rater.username, said.key) for said in words())
    assert set(stored.values()) == {1}
    sent = {line["send"] for line in lines if "send" in line}
    assert {key for _, key in stored} == sent == {line["kept"] for line in lines if "kept" in line}


def assert_as_many_as_wanted(race: Race) -> None:
    items = RatingItem.across_brands.filter(task__in=[race.alone, race.pairs])
    rated = items.filter(is_gold=False)
    assert not rated.exclude(answered=WANTED, taken=WANTED, state=RatingItem.State.DONE).exists()
    assert not items.filter(is_gold=True).exclude(answered=0, taken=0).exists()
    counting = Counter(
        (said.assignment.item_id, said.rater_id)
        for said in words(counts=True, undone_at=None, assignment__isnull=False)
    )
    assert set(counting.values()) == {1}
    people = Counter(item for item, _ in counting)
    assert people == dict.fromkeys(rated.values_list("pk", flat=True), WANTED)
    held = Assignment.across_brands.filter(holds_slot=True)
    assert not held.exclude(state=Assignment.State.ANSWERED, showing=1, item__is_gold=False).exists()
    assert held.count() == WANTED * rated.count()
    assert not Assignment.across_brands.values("item", "rater", "showing").annotate(n=Count("pk")).filter(n__gt=1)


def assert_history_says_the_same(race: Race) -> None:
    verdicts = Counter(Evaluation.across_brands.values_list("experience", "judge", "rubric_version"))
    assert verdicts == {
        (one.pk, "rubric", version): 1 for one in race.experiences for version in {v for _, _, v in verdicts}
    }
    signals = Counter(Signal.across_brands.values_list("kind", flat=True))
    undone = Feedback.across_brands.filter(undone_at__isnull=False).count()
    chosen, regretted = (
        PreferencePair.across_brands.count(),
        PreferencePair.across_brands.filter(undone_at__isnull=False).count(),
    )
    assert signals["judged"] == len(race.experiences)
    assert signals["rated"] == Feedback.across_brands.count()
    assert signals["preferred"] == 2 * chosen
    assert signals["undone"] == undone + 2 * regretted
    assert undone and regretted


def raced(brand: Brand, size: Size, folder: Path) -> None:
    race = Race(brand, size, folder)
    seconds = race.run()
    answers = len(words())
    print(
        f"\n{connection.vendor}: {size.processes} processes, {size.experiences} experiences: {answers} answers and "
        f"{len(race.experiences)} verdicts in {seconds:.1f} s ({race.cpu_s} s of processor), "
        f"{answers / seconds:.0f} answers/s"
    )
    assert_nothing_lost_and_nothing_twice(race)
    assert_as_many_as_wanted(race)
    assert_history_says_the_same(race)


class TestManyRaters:
    def test_processes_rate_and_judge_the_same_work(self, harbor: Brand, tmp_path: Path):
        raced(harbor, small(), tmp_path)

    @pytest.mark.slow
    def test_eight_processes_rate_and_judge_two_thousand(self, harbor: Brand, tmp_path: Path):
        raced(harbor, Size(8, 2000, 3600), tmp_path)
