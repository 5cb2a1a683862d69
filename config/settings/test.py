"""Settings of the tests: quick hashing, plain static files, tasks run when called."""

from __future__ import annotations

import os

from config.settings.api import REST_FRAMEWORK
from config.settings.base import *  # noqa: F403
from config.settings.base import DATABASES, VAR

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": VAR / "test-uploads"},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
UPLOADS_ROOT = VAR / "test-uploads"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
AXES_ENABLED = False
WHITENOISE_AUTOREFRESH = True
DATABASES["default"]["CONN_MAX_AGE"] = 0
REST_FRAMEWORK = {
    **REST_FRAMEWORK,
    "DEFAULT_THROTTLE_RATES": {"user": "100000/min", "anon": "100000/min", "runs": "100000/min"},
}
API_RATINGS_A_MINUTE = 1_000_000
ANTHROPIC_API_KEY = ""  # no test calls anybody's account
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # a file: threads that share a database in memory lock each other's tables out instead of waiting
    DATABASES["default"]["TEST"] = {"NAME": str(VAR / f"test-{os.getpid()}.sqlite3")}  # type: ignore[typeddict-unknown-key]
