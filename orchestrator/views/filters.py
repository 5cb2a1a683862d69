"""The filters of Episodes: what the address says, which episodes are left, and what is left without one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import F, Q
from django.http import QueryDict

from crm.models import Brand, Pack
from orchestrator.models import Episode, EpisodeQuerySet, EpisodeState, PolicyMode

SORTS = {
    "episode": "pk",
    "pack": "pack__name",
    "mode": "mode",
    "steps": "steps_count",
    "state": "state",
    "reward": "reward",
    "cost": "cost",
    "when": "created_at",
}
NEWEST = "-when"
REWARD = forms.NumberInput(attrs={"step": "0.05"})
DATE = forms.DateInput(attrs={"type": "date"})


class EpisodeFilter(forms.Form):
    """Every field may be missing. Reading a wrong value gives an error beside the field and ignores that filter."""

    q = forms.CharField(required=False, max_length=80, strip=True)
    pack = forms.ModelChoiceField(Pack.across_brands.none(), required=False, to_field_name="slug", empty_label="any")
    mode = forms.ChoiceField(required=False, choices=[("", "any"), *PolicyMode.choices])
    state = forms.ChoiceField(
        required=False, choices=[("", "any"), *EpisodeState.choices, ("person", "Needs a person")]
    )
    reward_min = forms.FloatField(required=False, widget=REWARD)
    reward_max = forms.FloatField(required=False, widget=REWARD)
    since = forms.DateField(required=False, widget=DATE)
    until = forms.DateField(required=False, widget=DATE)
    market = forms.ChoiceField(required=False, choices=[("", "any"), ("simulated", "Simulated"), ("real", "Real")])
    sort = forms.CharField(required=False)

    def __init__(self, data: QueryDict | dict[str, Any], *, brand: Brand) -> None:
        super().__init__(data, auto_id="filter-%s")
        self.brand = brand
        self.fields["pack"].queryset = Pack.objects.for_brand(brand).order_by("name")  # type: ignore[attr-defined]

    def given(self) -> dict[str, Any]:
        """The filters in use that could be read."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value not in ("", None) and name != "sort"}

    def sorting(self) -> str:
        """The sort in use, `-` first when it falls; newest first when the address says nothing known."""
        self.is_valid()
        sort = str(self.cleaned_data.get("sort") or NEWEST)
        return sort if sort.removeprefix("-") in SORTS else NEWEST

    def episodes(self, *, without: str = "") -> EpisodeQuerySet:
        """Episodes of the brand that pass every filter but the one named ``without``."""
        found: EpisodeQuerySet = Episode.objects.for_brand(self.brand)
        for name, value in self.given().items():
            if name not in without.split(","):
                found = found.filter(_condition(name, value))
        return found

    def ordered(self) -> EpisodeQuerySet:
        sort = self.sorting()
        column = SORTS[sort.removeprefix("-")]
        if column == "reward":
            return self.episodes().order_by(*_rewards_last(sort.startswith("-")))
        return self.episodes().order_by(f"{'-' if sort.startswith('-') else ''}{column}", "-pk")


def _rewards_last(falling: bool) -> list[Any]:
    """Runs without a reward stand behind the others whichever way one sorts."""
    reward = F("reward")
    return [reward.desc(nulls_last=True) if falling else reward.asc(nulls_last=True), "-pk"]


def _condition(name: str, value: Any) -> Q:
    if name == "q":
        number = str(value).upper().removeprefix("EP-")
        about = Q(title__icontains=value) | Q(pack__name__icontains=value)
        return about | Q(pk=int(number)) if number.isdecimal() and len(number) < 18 else about
    if name == "state" and value == "person":
        return Q(state__in=(EpisodeState.STUCK, EpisodeState.PAUSED))
    if name == "market":
        return Q(simulated=value == "simulated")
    lookups = {
        "reward_min": "reward__gte",
        "reward_max": "reward__lte",
        "since": "created_at__date__gte",
        "until": "created_at__date__lte",
    }
    return Q(**{lookups.get(name, name): value})


@dataclass(frozen=True)
class Chip:
    """A filter as the page names it, and the address without it."""

    names: str
    label: str
    value: str
    left: int | None = None
    address: str = ""


def chips(filters: EpisodeFilter, query: QueryDict) -> list[Chip]:
    """The filters in use, for people. Ends of a range are one chip."""
    given = filters.given()
    labels = {"q": "Text", "pack": "Pack", "mode": "Policy", "state": "State", "market": "Market"}
    found = [
        _chip(name, label, _choice(filters, name, given[name]), query)
        for name, label in labels.items()
        if name in given
    ]
    if "reward_min" in given or "reward_max" in given:
        found.append(_chip("reward_min,reward_max", "Reward", _range(given, "reward_min", "reward_max"), query))
    if "since" in given or "until" in given:
        found.append(_chip("since,until", "Dates", _range(given, "since", "until"), query))
    return found


def _chip(names: str, label: str, value: str, query: QueryDict) -> Chip:
    rest = query.copy()
    for name in (*names.split(","), "page"):
        rest.pop(name, None)
    return Chip(names, label, value, address=f"?{rest.urlencode()}")


def _choice(filters: EpisodeFilter, name: str, value: Any) -> str:
    field = filters.fields[name]
    if name != "pack" and isinstance(field, forms.ChoiceField):
        return str(dict(field.choices).get(value, value))  # type: ignore[arg-type]
    return str(value)


def _range(given: dict[str, Any], low: str, high: str) -> str:
    ends = [given.get(low), given.get(high)]
    written = [f"{end.day} {end:%b}" if hasattr(end, "strftime") else f"{end:g}" for end in ends if end is not None]
    if len(written) == 2:
        return " to ".join(written)
    return f"from {written[0]}" if ends[0] is not None else f"up to {written[0]}"
