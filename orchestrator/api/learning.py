"""`POST orchestrator/train`: learn from the logged episodes."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle

from crm.api.inputs import NothingInput
from crm.api.parameters import whole_number
from crm.api.repeats import ChangingView
from crm.api.tenancy import BrandView
from orchestrator import learning
from orchestrator.api.serializers import TrainingSummaryOutput

MOST_RUNS = 1_000_000


class Train(ChangingView):
    """Trains while the caller waits: seconds. A version of the policy comes out and serves."""

    throttle_classes = [*BrandView.throttle_classes, ScopedRateThrottle]
    throttle_scope = "runs"
    # A training takes seconds; holding a transaction for so long would stop every other writer on SQLite.
    in_one_transaction = False

    @extend_schema(
        operation_id="orchestrator_train",
        summary="Train the policy from logged episodes",
        description="With no episodes to learn from it returns zero runs and changes nothing.",
        tags=["learning"],
        request=NothingInput,
        parameters=[
            OpenApiParameter(
                "max_runs",
                {"type": "integer", "minimum": 1, "maximum": MOST_RUNS},
                description="Use at most so many episodes, the newest; all when left out",
            )
        ],
        responses={200: TrainingSummaryOutput},
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        return super().post(request, **kwargs)

    def change(self, request: Request, **kwargs: Any) -> Response:
        max_runs = whole_number(request, "max_runs", least=1, most=MOST_RUNS)
        NothingInput(data=request.data or {}).is_valid(raise_exception=True)
        return Response(learning.train(brand=self.brand, max_runs=max_runs, by=request.user).as_dict())
