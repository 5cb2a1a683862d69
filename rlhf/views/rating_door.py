"""What stands before every view that takes a rating: who is there, for which brand, and answers a script can read.

A script names the person (`as`) and the brand that it holds ratings of, so that nothing of one person is ever sent in
the name of another, and a rating reaches its own brand after the brand was switched.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from crm.errors import EndcapError
from crm.models import Membership
from crm.views.brand import BrandRequest, membership_of, requires_brand

P = ParamSpec("P")
MAY_RATE = "Viewers look on. Owners, planners and raters say how good the work is; ask an owner of the brand."


def by_script(request: HttpRequest) -> bool:
    """Whether a script asks and reads JSON; a form without script gets a redirect."""
    return request.headers.get("Accept", "").startswith("application/json")


def problem(status: int, code: str, detail: str, **more: Any) -> JsonResponse:
    """RFC 9457, as the API answers; `code` says what the page does about it."""
    body = {"status": status, "code": code, "detail": detail, **more}
    return JsonResponse(body, status=status, content_type="application/problem+json")


def requires_rater(
    view: Callable[Concatenate[BrandRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Sign-in, brand and role, then the view. What a service refuses is said: as JSON, or by a message on the page.

    A script gets 401 (signed_out), 409 (other_person) or 403 (not_yours) and keeps what it holds.
    """
    inner = requires_brand(_as_rater(view))

    @wraps(view)
    def checked(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not by_script(request):
            return inner(request, *args, **kwargs)
        if not request.user.is_authenticated:
            return problem(401, "signed_out", "Sign in, and it is kept.")
        said = _named(request, "as")
        if said and said != str(request.user.pk):
            return problem(409, "other_person", "Somebody else is signed in now. Sign in as yourself, and it is kept.")
        if not request.membership:  # type: ignore[attr-defined]
            return problem(403, "not_yours", "You are not a member of any brand yet. Ask an owner to add you.")
        return inner(request, *args, **kwargs)

    return cast("Callable[Concatenate[HttpRequest, P], HttpResponseBase]", checked)


def typed(request: HttpRequest, field: str) -> str:
    """What somebody typed, with the line ends of texts here: a form sends others."""
    return request.POST.get(field, "").replace("\r\n", "\n")


def back_to(request: HttpRequest, otherwise: str) -> str:
    """`next` of the form where it leads to a page of ours."""
    asked = request.POST.get("next", "") or request.GET.get("next", "")
    if url_has_allowed_host_and_scheme(asked, {request.get_host()}, require_https=request.is_secure()):
        return asked
    return otherwise


def _as_rater(
    view: Callable[Concatenate[BrandRequest, P], HttpResponseBase],
) -> Callable[Concatenate[BrandRequest, P], HttpResponseBase]:
    @wraps(view)
    def checked(request: BrandRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            _enter_brand(request)
            return view(request, *args, **kwargs)
        except PermissionDenied as refused:
            if by_script(request):
                return problem(403, "not_yours", str(refused))
            raise
        except EndcapError as refused:
            return _refused(request, refused)

    return cast("Callable[Concatenate[BrandRequest, P], HttpResponseBase]", checked)


def _enter_brand(request: BrandRequest) -> None:
    """The brand that the form names, where it is another one of this person's; then the role there."""
    named = _named(request, "brand")
    if named and named != request.brand.slug:
        other = membership_of(request.user, slug=named)
        if other is None:
            raise PermissionDenied("You are not a member of this brand any more.")
        request.membership, request.brand = other, other.brand
    membership: Membership = request.membership
    if not membership.may_rate:
        raise PermissionDenied(MAY_RATE)


def _named(request: HttpRequest, field: str) -> str:
    return request.POST.get(field, "") or request.GET.get(field, "")


def _refused(request: BrandRequest, error: EndcapError) -> HttpResponse:
    if by_script(request):
        return problem(error.status, "refused", error.message, field=error.detail.get("field", ""))
    messages.warning(request, error.message)
    return redirect(back_to(request, reverse("rate")))
