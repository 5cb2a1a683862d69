"""deepeval's G-Eval over one test case per case, in its own environment, with its own AnthropicModel.

In (stdin): {"cases": [{"name", "url"}], "answer", "timeout_s"}. Out: one JSON list of {"name", "scores"} or
{"name", "error"}. Evaluation steps are given, so that every case is exactly one call.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

os.environ |= {
    "DEEPEVAL_TELEMETRY_OPT_OUT": "YES",
    "DEEPEVAL_RETRY_MAX_ATTEMPTS": "1",
    "DEEPEVAL_SDK_RETRY_PROVIDERS": "",
    "DEEPEVAL_PER_ATTEMPT_TIMEOUT_SECONDS_OVERRIDE": "1",
    "ERROR_REPORTING": "NO",
}

from deepeval.metrics import GEval
from deepeval.models import AnthropicModel
from deepeval.test_case import LLMTestCase, SingleTurnParams


def scored(case: dict[str, str], job: dict[str, Any]) -> dict[str, Any]:
    began = time.perf_counter()
    try:
        model = AnthropicModel(model="claude-sonnet-4-5", api_key="test", base_url=case["url"])
        metric = GEval(
            name="Quality",
            evaluation_steps=["Score how well the text sells oats."],
            evaluation_params=[SingleTurnParams.INPUT, SingleTurnParams.ACTUAL_OUTPUT],
            model=model,
            async_mode=False,
        )
        metric.measure(LLMTestCase(input="Sell oats", actual_output=job["answer"]), _show_indicator=False)
        found: dict[str, Any] = {"scores": [metric.score]}
    except Exception as error:  # noqa: BLE001 - whatever it raises is its way to say that there is no verdict
        found = {"error": f"{type(error).__name__}: {error}"[:160]}
    return {"name": case["name"], **found, "seconds": round(time.perf_counter() - began, 3)}


def main() -> None:
    job = json.load(sys.stdin)
    print("RESULT " + json.dumps([scored(case, job) for case in job["cases"]]))


if __name__ == "__main__":
    main()
