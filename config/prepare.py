"""Before the first page: migrate, collect static files, load data once, write the schedules. Safe to run again.

`python -m config.prepare [--data FOLDER]`
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from pathlib import Path

import django
from django.core.exceptions import ImproperlyConfigured


def main() -> int:
    parser = argparse.ArgumentParser(prog="config.prepare")
    parser.add_argument("--data", type=Path, help="folder of real grocery data (completejourney)")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")
    try:
        django.setup()
    except ImproperlyConfigured as refused:
        print(refused, file=sys.stderr)
        return 2
    from django.conf import settings
    from django.core.management import call_command

    port = settings.ENV.PORT
    with socket.socket() as probe:
        probe.settimeout(0.3)
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            print(
                f"Something answers on port {port} already: Endcap is running, or say PORT={port + 1} make run.",
                file=sys.stderr,
            )
            return 1
    if options.data is not None and not options.data.is_dir():
        print(f"DATA={options.data} is not a folder. It should hold transactions_sample.csv.gz.", file=sys.stderr)
        return 2
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    call_command("init_sample_data")
    if options.data is not None:
        call_command("load_completejourney", str(options.data), owner=["maya", "ana"])
    call_command("ensure_schedules")
    return 0


if __name__ == "__main__":
    sys.exit(main())
