"""How good it was."""

from rlhf.models.evaluations import (
    Calibration,
    Evaluation,
    FrozenItem,
    FrozenSet,
    JudgeBatch,
    JudgeCall,
    JudgeOrder,
    JudgeSettings,
    RubricVersion,
)
from rlhf.models.experience import Experience, Interaction
from rlhf.models.feedback import Feedback, HistoryIsFixed, PreferencePair, Signal, Source
from rlhf.models.rating import Assignment, RaterSettings, RatingItem, RatingTask
from rlhf.models.reward import Reward, RewardConfig

__all__ = [
    "Assignment",
    "Calibration",
    "Evaluation",
    "Experience",
    "Feedback",
    "FrozenItem",
    "FrozenSet",
    "HistoryIsFixed",
    "Interaction",
    "JudgeBatch",
    "JudgeCall",
    "JudgeOrder",
    "JudgeSettings",
    "PreferencePair",
    "RaterSettings",
    "RatingItem",
    "RatingTask",
    "Reward",
    "RewardConfig",
    "RubricVersion",
    "Signal",
    "Source",
]
