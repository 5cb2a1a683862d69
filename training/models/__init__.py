"""What was learned and how."""

from training.models.runs import TrainingRun

__all__ = ["TrainingRun"]
