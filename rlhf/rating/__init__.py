"""Whom is asked what: tasks, queues, who holds which item, and what comes of an answer."""
