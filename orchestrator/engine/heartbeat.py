"""Keeps leases alive while steps take long. Short steps renew theirs in their own commit and never need this."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django.db import Error, connection

from orchestrator.engine.claim import Lease, LeaseLost, renew

log = structlog.get_logger(__name__)


class Heartbeat:
    """Renews every lease of this process from one thread with a database connection of its own.

    The thread starts with the first lease, looks at all of them six times per lease, and ends (its connection closed)
    when it finds none. An episode that is over between two looks costs it nothing, not even a wake-up. A lease found
    lost is forgotten: the step's own commit asks for the lease and is what refuses to write.
    """

    def __init__(self) -> None:
        self.start_over()

    def start_over(self) -> None:
        """In a process just forked: it has neither its parent's thread nor its leases."""
        self._changed = threading.Condition()
        self._leases: dict[str, Lease] = {}
        self._thread: threading.Thread | None = None
        self._next_look = 0.0

    @contextmanager
    def keeping(self, lease: Lease) -> Iterator[None]:
        """A context in which `lease` is renewed when it is due."""
        with self._changed:
            self._leases[lease.token] = lease
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
                self._thread.start()
            elif self._next_look > time.monotonic() + _pause(lease):
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._leases.pop(lease.token, None)

    def _beat(self) -> None:
        try:
            while leases := self._wait():
                for lease in leases:
                    if lease.due:
                        self._renew(lease)
        finally:
            connection.close()

    def _wait(self) -> list[Lease]:
        """The leases as they stand when the next look is due; none ends the thread."""
        with self._changed:
            began = time.monotonic()
            while self._leases:
                # a lease shorter than all others moves the look forward while this waits
                self._next_look = began + min(map(_pause, self._leases.values()))
                if not self._changed.wait(max(0.0, self._next_look - time.monotonic())):
                    break
            if not self._leases:
                self._thread = None
            return list(self._leases.values())

    def _renew(self, lease: Lease) -> None:
        try:
            renew(lease)
        except LeaseLost:
            with self._changed:
                given_back = self._leases.pop(lease.token, None) is None
            if not given_back:
                log.warning("lease_lost", episode=lease.episode.pk, token=lease.token)
        except Error as error:
            # the next look tries again, connected anew; if none succeeds in time, another worker takes over
            log.warning("lease_not_renewed", episode=lease.episode.pk, reason=str(error))
            connection.close()


def _pause(lease: Lease) -> float:
    """Seconds between two looks at it."""
    return lease.seconds / 6


heartbeat = Heartbeat()
os.register_at_fork(after_in_child=heartbeat.start_over)
