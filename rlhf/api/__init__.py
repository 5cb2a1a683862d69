"""The HTTP API of experiences and feedback."""
