"""Keeps a lease alive while one step takes long. Short steps renew it in their own commit and never wake this up."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

import structlog
from django.db import OperationalError, connection

from orchestrator.engine.claim import Lease, LeaseLost, renew

log = structlog.get_logger(__name__)


class Heartbeat:
    """A context in which `lease` is renewed from a thread with its own database connection, opened when first needed.

    A lease found lost ends the thread quietly: the step's own commit asks for the lease and is what refuses to write.
    """

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat-{lease.episode_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        used_database = False
        try:
            while not self._over.wait(self._lease.seconds / 6):
                if not self._lease.due:
                    continue
                used_database = True
                try:
                    renew(self._lease)
                except LeaseLost:
                    log.warning("lease_lost", episode=self._lease.episode_id, token=self._lease.token)
                    return
                except OperationalError as error:
                    # the next beat tries again; if none succeeds in time, another worker takes over
                    log.warning("lease_not_renewed", episode=self._lease.episode_id, reason=str(error))
        finally:
            if used_database:
                connection.close()
