"""Reads that join models for a page. Each function asks a constant number of questions, however long the lists are."""
