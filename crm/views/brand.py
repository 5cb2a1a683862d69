"""Which brand this request is about, for pages and API alike."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.functional import SimpleLazyObject
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from crm.models import Brand, Membership
from crm.views.signed_out import forget_kept, sign_in_first

SESSION_KEY = "brand"
P = ParamSpec("P")
Answer = TypeVar("Answer", bound=HttpResponseBase)


class BrandRequest(HttpRequest):
    """A request after `requires_brand`: somebody is signed in and the brand is one of theirs."""

    brand: Brand
    membership: Membership


def membership_of(user: Any, *, slug: str | None) -> Membership | None:
    """The person's membership in the brand with this slug, or in the first of theirs by name when no slug is given."""
    if not user.is_authenticated:
        return None
    mine = Membership.objects.filter(user=user).select_related("brand").order_by("brand__name")
    return mine.filter(brand__slug=slug).first() if slug else mine.first()


class CurrentBrandMiddleware:
    """Sets `request.membership` and `request.brand` lazily, from the session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        def find() -> Membership | None:
            chosen = request.session.get(SESSION_KEY)
            return membership_of(request.user, slug=chosen) or membership_of(request.user, slug=None)

        request.membership = SimpleLazyObject(find)  # type: ignore[attr-defined]
        return self.get_response(request)


def requires_brand(
    view: Callable[Concatenate[BrandRequest, P], Answer],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Sign-in first, then a brand; somebody without any brand is told so (403). What a lost session sent is kept."""

    @wraps(view)
    def checked(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return sign_in_first(request)
        forget_kept(request)
        asked = cast(BrandRequest, request)
        if not asked.membership:
            raise PermissionDenied("You are not a member of any brand yet. Ask an owner to add you.")
        asked.brand = asked.membership.brand
        return view(asked, *args, **kwargs)

    return cast("Callable[Concatenate[HttpRequest, P], HttpResponseBase]", checked)


def requires_planner(
    view: Callable[Concatenate[BrandRequest, P], HttpResponse],
) -> Callable[Concatenate[BrandRequest, P], HttpResponse]:
    """Owners and planners only; stands below `requires_brand`."""

    @wraps(view)
    def checked(request: BrandRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.membership.may_plan:
            raise PermissionDenied("Only owners and planners may start, stop and train. Ask an owner of the brand.")
        return view(request, *args, **kwargs)

    return cast("Callable[Concatenate[BrandRequest, P], HttpResponse]", checked)


def brand_context(request: HttpRequest) -> dict[str, Any]:
    """`brand`, `membership` and `brands` for the frame of every page."""
    user = getattr(request, "user", None)
    membership = getattr(request, "membership", None)
    if user is None or not user.is_authenticated or not membership:
        return {"brand": None, "membership": None, "brands": []}
    return {"brand": membership.brand, "membership": membership, "brands": Brand.objects.open_to(user)}


@require_POST
@login_required
def switch_brand(request: HttpRequest, slug: str) -> HttpResponse:
    """Change the brand for this session and go back to where the person was. 404 for a brand that is not theirs."""
    membership = membership_of(request.user, slug=slug)
    if membership is None:
        raise Http404
    request.session[SESSION_KEY] = slug
    messages.info(request, f"You now work for {membership.brand}.")
    back = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        return HttpResponseRedirect(back)
    return redirect("home")


class ClosedSignup(DefaultAccountAdapter):  # type: ignore[misc]
    """People are added by an owner or the admin; nobody signs up alone."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
