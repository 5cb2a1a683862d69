"""gunicorn: threads (live pages poll), a recycled worker now and then, and a word when the first page can be opened."""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

bind = f"127.0.0.1:{os.environ.get('PORT', '8000')}" if not settings.PRODUCTION else f"0.0.0.0:{settings.ENV.PORT}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 8
max_requests = 20_000
max_requests_jitter = 2_000
timeout = 90
graceful_timeout = 10
accesslog = None
loglevel = "warning"


def when_ready(_server: Any) -> None:
    lines = [f"Endcap is up: http://{bind}/"]
    if not settings.PRODUCTION:
        lines += [
            "  sign in as   maya (planner), ana (owner), ben (viewer), rae (rater) of Harbor Oats, cleo (Lumen Home)",
            "  password     " + os.environ.get("DEMO_PASSWORD", "endcap-demo") + "   (admin for /admin/ has the same)",
            "  stop         Ctrl-C",
        ]
    print("\n".join(["", *lines, ""]), flush=True)
