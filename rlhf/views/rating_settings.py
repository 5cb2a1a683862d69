"""How a person likes to rate: keys, timings; and what the service worker needs, its own code and who is signed in."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.views.brand import BrandRequest
from rlhf.models import RaterSettings
from rlhf.rating import keys
from rlhf.views.rating import key_form
from rlhf.views.rating_door import back_to, problem, requires_rater


@require_http_methods(["GET", "HEAD", "POST"])
@requires_rater
def rate_settings(request: BrandRequest) -> HttpResponseBase:
    """The form of keys and timings; 422 with a message by the field where two keys would mean the same."""
    settings = keys.settings_of(request.user)
    if request.method != "POST":
        return _form(request, settings, {}, {})
    posted = {name: request.POST[name] for name in request.POST}
    own, wrong = keys.chosen(posted)
    if wrong:
        settings.keys_on = "keys_on" in posted
        return _form(request, settings, posted, wrong)
    values: dict[str, Any] = {"keymap": own, "keys_on": "keys_on" in posted}
    if posted.get("timings") in ("yes", "no"):
        values["timings_consent"] = posted["timings"] == "yes"
    keys.save_settings(request.user, **values)
    messages.success(request, "Kept. Your keys are as you chose them.")
    back = back_to(request, reverse("rate"))
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(headers={"HX-Redirect": back})
    return redirect(back)


@require_POST
@requires_rater
def rate_timings(request: BrandRequest) -> HttpResponseBase:
    """Yes or no to noting how long one looks; nothing is noted before."""
    if request.POST.get("timings") in ("yes", "no"):
        keys.save_settings(request.user, timings_consent=request.POST["timings"] == "yes")
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "rlhf/rate_timings.html", {"settings": keys.settings_of(request.user), "answered": True})
    return redirect(back_to(request, reverse("rate")))


@require_safe
@never_cache
def rate_sign(request: HttpRequest) -> HttpResponse:
    """Who is signed in, with a token for their forms: asked before kept ratings are sent. 401 for nobody."""
    if not request.user.is_authenticated:
        return problem(401, "signed_out", "Sign in, and it is kept.")
    return JsonResponse({"user": str(request.user.pk), "token": get_token(request)})


@require_safe
@never_cache
def rate_worker(request: HttpRequest) -> HttpResponse:
    """The service worker, at an address below which it may work; it changes when one of its files does."""
    files = [static("js/rating-outbox.js"), static("js/rating-worker.js")]
    code = "\n".join(f'importScripts("{file}");' for file in files) + "\n"
    return HttpResponse(code, content_type="text/javascript; charset=utf-8")


def _form(
    request: BrandRequest, settings: RaterSettings, posted: dict[str, str], wrong: dict[str, str]
) -> HttpResponse:
    part = request.htmx  # type: ignore[attr-defined]
    context = {
        "place": "rate",
        "next": back_to(request, reverse("rate")),
        "part": part,
        **key_form(settings, posted, wrong),
    }
    name = "rlhf/rate_keys.html" if part else "rlhf/rate_settings.html"
    return render(request, name, context, status=422 if wrong else 200)
