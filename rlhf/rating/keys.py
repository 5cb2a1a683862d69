"""One key for each thing a rater can do: the defaults, a person's own choice, and what may not be chosen together."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rlhf.models import RaterSettings

PAIR, SINGLE, BOTH = "pair", "single", "both"


@dataclass(frozen=True, slots=True)
class Action:
    """`where` says on which pages the key works: pair, single or both."""

    name: str
    label: str
    key: str
    where: str

    def meets(self, other: Action) -> bool:
        """Whether both can be pressed on the same page."""
        return BOTH in (self.where, other.where) or self.where == other.where


ACTIONS = (
    Action("a", "A is better", "a", PAIR),
    Action("b", "B is better", "b", PAIR),
    Action("tie", "About the same", "e", PAIR),
    Action("both_bad", "Both bad", "n", PAIR),
    Action("yes", "Yes", "y", SINGLE),
    Action("no", "Not like this", "n", SINGLE),
    *(Action(f"star{number}", f"{number} of 5", str(number), SINGLE) for number in range(1, 6)),
    Action("correct", "Write your version", "c", BOTH),
    Action("flag", "Flag it", "f", SINGLE),
    Action("skip", "Skip", "Space", BOTH),
    Action("undo", "Undo", "u", BOTH),
    Action("help", "Keys and settings", "?", BOTH),
)
TAKEN = ("Backspace", "Enter", "Tab", "Escape")  # Backspace always undoes; the others belong to the browser


def settings_of(user: Any) -> RaterSettings:
    """The person's settings; the defaults, unsaved, where they never chose."""
    found: RaterSettings | None = RaterSettings.objects.filter(user=user).first()
    return found or RaterSettings(user=user)


def keymap_of(settings: RaterSettings) -> dict[str, str]:
    """Key by action; one that fits no more (an old choice) falls back to its default."""
    own = settings.keymap if isinstance(settings.keymap, dict) else {}
    return {action.name: normal(own.get(action.name, "")) or action.key for action in ACTIONS}


def shown_keymap(keymap: Mapping[str, str]) -> dict[str, str]:
    """The same as they stand on a keyboard: `A`, `Space`."""
    return {name: key.upper() if len(key) == 1 else key for name, key in keymap.items()}


def normal(text: object) -> str:
    """`a`, `Space`, or nothing where it is not one key that can be seen."""
    key = str(text)
    if key == " " or key.strip().lower() == "space":
        return "Space"
    key = key.strip()
    if len(key) != 1 or unicodedata.category(key)[0] not in "LNPS":
        return ""
    return key.lower() if len(key.lower()) == 1 else key


def chosen(posted: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """(what differs from the defaults, what is wrong by action) from the fields `key-<action>` of a form."""
    keys: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for action in ACTIONS:
        said = posted.get(f"key-{action.name}", action.key)
        key = normal(said)
        if key:
            keys[action.name] = key
        elif said.strip() in TAKEN:
            wrong[action.name] = f"{said.strip()} has its own meaning. Choose a letter, a digit or Space."
        else:
            wrong[action.name] = "Choose one key: a letter, a digit, a sign or Space."
    for place, action in enumerate(ACTIONS):
        for other in ACTIONS[:place]:
            if action.meets(other) and keys.get(action.name) and keys.get(action.name) == keys.get(other.name):
                key = shown_keymap(keys)[action.name]
                wrong.setdefault(action.name, f"{key} already means “{other.label}”. Choose another key.")
    own = {action.name: keys[action.name] for action in ACTIONS if keys.get(action.name, action.key) != action.key}
    return own, wrong


def save_settings(user: Any, **values: Any) -> RaterSettings:
    """Change some of `keys_on`, `keymap`, `timings_consent`."""
    saved, _ = RaterSettings.objects.update_or_create(user=user, defaults=values)
    return saved
