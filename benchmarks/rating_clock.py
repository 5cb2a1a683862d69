"""The clock in the page: from a key pressed to the next item painted, the same for every contestant.

It is put in before the page's own scripts. The key's time is the event's own time stamp, so that a busy page cannot
start the clock late. After every change of the page, in the next frame, it looks for the first `Item 000123` that a
reader can see; where that is another one than before, the clock stops behind that frame. Both times are on the wall,
kept in the tab, so that a contestant that loads a whole new page is measured alike. Frames come 60 times a second, so
no figure is finer than 16.7 ms.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import ConsoleMessage, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
WAIT_MS = 15_000
READING_MS = 300  # a person looks at least this long; whoever fetches ahead may use it
WARM_UP = 5

CLOCK = """
(() => {
  const ROOT = __ROOT__, SAVES = __SAVES__, KEY = "benchmark-clock";
  const say = console.debug.bind(console);  // a page may put its own in its place
  const load = () => JSON.parse(sessionStorage.getItem(KEY) || "{}");
  const save = state => sessionStorage.setItem(KEY, JSON.stringify(state));
  const wall = stamp => performance.timeOrigin + stamp;
  const visible = () => {
    const root = document.querySelector(ROOT);
    if (!root) return null;
    const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      const found = /Item \\d{6}/.exec(node.data);
      if (!found || /^(SCRIPT|STYLE|TEMPLATE|NOSCRIPT)$/.test(node.parentElement.tagName)) continue;
      if (!node.parentElement.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
      const box = node.parentElement.getBoundingClientRect();
      if (box.width && box.height && box.bottom > 0 && box.top < innerHeight) return found[0];
    }
    return null;
  };
  const painted = then => {
    const frame = new MessageChannel();
    frame.port1.onmessage = () => then(wall(performance.now()));
    frame.port2.postMessage(null);
  };
  const sent = window.benchmarkSent = [];
  if (SAVES) new PerformanceObserver(list => {
    for (const call of list.getEntries().filter(one => one.name.includes(SAVES))) {
      const since = sent.shift();
      if (since) say("benchmark-saved " + (wall(call.responseEnd) - since));
    }
  }).observe({type: "resource"});
  let waiting = false;
  const look = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      const seen = visible();
      if (seen && seen !== load().item) painted(now => {
        const {item, first, last} = load();
        if (seen === item) return;
        save({item: seen});
        say(first ? "benchmark " + JSON.stringify({first: now - first, last: now - last}) : "benchmark ready");
      });
    });
  };
  addEventListener("keydown", event => {
    if (["Control", "Shift", "Meta", "Alt"].includes(event.key)) return;
    const state = load(), now = wall(event.timeStamp);
    save({...state, first: state.first || now, last: now});
    sent.push(now);
  }, true);
  new MutationObserver(look).observe(document, {childList: true, subtree: true, attributes: true, characterData: true});
  addEventListener("DOMContentLoaded", look);
  addEventListener("load", look);
})();
"""


@dataclass(frozen=True)
class RatingPage:
    """Where one kind of rating happens: `keys` are pressed in turn, each a sequence of keys that rates one item.

    Items are looked for inside `root`. Where a page shows the next item before the server has taken the rating, `saves`
    is part of the address it sends each rating to.
    """

    address: str
    keys: Sequence[Sequence[str]]
    root: str = "body"
    saves: str = ""

    def clock(self) -> str:
        return CLOCK.replace("__ROOT__", json.dumps(self.root)).replace("__SAVES__", json.dumps(self.saves))


@dataclass
class Times:
    """Milliseconds to the next item, from a rating's last key and from its first; `failed` of `asked` never came.

    `moved` counts all that led on to another item, warm-up included; as many should be stored.
    `saved` are the milliseconds until the server had answered that it has it, where the next item is shown before.
    """

    last: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    saved: list[float] = field(default_factory=list)
    moved: int = 0
    asked: int = 0
    failed: int = 0


def _is_report(message: ConsoleMessage) -> bool:
    return message.text.startswith("benchmark ")


def time_ratings(sign_in: Callable[[Page], None], where: RatingPage, repetitions: int) -> Times:
    """Rate `repetitions` items by keyboard in the system's Chromium, after a few that do not count.

    Raises:
        playwright.sync_api.TimeoutError: the page never showed its first item.
    """
    times = Times()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
            sign_in(page)
            page.add_init_script(where.clock())
            page.on("console", lambda message: _note_saved(message, times))
            with page.expect_console_message(_is_report, timeout=2 * WAIT_MS):
                page.goto(where.address)
            page.wait_for_timeout(1500)
            for number in range(repetitions + WARM_UP):
                took = _rate(page, where.keys[number % len(where.keys)])
                times.moved += took is not None
                if number < WARM_UP:
                    continue
                times.asked += 1
                if took is None:
                    times.failed += 1
                    if times.failed > 3:
                        break
                    continue
                times.last.append(took["last"])
                times.first.append(took["first"])
            if where.saves:
                page.wait_for_function("window.benchmarkSent.length === 0", timeout=WAIT_MS)
        finally:
            browser.close()
    return times


def _note_saved(message: ConsoleMessage, times: Times) -> None:
    if message.text.startswith("benchmark-saved "):
        times.saved.append(float(message.text.removeprefix("benchmark-saved ")))


def _rate(page: Page, keys: Sequence[str]) -> dict[str, Any] | None:
    """Press the keys without a pause; what the clock said, or None where no other item came in time."""
    from playwright.sync_api import TimeoutError as TooLate

    try:
        with page.expect_console_message(_is_report, timeout=WAIT_MS) as told:
            for key in keys:
                page.keyboard.press(key)
    except TooLate:
        return None
    page.wait_for_timeout(READING_MS)
    said: dict[str, Any] = json.loads(told.value.text.removeprefix("benchmark "))
    return said
