"""What stands at the door of every training file: texts leave as the brand's privacy policy says, experiences about
people who were erased or do not want to be learned from do not leave at all, raters leave under pseudonyms.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from crm.models import Brand, Lead
from crm.privacy.consent import addresses_of, barred_among
from crm.privacy.keys import brand_key
from crm.privacy.policies import policy_for
from crm.privacy.redaction import cleaner_of, pseudonym
from crm.privacy.scrub import ERASED
from rlhf.feedback.flags import held_back
from rlhf.feedback.splits import split_of
from rlhf.models import Experience
from rlhf.showing import prompt_of, text_of

ERASED_LEAD = "erased-"


class Outgoing:
    """Call `look` with each chunk of experiences, then ask about any of them."""

    def __init__(self, brand: Brand) -> None:
        self.brand = brand
        self.policy = policy_for(brand)
        self.clean = cleaner_of(self.policy, "exports")
        self._key = brand_key(brand)
        self._held: dict[int, str] = {}
        self._texts: dict[tuple[int, str], str] = {}
        self._cleaned: dict[str, str] = {}

    def look(self, experiences: Iterable[Experience]) -> None:
        """Four queries: flags, leads with contacts, the suppression list, consent."""
        self._texts, self._cleaned = {}, {}
        about = {one.pk: _people(one) for one in experiences}
        self._held = dict.fromkeys(held_back(self.brand, about), "flagged")
        keys = {key for people in about.values() for key in people}
        known: dict[str, list[str]] = {key: [key] for key in keys}
        for lead in Lead.objects.for_brand(self.brand).filter(external_id__in=keys).select_related("contact"):
            known[lead.external_id] = addresses_of(lead)
        barred = barred_among(self.brand, known, "training", policy=self.policy)
        for one in about:
            if any(_erased(key) for key in about[one]):
                self._held[one] = "erased"
            elif about[one] & barred:
                self._held[one] = "no_consent"

    def why_not(self, experience: Experience) -> str:
        """Why it may not leave: erased, no_consent, flagged, too_old, no_text; blank where it may."""
        if experience.context.get("blanked"):
            return "too_old"
        written = self._written(experience, "text") and self._written(experience, "prompt")
        return self._held.get(experience.pk) or ("" if written else "no_text")

    def prompt(self, experience: Experience) -> str:
        return self._once(experience, "prompt")

    def text(self, experience: Experience) -> str:
        return self._once(experience, "text")

    def split(self, experience: Experience) -> str:
        return split_of(str(experience.group) if experience.group else self.prompt(experience))

    def rater(self, rater: int | None, name: str) -> str:
        """The same person, the same sign; nobody can tell from it who it is."""
        return pseudonym("rater", f"member {rater}" if rater else f"outside {name}", self._key)

    def _once(self, experience: Experience, what: str) -> str:
        """Cleaned once in a chunk: what costs is looking for personal data, and prompts repeat."""
        written = self._written(experience, what)
        if written not in self._cleaned:
            self._cleaned[written] = str(self.clean(written)).strip()
        return self._cleaned[written]

    def _written(self, experience: Experience, what: str) -> str:
        key = (experience.pk, what)
        if key not in self._texts:
            self._texts[key] = (prompt_of(experience) if what == "prompt" else text_of(experience)).strip()
        return self._texts[key]


def _people(experience: Experience) -> set[str]:
    """Keys of whom it was written to or for: external ids of leads."""
    found: list[Any] = [(experience.context.get("prospect") or {}).get("key")]
    mails = experience.output.get("emails") if isinstance(experience.output, dict) else None
    found += [mail.get("prospect_key") for mail in mails or [] if isinstance(mail, dict)]
    return {str(key) for key in found if key}


def _erased(key: str) -> bool:
    return ERASED in key or key.startswith(ERASED_LEAD)
