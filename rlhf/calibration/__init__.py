"""How far a judge can be trusted: measured against people, per rubric version, before and after a rubric changes."""

from rlhf.calibration.measuring import measure, measure_all, reliability_of

__all__ = ["measure", "measure_all", "reliability_of"]
