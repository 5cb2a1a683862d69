"""Raters as processes of their own: each rates through the pages and the API as a browser does, and judges beside it.

`python -m tests.flows.rating_worker` on the database that TEST_DATABASE names. For every line on its input, the path of
a plan, it forks a rater and prints the number of its process; at the end of the input it waits for all of them and
prints how they ended and the seconds of processor they took. A plan is a JSON file: `user`, `number` of the rater among
`raters`, `window` (a rater may have two), `log`, `brand`, `tasks` (slugs), `experiences` (keys).

What a rater is about to send stands in its log before it is sent, under its key, and so does the answer. A process that
goes on for one that was killed sends again what has no answer, as the outbox of the page does.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import django

AT_ONCE = 5
JUDGED_A_TURN = 30
LOOKS = 5
ALONE = ("raced",)  # tasks that ask for stars; the others ask which one is better


class Rater:
    def __init__(self, plan: dict[str, Any]) -> None:
        from django.contrib.auth import get_user_model
        from django.test import Client

        from crm.models import Brand

        self.plan, self.log = plan, Path(plan["log"])
        self.before = [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []
        self.chance = random.Random(f"{plan['user']}/{plan['window']}/{len(self.before)}")
        self.user = get_user_model().objects.get(username=plan["user"])
        self.brand = Brand.objects.get(slug=plan["brand"])
        self.client = Client(SERVER_NAME="localhost", raise_request_exception=False)
        self.client.force_login(self.user, backend="django.contrib.auth.backends.ModelBackend")
        self.named = {"as": str(self.user.pk), "brand": plan["brand"]}
        self.keys = len(self.before)

    def write(self, **said: Any) -> None:
        descriptor = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(descriptor, (json.dumps(said) + "\n").encode())
        os.close(descriptor)

    def new_key(self) -> str:
        self.keys += 1
        return f"{self.plan['user']}-{self.plan['window']}-{self.keys}"

    def post(self, path: str, data: dict[str, Any], *, script: bool = True) -> Any:
        headers = {"Accept": "application/json"} if script else {}
        answer = self.client.post(path, {**self.named, **data}, headers=headers)
        self.write(path=path, status=answer.status_code)
        return answer.json() if script and answer.status_code == 200 else {}

    def answer(self, item: str, said: dict[str, Any], *, key: str, script: bool = True) -> bool:
        """Send one answer; whether it was new, as far as it says so."""
        self.write(send=key, item=item, said=said)
        answered = self.post(f"/rate/items/{item}/answer/", {**said, "key": key}, script=script)
        self.write(kept=key)
        return bool(answered.get("new"))

    def verdict(self, slug: str) -> dict[str, Any]:
        if slug in ALONE:
            return {"stars": self.chance.randint(1, 5)}
        return {"verdict": self.chance.choice(["a", "b", "tie", "both_bad"])}

    def go_on(self) -> None:
        """Send again what had no answer when the process before this one was killed."""
        kept = {line["kept"] for line in self.before if "kept" in line}
        for line in self.before:
            if "send" in line and line["send"] not in kept:
                self.answer(line["item"], line["said"], key=line["send"])

    def skips(self, item: str) -> bool:
        """One item in a few, and none is skipped by two people: enough are left for it."""
        from rlhf.models import Assignment

        number = Assignment.across_brands.get(public_id=item).item_id
        return bool(number % (4 * self.plan["raters"]) == self.plan["number"])

    def rate(self, slug: str) -> int:
        """One turn on a task: take a few, do something with each; how many were taken."""
        taken = self.client.get(
            f"/rate/{slug}/items/", {"count": AT_ONCE, **self.named}, headers={"Accept": "application/json"}
        )
        self.write(path=f"/rate/{slug}/items/", status=taken.status_code)
        items = [one["id"] for one in taken.json()["items"]]
        for place, item in enumerate(items):
            if self.chance.random() < 0.02 and place < len(items) - 1:
                # lets go of all it holds, and sends an answer all the same: somebody else may have its place by now
                self.post(f"/rate/{slug}/stop/", {}, script=False)
                self.answer(item, self.verdict(slug), key=self.new_key())
                break
            if self.skips(item):
                self.post(f"/rate/items/{item}/skip/", {})
                continue
            self.rate_one(slug, item)
        return len(items)

    def rate_one(self, slug: str, item: str) -> None:
        said, key, draw = self.verdict(slug), self.new_key(), self.chance.random()
        self.answer(item, said, key=key, script=draw > 0.15)
        if draw > 0.85:  # the answer got lost on its way
            assert not self.answer(item, said, key=key)
        elif draw > 0.75:
            self.post(f"/rate/items/{item}/undo/", {})
            self.answer(item, self.verdict(slug), key=self.new_key())
        elif draw > 0.70:
            self.answer(item, self.verdict(slug), key=self.new_key())
        elif draw > 0.65 and self.plan["alone"]:
            self.post(f"/rate/items/{item}/explain/", {"reasons": ["Too long"], "comment": "Nearly"})

    def judge(self, keys: list[int]) -> None:
        """Judge experiences, and say over the API what this person thinks of some of them."""
        from rlhf.judging import evaluate
        from rlhf.models import Experience

        for experience in Experience.objects.for_brand(self.brand).filter(pk__in=keys).order_by("pk"):
            evaluate(experience)
            if (experience.pk + self.plan["number"]) % 12 == 0:
                for _ in range(1 + experience.pk % 2):
                    self.say(experience)

    def say(self, experience: Any) -> None:
        key = f"{self.plan['user']}-api-{experience.pk}"
        self.write(send=key)
        body = {"experience": str(experience.public_id), "stars": 1 + experience.pk % 5}
        answer = self.client.post(
            "/api/feedback/", body, content_type="application/json", headers={"Idempotency-Key": key}
        )
        self.write(path="/api/feedback/", status=answer.status_code)
        self.write(kept=key)

    def all_rated(self) -> bool:
        from rlhf.models import RatingItem

        rows = RatingItem.objects.for_brand(self.brand).filter(task__slug__in=self.plan["tasks"], is_gold=False)
        return not rows.exclude(state=RatingItem.State.DONE).exists()

    def work(self, keys: list[int]) -> None:
        self.go_on()
        while True:
            found = sum(self.rate(slug) for slug in self.plan["tasks"])
            self.judge(keys[:JUDGED_A_TURN])
            keys = keys[JUDGED_A_TURN:]
            if not found and not keys:
                # what is left is in the hands of others, who may let go of it: look again now and then
                for _ in range(LOOKS):
                    if self.all_rated():
                        return
                    time.sleep(0.15)


def rate(plan: str) -> int:
    """What a forked process does; its exit code."""
    said = json.loads(Path(plan).read_text())
    try:
        Rater(said).work(said["experiences"])
    except Exception:  # noqa: BLE001  a forked process must not go on as its parent
        traceback.print_exc()
        return 1
    return 0


def warm_up() -> None:
    """Everything that is read once, before the raters part; nothing that opens the database."""
    from django.template.loader import get_template
    from django.urls import reverse

    reverse("rate")
    for name in ("rlhf/rate_item.html", "rlhf/rate_blocks.html"):
        get_template(name)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
    settings.ALLOWED_HOSTS = ["localhost"]
    django.setup()
    warm_up()
    started = []
    while line := sys.stdin.readline():
        process = os.fork()
        if not process:
            os._exit(rate(line.strip()))
        started.append(process)
        print(process, flush=True)
    ended = {process: os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in started}
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"ended": ended, "cpu_s": round(used.ru_utime + used.ru_stime, 1)}))


if __name__ == "__main__":
    main()
