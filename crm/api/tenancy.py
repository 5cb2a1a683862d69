"""Which brand an API call is about, and whether this person may do it. Every view on business data is a `BrandView`."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import SAFE_METHODS, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from crm.models import Brand, Membership
from crm.views.brand import membership_of

HEADER = "X-Brand"
QUERY = "brand"


class WorksForBrand(BasePermission):
    """Finds the membership (`X-Brand` header, else `?brand=`, else the person's first brand) and puts it on the view.

    Raises NotFound for a brand that is not theirs, so that nobody learns which brands exist, and PermissionDenied for
    somebody without any brand, or who may only look and asks for a change.
    """

    who_may_change = "owners and planners may change anything"

    def may_change(self, membership: Membership) -> bool:
        return membership.may_plan

    def has_permission(self, request: Request, view: APIView) -> bool:
        slug = request.headers.get(HEADER) or request.query_params.get(QUERY)
        membership = membership_of(request.user, slug=slug) if "\x00" not in (slug or "") else None
        if membership is None and slug:
            raise NotFound("No such brand among yours. GET /api/brands/ lists them.")
        if membership is None:
            raise PermissionDenied("You are not a member of any brand yet. Ask an owner to add you.")
        if request.method not in SAFE_METHODS and not self.may_change(membership):
            role = membership.get_role_display().lower()
            raise PermissionDenied(f"Your role at {membership.brand} is {role}. Only {self.who_may_change}.")
        view.membership = membership  # type: ignore[attr-defined]
        return True


class BrandView(GenericAPIView[Any]):
    """A view about one brand: `self.brand` and `self.membership` are set before the handler runs."""

    permission_classes = [IsAuthenticated, WorksForBrand]
    membership: Membership

    @property
    def brand(self) -> Brand:
        return self.membership.brand

    @property
    def only_described(self) -> bool:
        """True while the OpenAPI document is written: there is no request and no brand then."""
        return bool(getattr(self, "swagger_fake_view", False))
