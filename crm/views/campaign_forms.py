"""The forms of campaigns: filters of the list, facts of one campaign, its plan period by period."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms
from django.http import QueryDict

from crm.campaigns.listing import Wanted, lately
from crm.models import AudienceSegment, Brand, Campaign, CampaignPlan, Retailer
from crm.windows.alignment import Window

DATE = {"type": "date"}
RULES = ("min_spend", "max_spend", "min_roas")
PLAN_FIELDS = ("starts_on", "ends_on", "spend", "sales", "orders", "clicks", "impressions")
EMPTY_PERIODS = 2


class CampaignFilter(forms.Form):
    """Every field may be missing. A wrong value gives an error and that filter is not in use."""

    q = forms.CharField(required=False, max_length=80, strip=True)
    retailer = forms.ChoiceField(required=False)
    status = forms.ChoiceField(required=False, choices=[("", "any"), *Campaign.Status.choices])
    objective = forms.ChoiceField(required=False)
    since = forms.DateField(required=False, widget=forms.DateInput(attrs=DATE, format="%Y-%m-%d"))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs=DATE, format="%Y-%m-%d"))
    window = forms.CharField(required=False, max_length=20)
    sort = forms.CharField(required=False, max_length=20)
    days = forms.ChoiceField(required=False, choices=[("", "lately"), ("all", "all")])

    def __init__(self, data: QueryDict | dict[str, Any], *, brand: Brand) -> None:
        super().__init__(data, auto_id="filter-%s")
        self.brand = brand
        retailers = Retailer.objects.for_brand(brand).order_by("name").values_list("slug", "name")
        objectives = (
            Campaign.objects.for_brand(brand).exclude(objective="").order_by("objective").distinct()
            .values_list("objective", flat=True)
        )  # fmt: skip
        self.fields["retailer"].choices = [("", "any"), *retailers]  # type: ignore[attr-defined]
        self.fields["objective"].choices = [("", "any"), *((one, one) for one in objectives)]  # type: ignore[attr-defined]

    def clean_window(self) -> Window | None:
        key = self.cleaned_data["window"]
        window = Window.parse(key) if key else None
        if key and window is None:
            raise forms.ValidationError(f"“{key}” names no window. Choose one on the page Windows.")
        return window

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", "The last day is before the first.")
        return cleaned

    def wanted(self) -> Wanted:
        """What could be read; without any days given, the last weeks reported."""
        self.is_valid()
        given = self.cleaned_data
        since, until = given.get("since"), given.get("until")
        if since is None and until is None and given.get("days") != "all":
            since = lately(self.brand)
        return Wanted(
            text=given.get("q") or "", retailer=given.get("retailer") or "", status=given.get("status") or "",
            objective=given.get("objective") or "", since=since, until=until,
            window=given.get("window"), sort=given.get("sort") or "-spend",
        )  # fmt: skip


class CampaignForm(forms.Form):
    """The facts of a campaign. Rules are three amounts and a note; what else stands among them is kept."""

    name = forms.CharField(max_length=200, error_messages={"required": "Give it a name."})
    retailer: forms.ModelChoiceField[Retailer] = forms.ModelChoiceField(
        None, empty_label=None, error_messages={"required": "Choose where it runs."}
    )
    external_id = forms.CharField(
        max_length=80, required=False, label="Number at the retailer",
        help_text="Reports find the campaign by it. Leave it empty until there is one.",
    )  # fmt: skip
    objective = forms.CharField(max_length=60, required=False)
    status = forms.ChoiceField(choices=Campaign.Status.choices)
    budget = forms.DecimalField(max_digits=14, decimal_places=2, min_value=0, required=False)
    budget_period = forms.ChoiceField(choices=Campaign.BudgetPeriod.choices, label="Budget is for")
    currency = forms.RegexField(
        r"^[A-Z]{3}$", required=False, strip=True,
        error_messages={"invalid": "Three capital letters, for example EUR."},
        help_text="Empty: the retailer’s, then the brand’s.",
    )  # fmt: skip
    starts_on = forms.DateField(
        required=False, label="First day", widget=forms.DateInput(attrs=DATE, format="%Y-%m-%d")
    )
    ends_on = forms.DateField(required=False, label="Last day", widget=forms.DateInput(attrs=DATE, format="%Y-%m-%d"))
    audiences: forms.ModelMultipleChoiceField[AudienceSegment] = forms.ModelMultipleChoiceField(
        None, required=False, widget=forms.CheckboxSelectMultiple
    )
    min_spend = forms.DecimalField(max_digits=14, decimal_places=2, min_value=0, required=False, label="Spend at least")
    max_spend = forms.DecimalField(max_digits=14, decimal_places=2, min_value=0, required=False, label="Spend at most")
    min_roas = forms.DecimalField(max_digits=8, decimal_places=2, min_value=0, required=False, label="ROAS at least")
    note = forms.CharField(max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: QueryDict | None = None, *, brand: Brand, campaign: Campaign | None = None, seen: str = ""
    ):
        self.brand, self.campaign = brand, campaign
        super().__init__(data, initial=_initial(campaign, seen))
        self.fields["retailer"].queryset = Retailer.objects.for_brand(brand).order_by("name")  # type: ignore[attr-defined]
        audiences = AudienceSegment.objects.for_brand(brand).order_by("name")
        self.fields["audiences"].queryset = audiences  # type: ignore[attr-defined]
        if campaign is None:
            self.fields["status"].required = False
            self.fields["status"].choices = [(Campaign.Status.PLANNED, "Planned")]  # type: ignore[attr-defined]
        for name, field in self.fields.items():
            if data is not None and name in self.errors:
                field.widget.attrs.update({"aria-invalid": "true", "aria-describedby": f"id_{name}_error"})

    def clean_external_id(self) -> str:
        given: str = self.cleaned_data["external_id"].strip()
        if not given:
            return self.campaign.external_id if self.campaign else ""
        others = Campaign.objects.for_brand(self.brand).filter(external_id=given)
        if self.campaign is not None:
            others = others.exclude(pk=self.campaign.pk)
        taken = others.first()
        if taken is not None:
            raise forms.ValidationError(f"“{taken.name}” has this number already.")
        return given

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        starts, ends = cleaned.get("starts_on"), cleaned.get("ends_on")
        if starts and ends and ends < starts:
            self.add_error("ends_on", f"The last day is before the first, {starts.day} {starts:%b %Y}.")
        least, most = cleaned.get("min_spend"), cleaned.get("max_spend")
        if least is not None and most is not None and most < least:
            self.add_error("max_spend", f"This is less than the least, {least}.")
        return cleaned

    def facts(self) -> dict[str, Any]:
        """What the services write; rules without a value are left out."""
        given = self.cleaned_data
        names = ("name", "retailer", "external_id", "objective", "budget", "budget_period", "currency", "starts_on",
                 "ends_on")  # fmt: skip
        rules = dict(self.campaign.constraints) if self.campaign else {}
        for name in (*RULES, "note"):
            rules.pop(name, None)
            if given[name] not in (None, ""):
                rules[name] = str(given[name])
        return {
            **{name: given[name] for name in names},
            "status": given["status"] or Campaign.Status.PLANNED,
            "constraints": rules,
        }


def _initial(campaign: Campaign | None, seen: str) -> dict[str, Any]:
    if campaign is None:
        return {"budget_period": Campaign.BudgetPeriod.WEEK}
    names = ("name", "retailer", "external_id", "objective", "status", "budget", "budget_period", "currency",
             "starts_on", "ends_on")  # fmt: skip
    return {
        **{name: getattr(campaign, name) for name in names},
        **{name: campaign.constraints.get(name) for name in (*RULES, "note")},
        "audiences": list(campaign.audiences.values_list("pk", flat=True)),
        "seen": seen,
    }


class PeriodForm(forms.Form):
    """One period of a plan; an empty row is no period."""

    id = forms.IntegerField(required=False, widget=forms.HiddenInput)
    starts_on = forms.DateField(
        required=False, label="First day", widget=forms.DateInput(attrs=DATE, format="%Y-%m-%d")
    )
    ends_on = forms.DateField(required=False, label="Last day", widget=forms.DateInput(attrs=DATE, format="%Y-%m-%d"))
    spend = forms.DecimalField(required=False, max_digits=14, decimal_places=2, min_value=0)
    sales = forms.DecimalField(required=False, max_digits=14, decimal_places=2, min_value=0)
    orders = forms.IntegerField(required=False, min_value=0)
    clicks = forms.IntegerField(required=False, min_value=0)
    impressions = forms.IntegerField(required=False, min_value=0, label="Views")
    drop = forms.BooleanField(required=False, label="Take out")

    @property
    def is_empty(self) -> bool:
        return not any(self.cleaned_data.get(name) not in (None, "") for name in PLAN_FIELDS)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("drop") or self.is_empty:
            return cleaned
        for name in ("starts_on", "ends_on"):
            if cleaned.get(name) is None and name not in self.errors:
                self.add_error(name, "Say the day.")
        starts, ends = cleaned.get("starts_on"), cleaned.get("ends_on")
        if starts and ends and ends < starts:
            self.add_error("ends_on", "Before the first day.")
        if not self.errors and all(cleaned.get(name) is None for name in PLAN_FIELDS[2:]):
            self.add_error("spend", "Plan at least one figure.")
        return cleaned


class PlanForms:
    """The periods of one plan as rows, with two empty ones at the end. Periods may not overlap."""

    def __init__(self, data: QueryDict | None = None, *, plans: Sequence[CampaignPlan] = ()) -> None:
        self.known = {plan.pk: plan for plan in plans}
        if data is None:
            self.forms = [PeriodForm(prefix=f"p{place}", initial=_period(plan)) for place, plan in enumerate(plans)]
            self.forms += [PeriodForm(prefix=f"p{len(plans) + extra}") for extra in range(EMPTY_PERIODS)]
            return
        count = min(int(data.get("rows", "0")) if data.get("rows", "0").isdecimal() else 0, 400)
        self.forms = [PeriodForm(data, prefix=f"p{place}") for place in range(count)]

    def is_valid(self) -> bool:
        checked = [form.is_valid() for form in self.forms]  # all of them, so that each shows what is wrong
        valid = all(checked)
        kept = [form for form in self.forms if form.is_valid() and not form.is_empty and not form.cleaned_data["drop"]]
        kept.sort(key=lambda form: form.cleaned_data["starts_on"])
        latest: date | None = None
        for form in kept:
            starts, pk = form.cleaned_data["starts_on"], form.cleaned_data.get("id")
            if pk and pk not in self.known:
                form.add_error("starts_on", "This period is not there any more.")
                valid = False
            elif latest is not None and starts <= latest:
                form.add_error("starts_on", f"Overlaps the period up to {latest.day} {latest:%b %Y}.")
                valid = False
            latest = max(latest or form.cleaned_data["ends_on"], form.cleaned_data["ends_on"])
        for form in self.forms:
            for name in form.errors:
                if name in form.fields:
                    described = {"aria-invalid": "true", "aria-describedby": f"{form[name].id_for_label}_error"}
                    form.fields[name].widget.attrs.update(described)
        return valid

    def periods(self) -> list[dict[str, Any]]:
        """What the service writes."""
        return [
            {"id": form.cleaned_data.get("id"), **{name: form.cleaned_data.get(name) for name in PLAN_FIELDS}}
            for form in self.forms
            if not form.is_empty and not form.cleaned_data["drop"]
        ]


def _period(plan: CampaignPlan) -> dict[str, Any]:
    return {"id": plan.pk, **{name: getattr(plan, name) for name in PLAN_FIELDS}}
