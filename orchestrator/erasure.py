"""Forgets one person everywhere: CRM, steps of episodes, experiences; says which training had seen them.

Nothing is half done: one transaction, and the row that says it was asked for stays when it fails. Safe to repeat.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Min

import crm.erasure
import rlhf.erasure
import training.erasure
from crm import persons
from crm.errors import EndcapError
from crm.models import Brand, Erasure
from crm.persons import Person, mentioning
from orchestrator.learning import LEARNED_UP_TO
from orchestrator.models import Episode, PolicyVersion, RecordedReply, ReflectionLog, Step

EPISODE_FIELDS = ("title", "request", "subject", "error")
STEP_FIELDS = ("why", "summary", "output")
UNLEARNED = (
    "Policies are fitted to figures of episodes (actions, quality, reward), never to texts; a version that had seen an "
    "episode of this person holds no detail of it. Train again to have one that did not count it."
)
EXPORTED = (
    "Exported for training before, of texts about this person: {} rating(s). A file that has left cannot be changed "
    "from here: delete it where it went."
)


class NobodyGiven(EndcapError):
    """No address and no id was given."""


class Reach(NamedTuple):
    """What an erasure changed, or would change. `models`: counts by what happens to which rows."""

    models: dict[str, int]
    uploads: list[dict[str, Any]]
    versions: list[dict[str, Any]]
    runs: list[dict[str, Any]]
    exported: int = 0

    @property
    def rows(self) -> int:
        return sum(self.models.values())

    def as_report(self) -> dict[str, Any]:
        """For `crm.Erasure.report`: nothing in it names the person."""
        return {
            "models": self.models,
            "uploads": self.uploads,
            "policy_versions": self.versions,
            "training_runs": [{**run, "at": run["at"].isoformat()} for run in self.runs],
            "adapters": [],
            "notes": [UNLEARNED] * bool(self.versions) + [EXPORTED.format(self.exported)] * bool(self.exported),
        }


def preview(brand: Brand, who: str) -> Reach:
    """What an erasure of this address or id would reach. Changes nothing."""
    person = persons.find(brand, _given(who))
    reach = _carry_out(brand, person, dry_run=True)
    return reach._replace(uploads=crm.erasure.uploads(brand, person, dry_run=True))


def erase(*, brand: Brand, who: str, by: Any = None) -> Erasure:
    """Forget the person behind an e-mail address, phone number or id, and bar their return. The row with the report.

    Asking again gives a new row that reached nothing, or what came in since. Raises NobodyGiven; any other failure
    leaves everything as it was, with the reason on the row.
    """
    person = persons.find(brand, _given(who))
    row = crm.erasure.open_erasure(brand, person, by=by)
    try:
        with transaction.atomic():
            Brand.objects.select_for_update().get(pk=brand.pk)  # no import or second erasure meanwhile
            person = persons.find(brand, who)
            reach = _carry_out(brand, person, dry_run=False)
    except Exception as error:
        crm.erasure.fail_erasure(row, f"{type(error).__name__}: {person.scrubber(about=True).text(str(error))}")
        raise
    reach = reach._replace(uploads=crm.erasure.uploads(brand, person))
    return crm.erasure.close_erasure(row, reach.as_report())


def _given(who: str) -> str:
    if len(who.strip()) < 3:
        raise NobodyGiven(f"“{who}” is nobody: write an e-mail address, a phone number or a customer id.")
    return who


def _carry_out(brand: Brand, person: Person, *, dry_run: bool) -> Reach:
    own = list(
        Episode.objects.for_brand(brand).filter(subject__key__in=person.lead_keys).values_list("pk", "public_id")
    )
    keys = [pk for pk, _ in own]
    versions, since = _seen_by(brand, keys)
    runs = training.erasure.runs_after(brand, since)
    exported = rlhf.erasure.exported(brand, person, [public for _, public in own])
    done = _episodes(brand, person, keys, dry_run=dry_run)
    done += rlhf.erasure.erase(brand, person, [public for _, public in own], dry_run=dry_run)
    done += crm.erasure.erase(brand, person, dry_run=dry_run)
    return Reach(dict(sorted(done.items())), [], versions, runs, exported)


def _episodes(brand: Brand, person: Person, own: list[int], *, dry_run: bool) -> Counter[str]:
    done: Counter[str] = Counter()
    rows = Episode.objects.for_brand(brand)
    if not dry_run:
        for episode in rows.filter(pk__in=own):
            if episode.is_open:
                episode.wanted = "cancel"
            episode.title = "About an erased person"
            episode.subject = {**episode.subject, "key": person.alias, "title": episode.title}
            episode.save(update_fields=["wanted", "title", "subject"])
    done["orchestrator.Episode about the person, redacted"] = len(own)
    for table, fields, word in (
        (Episode, EPISODE_FIELDS, "orchestrator.Episode redacted"),
        (Step, STEP_FIELDS, "orchestrator.Step redacted"),
        (RecordedReply, ("reply",), "orchestrator.RecordedReply redacted"),
        (ReflectionLog, ("risks",), "orchestrator.ReflectionLog redacted"),
    ):
        path = "pk__in" if table is Episode else "episode__in"
        every = table.objects.for_brand(brand)  # type: ignore[attr-defined]
        mine, others = every.filter(**{path: own}), mentioning(every.exclude(**{path: own}), fields, person.needles())
        changed = crm.erasure.scrub_rows(mine, fields, person, about=True, dry_run=dry_run)
        changed = 0 if table is Episode else changed  # counted above
        done[word] = changed + crm.erasure.scrub_rows(others, fields, person, about=False, dry_run=dry_run)
    return Counter({name: count for name, count in done.items() if count})


def _seen_by(brand: Brand, episodes: list[int]) -> tuple[list[dict[str, Any]], datetime | None]:
    """Policy versions whose training read one of these episodes, and when the first of them ended."""
    ended = Episode.objects.for_brand(brand).done().filter(pk__in=episodes).order_by("pk")
    since: datetime | None = ended.aggregate(first=Min("finished_at"))["first"]
    numbers = list(ended.values_list("pk", flat=True))
    found = []
    for version in PolicyVersion.objects.for_brand(brand).select_related("trained_by").order_by("number"):
        up_to = (version.summary.get("evidence") or {}).get(LEARNED_UP_TO)
        if up_to is None:
            continue
        read = [number for number in numbers if number <= up_to and _was_read(brand, version, number, up_to)]
        if read:
            found.append({"version": str(version), "serving": version.serving, "episodes": len(read)})
    return found, since


def _was_read(brand: Brand, version: PolicyVersion, episode: int, up_to: int) -> bool:
    """Whether the episode was among the newest `max_runs` when the version was trained."""
    most = (version.trained_by.options or {}).get("max_runs") if version.trained_by else None
    if most is None:
        return True
    newer: int = Episode.objects.for_brand(brand).done().filter(pk__gte=episode, pk__lte=up_to).count()
    return newer <= int(most)
