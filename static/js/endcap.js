// The few things a page does by itself: "/" goes to the search field, a file can be dropped on the file well,
// and the main menu closes when a place in it is chosen. Every page works without this file.

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
