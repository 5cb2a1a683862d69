"""What of an experience may leave for a model: its material, cleaned by the brand's privacy policy for prompts."""

from __future__ import annotations

from crm.models import Brand
from crm.privacy.policies import policy_for
from crm.privacy.redaction import cleaner_of, pseudonym
from rlhf.judge.materials import Clean, Material, material_of
from rlhf.judge.replies import Missing
from rlhf.judge.rubric import readable
from rlhf.judging.embedded import context_of
from rlhf.models import Experience


class Cleaner:
    """A brand's policy for prompts, read once (one query); names of prospects become pseudonyms under its key."""

    def __init__(self, brand: Brand) -> None:
        policy = policy_for(brand)
        self.clean: Clean = cleaner_of(policy, "prompts")
        self.key = policy.key

    def person(self, name: str) -> str:
        """`person_3f9a2c71b04d`: a judge does not need to know who it is, only that it is the same one."""
        return pseudonym("person", name, self.key) if name else ""


def material(experience: Experience, cleaner: Cleaner) -> Material | Missing:
    """The material of one experience, or why there is none."""
    read = readable(kind=experience.kind, context=context_of(experience), output=experience.output)
    if isinstance(read, str):
        return Missing("unreadable", read)
    if read.output.is_empty:
        return Missing("unreadable", f"there is no {experience.kind} output to judge")
    name = str((read.context.prospect or {}).get("name") or "").strip()
    return material_of(read, request=experience.request, clean=cleaner.clean, person=cleaner.person(name))
