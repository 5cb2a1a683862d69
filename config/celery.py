"""The Celery app. Tasks live in each app's `tasks.py`; queues and schedules in the settings and in migrations."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

app = Celery("endcap")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
