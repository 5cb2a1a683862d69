"""The figures of the page Feedback and of `GET /api/feedback/stats`: counts, agreement, raters, versions, the queue."""
