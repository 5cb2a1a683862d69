"""Experiences, what judges and people said of them, and rewards. What happened is history and is read here only."""

from rlhf.admin import experiences, judges, people

__all__ = ["experiences", "judges", "people"]
