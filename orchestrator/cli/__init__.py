"""Commands that run packs and train the policy in this process, without broker and workers.

Exit codes: 0 all went well, 1 something ran and failed, 2 it was asked for wrongly.
"""

from __future__ import annotations

import typer

from orchestrator.cli.results import results
from orchestrator.cli.runs import generate_dynamic_runs, run_pack_dynamic
from orchestrator.cli.training import train

app = typer.Typer(
    help="Run packs and train the policy.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
app.command("run-pack-dynamic")(run_pack_dynamic)
app.command("generate-dynamic-runs")(generate_dynamic_runs)
app.command("train")(train)
app.command("results")(results)

__all__ = ["app"]
