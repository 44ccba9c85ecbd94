// One stream over one connection: produced on schedule, written as it is taken, and ended as its reason demands.
//
// What one must know of Node's http server:
//
// 1. `close` of a response comes late for a client that closes while bytes wait for it, and a half-close is no `close`
//    at all: the socket's own `end` is listened to.
// 2. An async generator that waits cannot be cancelled from outside. Every wait here ends when the stream is stopped,
//    by throwing; then its `finally` runs, and is waited for.
// 3. A promise that is resolved already lets no timer and no socket have their turn. A producer that always has an item
//    ready starves the process unless it waits for `setImmediate` now and then.
// 4. Node adds Connection and Keep-Alive to every response, unless Connection is removed: then it adds neither.

import { setImmediate as turnOfOthers, setTimeout as sleep } from "node:timers/promises";
import { encodeEvent, KEEP_ALIVE } from "./event_stream.mjs";
import { nowMs } from "./ledger.mjs";
import { scriptedFailure } from "./problem.mjs";

// The event loop serves others at least so often beside a producer that never waits.
const CHECKPOINT_MS = 5;

// How often it is looked whether a client takes what is sent to it.
const LOOK_EVERY_MS = 250;

// How long a client may take what was written before its stream was cut; then the connection is reset.
const FLUSH_MS = 500;

const RECONNECTION_TIME_MS = 1_000;

const CUTS = new Set(["max_age", "shutdown"]);

// What a client has to read that in: a browser forgets what it has not yet read when the message breaks off.
const READING_MS = 200;

// setTimeout takes no more, and none waits for ever.
const LONGEST_WAIT_MS = 2 ** 31 - 1;

const MEDIA_TYPES = { text: "text/plain; charset=utf-8", events: "text/event-stream; charset=utf-8" };

/** Thrown in a producer whose stream was stopped. */
class Stopped extends Error {}

export function streamFields(kind) {
  return {
    "Content-Type": MEDIA_TYPES[kind],
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
  };
}

/** Plays a script as the response; resolves when the stream is closed and cleaned. Throws what fails before it. */
export async function deliver(script, entry, limits, request, response) {
  if (!script.failBeforeStart) return new Delivery(script, entry, limits, request, response).run();
  entry.close("failed");
  await cleanUp(script, entry);
  throw scriptedFailure();
}

async function cleanUp(script, entry) {
  if (script.cleanupMs) await sleep(script.cleanupMs);
  entry.clean();
}

class Delivery {
  #script;
  #entry;
  #limits;
  #http10;
  #socket;
  #response;
  #keepaliveMs;
  #speakByMs = 0;
  #outcome = "completed";
  #isStopped = false;
  #wake = () => {};
  #lastTurnMs = nowMs();
  #unsent = "";
  #progressMs = nowMs();

  constructor(script, entry, limits, request, response) {
    this.#script = script;
    this.#entry = entry;
    this.#limits = limits;
    this.#http10 = request.httpVersion === "1.0";
    this.#socket = request.socket;
    this.#response = response;
    this.#keepaliveMs = script.kind === "events" ? script.keepaliveMs : Infinity;
    entry.cut = (reason) => this.#stop(reason);
    entry.onRelease = () => this.#wake();
  }

