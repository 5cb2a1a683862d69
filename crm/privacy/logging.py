"""Keeps personal data out of log lines, by the `logs` part of the shipped policy: a line belongs to no brand. Pure."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from functools import cached_property
from typing import Any

from crm.privacy.policy import default_policy
from crm.privacy.redaction import cleaner_of, keyed_hash

LABEL = "endcap/logs/v1"
OUR_OWN = frozenset({"timestamp", "level", "logger", "request_id", "task_id"})


class LogRedactor:
    """A structlog processor; the last one before the renderer, so that messages, values and tracebacks pass it."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    @cached_property
    def clean(self) -> Callable[[Any], Any]:
        key = bytes.fromhex(keyed_hash(LABEL, self.secret.encode()))
        return cleaner_of(default_policy().with_key(key), "logs")

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for name, value in event.items():
            if name not in OUR_OWN and isinstance(value, str | dict | list | tuple):
                event[name] = self.clean(value)
            elif isinstance(value, BaseException):
                event[name] = self.clean(repr(value))
        return event
