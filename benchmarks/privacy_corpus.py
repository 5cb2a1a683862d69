"""Sentences with labelled spans: the published hundred, and seeded ones made from the published templates.

The detector was tuned on the hundred and on seed 1. The held-out corpus has another seed, other locales' values and was
looked at only as figures.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from faker import Faker

#: Labels of the data by the kinds of `crm.privacy.detection`.
KIND_OF = {
    "PHONE_NUMBER": "phone",
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "US_SSN": "ssn",
    "IP_ADDRESS": "ip",
    "DOMAIN_NAME": "url",
    "URL": "url",
    "EMAIL_ADDRESS": "email",
    "DATE_TIME": "date",
    "US_DRIVER_LICENSE": "driver_license",
    "ADDRESS": "address",
}
LOCALES = ("en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL", "pl_PL")
HOLE = re.compile(r"\{\{(\w+)\}\}")
LABEL = {
    "credit_card_number": "card",
    "phone_number": "phone",
    "email": "email",
    "ip_address": "ip",
    "url": "url",
    "iban": "iban",
    "ssn": "ssn",
    "us_driver_license": "driver_license",
    "address": "address",
    "date_of_birth": "date",
    "date_time": "date",
}


class Sentence(NamedTuple):
    """`spans` are (kind, start, end)."""

    text: str
    spans: tuple[tuple[str, int, int], ...]


def published(folder: Path) -> list[Sentence]:
    """The hundred of `generated_small.json`."""
    rows = json.loads((folder / "generated_small.json").read_text(encoding="utf-8"))
    return [
        Sentence(
            row["full_text"],
            tuple(
                (KIND_OF[span["entity_type"]], span["start_position"], span["end_position"])
                for span in row["spans"]
                if span["entity_type"] in KIND_OF
            ),
        )
        for row in rows
    ]


def made(folder: Path, *, seed: int, size: int) -> list[Sentence]:
    """`size` sentences from the templates, with values of Faker in eight locales. Same seed, same sentences."""
    raw = (folder / "templates.txt").read_text(encoding="utf-8", errors="replace")
    templates = [line.replace("\\n", "\n").replace("\\,", ",") for line in raw.splitlines() if line.strip()]
    # parts of an address in a template of their own are no whole address: left to the published sentences
    templates = [one for one in templates if "{{building_number}}" not in one and "{{street_name}}" not in one]
    rng = random.Random(seed)
    fakers = {}
    for place in LOCALES:
        fakers[place] = Faker(place)
        fakers[place].seed_instance(rng.randrange(2**32))
    return [_filled(rng.choice(templates), fakers[rng.choice(LOCALES)], fakers["en_US"]) for _ in range(size)]


def _filled(template: str, faker: Faker, american: Faker) -> Sentence:
    text, spans, end = "", [], 0
    for hole in HOLE.finditer(template):
        text += template[end : hole.start()]
        name, end = hole.group(1), hole.end()
        value = _value(name, faker, american)
        if name in LABEL:
            spans.append((LABEL[name], len(text), len(text) + len(value)))
        text += value
    return Sentence(text + template[end:], tuple(spans))


def _value(name: str, faker: Faker, american: Faker) -> str:
    makers: dict[str, Callable[[], Any]] = {
        "person": faker.name,
        "name": faker.name,
        "ip_address": lambda: faker.ipv4() if faker.boolean(80) else faker.ipv6(),
        "url": faker.url,
        "ssn": american.ssn,
        "us_driver_license": lambda: american.bothify("?#######").upper(),
        "date_of_birth": lambda: faker.date_of_birth().strftime(
            faker.random_element(("%Y-%m-%d", "%m/%d/%Y", "%d %B %Y"))
        ),
        "date_time": lambda: faker.date_time().strftime("%Y-%m-%d %H:%M:%S"),
        "organization": faker.company,
        "zipcode": faker.postcode,
        "postcode": faker.postcode,
        "age": lambda: faker.random_int(18, 90),
        "year": faker.year,
        "email": faker.email,
        "nationality": lambda: "Danish",
        "nation_woman": lambda: "Danish",
        "nation_plural": lambda: "Danes",
        "iban": faker.iban,
        "state_abbr": american.state_abbr,
    }
    maker = makers.get(name) or getattr(faker, name.replace("_nonbinary", ""), None) or getattr(american, name)
    return str(maker())
