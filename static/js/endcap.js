// The few things a page does by itself: "/" goes to the search field, a message that may go goes, a part that could not be
// fetched says so, a file can be dropped on the file well. Every page works without this file.

(function () {
  "use strict";

  function typing(element) {
    return element && (element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName));
  }

  document.addEventListener("keydown", function (event) {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const find = document.querySelector("[data-find]");
    if (!find) return;
    event.preventDefault();
    find.focus();
  });

  // Signing out takes the rating pages that are kept for a lost network out of this browser. What was not sent yet stays.
  document.addEventListener("submit", function (event) {
    if (self.caches && event.target.matches('[action$="/accounts/logout/"]')) self.caches.delete("endcap-rate-pages");
  });

  // A message that says it may go (data-clears-after, in seconds) goes, unless it is being read: pointer or focus inside.
  function clearLater(root) {
    const messages = root.querySelectorAll ? root.querySelectorAll("[data-clears-after]") : [];
    messages.forEach(function (message) {
      const wait = Number(message.dataset.clearsAfter) * 1000;
      (function later() {
        setTimeout(function () {
          if (message.matches(":hover, :focus-within")) later();
          else message.remove();
        }, wait);
      })();
    });
  }
  clearLater(document);
  document.addEventListener("htmx:load", function (event) { clearLater(event.target); });

  // A part that could not be fetched is said once, in words; one that keeps itself fresh tries again by itself.
  function say(words) {
    const place = document.getElementById("messages");
    if (!place) return;
    const old = document.getElementById("part-failed");
    if (old) old.remove();
    const message = document.createElement("p");
    message.id = "part-failed";
    message.className = "notice notice-warn";
    message.setAttribute("role", "alert");
    message.textContent = words;
    place.append(message);
  }
  function failed(event) {
    const asked = event.detail.elt;
    const status = event.detail.xhr ? event.detail.xhr.status : 0;
    if ([403, 409, 422].includes(status)) return; // the answer itself says what was wrong, in its place
    const polled = (asked.getAttribute("hx-trigger") || "").startsWith("load delay");
    const why = status ? "The server could not do it (" + status + ")." : "The server does not answer.";
    say(why + (polled ? " What you see may be old; it is asked for again." : " Try again; the log says more."));
    if (!polled) return;
    setTimeout(function () {
      if (!document.contains(asked)) return;
      const target = document.querySelector(asked.getAttribute("hx-target")) || asked;
      window.htmx.ajax("GET", asked.getAttribute("hx-get"), { source: asked, target: target, swap: "outerHTML" });
    }, 3000);
  }
  document.addEventListener("htmx:responseError", failed);
  document.addEventListener("htmx:sendError", failed);
  document.addEventListener("htmx:afterSwap", function () {
    const old = document.getElementById("part-failed");
    if (old) old.remove();
  });

  // A part that keeps itself fresh leaves open what the reader opened. Parts grow at the end, so places keep their number.
  function folds(root) {
    const counted = new Map();
    return Array.from(root.querySelectorAll("details")).map(function (fold) {
      const home = fold.parentElement.closest("[id]");
      const name = home ? home.id : "";
      counted.set(name, (counted.get(name) || 0) + 1);
      return [name + ":" + counted.get(name), fold];
    });
  }
  let opened = new Map();
  document.addEventListener("htmx:beforeSwap", function (event) {
    const polled = (event.detail.requestConfig.elt.getAttribute("hx-trigger") || "").startsWith("load delay");
    const now = polled ? folds(document) : [];
    opened = new Map(now.map(function (pair) { return [pair[0], pair[1].open]; }));
  });
  document.addEventListener("htmx:afterSwap", function () {
    if (!opened.size) return;
    folds(document).forEach(function (pair) {
      if (opened.has(pair[0]) && pair[1].open !== opened.get(pair[0])) pair[1].open = opened.get(pair[0]);
    });
    opened = new Map();
  });

  document.addEventListener("dragover", function (event) {
    const well = event.target.closest && event.target.closest(".file-drop");
    if (well) { event.preventDefault(); well.classList.add("file-over"); }
  });
  document.addEventListener("dragleave", function (event) {
    const well = event.target.closest && event.target.closest(".file-drop");
    if (well) well.classList.remove("file-over");
  });
  document.addEventListener("drop", function (event) {
    const well = event.target.closest && event.target.closest(".file-drop");
    if (!well) return;
    event.preventDefault();
    well.classList.remove("file-over");
    const input = well.querySelector("input[type=file]");
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
  document.addEventListener("change", function (event) {
    const well = event.target.closest && event.target.closest(".file-drop");
    const name = well && well.querySelector("[data-chosen]");
    if (!name) return;
    const files = Array.from(event.target.files || []);
    name.textContent = files.length ? files.map(function (file) { return file.name; }).join(", ") : name.dataset.chosen;
  });
})();
