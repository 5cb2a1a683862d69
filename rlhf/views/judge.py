"""The judge: how far it agrees with people, what it costs, and the rubrics it judges by. Owners change settings,
owners and planners write and adopt rubrics, everybody of the brand may look."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from crm.errors import EndcapError
from crm.views.brand import BrandRequest, requires_brand, requires_planner
from rlhf.calibration import frozen, measure_all, wording
from rlhf.judge.rubric import file_text
from rlhf.judging import orders, rubrics
from rlhf.judging.embedded import JUDGE
from rlhf.models import FrozenSet, JudgeSettings, RubricVersion
from rlhf.queries.judges import KINDS, calibrations, judge_page


class SettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    """Which judge, and the month's limit."""

    class Meta:
        model = JudgeSettings
        fields = ("backend", "monthly_limit_usd", "batches", "ranks")
        labels = {
            "backend": "Who judges",
            "monthly_limit_usd": "At most this much a month, USD",
            "batches": "Send backlogs as batches",
            "ranks": "Rank answers to the same request",
        }
        help_texts = {"batches": "At half price, within a day.", "ranks": "One more call for every group."}
        widgets = {"backend": forms.RadioSelect}

    def clean_monthly_limit_usd(self) -> Decimal:
        """By its field, before the database refuses it in words of its own."""
        limit: Decimal = self.cleaned_data["monthly_limit_usd"]
        if limit < 0:
            raise forms.ValidationError("A limit is 0 or more. With 0 nothing is spent.")
        return limit


@require_safe
@requires_brand
def judge(request: BrandRequest) -> HttpResponse:
    """The page."""
    return _page(request)


@require_POST
@requires_brand
def judge_settings(request: BrandRequest) -> HttpResponse:
    """Owners choose the judge and the limit; what is wrong comes back with the form (422)."""
    if request.membership.role != request.membership.Role.OWNER:
        raise PermissionDenied("Only owners choose the judge. Ask an owner of the brand.")
    row, _ = JudgeSettings.objects.get_or_create(brand=request.brand)
    form = SettingsForm(request.POST, instance=row)
    if not form.is_valid():
        return _page(request, form=form, status=422)
    form.save()
    messages.success(request, "Saved. New work is judged this way.")
    return redirect("judge")


@require_POST
@requires_brand
@requires_planner
def judge_measure(request: BrandRequest) -> HttpResponse:
    """Measure now, without waiting for the next turn."""
    made = measure_all(request.brand)
    messages.success(request, "Measured again." if made else "Nothing has changed since the last measurement.")
    return redirect(f"{reverse('judge')}#calibration-title")


@require_safe
@requires_brand
def rubric(request: BrandRequest, kind: str) -> HttpResponse:
    """One kind's rubric: what is in force, drafts, and how each does on a frozen set."""
    return _rubric(request, kind)


@require_POST
@requires_brand
@requires_planner
def rubric_draft(request: BrandRequest, kind: str) -> HttpResponse:
    """Keep a wording as a draft; a text that is no rubric comes back with what is wrong (422)."""
    text, note = request.POST.get("text", ""), request.POST.get("note", "")
    try:
        made = wording.draft(brand=request.brand, kind=_known(kind), text=text, note=note, by=request.user)
    except EndcapError as error:
        return _rubric(request, kind, text=text, trouble=error.message, status=422)
    messages.success(request, f"Kept as draft {made.number}. It judges nothing until you put it in force.")
    return redirect("rubric", kind=kind)


@require_POST
@requires_brand
@requires_planner
def rubric_adopt(request: BrandRequest, kind: str) -> HttpResponse:
    """Put a version in force; without a number, the shipped one."""
    number = request.POST.get("number", "")
    if number:
        wording.adopt(_version(request, kind, number))
        messages.success(request, f"Version {number} judges from now on.")
    else:
        wording.back_to_shipped(request.brand, _known(kind))
        messages.success(request, "The rubric that ships with Endcap judges from now on.")
    return redirect("rubric", kind=kind)


@require_POST
@requires_brand
@requires_planner
def rubric_freeze(request: BrandRequest, kind: str) -> HttpResponse:
    """Keep what people have rated of this kind as it is, to try rubrics on."""
    name = request.POST.get("name", "").strip() or f"{KINDS[_known(kind)]}, {timezone.localdate():%d %b %Y}"
    try:
        made = frozen.freeze(brand=request.brand, kind=kind, name=name, by=request.user)
    except EndcapError as error:
        return _rubric(request, kind, trouble=error.message, status=error.status)
    messages.success(request, f"{made} holds {made.items.count()} rated items.")
    return redirect("rubric", kind=kind)


@require_POST
@requires_brand
@requires_planner
def rubric_try(request: BrandRequest, kind: str) -> HttpResponse:
    """Judge a frozen set under a version, and under the one in force beside it."""
    own = FrozenSet.objects.for_brand(request.brand).filter(kind=_known(kind))
    asked = request.POST.get("set", "")
    chosen = get_object_or_404(own, pk=int(asked) if asked.isdecimal() and len(asked) < 19 else 0)
    version = _version(request, kind, request.POST.get("number", ""))
    who = orders.judge_of(request.brand)
    trial = frozen.try_on(chosen, version)
    frozen.serving_on(chosen)
    said = "Tried." if trial.measured else "Nothing in the set could be judged."
    if who != JUDGE:
        by_model = frozen.try_on(chosen, version, judge=who)
        said += f" {who} judges {by_model.ordered} of them; try again when it is done." if by_model.ordered else ""
    messages.success(request, said)
    return redirect(f"{reverse('rubric', args=[kind])}?set={chosen.pk}#tried-title")


def _page(request: BrandRequest, *, form: SettingsForm | None = None, status: int = 200) -> HttpResponse:
    view = judge_page(request.brand, now=timezone.now(), line=request.GET.get("line", ""))
    context = {
        "place": "judge",
        "view": view,
        "form": form or SettingsForm(instance=view.settings),
        "owner": request.membership.role == request.membership.Role.OWNER,
    }
    return render(request, "rlhf/judge.html", context, status=status)


def _rubric(request: BrandRequest, kind: str, *, text: str = "", trouble: str = "", status: int = 200) -> HttpResponse:
    name = KINDS[_known(kind)]
    versions = RubricVersion.objects.for_brand(request.brand).filter(kind=kind).select_related("created_by")
    serving = next((one for one in versions if one.state == RubricVersion.State.SERVING), None)
    sets = list(FrozenSet.objects.for_brand(request.brand).filter(kind=kind).annotate(size=Count("items")))
    asked = request.GET.get("set", "")
    chosen = next((one for one in sets if str(one.pk) == asked), sets[0] if sets else None)
    in_force = rubrics.serving(request.brand, kind)
    context: dict[str, Any] = {
        "place": "judge",
        "kind": kind,
        "name": name,
        "versions": versions,
        "serving": serving,
        "in_force": in_force,
        "sets": sets,
        "chosen": chosen,
        "tried": calibrations(request.brand, kind=kind, frozen=chosen) if chosen else [],
        "text": text or (serving.text if serving else file_text(kind)),
        "trouble": trouble,
    }
    return render(request, "rlhf/rubric.html", context, status=status)


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise Http404(f"There is no kind of work named {kind}.")
    return kind


def _version(request: BrandRequest, kind: str, number: str) -> RubricVersion:
    rows = RubricVersion.objects.for_brand(request.brand).filter(kind=_known(kind))
    found: RubricVersion = get_object_or_404(rows, number=int(number) if number.isdecimal() and len(number) < 9 else 0)
    return found
