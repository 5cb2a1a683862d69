"""What is done next, and the record of it."""

from orchestrator.models.episodes import (
    ENDED_STATES,
    OPEN_STATES,
    Episode,
    EpisodeQuerySet,
    EpisodeState,
    PolicyMode,
    RecordedReply,
    ReflectionLog,
    Step,
)
from orchestrator.models.policies import PolicyVersion

__all__ = [
    "ENDED_STATES",
    "OPEN_STATES",
    "Episode",
    "EpisodeQuerySet",
    "EpisodeState",
    "PolicyMode",
    "PolicyVersion",
    "RecordedReply",
    "ReflectionLog",
    "Step",
]
