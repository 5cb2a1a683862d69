"""Empty databases that are kept below .peers/, because migrating one takes a minute and is timed for nobody."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

TIMEOUT_S = 120


def kind_of(database: str) -> str:
    return "postgresql" if database.startswith("postgres") else "sqlite"


def restore(database: str, kept: Path) -> bool:
    """Fill the empty `database` (an address of PostgreSQL, or a file) from `kept`; False where nothing is kept."""
    if not kept.exists():
        return False
    if kind_of(database) == "sqlite":
        shutil.copy(kept, database)
        return True
    command = ["psql", "--quiet", "--single-transaction", "--set", "ON_ERROR_STOP=1", "--output", os.devnull]
    subprocess.run([*command, "--file", str(kept), database], check=True, timeout=TIMEOUT_S)
    return True


def keep(database: str, kept: Path) -> None:
    """Write `database` to `kept`, whole or not at all. Nobody else may be writing to it."""
    part = kept.with_suffix(".part")
    if kind_of(database) == "sqlite":
        shutil.copy(database, part)
    else:
        subprocess.run(["pg_dump", "--no-owner", "--file", str(part), database], check=True, timeout=TIMEOUT_S)
    part.rename(kept)
