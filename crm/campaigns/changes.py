"""Changes of campaigns and of their plans by a person: made in one piece, kept in the history, undone in one piece.

Everything one person saves at once carries the same instant in the history; undoing goes back to how things stood
before that instant.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from crm.errors import EndcapError
from crm.models import AudienceSegment, Brand, Campaign, CampaignPlan

FACTS = (
    "name", "external_id", "retailer", "objective", "budget", "budget_period", "currency", "starts_on", "ends_on",
    "status", "constraints",
)  # fmt: skip
PLANNED = ("starts_on", "ends_on", "spend", "impressions", "clicks", "orders", "sales")
WORDS = {
    "name": "name", "external_id": "number", "retailer": "retailer", "objective": "objective", "budget": "budget",
    "budget_period": "budget period", "currency": "currency", "starts_on": "start", "ends_on": "end",
    "status": "status", "constraints": "rules", "audiences": "audiences",
}  # fmt: skip


class ChangedMeanwhile(EndcapError):
    """Somebody else saved a change after this one's page was opened."""

    status = 409


class NothingToUndo(EndcapError):
    """No change is known before the present state."""

    status = 409


@dataclass(frozen=True)
class Change:
    """One thing a person saved."""

    at: datetime
    by: str
    what: str
    undoable: bool


def seen(campaign: Campaign) -> str:
    """What identifies the present state: the newest entry of the history of the campaign and of its plan."""
    own = campaign.history.order_by("-history_id").values_list("history_id", flat=True).first() or 0
    plan = (
        CampaignPlan.history.filter(campaign_id=campaign.pk)
        .order_by("-history_id").values_list("history_id", flat=True).first() or 0
    )  # fmt: skip
    return f"{own}.{plan}"


def create(*, brand: Brand, by: Any, facts: Mapping[str, Any], audiences: Sequence[AudienceSegment] = ()) -> Campaign:
    """A planned campaign. Without a number of the retailer it gets one of its own, so that it can be told apart."""
    with transaction.atomic():
        campaign = Campaign(
            brand=brand, **{**facts, "external_id": facts.get("external_id") or f"planned-{secrets.token_hex(4)}"}
        )
        _stamp(campaign, timezone.now(), by, "Planned here")
        campaign.save()
        if audiences:
            campaign.audiences.set(audiences)
    return campaign


def change(
    *, campaign: Campaign, by: Any, facts: Mapping[str, Any], audiences: Sequence[AudienceSegment], seen_as: str
) -> bool:
    """Write the facts; False when nothing differs. Raises `ChangedMeanwhile` when `seen_as` is not how it stands."""
    with transaction.atomic():
        held = _held(campaign, seen_as)
        different = [name for name, value in facts.items() if getattr(held, name) != value]
        chosen = {one.pk for one in audiences}
        regrouped = chosen != set(held.audiences.values_list("pk", flat=True))
        if not different and not regrouped:
            return False
        now = _after_baseline(held)
        for name in different:
            setattr(held, name, facts[name])
        _stamp(held, now, by, "")
        held.save()
        if regrouped:
            held.audiences.set(audiences)
    return True


def change_plan(*, campaign: Campaign, by: Any, periods: Sequence[Mapping[str, Any]], seen_as: str) -> bool:
    """Make the plan these periods (`PLANNED` each, and `id` of a known one); known ones that are missing are taken out.

    False when nothing differs. Raises `ChangedMeanwhile` when `seen_as` is not the present state. That periods do not
    overlap is the form's to see to.
    """
    with transaction.atomic():
        held = _held(campaign, seen_as)
        known = {one.pk: one for one in CampaignPlan.objects.for_brand(held.brand).filter(campaign=held)}
        wanted = {period["id"]: period for period in periods if period.get("id")}
        gone = [one for pk, one in known.items() if pk not in wanted]
        new = [period for period in periods if not period.get("id")]
        changed = [
            known[pk] for pk, period in wanted.items()
            if any(getattr(known[pk], name) != period.get(name) for name in PLANNED)
        ]  # fmt: skip
        if not gone and not new and not changed:
            return False
        now = _after_baseline(held, known.values())
        for one in gone:
            _stamp(one, now, by, "")
            one.delete()
        # First out of the way, then to the new day: two periods may change places.
        for place, one in enumerate(changed):
            CampaignPlan.objects.for_brand(held.brand).filter(pk=one.pk).update(
                starts_on=_FAR - timedelta(days=place), ends_on=_FAR
            )
        for one in changed:
            for name in PLANNED:
                setattr(one, name, wanted[one.pk].get(name))
            _stamp(one, now, by, "")
            one.source = "person"
            one.save()
        for period in new:
            made = CampaignPlan(campaign=held, **{name: period.get(name) for name in PLANNED})
            _stamp(made, now, by, "")
            made.save()
    return True


