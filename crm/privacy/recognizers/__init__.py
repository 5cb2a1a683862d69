"""Who looks for what in a text: one module for each family of personal data. Pure: a text in, finds out."""

from crm.privacy.recognizers.found import Found

__all__ = ["Found"]
