"""Waits for a condition in a page; Playwright's own way needs `eval`, which the page's policy forbids."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

LIMIT_S = 10.0


def until(page: Page, expression: str, limit_s: float = LIMIT_S) -> None:
    """Returns as soon as the expression is true in the page."""
    end = time.monotonic() + limit_s
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"in {limit_s} s it did not come true: {expression}"
        page.wait_for_timeout(25)


def until_so(condition: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
    """Returns as soon as the condition holds outside the page."""
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, f"in {limit_s} s it did not come true"
        time.sleep(0.02)
