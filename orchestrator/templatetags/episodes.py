"""How episodes are written: their state, their policy mode with its version, the names of agents."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString

from crm.templatetags import figures
from orchestrator.models import Episode, EpisodeState
from orchestrator.queries.listing import MARKS

register = template.Library()


@register.filter
def agent(name: str) -> str:
    """`insight` as `Insight`, `price_checker` as `Price checker`."""
    return name.replace("_", " ").capitalize()


@register.filter
def agents(names: list[str]) -> str:
    """Actions in the order taken, joined by arrows."""
    return " → ".join(agent(name) for name in names)


@register.simple_tag
def episode_state(episode: Episode) -> SafeString:
    """The state as icon and word; what somebody asked for and the engine has not done yet is said too."""
    current = EpisodeState(episode.state)
    word = current.label
    if episode.wanted and episode.is_open:
        word = "Pausing" if episode.wanted == "pause" else "Stopping"
    return figures.state(MARKS[current], word)


@register.simple_tag
def episode_mode(episode: Episode) -> SafeString:
    """Needs `policy_version` selected with the episode."""
    version = f"v{episode.policy_version.number}" if episode.mode == "rl" and episode.policy_version else ""
    return figures.mode(episode.mode, version)
