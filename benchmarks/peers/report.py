"""Where a benchmark's one JSON object goes: to standard output, to a file, or both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def emit(result: dict[str, Any], *, to_stdout: bool, path: Path | None) -> None:
    """Print the object on request and write it on request, indented so that two runs can be compared line by line."""
    if to_stdout:
        print(json.dumps(result))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result, indent=2) + "\n")
