"""`Idempotency-Key` for views that change something."""

from __future__ import annotations

import hashlib
import json
from typing import Any, cast

from django.db import transaction
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from crm import idempotency
from crm.api.problems import HeaderError
from crm.api.tenancy import BrandView
from crm.models import IdempotencyRecord

HEADER = "Idempotency-Key"
REPLAY = "Idempotent-Replay"
KEPT_HEADERS = ("Location",)


class ChangingView(BrandView):
    """A POST that may be repeated safely.

    Subclasses write `change` (the work and its answer) and may write `follow_up` (waiting for a result, after the work
    is committed). With `in_one_transaction` the work and the kept answer are committed together: a crash between them
    cannot make a repeated call do the work twice. Only successes are kept: a refused call changed nothing.
    """

    in_one_transaction = True

    def change(self, request: Request, **kwargs: Any) -> Response:
        raise NotImplementedError

    def follow_up(self, request: Request, answer: Response) -> Response:
        return answer

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Read now: the parser consumes the stream, and the length limit is checked here.
        request._request.body  # noqa: B018
        super().initial(request, *args, **kwargs)

    def post(self, request: Request, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return self.follow_up(request, self.change(request, **kwargs))
        record = idempotency.claim(
            user=request.user, key=self._checked(key), path=request.path, body_sha256=self._fingerprint(request)
        )
        if record.status:
            return _replayed(record)
        try:
            if self.in_one_transaction:
                with transaction.atomic():
                    answer = self.change(request, **kwargs)
                    idempotency.keep(record, status=answer.status_code, body=_kept(answer))
            else:
                answer = self.change(request, **kwargs)
                idempotency.keep(record, status=answer.status_code, body=_kept(answer))
        except BaseException:
            idempotency.give_back(record)
            raise
        later = self.follow_up(request, answer)
        if later is not answer:
            idempotency.keep(record, status=later.status_code, body=_kept(later))
        return later

    @staticmethod
    def _checked(key: str) -> str:
        if not 1 <= len(key) <= idempotency.LONGEST_KEY or not (key.isascii() and key.isprintable()) or " " in key:
            raise HeaderError(
                {HEADER: [f"Must be 1 to {idempotency.LONGEST_KEY} printable ASCII characters without spaces."]}
            )
        return key

    def _fingerprint(self, request: Request) -> str:
        parts = (request.get_full_path(), self.brand.slug, hashlib.sha256(request._request.body).hexdigest())
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _kept(answer: Response) -> dict[str, Any]:
    data = json.loads(JSONRenderer().render(answer.data) or b"null")
    return {"data": data, "headers": {name: answer[name] for name in KEPT_HEADERS if name in answer}}


def _replayed(record: IdempotencyRecord) -> Response:
    kept = cast("dict[str, Any]", record.body)
    return Response(kept["data"], status=record.status, headers={**kept["headers"], REPLAY: "true"})
