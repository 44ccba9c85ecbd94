// The ledger behind `/streams`: which streams are open, how each ended, how often its clean-up ran.
//
// It records, and stops nobody by itself. It never holds more than LEDGER_SIZE streams: the one that closed first is
// forgotten first.

import { randomBytes } from "node:crypto";
import { LEDGER_SIZE } from "./limits.mjs";
import { notFound, refusal, unavailable } from "./problem.mjs";

const PRODUCED_KEPT = 1_000;

/** The one clock of the ledger: monotonic, in milliseconds with fractions. */
export const nowMs = () => performance.now();

/** What is known of one stream. */
class Entry {
  itemsProduced = 0;
  bytesProduced = 0;
  openedMs = nowMs();
  closedMs = null;
  reason = null;
  cleanups = 0;
  onRelease = null;
  /** Whoever delivers the stream sets it: ends the stream for that reason. */
  cut = null;
  #producedMs = [];
  #released = 0;
  #ledger;

  constructor(token, ledger) {
    this.token = token;
    this.#ledger = ledger;
  }

  /** Records an item at the moment its producer yields it. */
  produced(payloadBytes) {
    this.#producedMs[this.itemsProduced % PRODUCED_KEPT] = nowMs();
    this.itemsProduced += 1;
    this.bytesProduced += payloadBytes;
  }

  release(gates) {
    this.#released += gates;
    this.onRelease?.();
  }

  /** Whether a gate was open; it is gone through then. */
  goThrough() {
    if (!this.#released) return false;
    this.#released -= 1;
    return true;
  }

  /** Nothing more will be written. The first reason stands. */
  close(reason) {
    if (this.reason !== null) return;
    this.reason = reason;
    this.closedMs = nowMs();
    this.#ledger.noteClosed(this);
  }

  /** The producer's `finally` has run to its end. */
  clean() {
    this.cleanups += 1;
    if (this.cleanups === 1) this.#ledger.noteCleaned(this);
  }

  isOver() {
    return this.reason !== null && this.cleanups > 0;
  }

  state() {
    const oldest = this.itemsProduced > PRODUCED_KEPT ? this.itemsProduced % PRODUCED_KEPT : 0;
    return {
      token: this.token,
      state: this.reason === null ? "open" : "closed",
      reason: this.reason,
      items_produced: this.itemsProduced,
      bytes_produced: this.bytesProduced,
      produced_ms: [...this.#producedMs.slice(oldest), ...this.#producedMs.slice(0, oldest)],
      opened_ms: this.openedMs,
      closed_ms: this.closedMs,
      now_ms: nowMs(),
      cleaned: this.cleanups > 0,
      cleanups: this.cleanups,
      worker: process.pid,
    };
  }
}

/** Every stream of this process, the open ones and the last that closed. */
export class Ledger {
  draining = false;
  #limits;
  #entries = new Map();
  #closed = [];
  #slots = new Set();
  #open = 0;
  #opened = 0;
  #cleaned = 0;
  #reasons = {};
  #waiting = new Set();

  constructor(limits) {
    this.#limits = limits;
  }

  /** A new entry; throws 503 or 409. For HEAD (`known` false) it is not in the ledger. */
  open(token, known) {
    if (this.draining) throw unavailable("The server is shutting down and opens no more streams.");
    if (this.#slots.size >= this.#limits.max_streams) {
      throw unavailable(`All ${this.#limits.max_streams} streams are taken; try again when one has ended.`);
    }
    if (this.#entries.has(token)) throw refusal(`The token ${token} is known already; choose another.`, "token", 409);
    const entry = new Entry(token ?? randomBytes(12).toString("base64url"), this);
    if (known) this.#add(entry);
    return entry;
  }

  find(token) {
    const entry = this.#entries.get(token);
    if (!entry) throw notFound(token);
    return entry;
  }

  totals() {
    return {
      open: this.#open,
      opened: this.#opened,
      cleaned: this.#cleaned,
      reasons: this.#reasons,
      draining: this.draining,
      now_ms: nowMs(),
    };
  }

  /** Resolves when the condition holds, at the latest after that time or when nobody shall wait any more. */
  wait(condition, withinMs) {
    if (condition() || withinMs <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      const look = (anyway) => (anyway || condition()) && done();
      const timer = setTimeout(done, withinMs);
      this.#waiting.add(look);
    });
  }

  isIdle() {
    return this.#slots.size === 0;
  }

  /** Ends every open stream. */
  cut(reason) {
    for (const entry of this.#slots) entry.cut?.(reason);
  }

  /** Answers every long-poll now: the process is about to go. */
  stopWaiting() {
    for (const look of [...this.#waiting]) look(true);
  }

  noteClosed(entry) {
    if (this.#entries.get(entry.token) !== entry) return;
    this.#open -= 1;
    this.#reasons[entry.reason] = (this.#reasons[entry.reason] ?? 0) + 1;
    this.#closed.push(entry.token);
    this.#freeIfOver(entry);
  }

  noteCleaned(entry) {
    this.#cleaned += 1;
    this.#freeIfOver(entry);
  }

  #add(entry) {
    if (this.#entries.size >= LEDGER_SIZE) this.#entries.delete(this.#closed.shift());
    this.#entries.set(entry.token, entry);
    this.#slots.add(entry);
    this.#open += 1;
    this.#opened += 1;
  }

  #freeIfOver(entry) {
    if (!entry.isOver()) return;
    this.#slots.delete(entry);
    for (const look of [...this.#waiting]) look(false);
  }
}
