"""`GET brands/`: the brands this person works for."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.permissions import IsAuthenticated

from crm.models import Membership


class BrandOfMine(serializers.ModelSerializer[Membership]):
    """A brand with the role of the person who asks."""

    slug = serializers.CharField(source="brand.slug")
    name = serializers.CharField(source="brand.name")
    currency = serializers.CharField(source="brand.currency", help_text="ISO 4217")
    simulated = serializers.BooleanField(
        source="brand.is_simulated", help_text="A simulated market answers; false: only real imports do"
    )
    may_plan = serializers.BooleanField(help_text="May start, stop and train")

    class Meta:
        model = Membership
        fields = ("slug", "name", "currency", "simulated", "role", "may_plan")
        read_only_fields = fields


@extend_schema_view(get=extend_schema(operation_id="brands_list", summary="The brands you work for", tags=["brands"]))
class BrandList(ListAPIView[Membership]):
    """The first one is used when a call names no brand."""

    permission_classes = [IsAuthenticated]
    serializer_class = BrandOfMine

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Membership.objects.none()
        me = cast(int, self.request.user.pk)
        return Membership.objects.filter(user=me).select_related("brand").order_by("brand__name")