_FAR = datetime(9999, 12, 31).date()


def undo(*, campaign: Campaign, by: Any, seen_as: str) -> Change:
    """Take back what was saved last, in one piece; the undoing is itself a change. Raises `NothingToUndo`."""
    with transaction.atomic():
        held = _held(campaign, seen_as)
        last = _last_instant(held)
        before = held.history.filter(history_date__lt=last).order_by("-history_date", "-history_id").first()
        plans = list(CampaignPlan.history.filter(campaign_id=held.pk, history_date=last).values_list("id", flat=True))
        own = held.history.filter(history_date=last).exists()
        if own and before is None:
            raise NothingToUndo("This is how the campaign was first written down; there is nothing before it.")
        undone = next(one for one in changes(held, at_most=1))
        now = _later_than(last)
        if own and before is not None:
            for name in FACTS:
                setattr(held, name, getattr(before, name))
            _stamp(held, now, by, "Undone")
            held.save()
            held.audiences.set([one.audiencesegment_id for one in before.audiences.all()])
        _plans_back(held, set(plans), last, now, by)
    return undone


def changes(campaign: Campaign, *, at_most: int = 10) -> list[Change]:
    """What people saved, newest first; how a campaign came in from a report is not among them."""
    own = {one.history_date: one for one in campaign.history.select_related("history_user").order_by("history_id")}
    plans: dict[datetime, list[Any]] = {}
    for one in (
        CampaignPlan.history.filter(campaign_id=campaign.pk).select_related("history_user").order_by("history_id")
    ):
        if one.history_change_reason != _BASELINE:
            plans.setdefault(one.history_date, []).append(one)
    found: list[Change] = []
    instants = sorted({at for at, one in own.items() if one.history_change_reason != _BASELINE} | set(plans))
    for at in reversed(instants):
        entry = own.get(at) or plans[at][0]
        what = _what(own, at) if at in own else _what_plan(plans[at])
        if entry.history_change_reason == "Undone":
            what = f"Undone: {what[0].lower()}{what[1:]}"
        user = entry.history_user
        who = (user.get_full_name() or user.get_username()) if user else ""
        found.append(Change(at, who, what, undoable=what != _FIRST))
        if len(found) == at_most:
            break
    return found


_BASELINE = "As it was"
_FIRST = "Written down"


def _what(own: Mapping[datetime, Any], at: datetime) -> str:
    earlier = [one for when, one in own.items() if when < at]
    if not earlier:
        return _FIRST
    before, after = max(earlier, key=lambda one: one.history_date), own[at]
    said = [
        f"{WORDS[name]} from {_shown(before, name)} to {_shown(after, name)}"
        for name in FACTS
        if getattr(before, f"{name}_id" if name == "retailer" else name)
        != getattr(after, f"{name}_id" if name == "retailer" else name)
    ]
    if {one.audiencesegment_id for one in before.audiences.all()} != {
        one.audiencesegment_id for one in after.audiences.all()
    }:
        said.append("audiences")
    return f"Changed {', '.join(said)}" if said else "Saved"


def _shown(entry: Any, name: str) -> str:
    value = getattr(entry, name)
    if name == "status":
        return str(Campaign.Status(value).label.lower())
    if name == "budget_period":
        return str(Campaign.BudgetPeriod(value).label.lower())
    if name == "constraints":
        return "; ".join(f"{key.replace('_', ' ')} {rule}" for key, rule in value.items()) or "none"
    return "none" if value in (None, "") else str(value)


