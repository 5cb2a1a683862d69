"""The baseline: the pack's fixed sequence, then finish. It explores nothing, so learners get no gradient from it."""

from __future__ import annotations

import numpy as np

from orchestrator.policies.contract import FINISH, Decision, PolicyState

LABEL = "static@1"


class StaticPolicy:
    """Follows `pack.static_sequence` whatever happens; every choice is logged with probability 1."""

    label = LABEL

    def decide(self, state: PolicyState, rng: np.random.Generator) -> Decision:
        """The next of the sequence; steps that the pack does not allow are left out."""
        sequence = [name for name in state.pack.static_sequence if name in state.allowed and name != FINISH]
        action = sequence[state.step] if state.step < len(sequence) else FINISH
        place = f"{state.step + 1} of {len(sequence)}" if state.step < len(sequence) else "the sequence is done"
        return Decision(
            action=action,
            allowed=state.allowed,
            probabilities=tuple(float(name == action) for name in state.allowed),
            policy=self.label,
            why=f"fixed sequence: {place}",
        )
