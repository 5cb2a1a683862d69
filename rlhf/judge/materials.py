"""What a model gets to read: prompt, rubric, and the material as data that can close no tag and names nobody. Pure.

Blind: only what the shapes of outputs and contexts name goes out, so that policy, model, versions and scores of an
experience cannot. The caller's `clean` takes personal data out by the brand's policy.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from rlhf.judge.rubric import Readable, Rubric
from rlhf.judge.shapes import ContextShape, OutputShape

FOLDER = Path(__file__).parent / "prompts"
PROSPECT = ("key", "name", "company", "segment", "stage", "need")
MOST_FACT_SIGNS = 24_000  # of facts that are not cited; the cited ones all go along
CONSONANTS, VOWELS = "bdfghjklmnprstvz", "aeiou"

Clean = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt file. `version` is name@sha of its text."""

    text: str
    version: str


@dataclass(frozen=True, slots=True)
class Material:
    """One experience as a judge may read it, cleaned: `shared` is request and context, `answer` the output."""

    shared: dict[str, Any]
    answer: dict[str, Any]
    widgets: int
    held: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """One call: `system` is the same for all of a kind, `shared` for the two calls of a pair. `marks` by id."""

    form: str
    system: str
    shared: str
    answers: str
    marks: dict[str, str]
    prompt_version: str

    @property
    def signs(self) -> int:
        return len(self.system) + len(self.shared) + len(self.answers)


@lru_cache(maxsize=8)
def prompt_for(form: str) -> Prompt:
    """The prompt of a form: absolute, group, pair."""
    text = (FOLDER / f"{form}.md").read_text(encoding="utf-8")
    return Prompt(text.strip(), f"{form}@{hashlib.sha256(text.encode()).hexdigest()[:10]}")


def material_of(read: Readable, *, request: str, clean: Clean, person: str = "") -> Material:
    """The material of one experience. `person` takes the place of the prospect's name, everywhere."""
    output, context = read.output, read.context
    names = person_names(context)
    answer = output.model_dump(exclude_defaults=True, exclude={"gate_issues"})
    shared: dict[str, Any] = {"request": request, "context": _context(context, output)}

    def let_out(value: Any) -> Any:
        return clean(_without(value, names, person))

    return Material(let_out(shared), let_out(answer), len(output.widgets), bool(output.gate_issues))


def _context(context: ContextShape, output: OutputShape) -> dict[str, Any]:
    made = context.model_dump(exclude_defaults=True, exclude={"facts", "values", "postal_address"})
    if context.prospect:
        made["prospect"] = {name: context.prospect[name] for name in PROSPECT if context.prospect.get(name)}
    made["facts"] = [{"id": key, "text": text} for key, text in facts_sent(context, output).items()]
    # ids become values, so that they are cleaned like any other text
    if context.products:
        made["products"] = [{"id": key, "text": text} for key, text in context.products.items()]
    return made


def facts_sent(context: ContextShape, output: OutputShape) -> dict[str, str]:
    """The facts that the output cites, then as many of the others as fit, in their order."""
    cited = {citation for mail in output.emails for citation in mail.citations}
    cited |= {citation for copy in output.copies for citation in copy.citations}
    cited |= {finding.citation for finding in output.report.findings} if output.report else set()
    sent = {key: text for key, text in context.facts.items() if key in cited}
    room = MOST_FACT_SIGNS
    for key, text in context.facts.items():
        room -= len(key) + len(text)
        if room < 0:
            break
        sent.setdefault(key, text)
    return sent


def person_names(context: ContextShape) -> tuple[str, ...]:
    """The prospect's full name and its parts, the longest first; parts of one or two signs are left alone."""
    full = str((context.prospect or {}).get("name") or "").strip()
    parts = {part for part in full.split() if len(part) > 1}
    return tuple(sorted({full, *parts} - {""}, key=len, reverse=True))


def _without(value: Any, names: Sequence[str], person: str) -> Any:
    if not names or not person:
        return value
    pattern = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in names))
    again = re.compile(rf"{re.escape(person)}(?:\s+{re.escape(person)})+")

    def replaced(one: Any) -> Any:
        if isinstance(one, str):
            return again.sub(person, pattern.sub(person, one))
        if isinstance(one, dict):
            return {replaced(key): replaced(inner) for key, inner in one.items()}
        if isinstance(one, list | tuple):
            return [replaced(inner) for inner in one]
        return one

    return replaced(value)


def as_data(value: Any) -> str:
    """JSON in which no text can close a tag: `<`, `>` and `&` are written as escapes that mean the same."""
    written = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return written.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def token(rng: random.Random, taken: set[str], syllables: int = 3) -> str:
    """A random word that means nothing, not taken before: `zofiba`."""
    while True:
        made = "".join(rng.choice(CONSONANTS) + rng.choice(VOWELS) for _ in range(syllables))
        if made not in taken and made != "tie":
            taken.add(made)
            return made


def ask_one(material: Material, rubric: Rubric, *, seed: str) -> Ask:
    """The call for an absolute verdict."""
    rng = random.Random(seed)  # noqa: S311 - shuffles, keeps no secret
    mark = token(rng, set(), 4)
    body = {"mark": mark, **material.shared, "work": material.answer}
    return _ask("absolute", rubric, "", _tagged(body), {"": mark})


def ask_many(materials: Sequence[Material], rubric: Rubric, *, seed: str, form: str = "group") -> tuple[Ask, list[str]]:
    """The call for a ranking (or one order of a pair), and the id of each material in the order given.

    Request and context come once, those of the first. Where another one has facts of its own, they stand beside its
    answer. A ranking is shuffled by the seed; a pair keeps the order that is asked for.
    """
    rng = random.Random(seed)  # noqa: S311 - shuffles, keeps no secret
    taken: set[str] = set()
    ids = [token(rng, taken) for _ in materials]
    marks = {one: token(rng, taken, 4) for one in ids}
    shared = materials[0].shared
    sent = []
    for one, material in zip(ids, materials, strict=True):
        entry = {"id": one, "mark": marks[one], "answer": material.answer}
        if material.shared != shared:
            entry["context_of_this_answer"] = _differences(material.shared, shared)
        sent.append(entry)
    if form == "group":
        rng.shuffle(sent)
    return _ask(form, rubric, _tagged(shared), _tagged({"answers": sent}), marks), ids


def _differences(own: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """What one answer's request and context say otherwise than the shared ones."""
    mine, common = own["context"], shared["context"]
    found = {name: value for name, value in mine.items() if name != "facts" and common.get(name) != value}
    known = {(fact["id"], fact["text"]) for fact in common.get("facts", [])}
    facts = [fact for fact in mine.get("facts", []) if (fact["id"], fact["text"]) not in known]
    return {**found, **({"facts": facts} if facts else {}), **_request(own, shared)}


def _request(own: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    return {"request": own["request"]} if own["request"] != shared["request"] else {}


def _tagged(value: Any) -> str:
    return f"<material>\n{as_data(value)}\n</material>"


def _ask(form: str, rubric: Rubric, shared: str, answers: str, marks: dict[str, str]) -> Ask:
    prompt = prompt_for(form)
    weights = ", ".join(f"{name} {weight:g}" for name, weight in rubric.shape.criteria.items())
    system = f"{prompt.text}\n\nThe rubric, for the kind of work “{rubric.shape.kind}”. Weights: {weights}.\n\n"
    return Ask(form, system + rubric.prose, shared, answers, marks, prompt.version)
