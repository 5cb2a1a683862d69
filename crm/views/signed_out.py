"""A session that ended under somebody's hands: what they sent is kept, and waits until they have signed in again."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

SESSION_KEY = "kept"
MARK = "_kept"
LARGEST = 20_000  # bytes of a form worth keeping


def sign_in_first(request: HttpRequest) -> HttpResponse:
    """Leads to signing in, and from there back; a form that was sent is kept for once, a file is not."""
    back = request.get_full_path()
    if request.method == "POST":
        back = _keep(request)
    elif request.htmx:  # type: ignore[attr-defined]
        back = _page_behind(request)
    address = f"{reverse('account_login')}?{urlencode({'next': back})}"
    if request.htmx:  # type: ignore[attr-defined]
        # The browser goes there as a whole: a sign-in form inside a part of the old page would be lost.
        return HttpResponse(headers={"HX-Redirect": address})
    return redirect(address)


def forget_kept(request: HttpRequest) -> None:
    """What was kept is being sent now."""
    if request.method == "POST" and request.POST.get(MARK):
        request.session.pop(SESSION_KEY, None)


@require_safe
@login_required
def kept(request: HttpRequest) -> HttpResponse:
    """What was about to happen when the session ended, to be sent with one press or left."""
    waiting = request.session.get(SESSION_KEY)
    if not waiting:
        return redirect("home")
    fields = [(name, value) for name, values in waiting["fields"].items() for value in values]
    return render(request, "crm/kept.html", {"kept": waiting, "fields": fields, "mark": MARK})


@require_POST
@login_required
def leave_kept(request: HttpRequest) -> HttpResponse:
    """Throw away what was kept."""
    request.session.pop(SESSION_KEY, None)
    return redirect("home")


def _keep(request: HttpRequest) -> str:
    if request.FILES or int(request.headers.get("content-length") or 0) > LARGEST:
        return _page_behind(request)
    fields = {name: values for name, values in request.POST.lists() if name not in ("csrfmiddlewaretoken", MARK)}
    match = request.resolver_match
    what = (match.url_name or "").replace("_", " ") if match else ""
    request.session[SESSION_KEY] = {"path": request.path, "fields": fields, "what": what}
    return reverse("kept")


def _page_behind(request: HttpRequest) -> str:
    """The page that asked, as HTMX or the browser names it; only its path, so that no other site is meant."""
    current: Any = request.headers.get("HX-Current-URL") or request.headers.get("Referer") or "/"
    parts = urlsplit(str(current))
    return parts.path + (f"?{parts.query}" if parts.query else "")
