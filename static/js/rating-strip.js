// The strip over the item: what was said a moment ago, whether it is saved, and why. It belongs to the item before and
// stays for as long as the rater wants: until the next rating.

(function () {
  "use strict";
  const desk = self.RatingDesk;
  if (!desk) return;
  const place = document.getElementById("rate-said");
  const live = document.getElementById("rate-live");
  const trouble = document.getElementById("rate-trouble");
  const TYPING_MS = 700;
  const FRESH_MS = 15 * 60 * 1000; // after a reload, what was said so long ago still has its strip

  let item = null;
  let words = "";
  let later = null;
  let sayWhy = function () {};

  function strip() { return place.querySelector(".strip"); }

  function state(kind, text) {
    const mark = strip() && strip().querySelector(".strip-state .state");
    if (!mark) return;
    mark.className = "state state-" + kind;
    mark.querySelector("use").setAttribute("href", "#s-" + kind);
    mark.lastChild.nodeType === 3 ? mark.lastChild.nodeValue = text : mark.append(text);
    strip().classList.toggle("strip-late", kind === "held");
  }

  // One sentence for those who listen, by a status that is always there.
  function say(text) { if (live.textContent !== text) live.textContent = text; }

  function fill(row) {
    const element = strip();
    element.dataset.item = row.id;
    element.querySelector("[data-strip-words]").textContent = row.words;
    element.querySelector("[data-strip-title]").textContent = row.title || "";
    const kept = row.why || {};
    element.querySelectorAll("[name=reasons]").forEach(function (box) {
      box.checked = (kept.reasons || []).includes(box.value);
    });
    const comment = element.querySelector("[name=comment]");
    comment.value = kept.comment || "";
    element.querySelector("details").open = Boolean(kept.comment);
    const beside = element.querySelector("[data-strip-beside]");
    if (beside) beside.href = beside.dataset.stripBeside.replace(/[-0]{36}\/text\/a/, row.id + "/text/" + (row.act === "b" ? "b" : "a"));
  }

  // One text can be edited once the server knows that the two were compared.
  function offerBeside(may) {
    const beside = strip().querySelector("[data-strip-beside]");
    if (beside) beside.hidden = !may;
  }

  function shown(row, saved) {
    sendWhy();
    item = row.id;
    words = row.words;
    // The strip that is there is filled anew: no part of the page moves, and no focus is lost.
    if (!strip()) place.replaceChildren(document.getElementById("rate-strip-empty").content.cloneNode(true));
    strip().querySelector(".reasons").hidden = row.kind === "skip";
    strip().querySelector("details").hidden = row.kind === "skip";
    fill(row);
    offerBeside(saved && row.kind !== "skip");
    state(saved ? "done" : "waiting", saved ? "Saved:" : "");
  }

  function saved(id) {
    if (id !== item) return;
    const row = desk.row(id) || {};
    offerBeside(row.kind !== "skip");
    state("done", row.kind === "skip" ? "" : "Saved:");
    say(row.kind === "skip" ? "Skipped." : "Saved: " + words + ".");
  }

  function unsaved(text) {
    if (!strip()) return;
    state("held", text);
    say(text + ".");
  }

  function takenBack(text) {
    sendWhy();
    item = null;
    const line = document.createElement("p");
    line.className = "notice";
    line.textContent = "Taken back: " + text + ". Choose again, or undo one more.";
    place.replaceChildren(line);
    say(line.textContent);
  }

  function clear() { sendWhy(); item = null; place.replaceChildren(); }

  function why() {
    const form = strip().querySelector("form");
    const data = new FormData(form);
    return { reasons: data.getAll("reasons"), comment: String(data.get("comment") || "") };
  }

  // Send what was picked or typed, now.
  function sendWhy() {
    if (later === null) return;
    clearTimeout(later);
    later = null;
    const row = desk.row(item);
    if (!row || !strip()) return;
    desk.keep(Object.assign(row, { why: why() }));
    sayWhy(item, row.why);
  }

  function changed(event) {
    if (!item || !event.target.matches("[name=reasons], [name=comment]")) return;
    clearTimeout(later);
    later = setTimeout(sendWhy, event.target.name === "comment" ? TYPING_MS : 60);
  }
  place.addEventListener("input", changed);
  self.addEventListener("pagehide", sendWhy);

  // A line above the item that says what is wrong, with a way on where there is one.
  function warn(text, link, label) {
    const line = document.createElement("p");
    line.className = "notice notice-warn";
    line.setAttribute("role", "alert");
    const span = document.createElement("span");
    span.textContent = text;
    line.append(span);
    if (link) {
      const way = document.createElement("a");
      way.className = "button";
      way.href = link;
      way.textContent = label;
      line.append(way);
    }
    trouble.replaceChildren(line);
  }
  function calm() { trouble.replaceChildren(); }

  function restore() {
    const row = desk.lastDone();
    if (row && row.kind !== "skip" && Date.now() - row.doneAt < FRESH_MS) shown(row, true);
    else if (!row || strip() && strip().dataset.item !== row.id) place.replaceChildren();
  }

  self.RatingStrip = {
    shown, saved, unsaved, takenBack, clear, warn, calm, restore, say,
    item: function () { return item; },
    whenWhy: function (callback) { sayWhy = callback; },
  };
})();
