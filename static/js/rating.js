// Rating by one key or one tap: the next item is shown in the same frame, what was said is written into the outbox and sent
// from there. Without this file every button is a form that leads on to the next item.

(function () {
  "use strict";
  const desk = self.RatingDesk;
  const strip = self.RatingStrip;
  const box = self.RatingOutbox;
  const root = document.getElementById("rating");
  if (!root || !root.dataset.user) return;
  if (!desk) { root.classList.add("plain"); return; }
  const said = root.dataset;
  const place = document.getElementById("rate-item");
  const door = { user: said.user, token: said.token, sign: said.sign };
  const channel = new BroadcastChannel(box.NAME);
  const AHEAD = 20; // for ten minutes without a network
  const DRAFT_MS = 900;

  // --- sending ---------------------------------------------------------------------------------------------------

  let retry = null;
  let wait = 1000;
  let away = false;

  function newKey() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, function (byte) { return byte.toString(16).padStart(2, "0"); }).join("");
  }

  function entry(kind, id, url, fields, words) {
    return { user: said.user, brand: said.brand, task: said.task, item: id, kind, url, fields, words: words || "" };
  }

  function send(row) {
    box.add(row).then(function () { flush(); }, function () {
      strip.warn("This browser cannot keep what you say just now. Free some space, then rate this one again.");
      if (row.kind === "answer" || row.kind === "skip") desk.bringBack(row.item);
    });
  }

  function flush() {
    clearTimeout(retry);
    return box.flush(door, heard).then(function (left) {
      if (!left || away) { wait = 1000; return; }
      clearTimeout(retry);
      retry = setTimeout(flush, wait);
      wait = Math.min(30000, wait * 2);
      sendInTheBackground();
    });
  }

  function sendInTheBackground() {
    if (!navigator.serviceWorker || !navigator.serviceWorker.controller) return;
    navigator.serviceWorker.ready.then(function (registration) {
      if (registration.sync) registration.sync.register(box.NAME).catch(function () { /* the page tries again itself */ });
    });
  }

  function heard(told) {
    channel.postMessage({ type: told.type, said: told.said, entry: told.entry });
    if (told.type === "saved") passOver(told.entry);
    act(told);
  }
  // What is saved need not be rated here again, whichever window it was rated in, unless it was undone since.
  async function passOver(row) {
    if (row.kind !== "answer" && row.kind !== "skip") return;
    const waiting = await box.waitingOf(said.user);
    if (!waiting.some(function (one) { return one.kind === "undo" && one.item === row.item; })) desk.passOver(row.item);
  }
  // Another window, or the service worker, has sent something of this person.
  channel.onmessage = function (event) {
    const row = event.data.entry;
    if (!row || row.user !== said.user) return;
    if (event.data.type === "saved") passOver(row);
    act(event.data);
  };

  function act(told) {
    const row = told.entry;
    if (told.type === "saved") {
      wait = 1000;
      if (away) strip.calm();
      away = false;
      if (row.kind === "answer" || row.kind === "skip") strip.saved(row.item);
      const progress = told.said && told.said.progress;
      if (progress && row.task === said.task && row.brand === said.brand) {
        desk.unsent().then(function (left) { if (!left.size) desk.setCount(progress); });
      }
    } else if (told.type === "later") {
      strip.unsaved("Not saved yet. Trying again");
    } else if (told.type === "signed-out") signedOut();
    else if (told.type === "other-person") {
      away = true;
      strip.warn("Somebody else signed in here. What you rated is kept for you, and is sent when you sign in again.", said.login, "Sign in");
    } else if (told.type === "refused") refused(row, told.said);
  }

  function signedOut() {
    away = true;
    strip.unsaved("Kept, not sent yet");
    strip.warn("You are signed out. Sign in, and it is kept: what you rated is sent once, right after.", said.login, "Sign in");
  }
  document.addEventListener("rating:signed-out", signedOut);

  // The item comes back with the reason.
  function refused(row, why) {
    const reason = (why && why.detail) || "The server did not take it.";
    if (row.kind === "answer") {
      box.remove("outbox", row.seq);
      if (row.task === said.task && row.brand === said.brand && desk.row(row.item)) {
        strip.clear();
        desk.bringBack(row.item);
      }
      strip.warn("Not saved: " + (row.words || "your rating") + ". " + reason);
    } else if (row.kind === "undo") {
      strip.warn("It cannot be undone. " + reason);
      if (desk.current() === row.item) desk.finish(row.words, "", "answer");
    } else if (row.kind === "explain") strip.warn("Your reasons were not kept. " + reason);
  }

  async function showRefusedBefore() {
    const rows = await box.all("outbox");
    const mine = rows.filter(function (row) { return row.user === said.user && row.state === "refused" && row.task === said.task; });
    mine.forEach(function (row) { refused(row, { detail: row.reason }); });
  }

  // --- what a rater does -----------------------------------------------------------------------------------------

  const looked = { since: 0, ms: 0, scroll: 0, edits: 0 };

  function look() {
    const now = performance.now();
    if (document.visibilityState === "visible" && looked.since) looked.ms += now - looked.since;
    looked.since = now;
  }
  function timings() {
    look();
    if (said.timings !== "yes") return [];
    return [["dwell_ms", String(Math.round(looked.ms))], ["scroll", looked.scroll.toFixed(3)], ["edits", String(looked.edits)]];
  }
  function seen() {
    const height = document.documentElement.scrollHeight;
    looked.scroll = Math.max(looked.scroll, Math.min(1, (scrollY + innerHeight) / Math.max(1, height)));
  }
  document.addEventListener("visibilitychange", function () {
    look();
    if (document.visibilityState === "visible") comeBack();
  });
  document.addEventListener("scroll", seen, { passive: true });
  document.addEventListener("rating:shown", function () {
    Object.assign(looked, { since: performance.now(), ms: 0, scroll: 0, edits: 0 });
    requestAnimationFrame(seen);
  });

  function leave(kind, button, fields, words) {
    const element = desk.element();
    if (!element) return;
    const id = desk.current();
    const urls = element.dataset;
    const row = entry(kind, id, urls[kind], fields.concat(timings()), words);
    keepDraft.stop();
    if (!away) strip.calm();
    desk.finish(words, button, kind);
    strip.shown(Object.assign(desk.row(id), { title: urls.title, why: null, urls: { undo: urls.undo, explain: urls.explain } }), false);
    send(row);
  }

  function answer(button) {
    leave("answer", button.dataset.act, [[button.name, button.value], ["key", newKey()]], button.dataset.words);
  }

  function correct() {
    const field = place.querySelector("textarea[name=corrected]");
    if (!field) return;
    if (field.value.trim() === field.dataset.original.trim()) {
      strip.warn("Your version is the same as the text. Change it, or skip.");
      field.focus();
      return;
    }
    leave("answer", "correction", [["corrected", field.value], ["key", newKey()]], "Your version");
  }

  function skip() { leave("skip", "", [], "Skipped"); }

  function undo(id) {
    const row = id ? desk.row(id) : desk.lastDone();
    if (!row || !row.urls) return undoOnServer();
    strip.takenBack(row.words);
    strip.calm();
    desk.bringBack(row.id, row.act);
    send(entry("undo", row.id, row.urls.undo, [], row.words));
  }

  // Of what this browser does not know: rated on another device, or before it forgot.
  async function undoOnServer() {
    try {
      const reply = await fetch(said.undoLast, {
        method: "POST",
        body: new URLSearchParams({ as: said.user, brand: said.brand }),
        headers: { Accept: "application/json", "X-CSRFToken": door.token },
      });
      const told = await reply.json();
      if (reply.status === 401) signedOut();
      else if (!reply.ok) strip.warn(told.detail);
      else if (told.item) {
        desk.takeIn(told.item, true);
        strip.takenBack("your last rating");
        desk.bringBack(told.item.id);
        desk.setCount(told.progress);
      }
    } catch (error) {
      strip.warn("The server does not answer, so there is nothing to undo yet. Try again.");
    }
  }

  strip.whenWhy(function (id, why) {
    const row = desk.row(id);
    const fields = why.reasons.map(function (reason) { return ["reasons", reason]; }).concat([["comment", why.comment]]);
    box.replaceExplanation(entry("explain", id, row.urls.explain, fields, row.words)).then(function () { flush(); });
  });

  place.addEventListener("submit", function (event) {
    const button = event.submitter;
    if (!root.dataset.ready || !button || !event.target.matches(".verdict, .score, .correct")) return;
    event.preventDefault();
    if (event.target.matches(".correct")) correct();
    else if (button.dataset.act === "skip") skip();
    else if (button.dataset.act === "undo") undo();
    else answer(button);
  });
  document.getElementById("rate-said").addEventListener("submit", function (event) {
    if (!root.dataset.ready) return;
    event.preventDefault();
    if (event.submitter && event.submitter.matches("[data-strip-undo]")) undo(strip.item());
  });

  // --- drafts ----------------------------------------------------------------------------------------------------

  const keepDraft = {
    timer: null,
    now: function () {
      const field = place.querySelector("textarea[name=corrected]");
      if (keepDraft.timer === null || !field) return;
      keepDraft.stop();
      const body = new URLSearchParams({ as: said.user, brand: said.brand, corrected: field.value });
      fetch(desk.element().dataset.draft, {
        method: "POST", body: body, headers: { Accept: "application/json", "X-CSRFToken": door.token },
        keepalive: field.value.length < 30000,
      }).catch(function () { /* it is kept here; the next stop of the pen sends it again */ });
    },
    stop: function () { clearTimeout(keepDraft.timer); keepDraft.timer = null; },
  };
  place.addEventListener("input", function (event) {
    if (event.target.name !== "corrected") return;
    looked.edits += 1;
    desk.setDraft(desk.current(), event.target.value);
    clearTimeout(keepDraft.timer);
    keepDraft.timer = setTimeout(keepDraft.now, DRAFT_MS);
  });
  self.addEventListener("pagehide", keepDraft.now);

  place.addEventListener("click", function (event) {
    if (!event.target.closest("[data-start-over]")) return;
    const field = place.querySelector("textarea[name=corrected]");
    field.value = field.dataset.original;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  });

  // The comparison needs the server; without it, the text is kept all the same, and no alarm is raised.
  ["htmx:sendError", "htmx:responseError", "htmx:timeout"].forEach(function (name) {
    place.addEventListener(name, function (event) {
      if (!event.target.matches("textarea")) return;
      event.stopPropagation();
      const part = document.getElementById("correction-diff");
      if (part) part.textContent = "What you changed is shown when the server answers again. Your words are kept.";
    });
  });
  document.addEventListener("htmx:afterSwap", function () {
    const consent = document.getElementById("rate-timings");
    if (consent) said.timings = consent.dataset.timings;
  });

  // Stop for now: first what was asked for comes in, so that it is given back, too. Without a network all of it stays here.
  const onward = document.querySelector(".stop-below");
  document.addEventListener("submit", function (event) {
    if (!event.target.matches(".stop-form") || !root.dataset.ready) return;
    event.preventDefault();
    const patience = new Promise(function (resolve) { setTimeout(resolve, 3000); });
    keepDraft.now();
    Promise.race([desk.rest(), patience]).then(function () {
      return fetch(onward.action, {
        method: "POST", body: new URLSearchParams({ as: said.user, brand: said.brand }),
        headers: { Accept: "application/json", "X-CSRFToken": door.token },
      });
    }).then(function (reply) { return reply.ok ? desk.giveBack() : null; }, function () { /* it stays here */ })
      .then(function () { location.assign(said.home); });
  });

  // --- offline ---------------------------------------------------------------------------------------------------

  function comeBack() { flush(); desk.refill(AHEAD / 2); }
  self.addEventListener("online", comeBack);

  function keepForOffline() {
    if (!navigator.serviceWorker) return;
    navigator.serviceWorker.register(said.worker).catch(function () { /* then there is no page without a network */ });
    navigator.serviceWorker.ready.then(function (registration) {
      const files = performance.getEntriesByType("resource").map(function (one) { return one.name; });
      const ours = files.filter(function (name) { return name.startsWith(location.origin + "/static/"); });
      const page = navigator.serviceWorker.controller ? "" : location.pathname;
      registration.active.postMessage({ type: "keep", files: Array.from(new Set(ours)), page: page });
    });
    setTimeout(function () { desk.refill(AHEAD); }, 1500);
    document.addEventListener("rating:shown", function () { setTimeout(function () { desk.refill(AHEAD / 2); }, 1500); });
  }

  self.RatingActs = { answer, skip, undo, correct };

  desk.start().then(function () {
    strip.restore();
    showRefusedBefore();
    flush();
    root.dataset.ready = "yes";
    if (document.readyState === "complete") keepForOffline();
    else self.addEventListener("load", keepForOffline);
  }, function () { root.classList.add("plain"); });
})();
