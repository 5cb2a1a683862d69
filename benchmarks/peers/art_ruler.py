"""openpipe-art's RULER over one group per case, in its own environment: `ruler_score_group` as its users call it.

In (stdin): {"cases": [{"name", "url"}], "answers": [...], "timeout_s"}. Out: one JSON list of {"name", "scores"} or
{"name", "error"}. The judge is an OpenAI-compatible server at `url`, reached by litellm as RULER does.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ["WANDB_MODE"] = "disabled"

import art
from art.rewards.ruler import ruler_score_group


def group_of(answers: list[str]) -> Any:
    return art.TrajectoryGroup(
        [
            art.Trajectory(
                messages_and_choices=[
                    {"role": "user", "content": "Sell oats"},
                    {"role": "assistant", "content": answer},
                ],
                reward=0.0,
            )
            for answer in answers
        ]
    )


async def scored(case: dict[str, str], job: dict[str, Any]) -> dict[str, Any]:
    began = time.perf_counter()
    try:
        judged = await ruler_score_group(
            group_of(job["answers"]),
            "openai/judge",
            extra_litellm_params={
                "api_base": case["url"], "api_key": "test", "timeout": job["timeout_s"], "num_retries": 0,
                "max_retries": 0,
            },
        )  # fmt: skip
        found: dict[str, Any] = {"scores": [trajectory.reward for trajectory in judged.trajectories]}
    except Exception as error:  # noqa: BLE001 - whatever it raises is its way to say that there is no verdict
        found = {"error": f"{type(error).__name__}: {error}"[:160]}
    return {"name": case["name"], **found, "seconds": round(time.perf_counter() - began, 3)}


async def main() -> None:
    job = json.load(sys.stdin)
    found = [await scored(case, job) for case in job["cases"]]
    print("RESULT " + json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main())
