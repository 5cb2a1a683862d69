"""Who may rate, how often, and how one rating that is sent twice stays one."""

from __future__ import annotations

import hashlib
import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import Http404
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import AnonRateThrottle, BaseThrottle
from rest_framework.views import APIView

from crm.api.repeats import HEADER, REPLAY, ChangingView
from crm.api.tenancy import BrandView, WorksForBrand
from crm.idempotency import KeyReused
from crm.models import Brand, Membership
from rlhf.models import Experience, Feedback, PreferencePair

LONGEST_KEPT_KEY = 80
A_MINUTE = 60
LARGE = ("request", "intent", "context", "output", "versions")


class RatesForBrand(WorksForBrand):
    """Everybody but viewers may say what they think of an output."""

    who_may_change = "owners, planners and raters may rate"

    def may_change(self, membership: Membership) -> bool:
        return membership.role != Membership.Role.VIEWER


class RatingThrottle(BaseThrottle):
    """So many ratings of one person in a calendar minute: one counter, since ratings come by the thousand."""

    def __init__(self) -> None:
        self.most = int(settings.API_RATINGS_A_MINUTE)

    def allow_request(self, request: Request, view: APIView) -> bool:
        if request.user.pk is None:
            return True
        key = f"ratings:{request.user.pk}:{int(time.time()) // A_MINUTE}"
        if cache.add(key, 1, timeout=2 * A_MINUTE):
            return self.most >= 1
        try:
            return bool(cache.incr(key) <= self.most)
        except ValueError:  # it ran out between the two calls
            return True

    def wait(self) -> float:
        return A_MINUTE - time.time() % A_MINUTE


class RatingView(ChangingView):
    """A POST that stores what somebody said.

    Unlike other calls it needs no record of its own for `Idempotency-Key`: the key stands on the row, for good, and a
    repeated call gets the row again with 200 instead of 201. The same key with another word is a 422.
    """

    permission_classes = [IsAuthenticated, RatesForBrand]
    throttle_classes = [AnonRateThrottle, RatingThrottle]

    def get_throttles(self) -> list[BaseThrottle]:
        if self.request.method == "POST":
            return super().get_throttles()
        return [throttle() for throttle in BrandView.throttle_classes]

    def post(self, request: Request, **kwargs: Any) -> Response:
        return self.change(request, **kwargs)

    def names(self) -> dict[str, Any]:
        """The context of outputs: whose names may be seen."""
        return names_for(self.membership, self.request)

    def key(self, request: Request) -> str:
        """The caller's key as it is kept; long ones as their hash; blank where none was sent. Raises HeaderError."""
        given = request.headers.get(HEADER)
        if given is None:
            return ""
        checked = self._checked(given)
        return checked if len(checked) <= LONGEST_KEPT_KEY else f"sha256:{hashlib.sha256(checked.encode()).hexdigest()}"

    def answered(self, data: Any, *, new: bool) -> Response:
        return Response(data, status=201) if new else Response(data, status=200, headers={REPLAY: "true"})


def refuse_another(known: Feedback | PreferencePair, **meant: Any) -> None:
    """Raises KeyReused where the row that the key brought says something else than this call does."""
    if any(getattr(known, name) != value for name, value in meant.items()):
        raise KeyReused(
            "This Idempotency-Key was used for another rating. Choose a new key for a new rating.", key=known.key
        )


def experience_of(brand: Brand, public_id: Any, *, whole: bool = False) -> Experience:
    """The brand's experience; Http404 for any other. Its context and output are read where `whole` asks for them."""
    rows = Experience.objects.for_brand(brand) if whole else Experience.objects.for_brand(brand).defer(*LARGE)
    return _all_of(brand, rows, [public_id])[0]


def experiences_of(brand: Brand, public_ids: list[Any]) -> list[Experience]:
    """The brand's experiences in the order asked for, without what is large, in one query; Http404 for any other."""
    return _all_of(brand, Experience.objects.for_brand(brand).defer(*LARGE), public_ids)


def _all_of(brand: Brand, rows: Any, public_ids: list[Any]) -> list[Experience]:
    found = {one.public_id: one for one in rows.filter(public_id__in=public_ids)}
    if any(public_id not in found for public_id in public_ids):
        raise Http404(f"{brand} has no such experience. GET /api/experiences/ lists them.")
    for one in found.values():
        one.brand = brand
    return [found[public_id] for public_id in public_ids]


def sees_everything(membership: Membership) -> bool:
    """Raters judge blind: they see what others said only of what they have rated themselves."""
    return membership.role != Membership.Role.RATER


def sees_people(membership: Membership) -> bool:
    """Who said what is for owners and planners; everybody sees their own name."""
    return membership.may_plan


def names_for(membership: Membership, request: Request) -> dict[str, Any]:
    return {} if sees_people(membership) else {"only_me": request.user}


def refuse_names(membership: Membership, rater: str | None) -> None:
    """Raises PermissionDenied where somebody asks for one person's words and may not see who said what."""
    if rater and not sees_people(membership):
        raise PermissionDenied("Who said what is for owners and planners.")


def refuse_raters(membership: Membership) -> None:
    """Raises PermissionDenied for somebody who only rates."""
    if not sees_everything(membership):
        raise PermissionDenied("Raters judge blind, so they do not see what others said.")
