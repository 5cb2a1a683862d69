"""Rating guides and the set-up of rating tasks: the list, a new one, one that is changed."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from crm.views.brand import BrandRequest, requires_planner
from rlhf.feedback import asking
from rlhf.feedback.asking import TaskIsThere
from rlhf.feedback.statistics.asked import kind_name
from rlhf.models import RatingTask
from rlhf.rating.tasks import ensure_tasks
from rlhf.views.feedback_door import requires_insight
from rlhf.views.feedback_forms import TaskForm


@require_safe
@requires_insight
def feedback_guides(request: BrandRequest) -> HttpResponse:
    """Every task with its question and guide; a brand begins with those for each kind of work."""
    ensure_tasks(request.brand)
    rows = [{"task": one, "kind": kind_name(one.kind)} for one in asking.tasks(request.brand)]
    return render(request, "rlhf/feedback_guides.html", {"place": "feedback", "rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@requires_insight
@requires_planner
def feedback_task_new(request: BrandRequest) -> HttpResponse:
    """A task of one's own beside those that every brand begins with."""
    form = TaskForm(request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        return _form(request, form, None)
    given = form.cleaned_data
    try:
        task = asking.make(
            request.brand, by=request.user, kind=given["kind"], asks=given["asks"], values=form.values()
        )  # fmt: skip
    except TaskIsThere as error:
        form.add_error("name", error.message)
        return _form(request, form, None)
    messages.success(request, f"{task.name} is set up. Items come into its queue by themselves.")
    return redirect("feedback_guides")


@require_http_methods(["GET", "HEAD", "POST"])
@requires_insight
@requires_planner
def feedback_task(request: BrandRequest, slug: str) -> HttpResponse:
    """Change a task; what was before stays in its history."""
    ensure_tasks(request.brand)
    task: RatingTask = get_object_or_404(RatingTask.objects.for_brand(request.brand), slug=slug)
    form = TaskForm(request.POST if request.method == "POST" else None, task=task)
    if request.method != "POST" or not form.is_valid():
        return _form(request, form, task)
    if asking.change(task, by=request.user, values=form.values()):
        messages.success(request, f"{task.name} is changed. Raters see it with their next item.")
    else:
        messages.info(request, "Nothing was different, so nothing was saved.")
    return redirect("feedback_guides")


def _form(request: BrandRequest, form: TaskForm, task: RatingTask | None) -> HttpResponse:
    context = {
        "place": "feedback",
        "form": form,
        "task": task,
        "kind": kind_name(task.kind) if task else "",
        "changes": asking.changes(task) if task else [],
    }
    return render(request, "rlhf/feedback_task.html", context, status=422 if form.errors else 200)
