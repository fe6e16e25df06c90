// SPDX-License-Identifier: Apache-2.0
//
// The actors that the checks use, for Rivet's own engine: see README.md beside this file.
import { appendFileSync } from "node:fs";
import { actor, event, queue, RivetError, setup, UserError } from "rivetkit";

const pause = (milliseconds) => new Promise((resume) => setTimeout(resume, milliseconds));

// One line for each start of a slow action: what really ran, whatever becomes of the actor.
const log = (...words) => {
  if (process.env.RUN_LOG) appendFileSync(process.env.RUN_LOG, [Date.now(), process.pid, ...words].join(" ") + "\n");
};

const counter = actor({
  state: { count: 0 },
  actions: {
    increment: (c, amount) => {
      c.state.count += amount;
      c.broadcast("newCount", c.state.count);
      return c.state.count;
    },
    get: (c) => c.state.count,
    nothing: () => undefined,
    burst: (c, count) => {
      for (let number = 0; number < count; number += 1) c.broadcast("tick", number);
      return count;
    },
  },
});

const echo = actor({
  actions: { identity: (_c, value) => value, "a/b": () => "a/b", "a b": () => "a b", "ä": () => "ä" },
});

const withInput = actor({
  createState: (_c, input) => {
    const kind = input?.constructor.name ?? String(input);
    return { seen: { type: typeof input, kind, text: String(input) } };
  },
  actions: { input: (c) => c.state },
});

const samples = {
  date: () => new Date(1754512646123),
  dateWhole: () => new Date(1754512646000),
  bytes: () => Uint8Array.of(0, 0, 0),
  bytesFull: () => Uint8Array.of(0, 1, 254, 255),
  arrayBuffer: () => Uint8Array.of(1, 2, 3).buffer,
  bigSmall: () => 7n,
  bigWide: () => 2n ** 53n + 1n,
  bigNegative: () => -(2n ** 53n) - 1n,
  bigHuge: () => 123456789012345678901234567890n,
  map: () => new Map([["b", 1], ["a", 2]]),
  mapNumbers: () => new Map([[1, "one"], [2, "two"]]),
  set: () => new Set([3, 1, 2]),
  undefined: () => undefined,
  undefinedMember: () => ({ a: undefined, b: 1 }),
  null: () => null,
  nan: () => NaN,
  infinity: () => Infinity,
  minusZero: () => -0,
  half: () => 1 / 2,
  third: () => 1 / 3,
  int31: () => 2 ** 31 - 1,
  int32: () => 2 ** 32 - 1,
  int33: () => 2 ** 32,
  millis: () => 1754512646123,
  minusMillis: () => -1754512646123,
  maxSafe: () => Number.MAX_SAFE_INTEGER,
  e16: () => 1e16,
  unsorted: () => ({ b: 1, a: { z: 1, y: 2 }, c: [3, { q: 1, p: 2 }] }),
  nested: () => ({ list: [1, "two", null, true, { deep: [[[0]]] }], text: "ä€😀", empty: {} }),
  tagLike: () => ["$BigInt", "12"],
  tagLikeOther: () => ["$other", 1],
  regexp: () => /a+/gi,
  error: () => new Error("an error as a value"),
  emptyText: () => "",
  typed: () => Float64Array.of(1.5, -2),
};

const values = actor({
  actions: {
    get: (_c, name) => samples[name](),
    tell: (c, name) => {
      c.broadcast("value", samples[name]());
      return true;
    },
    big: (_c, length) => "x".repeat(length),
    tellBig: (c, length) => {
      c.broadcast("big", "x".repeat(length));
      return true;
    },
  },
});

const failures = {
  user: () => new UserError("plain user error"),
  userCode: () => new UserError("declined by hand", { code: "declined", metadata: { limit: 32, why: ["a", "b"] } }),
  customPublic: () => new RivetError("billing", "declined", "card declined", { public: true }),
  customPrivate: () => new RivetError("billing", "hidden", "not for clients", { public: false }),
  customStatus: () => new RivetError("billing", "teapot", "short and stout", { public: true, statusCode: 418 }),
  plain: () => new Error("a secret of the author"),
  text: () => "a thrown text",
  nothing: () => undefined,
};
const fail = (kind) => {
  if (kind in failures) throw failures[kind]();
  return kind;
};
const errors = actor({ actions: { fail: (_c, kind) => fail(kind) } });

// What its hooks do is chosen by the connection's parameters.
const hooks = actor({
  state: { connected: 0, disconnected: 0 },
  onBeforeConnect: async (_c, wish) => {
    if (wish?.slowBefore) await pause(wish.slowBefore);
    if (wish?.refuse) fail(wish.refuse);
  },
  createConnState: (_c, wish) => ({ label: wish?.label ?? null }),
  onConnect: async (c, conn) => {
    c.state.connected += 1;
    const wish = conn.params;
    if (wish?.event) {
      conn.send("hello", wish.event, "sent");
      c.broadcast("hello", wish.event, "broadcast");
    }
    if (wish?.slowConnect) await pause(wish.slowConnect);
    if (wish?.event) conn.send("hello", wish.event, "late");
    if (wish?.refuseLate) fail(wish.refuseLate);
  },
  onDisconnect: (c) => {
    c.state.disconnected += 1;
  },
  actions: {
    ping: () => "pong",
    counts: (c) => ({ ...c.state }),
    me: (c) => ({ id: c.conn.id, state: c.conn.state, paramsLength: JSON.stringify(c.conn.params ?? null).length }),
  },
});

