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
from orchestrator.models.requests import IdempotencyRecord

__all__ = [
    "ENDED_STATES",
    "OPEN_STATES",
    "Episode",
    "EpisodeQuerySet",
    "EpisodeState",
    "IdempotencyRecord",
    "PolicyMode",
    "PolicyVersion",
    "RecordedReply",
    "ReflectionLog",
    "Step",
]
