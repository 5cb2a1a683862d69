"""The application as a server of its own for the flows: on the database of the tests, with static files, and with a
worker that kills itself where a test asks for it.

`KILL` names a file. While it is there, the next answer to an item kills the worker that takes it: before anything is
done (the file says "before"), or after it was stored and before anybody was told ("after"). The file goes first, so
that it happens once.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any


def _served() -> Any:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.wsgi import get_wsgi_application

    return StaticFilesHandler(get_wsgi_application())


def _asked() -> str:
    """What the file says, for the one worker that removes it."""
    asked = Path(os.environ["KILL"])
    try:
        when = asked.read_text()
        asked.unlink()
    except FileNotFoundError:
        return ""
    return when


served = _served()


def application(environ: dict[str, Any], start_response: Any) -> Any:
    when = _asked() if environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"].endswith("/answer/") else ""
    if when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    answer = served(environ, start_response)
    if when == "after":
        os.kill(os.getpid(), signal.SIGKILL)
    return answer
