// One-key answers of the crosswalk: A, X, S and U press the button that names them, outside of text fields and never
// with Ctrl, Alt or Meta. They can be switched off, and stay so in this browser. The page works without this file.

(function () {
  "use strict";
  const KEEP = "endcap-crosswalk-keys";

  function on() {
    try { return localStorage.getItem(KEEP) !== "off"; } catch (error) { return true; }
  }
  function show() {
    const button = document.querySelector("[data-keys-switch]");
    if (!button) return;
    button.hidden = false;
    button.textContent = on() ? "Keys are on" : "Keys are off";
    button.setAttribute("aria-pressed", String(on()));
  }
  function typing(element) {
    return element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);
  }

  document.addEventListener("click", function (event) {
    if (!event.target.closest("[data-keys-switch]")) return;
    try { localStorage.setItem(KEEP, on() ? "off" : "on"); } catch (error) { /* a browser without storage keeps the keys on */ }
    show();
  });
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event.target) || !on()) return;
    const button = document.querySelector('[data-keys] [data-key="' + CSS.escape(event.key.toLowerCase()) + '"]');
    if (!button || button.disabled || button.closest(".htmx-request")) return;
    event.preventDefault();
    button.click();
  });
  document.addEventListener("htmx:afterSettle", show);
  show();
})();
