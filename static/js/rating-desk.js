// The items on a rater's desk: the one that is shown, the next ones already here, the last ones for undo. All of them are
// kept in IndexedDB, so that a reload, a crash or ten minutes without a network change nothing.

(function () {
  "use strict";
  const root = document.getElementById("rating");
  if (!root || !root.dataset.user || !self.indexedDB) return;
  const box = self.RatingOutbox;
  const said = root.dataset;
  const who = said.user + "/" + said.brand;
  const place = document.getElementById("rate-item");
  const READY = 3; // of the next items stand parsed in memory
  const MOST = 25; // the server gives no more at once
  const REMEMBERED = 40; // answered ones, for undo
  const STALE_MS = 24 * 3600 * 1000;
  const JUST_NOW_MS = 1000;

  const rows = new Map(); // id -> what is kept: html, state waiting or done, words, act, draft
  const nodes = new Map(); // id -> element, ready to be shown
  let queue = []; // ids that wait, in order
  let current = null;
  let asking = null;
  let wanted = 0;
  let resting = false;
  let nothingMore = false;
  const count = { done: Number(said.done), waiting: Number(said.waiting), seconds: Number(said.seconds), at: Number(said.at) };
  const elsewhere = { total: 0 }; // what waits in other tasks, for the side bar

  function keepRow(row) {
    rows.set(row.id, row);
    return box.put("items", row).catch(function () { /* a full disk: the page goes on without what is kept */ });
  }

  // Where the rater is and how far, with the server's time of its newest word: a page that is older is a kept copy.
  function keepPlace() {
    const now = { name: who + "/" + said.task, id: current, count: Object.assign({}, count) };
    box.put("places", now).catch(function () { /* the server knows it, too */ });
  }

  function parse(id) {
    const template = document.createElement("template");
    template.innerHTML = rows.get(id).html.trim();
    return document.importNode(template.content.firstElementChild, true);
  }

  function ready() {
    queue.slice(0, READY).forEach(function (id) { if (!nodes.has(id)) nodes.set(id, parse(id)); });
  }

  function blank(id) {
    const template = document.getElementById(id);
    return template.content.cloneNode(true);
  }

  function restoreDraft(element, row) {
    const field = element.querySelector("textarea[name=corrected]");
    if (!field || !row.draft || row.draft === field.value) return false;
    field.value = row.draft;
    return true;
  }

  function mark(element, act) {
    element.querySelectorAll(".said, .preferred").forEach(function (one) { one.classList.remove("said", "preferred"); });
    if (!act) return;
    const button = element.querySelector('[data-act="' + act + '"]');
    if (button) button.classList.add("said");
    const side = element.querySelector('[data-side="' + act + '"]');
    if (side) side.classList.add("preferred");
  }

  // The swap itself: nothing here waits for anything, so the next item stands there in the frame of the key.
  function show(id, options) {
    const settled = options || {};
    current = id;
    if (id === null) {
      place.replaceChildren(blank(settled.blank || "rate-waiting-empty"));
    } else {
      const element = nodes.get(id) || parse(id);
      nodes.set(id, element);
      mark(element, settled.act);
      const changed = restoreDraft(element, rows.get(id));
      if (place.firstElementChild !== element || place.childElementCount !== 1) place.replaceChildren(element);
      setTimeout(function () {
        if (self.htmx && element.isConnected) {
          self.htmx.process(element);
          if (changed) self.htmx.trigger(element.querySelector("textarea[name=corrected]"), "input");
        }
        ready();
      });
      keepPlace();
    }
    if (settled.focus !== false) {
      if (root.getBoundingClientRect().top < 0) root.scrollIntoView({ block: "start" });
      const heading = place.querySelector("[tabindex='-1']");
      if (heading) heading.focus({ preventScroll: true });
    }
    document.dispatchEvent(new CustomEvent("rating:shown", { detail: { id: id } }));
  }

  function next() {
    const id = queue.shift();
    if (id !== undefined) show(id);
    else show(null, { blank: nothingMore ? "rate-done-empty" : "rate-waiting-empty" });
    refill(READY);
  }

  // Leave the item that is shown: it was answered or skipped.
  function finish(words, act, kind) {
    const row = rows.get(current);
    keepRow(Object.assign(row, { state: "done", doneAt: Date.now(), words: words, act: act, kind: kind }));
    countOn(kind === "answer" ? 1 : 0, -1);
    next();
    forgetOld();
  }

  function lastDone() {
    const done = Array.from(rows.values()).filter(function (row) { return row.state === "done"; });
    return done.sort(function (a, b) { return b.doneAt - a.doneAt; })[0] || null;
  }

  // Put an item back on the desk; the one that lay there comes right after it.
  function bringBack(id, act) {
    const row = rows.get(id);
    if (row.state === "done") countOn(row.kind === "answer" ? -1 : 0, 1);
    keepRow(Object.assign(row, { state: "waiting" }));
    if (current !== null && current !== id) queue.unshift(current);
    queue = queue.filter(function (one) { return one !== id; });
    show(id, { act: act });
  }

  // `at` keeps the order over a reload: later ones have a larger one, one that goes first a smaller one.
  function takeIn(item, first) {
    const places = queue.map(function (id) { return rows.get(id).at; });
    const at = first && places.length ? Math.min.apply(null, places) - 1 : Math.max.apply(null, places.concat([Date.now()])) + 1;
    keepRow({ id: item.id, who: who, task: said.task, html: item.html, at: at, state: "waiting" });
    nodes.delete(item.id);
    if (item.id === current) return;
    queue = queue.filter(function (id) { return id !== item.id; });
    if (first) queue.unshift(item.id);
    else queue.push(item.id);
  }

  function drop(id) {
    rows.delete(id);
    nodes.delete(id);
    queue = queue.filter(function (one) { return one !== id; });
    box.remove("items", id);
  }

  // It was answered in another window, whose copy for undo stays.
  function passOver(id) {
    if (!queue.includes(id)) return;
    queue = queue.filter(function (one) { return one !== id; });
    rows.delete(id);
    nodes.delete(id);
  }

  function forgetOld() {
    const done = Array.from(rows.values()).filter(function (row) { return row.state === "done"; });
    done.sort(function (a, b) { return b.doneAt - a.doneAt; }).slice(REMEMBERED).forEach(function (row) { drop(row.id); });
    done.slice(0, REMEMBERED).forEach(function (row) { nodes.delete(row.id); });
  }

  async function unsent() {
    const waiting = await box.waitingOf(said.user);
    return new Set(waiting.filter(function (row) { return row.kind !== "explain"; }).map(function (row) { return row.item; }));
  }

  async function ask(want) {
    const since = Date.now() - JUST_NOW_MS;
    const before = await unsent();
    const number = Math.min(MOST, before.size + want + 1);
    const address = said.items + "?" + new URLSearchParams({ count: number, brand: said.brand, as: said.user });
    const reply = await fetch(address, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(20000) });
    if (reply.status === 401) return document.dispatchEvent(new CustomEvent("rating:signed-out"));
    if (!reply.ok) throw new Error("no items");
    const told = await reply.json();
    const sentSince = await unsent();
    const here = new Set(told.items.map(function (item) { return item.id; }));
    told.items.forEach(function (item) {
      const row = rows.get(item.id);
      if (before.has(item.id) || sentSince.has(item.id) || item.id === current) return;
      if (row && row.state === "waiting" && queue.includes(item.id)) return;
      if (row && row.state === "done" && row.doneAt > since) return; // answered while the server made its list
      takeIn(item);
    });
    if (told.items.length < number) {
      // All there is: what else waits here was answered somewhere else, or given back.
      const ours = function (id) { return here.has(id) || before.has(id) || sentSince.has(id); };
      queue.filter(function (id) { return !ours(id); }).forEach(drop);
    }
    nothingMore = told.items.length < number && queue.length === 0;
    if (!before.size && !sentSince.size) setCount(told.progress);
    ready();
    return queue.length;
  }

  // Fetch the next items where fewer than `want` lie here; one request at a time, the larger wish after the smaller.
  function refill(want) {
    if (resting) return Promise.resolve();
    wanted = Math.max(wanted, want);
    if (asking) return asking;
    const asked = wanted;
    wanted = 0;
    if (queue.length >= asked) return Promise.resolve();
    asking = ask(Math.max(asked, 2 * READY)).then(function () {
      asking = null;
      if (current === null && queue.length) next();
      else if (current === null && nothingMore) show(null, { blank: "rate-done-empty" });
      if (wanted > asked) refill(wanted);
    }, function () {
      asking = null;
      if (current === null) show(null, { blank: "rate-offline-empty", focus: false });
      setTimeout(function () { refill(asked); }, 4000);
    });
    return asking;
  }

  // Take no more; settles when nothing that was asked for is still coming.
  function rest() {
    resting = true;
    return asking || Promise.resolve();
  }

  // What was not looked at is given back: it may be somebody else's now. What was begun stays.
  function giveBack() {
    const untouched = Array.from(rows.values()).filter(function (row) { return row.state === "waiting" && !row.draft; });
    return Promise.all(untouched.map(function (row) { return box.remove("items", row.id); }));
  }

  function countOn(done, waiting) {
    setCount({ done: count.done + done, waiting: Math.max(0, count.waiting + waiting), seconds: count.seconds, at: count.at });
  }

  function setCount(now) {
    Object.assign(count, now);
    const line = document.getElementById("rate-progress");
    if (line) {
      const total = count.done + count.waiting;
      const minutes = Math.max(1, Math.round(count.waiting * count.seconds / 60));
      line.hidden = !total;
      line.querySelector("progress").max = total || 1;
      line.querySelector("progress").value = count.done;
      line.querySelector("strong").textContent = count.done + " of " + total;
      line.querySelector("span").textContent = count.waiting
        ? "about " + minutes + (minutes === 1 ? " minute left" : " minutes left") : "nothing waits";
    }
    const mark = document.getElementById("count-rate");
    if (mark) {
      mark.firstChild.nodeValue = String(elsewhere.total + count.waiting);
      mark.hidden = elsewhere.total + count.waiting === 0;
    }
    keepPlace();
  }

  function setDraft(id, text) {
    const row = rows.get(id);
    if (row) keepRow(Object.assign(row, { draft: text }));
  }

  // Only what is this person's stays; what another person kept here is not for them to see.
  async function tidy(kept) {
    for (const row of kept) {
      const old = row.state === "waiting" && Date.now() - row.at > STALE_MS;
      if (row.who.split("/")[0] !== said.user || old) await box.remove("items", row.id);
      else if (row.who === who && row.task === said.task) rows.set(row.id, row);
    }
    const places = await box.all("places");
    const last = places.find(function (one) { return one.name === "person"; });
    if (last && last.id !== said.user && self.caches) await self.caches.delete("endcap-rate-pages");
    await box.put("places", { name: "person", id: said.user });
    return places.find(function (one) { return one.name === who + "/" + said.task; });
  }

  async function start() {
    const here = place.querySelector("[data-item]");
    const html = here ? here.outerHTML : "";
    const position = await tidy(await box.all("items"));
    const busy = await unsent();
    const mark = document.getElementById("count-rate");
    elsewhere.total = Math.max(0, (mark ? parseInt(mark.textContent, 10) || 0 : 0) - count.waiting);
    const waiting = Array.from(rows.values()).filter(function (row) { return row.state === "waiting"; });
    queue = waiting.sort(function (a, b) { return a.at - b.at; }).map(function (row) { return row.id; });
    const known = here && rows.get(here.dataset.item);
    const copy = Boolean(position && position.count.at > count.at);
    if (here && !(known && known.state === "done" && (copy || busy.has(known.id)))) {
      const draft = (known || {}).draft;
      takeIn({ id: here.dataset.item, html: html }, true);
      nodes.set(here.dataset.item, here);
      if (draft) setDraft(here.dataset.item, draft);
    }
    if (copy) setCount(position.count);
    else {
      busy.forEach(function (id) {
        const row = rows.get(id);
        if (row && row.state === "done") countOn(row.kind === "answer" ? 1 : 0, -1);
      });
    }
    const first = position && queue.includes(position.id) ? position.id : queue[0];
    queue = queue.filter(function (id) { return id !== first; });
    if (first !== undefined) show(first, { focus: false });
    else if (here || busy.size) next();
    ready();
    refill(READY);
  }

  self.RatingDesk = {
    start, show, finish, bringBack, takeIn, drop, passOver, rest, giveBack, lastDone, refill, setCount, setDraft, unsent,
    row: function (id) { return rows.get(id); },
    keep: keepRow,
    current: function () { return current; },
    element: function () { return current === null ? null : place.querySelector("[data-item]"); },
  };
})();
