"""Campaigns: their list and pages, plan against actual, and what people change of them."""
