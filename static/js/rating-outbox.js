// Ratings on their way to the server, in IndexedDB: written down before they are sent, removed when the server has
// answered. The page and the service worker share this file; a Web Lock lets one of them send at a time. Every entry
// belongs to one person and brand, and carries a key, so that sending it twice stores it once.

(function (scope) {
  "use strict";
  const NAME = "endcap-rating";
  const LONGEST_KEPT_ALIVE = 30000; // bytes a browser sends on after its page was closed (the limit is 64 KiB for all)
  const FORGIVEN = [400, 403, 404, 405, 409, 410, 413, 422];
  let opening = null;

  function open() {
    opening = opening || new Promise(function (resolve, reject) {
      const asked = scope.indexedDB.open(NAME, 1);
      asked.onupgradeneeded = function () {
        asked.result.createObjectStore("outbox", { keyPath: "seq", autoIncrement: true });
        asked.result.createObjectStore("items", { keyPath: "id" });
        asked.result.createObjectStore("places", { keyPath: "name" });
      };
      asked.onsuccess = function () { resolve(asked.result); };
      asked.onerror = function () { reject(asked.error); };
    });
    return opening;
  }

  // `work` gets the store and returns a request or nothing; the promise settles when the transaction is on disk.
  async function change(store, work, strict) {
    const db = await open();
    return new Promise(function (resolve, reject) {
      const transaction = db.transaction(store, "readwrite", strict ? { durability: "strict" } : undefined);
      const asked = work(transaction.objectStore(store));
      transaction.oncomplete = function () { resolve(asked && asked.result); };
      transaction.onerror = transaction.onabort = function () { reject(transaction.error); };
    });
  }

  async function all(store) {
    const db = await open();
    return new Promise(function (resolve, reject) {
      const asked = db.transaction(store).objectStore(store).getAll();
      asked.onsuccess = function () { resolve(asked.result); };
      asked.onerror = function () { reject(asked.error); };
    });
  }

  const put = function (store, row) { return change(store, function (rows) { return rows.put(row); }); };
  const remove = function (store, key) { return change(store, function (rows) { return rows.delete(key); }); };

  function add(entry) {
    const row = Object.assign({ state: "waiting", at: Date.now() }, entry);
    return change("outbox", function (rows) { return rows.add(row); }, true);
  }

  async function waitingOf(user) {
    return (await all("outbox")).filter(function (row) { return row.user === user && row.state === "waiting"; });
  }

  // A later explanation says everything an earlier one did.
  async function replaceExplanation(entry) {
    const older = (await waitingOf(entry.user)).filter(function (row) {
      return row.kind === "explain" && row.item === entry.item;
    });
    await add(entry);
    for (const row of older) await remove("outbox", row.seq);
  }

  async function sign(address) {
    const reply = await fetch(address, { headers: { Accept: "application/json" }, credentials: "same-origin" });
    if (reply.status === 401) return { user: "", token: "" };
    if (!reply.ok) throw new Error("no answer");
    return reply.json();
  }

  function post(row, door) {
    const body = new URLSearchParams(row.fields);
    body.set("as", row.user);
    body.set("brand", row.brand);
    const text = body.toString();
    return fetch(row.url, {
      method: "POST",
      body: text,
      headers: {
        Accept: "application/json",
        "Content-Type": "application/x-www-form-urlencoded;charset=UTF-8",
        "X-CSRFToken": door.token,
      },
      credentials: "same-origin",
      redirect: "manual",
      keepalive: text.length < LONGEST_KEPT_ALIVE,
      signal: AbortSignal.timeout(20000),
    });
  }

  function isJson(reply) {
    return /json/.test(reply.headers.get("Content-Type") || "");
  }

  // What became of one entry: saved, refused, signed-out, other-person or later; with what the server said.
  async function send(row, door, again) {
    let reply;
    try {
      reply = await post(row, door);
    } catch (error) {
      return { type: "later" };
    }
    if (reply.ok) return { type: "saved", said: isJson(reply) ? await reply.json().catch(function () { return {}; }) : {} };
    const said = isJson(reply) ? await reply.json().catch(function () { return {}; }) : {};
    if (said.code === "signed_out") return { type: "signed-out" };
    if (said.code === "other_person") return { type: "other-person" };
    if (said.code && FORGIVEN.includes(reply.status)) return { type: "refused", said: said };
    if (again || !(reply.type === "opaqueredirect" || reply.status === 403)) {
      return FORGIVEN.includes(reply.status) && reply.status !== 403
        ? { type: "refused", said: { detail: "The server does not know this item any more." } }
        : { type: "later" };
    }
    // A token of an earlier sign-in, or somebody else's: ask who is there now, and try once more.
    let now;
    try {
      now = await sign(door.sign);
    } catch (error) {
      return { type: "later" };
    }
    if (now.user === "") return { type: "signed-out" };
    if (now.user !== row.user) return { type: "other-person" };
    door.token = now.token;
    return send(row, door, true);
  }

  // After a refusal nothing is left to explain or to take back.
  async function dropWhatFollows(row) {
    for (const later of await all("outbox")) {
      if (later.item === row.item && later.seq > row.seq && (later.kind === "explain" || later.kind === "undo")) {
        await remove("outbox", later.seq);
      }
    }
  }

  async function settle(row, outcome, tell) {
    if (outcome.type === "saved") await remove("outbox", row.seq);
    if (outcome.type === "refused") {
      if (row.kind === "answer") {
        await put("outbox", Object.assign(row, { state: "refused", reason: outcome.said.detail }));
        await dropWhatFollows(row);
      } else await remove("outbox", row.seq);
    }
    tell(Object.assign({ entry: row }, outcome));
  }

  async function sendAll(door, tell) {
    const failed = new Set(); // what belongs to one item stays in order
    for (;;) {
      const rows = await waitingOf(door.user);
      const row = rows.find(function (one) { return !failed.has(one.item); });
      if (!row) return rows.length;
      const outcome = await send(row, door, false);
      await settle(row, outcome, tell);
      if (outcome.type === "signed-out" || outcome.type === "other-person") return rows.length;
      if (outcome.type === "later") failed.add(row.item);
    }
  }

  // Send what waits of `door.user`, each once; how many entries still wait. `door` has user, token and the address `sign`.
  function flush(door, tell) {
    const work = function () { return sendAll(door, tell); };
    return scope.navigator.locks ? scope.navigator.locks.request(NAME, work) : work();
  }

  scope.RatingOutbox = { all, put, remove, add, waitingOf, replaceExplanation, sign, flush, open, NAME };
})(self);
