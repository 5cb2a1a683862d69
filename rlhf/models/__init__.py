"""How good it was."""

from rlhf.models.experience import Evaluation, Experience
from rlhf.models.reward import Reward, RewardConfig

__all__ = ["Evaluation", "Experience", "Reward", "RewardConfig"]
