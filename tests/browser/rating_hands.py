"""What a test does at a rating page, in the words of a rater."""

from __future__ import annotations

from typing import Any


def ready(page: Any) -> Any:
    """Waits until keys work."""
    page.locator("#rating[data-ready=yes]").wait_for()
    return page


def shown(page: Any) -> str:
    """The id of the item on the desk."""
    return str(page.locator("#rate-item [data-item]").get_attribute("data-item"))


def kept(page: Any) -> int:
    """How many items that were not rated yet are kept in the browser."""
    count = "RatingOutbox.all('items').then(rows => rows.filter(row => row.state === 'waiting').length)"
    return int(page.evaluate(count))


def unsent(page: Any) -> list[str]:
    """Kinds of the entries that wait to be sent, in order."""
    return list(page.evaluate("RatingOutbox.all('outbox').then(rows => rows.map(row => row.kind))"))


def until(page: Any, holds: Any, *, seconds: float = 20) -> None:
    """Waits while the browser works; `holds` is asked every 50 ms."""
    for _ in range(int(seconds * 20)):
        if holds():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not come about in time")


def press(page: Any, key: str) -> str:
    """One key that rates or skips; the id of the item that follows."""
    before = shown(page)
    page.keyboard.press(key)
    page.locator(f'#rate-item [data-item]:not([data-item="{before}"])').wait_for()
    return shown(page)


def all_sent(page: Any) -> None:
    until(page, lambda: not unsent(page))
