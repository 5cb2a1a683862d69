"""The rows that benchmarks/rating.py measures Endcap with. Runs as a process of its own, on the scratch database.

python -m benchmarks.rating_ours_rows begin RATINGS SEED    brands, people, sessions, tokens, queues; said as JSON
python -m benchmarks.rating_ours_rows fill FROM TO SEED     pairs FROM to TO, each rated once
python -m benchmarks.rating_ours_rows stored                how many ratings came by keyboard, by task
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")
os.environ.setdefault("LOG_LEVEL", "ERROR")
django.setup()

# Models can only be imported once Django is set up.
# ruff: noqa: E402
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from knox.models import AuthToken

from benchmarks.rating_ours_bulk import first_free, settle, write
from benchmarks.rating_sites import ALL_CLIENTS
from benchmarks.rating_texts import Item, items
from crm.models import Brand, Membership
from rlhf.models import Assignment, Experience, Feedback, PreferencePair, RatingItem, RatingTask, Signal, Source
from rlhf.rating.filling import fill_all
from rlhf.rating.tasks import ensure_tasks

PAIRS_OF_CLIENTS, PAIRS_AT_ONCE = 4000, 1000
RATERS = 10
CHUNK = 5000
MINUTES = 40_000  # over which ratings are spread: four weeks
VERDICTS = ("a", "b", "a", "tie")
BY_KEYBOARD, BY_API, FILLED = "by-keyboard", "by-api", "filled"


def written(text: str) -> dict[str, Any]:
    return {"copies": [{"headline": "", "body": text}]}


def pair_of(brand: Brand, item: Item) -> list[Experience]:
    """Two answers to one request."""
    common: dict[str, Any] = {"brand": brand, "kind": "creative", "request": item.prompt, "group": uuid.uuid4()}
    return [
        Experience(output=written(item.first), served_by="composer@1", **common),
        Experience(output=written(item.second), served_by="composer@2", **common),
    ]


def single_of(brand: Brand, item: Item) -> Experience:
    """Of another kind, so that it does not stand in a pair as well."""
    output = {"emails": [{"body": item.first}]}
    return Experience(brand=brand, kind="outreach", request=item.prompt, output=output, served_by="composer@1")


def person(name: str, role: str, *brands: Brand) -> Any:
    user = get_user_model().objects.create_user(username=name)
    for brand in brands:
        Membership.objects.create(user=user, brand=brand, role=role)
    return user


def signed_in(user: Any) -> str:
    session = SessionStore()
    session["_auth_user_id"] = str(user.pk)
    session["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
    session["_auth_user_hash"] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


def begin(ratings: int, seed: int) -> dict[str, Any]:
    """Tables, static files, three brands, and what the measuring side has to know."""
    call_command("migrate", verbosity=0)  # changes nothing where a kept one was restored
    call_command("collectstatic", interactive=False, verbosity=0)
    keyboard, api, filled = (Brand.objects.create(name=slug, slug=slug) for slug in (BY_KEYBOARD, BY_API, FILLED))
    for item in items(0, ratings, seed):
        Experience.objects.for_brand(keyboard).bulk_create([*pair_of(keyboard, item), single_of(keyboard, item)])
    fill_all(keyboard, now=timezone.now())
    pairs: list[tuple[str, str]] = []
    for start in range(0, PAIRS_OF_CLIENTS, PAIRS_AT_ONCE):
        made = [pair_of(api, item) for item in items(start, start + PAIRS_AT_ONCE, seed)]
        Experience.objects.for_brand(api).bulk_create([one for pair in made for one in pair], batch_size=PAIRS_AT_ONCE)
        pairs += [(str(a.public_id), str(b.public_id)) for a, b in made]
    owner = person("bench-owner", Membership.Role.OWNER, filled)
    return {
        "rater": signed_in(person("bench-rater", Membership.Role.RATER, keyboard)),
        "owner": signed_in(owner),
        "owner_token": AuthToken.objects.create(user=owner)[1],
        "tokens": [
            AuthToken.objects.create(user=person(f"bench-client-{number}", Membership.Role.RATER, api))[1]
            for number in range(ALL_CLIENTS)
        ],
        "slugs": {task.asks + "/" + task.kind: task.slug for task in ensure_tasks(keyboard)},
        "pairs": pairs,
    }


def fill(start: int, stop: int, seed: int) -> dict[str, Any]:
    """What an answer leaves behind for each pair: two experiences, an item, an assignment, a word, two signals."""
    brand = Brand.objects.get(slug=FILLED)
    task: RatingTask = ensure_tasks(brand).get(kind="creative", asks="pair")
    people = [
        get_user_model().objects.filter(username=name).first() or person(name, Membership.Role.RATER, brand)
        for name in (f"bench-rater-{number}" for number in range(RATERS))
    ]
    for chunk in range(start, stop, CHUNK):
        with transaction.atomic():
            write_rated(brand, task, people, items(chunk, min(chunk + CHUNK, stop), seed))
    settle(Experience, RatingItem, Assignment, PreferencePair, Signal)
    return {"filled": stop - start}


def write_rated(brand: Brand, task: RatingTask, people: list[Any], some: list[Item]) -> None:
    now = timezone.now()
    keys = {model: first_free(model) for model in (Experience, RatingItem, Assignment, PreferencePair)}
    made = [
        {
            "id": keys[Experience] + 2 * place + second, "public_id": uuid.uuid4(), "brand_id": brand.pk,
            "kind": "creative", "request": item.prompt, "group": uuid.UUID(int=item.number),
            "output": written(item.second if second else item.first), "served_by": f"composer@{second + 1}",
            "created_at": now - timedelta(minutes=item.number % MINUTES),
        }
        for place, item in enumerate(some)
        for second in (0, 1)
    ]  # fmt: skip
    write(Experience, made)
    sides = [(made[2 * place], made[2 * place + 1]) for place in range(len(some))]
    write(
        RatingItem,
        (
            {
                "id": keys[RatingItem] + place, "brand_id": brand.pk, "task_id": task.pk, "a_id": a["id"],
                "b_id": b["id"], "wanted": 1, "taken": 1, "answered": 1, "state": RatingItem.State.DONE,
            }
            for place, (a, b) in enumerate(sides)
        ),
    )  # fmt: skip
    said = [
        {"rater": people[item.number % RATERS], "verdict": VERDICTS[item.number % len(VERDICTS)], "at": a["created_at"]}
        for item, (a, _) in zip(some, sides, strict=True)
    ]
    write(
        Assignment,
        (
            {
                "id": keys[Assignment] + place, "public_id": uuid.uuid4(), "brand_id": brand.pk,
                "item_id": keys[RatingItem] + place, "rater_id": one["rater"].pk, "locked_until": one["at"],
                "state": Assignment.State.ANSWERED, "answered_at": one["at"], "duration_ms": 2000,
            }
            for place, one in enumerate(said)
        ),
    )  # fmt: skip
    write(
        PreferencePair,
        (
            {
                "id": keys[PreferencePair] + place, "public_id": uuid.uuid4(), "brand_id": brand.pk,
                "task_id": task.pk, "assignment_id": keys[Assignment] + place, "rater_id": one["rater"].pk,
                "a_id": a["id"], "b_id": b["id"], "verdict": one["verdict"], "source": Source.PAGE,
                "key": f"bench-{item.number}", "duration_ms": 2000, "created_at": one["at"],
            }
            for place, (item, one, (a, b)) in enumerate(zip(some, said, sides, strict=True))
        ),
    )  # fmt: skip
    signals = first_free(Signal)
    write(
        Signal,
        (
            {
                "id": signals + 2 * place + second, "brand_id": brand.pk, "experience_id": side["id"],
                "kind": Signal.Kind.PREFERRED, "actor": one["rater"].get_username(),
                "said": {"verdict": one["verdict"], "order": "ab", "source": "page"}, "created_at": one["at"],
            }
            for place, (one, pair) in enumerate(zip(said, sides, strict=True))
            for second, side in enumerate(pair)
        ),
    )  # fmt: skip


def stored() -> dict[str, int]:
    brand = Brand.objects.get(slug=BY_KEYBOARD)
    return {
        "pairs": PreferencePair.objects.for_brand(brand).filter(undone_at=None).count(),
        "stars": Feedback.objects.for_brand(brand).filter(undone_at=None, kind=Feedback.Kind.STARS).count(),
    }


COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {"begin": begin, "fill": fill, "stored": stored}

if __name__ == "__main__":
    what, *numbers = sys.argv[1:]
    print(json.dumps(COMMANDS[what](*map(int, numbers))))
