"""A worker process for the crash test of the judge: judges one brand with Claude, which is a server of this machine.

`python -m tests.flows.judge_worker BRAND URL` on the database that TEST_DATABASE names.
"""

from __future__ import annotations

import os
import sys

import django


def main() -> None:
    brand, url = sys.argv[1:]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
    settings.ANTHROPIC_API_KEY, settings.CLAUDE_BASE_URL, settings.CLAUDE_TIMEOUT_S = "test", url, 60.0
    django.setup()
    from django.core.management import call_command

    from tests.rlhf.judge.conftest import MODEL

    settings.CLAUDE_MODEL = MODEL
    call_command("evaluate_experiences", brand=brand, judge="claude")


if __name__ == "__main__":
    main()
