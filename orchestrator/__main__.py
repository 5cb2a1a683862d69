"""`python -m orchestrator COMMAND`: the command line, a door to the same services as the pages and the API."""

from __future__ import annotations

import os
import sys

import django
from django.core.exceptions import ImproperlyConfigured


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")
    # a line of log for each episode would bury the lines of the command itself
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    try:
        django.setup()
    except ImproperlyConfigured as refused:
        sys.exit(str(refused))
    from orchestrator.cli import app

    app(prog_name="python -m orchestrator")


if __name__ == "__main__":
    main()
