"""Who sees the pages about feedback: not those who only rate, because they judge blind to what others said."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from crm.models import Membership
from crm.views.brand import BrandRequest, requires_brand

P = ParamSpec("P")


def requires_insight(
    view: Callable[Concatenate[BrandRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Sign-in and brand, then anybody but raters."""

    @wraps(view)
    def checked(request: BrandRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if request.membership.role == Membership.Role.RATER:
            raise PermissionDenied(
                "Raters judge blind, so they do not see what others said. Your own ratings are on Rate."
            )
        return view(request, *args, **kwargs)

    return requires_brand(cast("Callable[Concatenate[BrandRequest, P], HttpResponse]", checked))
