"""Pages about how good it was: rating, feedback, the judge."""
