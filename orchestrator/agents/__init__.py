"""The agents: one readable table. Each does one kind of work and returns a typed result."""

from orchestrator.agents.budget import Budget
from orchestrator.agents.contract import Agent
from orchestrator.agents.creative import Creative
from orchestrator.agents.finish import Finish
from orchestrator.agents.governance import Governance
from orchestrator.agents.insight import Insight
from orchestrator.agents.outreach import Outreach
from orchestrator.agents.reflect import Reflect

AGENTS: dict[str, Agent] = {
    "insight": Insight(),
    "budget": Budget(),
    "creative": Creative(),
    "governance": Governance(),
    "outreach": Outreach(),
    "reflect": Reflect(),
    "finish": Finish(),
}

__all__ = ["AGENTS", "Agent"]