def _what_plan(entries: Sequence[Any]) -> str:
    kinds = {"+": "added", "~": "changed", "-": "taken out"}
    counted = {word: sum(one.history_type == kind for one in entries) for kind, word in kinds.items()}
    said = [f"{count} {'period' if count == 1 else 'periods'} {word}" for word, count in counted.items() if count]
    return f"Plan: {', '.join(said)}"


def _plans_back(held: Campaign, pks: set[int], last: datetime, now: datetime, by: Any) -> None:
    present = {one.pk: one for one in CampaignPlan.objects.for_brand(held.brand).filter(campaign=held, pk__in=pks)}
    earlier = {
        pk: CampaignPlan.history.filter(id=pk, history_date__lt=last).order_by("-history_date", "-history_id").first()
        for pk in pks
    }
    for place, (pk, one) in enumerate(present.items()):
        before = earlier[pk]
        _stamp(one, now, by, "Undone")
        if before is None or before.history_type == "-":
            one.delete()
        else:
            CampaignPlan.objects.for_brand(held.brand).filter(pk=pk).update(
                starts_on=_FAR - timedelta(days=place), ends_on=_FAR
            )
    for pk, before in earlier.items():
        if before is None or before.history_type == "-":
            continue
        back = CampaignPlan(id=pk, campaign=held, source=before.source)
        for name in PLANNED:
            setattr(back, name, getattr(before, name))
        back._state.adding = pk not in present
        _stamp(back, now, by, "Undone")
        back.save()


def _held(campaign: Campaign, seen_as: str) -> Campaign:
    """The row as it stands now, locked. Raises `ChangedMeanwhile` when it is not what the person saw."""
    held: Campaign = Campaign.objects.for_brand(campaign.brand_id).select_for_update().get(pk=campaign.pk)
    if seen_as != seen(held):
        raise ChangedMeanwhile(
            "Somebody changed this campaign after you opened the page. Nothing was saved; look at it again first.",
            seen=seen_as,
        )
    return held


def _after_baseline(held: Campaign, plans: Any = ()) -> datetime:
    """What has no history yet gets an entry that says how it was, so that a first change can be undone. Reports and
    bulk loads write rows without one. Returns the instant of the change that follows."""
    last = _last_instant(held, missing=None)
    now = _later_than(last)
    before = now - timedelta(microseconds=1)
    newest = held.history.order_by("-history_date", "-history_id").first()
    stale = newest is None or any(getattr(newest, name) != getattr(held, name) for name in FACTS)
    for one in [*([held] if stale else []), *(one for one in plans if not _has_history(one))]:
        _stamp(one, before, None, _BASELINE)
        one.save()
    return now


def _has_history(plan: CampaignPlan) -> bool:
    newest = CampaignPlan.history.filter(id=plan.pk).order_by("-history_date", "-history_id").first()
    return newest is not None and all(getattr(newest, name) == getattr(plan, name) for name in PLANNED)


def _last_instant(held: Campaign, missing: Any = NothingToUndo) -> Any:
    own = held.history.exclude(history_change_reason=_BASELINE)
    plans = CampaignPlan.history.filter(campaign_id=held.pk).exclude(history_change_reason=_BASELINE)
    instants = [
        at
        for at in (
            rows.order_by("-history_date").values_list("history_date", flat=True).first() for rows in (own, plans)
        )
        if at is not None
    ]
    if instants:
        return max(instants)
    if missing is None:
        return None
    raise missing("Nobody changed this campaign here yet.")


def _later_than(last: datetime | None) -> datetime:
    """Now, or a moment after the last change where the clock has not moved on."""
    now = timezone.now()
    return now if last is None or now > last + timedelta(microseconds=2) else last + timedelta(microseconds=3)


def _stamp(row: Any, at: datetime, by: Any, why: str) -> None:
    row._history_date, row._history_user = at, by
    row._change_reason = why or None
