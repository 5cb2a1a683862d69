"""A real year of grocery data (84.51°, "The Complete Journey", CC0) as a brand of its own."""

from crm.imports.completejourney.load import load_completejourney

__all__ = ["load_completejourney"]
