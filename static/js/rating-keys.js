// One key for each thing a rater can do, and the dialog that lists and changes them. Keys are letters in a text field, and
// nothing together with Ctrl, Alt, Shift or Meta; who switched them off has none.

(function () {
  "use strict";
  const acts = self.RatingActs;
  const root = document.getElementById("rating");
  if (!acts || !root) return;
  const said = root.dataset;
  const place = document.getElementById("rate-item");
  const help = document.getElementById("rate-help");
  const keymap = JSON.parse(said.keys);
  const ELSEWHERE = { single: ["a", "b", "tie", "both_bad"], pair: ["yes", "no", "star1", "star2", "star3", "star4", "star5", "flag"] };

  function actionOf(key) {
    const names = Object.keys(keymap); // none where this person switched the keys off
    if (key === "Backspace" && names.length) return "undo";
    return names.find(function (name) { return keymap[name] === key && !ELSEWHERE[said.asks].includes(name); }) || "";
  }
  function typing(element) {
    return element.isContentEditable || /^(TEXTAREA|SELECT)$/.test(element.tagName) ||
      (element.tagName === "INPUT" && !/^(checkbox|radio|button|submit)$/.test(element.type));
  }
  function named(event) {
    return event.key === " " ? "Space" : event.key.length === 1 ? event.key.toLowerCase() : event.key;
  }

  // On its own the text lies there with its editor; of a pair, the one that was chosen a moment ago has a page.
  function writeOwn() {
    const field = place.querySelector("textarea[name=corrected]");
    const beside = document.querySelector("#rate-said [data-strip-beside]");
    if (field) field.focus();
    else if (beside && !beside.hidden) beside.click();
  }

  function openHelp() {
    if (help.open) return;
    help.showModal();
  }

  document.addEventListener("keydown", function (event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.name === "corrected") {
      event.preventDefault();
      acts.correct();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return;
    if (event.defaultPrevented || help.open || typing(event.target)) return;
    const key = named(event);
    if (event.shiftKey && /^(Space|Backspace|[\p{L}\p{N}])$/u.test(key)) return;
    if (key === "Space" && event.target.closest("button, a, summary, label, input")) return;
    const action = actionOf(key);
    if (!action) return;
    event.preventDefault();
    if (action === "help") openHelp();
    else if (action === "undo") acts.undo();
    else if (action === "skip") acts.skip();
    else if (action === "correct") writeOwn();
    else {
      const button = place.querySelector('button[data-act="' + action + '"]');
      if (button) acts.answer(button);
    }
  });

  root.addEventListener("click", function (event) {
    if (!event.target.closest('[data-act="help"]')) return;
    event.preventDefault();
    openHelp();
  });
  // In the form of keys a key writes its own name; the keys that move about keep doing so.
  help.addEventListener("keydown", function (event) {
    if (!event.target.matches("[data-key-field]") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key.length !== 1) return;
    event.preventDefault();
    event.target.value = event.key === " " ? "Space" : event.key.toUpperCase();
  });
})();
