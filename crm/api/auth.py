"""Tokens: `auth/login`, `auth/logout`, `auth/logoutall`. Lockout and second factor are those of the pages."""

from __future__ import annotations

from typing import Any, cast

from allauth.mfa.base.forms import BaseAuthenticateForm
from allauth.mfa.utils import is_mfa_enabled
from axes.helpers import get_cool_off
from django.contrib.auth import authenticate
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from knox.auth import TokenAuthentication
from knox.models import AuthToken
from knox.settings import knox_settings
from rest_framework import serializers
from rest_framework.exceptions import APIException, AuthenticationFailed, PermissionDenied
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import AnonRateThrottle
from rest_framework.views import APIView


class LockedOut(APIException):
    """Too many wrong passwords; `wait` becomes Retry-After."""

    status_code = 429
    default_code = "locked_out"
    default_detail = "Too many wrong passwords. Wait before you try again, or ask an administrator."

    def __init__(self, wait: float | None) -> None:
        super().__init__()
        self.wait = wait


class LoginInput(serializers.Serializer[Any]):
    """Who signs in."""

    username = serializers.CharField(min_length=1, max_length=150, trim_whitespace=False)
    password = serializers.CharField(
        min_length=1, max_length=256, trim_whitespace=False, style={"input_type": "password"}
    )
    code = serializers.CharField(
        min_length=1,
        max_length=32,
        trim_whitespace=False,
        required=False,
        help_text="From the authenticator app, or a recovery code, if you use one",
    )


class LoginOutput(serializers.Serializer[Any]):
    """Send it as `Authorization: Token …`. It is shown once."""

    token = serializers.CharField()
    expiry = serializers.DateTimeField(allow_null=True)


class Login(APIView):
    """A token for user name and password."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    throttle_classes = [AnonRateThrottle]
    also_answers = ("401", "403")

    def get_authenticate_header(self, request: Request) -> str:
        return str(knox_settings.AUTH_HEADER_PREFIX)

    @extend_schema(
        operation_id="auth_login",
        summary="Get a token",
        tags=["auth"],
        request=LoginInput,
        responses={200: OpenApiResponse(LoginOutput, "The token")},
    )
    def post(self, request: Request) -> Response:
        given = LoginInput(data=request.data)
        given.is_valid(raise_exception=True)
        user = self._signed_in(request, given.validated_data["username"], given.validated_data["password"])
        self._check_second_factor(user, given.validated_data.get("code", ""))
        limit = knox_settings.TOKEN_LIMIT_PER_USER
        if AuthToken.objects.filter(user=user, expiry__gt=timezone.now()).count() >= limit:
            raise PermissionDenied(f"You have {limit} tokens already. Sign out somewhere, or POST auth/logoutall.")
        stored, token = AuthToken.objects.create(user=user, expiry=knox_settings.TOKEN_TTL)
        user_logged_in.send(sender=type(user), request=request._request, user=user)
        return Response({"token": token, "expiry": stored.expiry})

    @staticmethod
    def _signed_in(request: Request, username: str, password: str) -> AbstractBaseUser:
        asked = cast(Any, request._request)
        user = authenticate(request=asked, username=username, password=password)
        if getattr(asked, "axes_locked_out", False):
            # Else axes' middleware would put the page of the sign-in form in place of this answer.
            asked.axes_locked_out = False
            cool_off = get_cool_off(asked)
            raise LockedOut(cool_off.total_seconds() if cool_off else None)
        if user is None:
            raise AuthenticationFailed("User name or password is wrong.")
        return user

    @staticmethod
    def _check_second_factor(user: AbstractBaseUser, code: str) -> None:
        if not is_mfa_enabled(user):
            return
        if not code:
            raise AuthenticationFailed("Send `code` from your authenticator app, too.", code="second_factor_missing")
        if not BaseAuthenticateForm({"code": code}, user=user).is_valid():
            raise AuthenticationFailed("The code is wrong or was used before.", code="second_factor_wrong")


class Logout(APIView):
    """Ends the token that was sent."""

    authentication_classes = [TokenAuthentication]
    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="auth_logout", summary="End this token", tags=["auth"], request=None, responses={204: None}
    )
    def post(self, request: Request) -> Response:
        cast(AuthToken, request.auth).delete()
        user_logged_out.send(sender=type(request.user), request=request._request, user=request.user)
        return Response(status=204)


class LogoutAll(APIView):
    """Ends every token of the person."""

    authentication_classes = [TokenAuthentication]
    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="auth_logoutall", summary="End all your tokens", tags=["auth"], request=None, responses={204: None}
    )
    def post(self, request: Request) -> Response:
        AuthToken.objects.filter(user=request.user).delete()
        user_logged_out.send(sender=type(request.user), request=request._request, user=request.user)
        return Response(status=204)