  async run() {
    const left = () => this.#stop("disconnected");
    const departure = ["end", "close"];
    const tooOld = setTimeout(() => this.#stop("max_age"), this.#limits.max_age_ms);
    const looking = setInterval(() => this.#look(), LOOK_EVERY_MS);
    departure.forEach((event) => this.#socket.on(event, left));
    this.#response.on("drain", () => this.#wake());
    if (this.#socket.destroyed || this.#socket.readableEnded) left();
    try {
      this.#response.flushHeaders();
      for await (const item of this.#produce()) await this.#write(item);
      this.#throwIfStopped();
      this.#response.end();
      this.#entry.close(this.#outcome);
    } catch (error) {
      if (!(error instanceof Stopped)) this.#fail(error);
    } finally {
      clearTimeout(tooOld);
      clearInterval(looking);
      departure.forEach((event) => this.#socket.off(event, left));
      this.#entry.cut = this.#entry.onRelease = null;
    }
  }

  // The producer

  async *#produce() {
    try {
      yield* this.#items();
      while (this.#script.end === "hang") yield* this.#silenceUntil(Infinity);
      yield* this.#ending();
    } finally {
      await cleanUp(this.#script, this.#entry);
    }
  }

  async *#items() {
    let dueMs = nowMs();
    for (const item of this.#script.items()) {
      this.#speakByMs = nowMs() + this.#keepaliveMs;
      while (item.gate && !this.#entry.goThrough()) {
        yield* this.#silenceUntil(Infinity);
        dueMs = nowMs();
      }
      dueMs += item.afterMs;
      while (nowMs() < dueMs) yield* this.#silenceUntil(dueMs);
      await this.#letOthersTurn();
      this.#entry.produced(item.payloadBytes);
      yield item.body;
    }
    this.#speakByMs = nowMs() + this.#keepaliveMs;
  }

  /** Waits until woken, or until that time; where a silence has lasted long enough, it is ended instead. */
  async *#silenceUntil(untilMs) {
    if (nowMs() < this.#speakByMs) {
      await this.#wait(Math.min(untilMs, this.#speakByMs));
    } else {
      this.#speakByMs = nowMs() + this.#keepaliveMs;
      yield KEEP_ALIVE;
    }
  }

  *#ending() {
    if (this.#script.end === "complete") {
      yield this.#script.ending;
      return;
    }
    if (this.#script.kind === "text") throw scriptedFailure();
    // The status was sent long ago; an event is what is left to tell the client, and no terminal event follows.
    this.#outcome = "failed";
    yield encodeEvent({ event: "error", data: scriptedFailure().body() });
  }

  // Waiting

  /** Waits until woken, or until that time. Throws Stopped. */
  async #wait(untilMs) {
    this.#throwIfStopped();
    // Rounded up: a timer that fires early would be set again and again.
    const restMs = Math.min(Math.max(0, Math.ceil(untilMs - nowMs())), LONGEST_WAIT_MS);
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, restMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => {};
    this.#lastTurnMs = nowMs();
    this.#throwIfStopped();
  }

  async #letOthersTurn() {
    if (nowMs() - this.#lastTurnMs >= CHECKPOINT_MS) {
      await turnOfOthers();
      this.#lastTurnMs = nowMs();
    }
    this.#throwIfStopped();
  }

  #throwIfStopped() {
    if (this.#isStopped) throw new Stopped();
  }

  // The wire

  /** Writes one chunk, and waits while the client has not taken it. An empty chunk would end the message. */
  async #write(data) {
    this.#throwIfStopped();
    if (!data.length) return;
    this.#response.write(data);
    while (this.#response.writableNeedDrain) await this.#wait(Infinity);
  }

  /** Sees a client that takes nothing of what is there for it. */
  #look() {
    const unsentBytes = this.#socket.writableLength;
    // The second is what the kernel has not taken of the write in flight; Node's own socket time-out goes by it.
    const unsent = `${unsentBytes} ${this.#socket._handle?.writeQueueSize}`;
    if (!unsentBytes || unsent !== this.#unsent) this.#progressMs = nowMs();
    this.#unsent = unsent;
    if (nowMs() - this.#progressMs >= this.#limits.send_timeout_ms) this.#stop("slow_client");
  }

  /** Ends the stream for that reason, unless it has ended: its producer finds out at its next step, or is woken. */
  #stop(reason) {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#wake();
    if (this.#script.kind === "events" && CUTS.has(reason)) {
      this.#response.write(encodeEvent({ retry: RECONNECTION_TIME_MS }));
      setTimeout(() => this.#breakOff(reason), READING_MS);
    } else {
      this.#breakOff(reason);
    }
  }

  #breakOff(reason) {
    if (reason === "disconnected") this.#socket.destroy();
    else if (reason === "slow_client") this.#socket.resetAndDestroy();
    else this.#leaveIncomplete();
    this.#entry.close(reason);
  }

  #fail(error) {
    this.#entry.close("failed");
    this.#leaveIncomplete();
    if (error.status !== 500) throw error;
  }

  /** Ends the connection without the last chunk, once what was written is taken: with FIN, to HTTP/1.0 with RST. */
  #leaveIncomplete() {
    const socket = this.#socket;
    const reset = () => socket.destroyed || socket.resetAndDestroy();
    const timer = setTimeout(reset, FLUSH_MS);
    socket.once("close", () => clearTimeout(timer));
    // A response's last write is handed to its socket behind the code that is running now.
    setImmediate(() => (this.#http10 ? socket.write("", reset) : socket.destroySoon()));
  }
}
