"""Outside effects that must not happen twice: paid calls, e-mails, writes to somebody's CRM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, transaction

from orchestrator.engine.claim import Lease, renew
from orchestrator.models import Episode, RecordedReply


class EpisodeEffects:
    """The effects of one step. A reply is recorded at once, in a commit of its own, and used instead of a second call.

    Between the effect and its record lies a moment that nobody can close from one side alone. A worker that dies there
    makes the next one call again with the same key: `episode/step/name`, free of the attempt, so that a service that
    honours idempotency keys does it once all the same.
    """

    def __init__(self, episode: Episode, step: int, lease: Lease) -> None:
        self._episode, self._step, self._lease = episode, step, lease

    def once(self, name: str, call: Callable[[str], Any]) -> Any:
        """The reply of `call(key)`, from the record where there is one.

        Args:
            name: tells the effects of one step apart; must not depend on chance or on time.
            call: makes the effect; gets the key to hand on to the service; returns what JSON can hold.

        Raises:
            LeaseLost: another worker owns the episode by now; the effect was not made here.
        """
        key = f"{self._episode.public_id}/{self._step}/{name}"
        known = RecordedReply.across_brands.filter(key=key).values_list("reply", flat=True)
        for reply in known:
            return reply
        if self._lease.due:
            # a worker that slept through its lease must not act on behalf of its successor
            renew(self._lease)
        reply = call(key)
        try:
            with transaction.atomic():
                RecordedReply.across_brands.create(episode=self._episode, key=key, reply=reply)
        except IntegrityError:
            return known.get()
        return reply
