"""Flows that go through a browser use the one of the browser tests."""

from __future__ import annotations

from tests.browser.conftest import answered, browser_type_launch_args, page_for

__all__ = ["answered", "browser_type_launch_args", "page_for"]