const guarded = actor({
  events: { open: event(), secret: event({ canSubscribe: () => false }) },
  queues: { shut: queue({ canPublish: () => false }) },
  actions: {
    tell: (c) => {
      c.broadcast("open", 1);
      c.broadcast("secret", 2);
      return true;
    },
  },
});

const queues = actor({
  state: { seen: [] },
  queues: { jobs: queue(), quiet: queue() },
  run: async (c) => {
    for await (const message of c.queue.iter({ names: ["jobs", "quiet"], completable: true })) {
      c.state.seen.push({ name: message.name });
      if (message.name === "jobs") await message.complete({ got: message.body });
      else await message.complete();
    }
  },
  actions: { seen: (c) => c.state.seen },
});
const silent = actor({ queues: { jobs: queue() }, actions: {} });
const narrow = actor({
  queues: { jobs: queue() },
  options: { maxQueueSize: 3, maxQueueMessageSize: 1024 },
  actions: {},
});

const eventStream = [
  ": a comment\n\n",
  "data: plain\n\n",
  "event: named\ndata: two\ndata: lines\nid: 7\n\n",
  "data:no space\r\n\r\n",
  "retry: 1500\ndata: ä€😀\r\r",
  "data\n\n",
  "data: the last one has no blank line behind it",
];
const streamed = (pieces, milliseconds) =>
  new ReadableStream({
    async start(controller) {
      for (const piece of pieces) {
        await pause(milliseconds);
        controller.enqueue(new TextEncoder().encode(piece));
      }
      controller.close();
    },
  });

const answer = async (request) => {
  const url = new URL(request.url);
  const parameter = (name) => url.searchParams.get(name);
  if (url.pathname === "/events") {
    const headers = { "content-type": "text/event-stream" };
    return new Response(streamed(eventStream, Number(parameter("ms") ?? 0)), { headers });
  }
  if (url.pathname === "/pieces") {
    const lines = [];
    for await (const piece of request.body ?? []) lines.push(`${piece.byteLength}\n`);
    return new Response(lines.join(""));
  }
  if (url.pathname === "/big") return new Response("x".repeat(Number(parameter("n"))));
  if (url.pathname === "/twice") {
    return new Response("twice", { headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"]] });
  }
  if (url.pathname === "/throw") return new Response(fail(parameter("kind")));
  const status = /^\/status\/(\d+)$/.exec(url.pathname)?.[1];
  if (status) return new Response(status === "204" ? null : `status ${status}`, { status: Number(status) });
  const body = await request.arrayBuffer();
  const saw = {
    method: request.method,
    path: url.pathname,
    query: url.search,
    headers: [...request.headers],
    bodyLength: body.byteLength,
  };
  return Response.json(saw, { headers: { "x-own": "yes" } });
};

const raw = actor({
  onRequest: (_c, request) => answer(request),
  onWebSocket: (c, socket) => {
    socket.send(JSON.stringify({ url: c.request?.url ?? null }));
    socket.addEventListener("message", ({ data }) => {
      const words = typeof data === "string" && /^close (\d+) (.*)$/.exec(data);
      if (words) socket.close(Number(words[1]), words[2]);
      else socket.send(data);
    });
  },
  actions: { ping: () => "pong" },
});

const sleeper = actor({
  state: { wakes: 0 },
  onWake: (c) => {
    c.state.wakes += 1;
  },
  actions: {
    info: (c) => ({ wakes: c.state.wakes, conns: c.conns.size, connId: c.conn?.id ?? null }),
    tell: (c, text) => {
      c.broadcast("told", text, c.state.wakes);
      return c.state.wakes;
    },
    nap: (c) => {
      c.sleep();
      return true;
    },
    tellLater: async (c, milliseconds, text) => {
      await c.schedule.after(milliseconds, "tell", text);
      return true;
    },
  },
});

// For the kill test: a line in the log for each start.
const slow = actor({
  actions: {
    work: async (_c, milliseconds, tag) => {
      log("work", tag);
      await pause(milliseconds);
      log("done", tag);
      return 1;
    },
  },
});

const hasty = actor({
  options: { actionTimeout: 1000 },
  actions: {
    work: async (_c, milliseconds) => {
      await pause(milliseconds);
      return milliseconds;
    },
  },
});

const doomed = actor({
  actions: {
    ping: () => "pong",
    end: (c) => {
      c.destroy();
      return "going";
    },
    // Not awaited: the connection that asks is the one that goes.
    kick: (c, reason) => {
      c.conn.disconnect(reason).catch(() => {});
      return true;
    },
  },
});

const unstartable = actor({
  createState: () => {
    throw new Error("never starts");
  },
  actions: { ping: () => "pong" },
});

setup({
  use: {
    counter, echo, withInput, values, errors, hooks, guarded, queues, silent, narrow, raw, sleeper, slow, hasty, doomed,
    unstartable,
  },
}).start();
