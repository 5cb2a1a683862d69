// While files are sent, the file well says how far that is; files that are too large are said before they are sent.
// Without this file, or without htmx, the form is sent as any form.

(function () {
  "use strict";

  function part(form, name) {
    return form.querySelector(name);
  }

  function megabytes(bytes) {
    const count = bytes / 1048576; // as the server counts them
    return count.toFixed(count < 10 ? 1 : 0) + " MB";
  }

  function reset(form) {
    const place = part(form, "[data-progress]");
    if (place) place.hidden = true;
    delete form.dataset.sent;
  }

  document.addEventListener("change", function (event) {
    const form = event.target.closest && event.target.closest("form.upload");
    if (!form || event.target.type !== "file") return;
    const most = Number(form.dataset.atMost);
    const size = Array.from(event.target.files || []).reduce(function (sum, file) { return sum + file.size; }, 0);
    const tooMuch = size > most;
    part(form, "#file-error").textContent = tooMuch
      ? "That is " + megabytes(size) + "; at most " + megabytes(most) + " go at once. Choose fewer, or pack them as gz or zip."
      : "";
    part(form, "button[type=submit]").disabled = tooMuch;
  });

  document.addEventListener("htmx:xhr:progress", function (event) {
    const form = event.target.closest && event.target.closest("form.upload");
    if (!form || !event.detail.lengthComputable || form.dataset.sent) return;
    const place = part(form, "[data-progress]");
    const bar = part(place, "progress");
    place.hidden = false;
    bar.max = event.detail.total;
    bar.value = event.detail.loaded;
    const done = event.detail.loaded >= event.detail.total;
    if (done) form.dataset.sent = "yes"; // what follows is the answer coming in
    part(place, "[role=status]").textContent = done
      ? "All of it is here. It is being read."
      : Math.floor(100 * event.detail.loaded / event.detail.total) + " % of " + megabytes(event.detail.total) + " sent";
  });

  document.addEventListener("htmx:beforeRequest", function (event) {
    if (event.target.matches && event.target.matches("form.upload")) reset(event.target);
  });
  ["htmx:sendError", "htmx:responseError", "htmx:abort"].forEach(function (name) {
    document.addEventListener(name, function (event) {
      const form = event.detail.elt && event.detail.elt.closest && event.detail.elt.closest("form.upload");
      if (form) reset(form);
    });
  });
})();
