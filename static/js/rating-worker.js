// The service worker of the rating pages: gives out the pages and files that were seen when the network is gone, and sends
// what waits when it is back. It answers nothing else; items and ratings are the page's own business.

(function () {
  "use strict";
  const PAGES = "endcap-rate-pages";
  const FILES = "endcap-rate-files";
  const PATIENCE_MS = 5000; // for a page of which there is a kept one
  const SIGN = new URL("my/sign/", self.registration.scope).pathname;
  const HASHED = /\.[0-9a-f]{12}\./;
  const OFFLINE = "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>" +
    "<title>Offline</title><h1>There is no network</h1><p>This page was not open before, so it is not kept here. " +
    "What you rated is kept, and is sent when the network is back.</p><p><a href=''>Try again</a></p></html>";

  self.addEventListener("install", function () { self.skipWaiting(); });
  self.addEventListener("activate", function (event) { event.waitUntil(self.clients.claim()); });

  function later(ms) {
    return new Promise(function (_, reject) { setTimeout(function () { reject(new Error("too slow")); }, ms); });
  }

  async function page(request) {
    const path = new URL(request.url).pathname;
    const cache = await caches.open(PAGES);
    const kept = await cache.match(path);
    const asked = fetch(request).then(async function (reply) {
      const isPage = /text\/html/.test(reply.headers.get("Content-Type") || "");
      if (reply.ok && reply.type === "basic" && isPage) await cache.put(path, reply.clone());
      return reply;
    });
    try {
      return await (kept ? Promise.race([asked, later(PATIENCE_MS)]) : asked);
    } catch (error) {
      asked.catch(function () { /* said already: the kept page is shown */ });
      return kept || new Response(OFFLINE, { status: 503, headers: { "Content-Type": "text/html; charset=utf-8" } });
    }
  }

  async function file(request) {
    const cache = await caches.open(FILES);
    const kept = await cache.match(request);
    if (kept && HASHED.test(request.url)) return kept; // its name says what is in it
    try {
      const reply = await fetch(request);
      if (reply.ok) await cache.put(request, reply.clone());
      return reply;
    } catch (error) {
      if (kept) return kept;
      throw error;
    }
  }

  self.addEventListener("fetch", function (event) {
    const request = event.request;
    const address = new URL(request.url);
    if (request.method !== "GET" || address.origin !== self.location.origin) return;
    if (request.mode === "navigate") event.respondWith(page(request));
    else if (address.pathname.startsWith("/static/")) event.respondWith(file(request));
  });

  // A page says which files it is made of; those of older versions go.
  async function keep(files, address) {
    const cache = await caches.open(FILES);
    const wanted = new Set(files);
    for (const request of await cache.keys()) {
      if (!wanted.delete(request.url)) await cache.delete(request);
    }
    await Promise.all(Array.from(wanted, function (one) { return cache.add(one).catch(function () { /* next time */ }); }));
    const pages = await caches.open(PAGES);
    if (address && !(await pages.match(address))) await pages.add(address).catch(function () { /* next time */ });
  }

  self.addEventListener("message", function (event) {
    if (event.data && event.data.type === "keep") event.waitUntil(keep(event.data.files, event.data.page));
  });

  self.addEventListener("sync", function (event) {
    if (event.tag === self.RatingOutbox.NAME) event.waitUntil(sendWhatWaits());
  });

  async function sendWhatWaits() {
    const now = await self.RatingOutbox.sign(SIGN);
    if (!now.user) return; // after signing in, the page sends it
    const channel = new BroadcastChannel(self.RatingOutbox.NAME);
    const door = { user: now.user, token: now.token, sign: SIGN };
    const left = await self.RatingOutbox.flush(door, function (told) { channel.postMessage(told); });
    channel.close();
    if (left) throw new Error("some wait still"); // the browser asks again later
  }
})();
