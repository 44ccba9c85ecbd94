/** What `/streams` tells of the producer, again and again, until it is over. */

import { Refused, streamState, type Totals, totals } from "./contract.ts";

/** A poll answers after this long, or at once when the stream is closed and cleaned. */
const POLL_MS = 200;

/** Between two looks at totals, which have no long-poll. */
const PAUSE_MS = 100;

/** Another page may hold streams open at the same server: they are not waited for longer than this. */
const POLLS_AFTER_END = 20;

export interface Producer {
  /** One word: open, closed, or unknown to the ledger. */
  readonly state: "open" | "closed" | "unknown";
  readonly reason: string | null;
  readonly items: number;
  readonly cleaned: boolean;
  /** On this page's clock; the offset is the one of the quickest poll, right to half its duration. */
  readonly producedAt: readonly number[];
  readonly closedAt: number | null;
}

/** Tells `observe` the state of one stream until it is closed and cleaned, or `signal` aborts. */
export async function watchStream(
  base: string,
  token: string,
  observe: (producer: Producer) => void,
  signal: AbortSignal,
): Promise<void> {
  let quickestMs = Infinity;
  let offsetMs = 0;
  // A poll that waits says nothing of the clocks: each one that waits is followed by one that does not.
  for (let waitMs = 0; ; waitMs = waitMs === 0 ? POLL_MS : 0) {
    try {
      const askedAt = performance.now();
      const state = await streamState(base, token, waitMs, signal);
      const answeredAt = performance.now();
      if (waitMs === 0 && answeredAt - askedAt < quickestMs) {
        quickestMs = answeredAt - askedAt;
        offsetMs = (askedAt + answeredAt) / 2 - state.now_ms;
      }
      observe({
        state: state.state,
        reason: state.reason,
        items: state.items_produced,
        cleaned: state.cleaned,
        producedAt: state.produced_ms.map((ms) => ms + offsetMs),
        closedAt: state.closed_ms === null ? null : state.closed_ms + offsetMs,
      });
      if (state.state === "closed" && state.cleaned) return;
    } catch (error) {
      if (!(error instanceof Refused && error.status === 404)) throw error;
      observe({ state: "unknown", reason: null, items: 0, cleaned: false, producedAt: [], closedAt: null });
      return;
    }
  }
}

export interface ServerTotals {
  readonly open: number;
  readonly opened: number;
  readonly cleaned: number;
}

/** Tells `observe` the totals since `before`, until `isOver` and no stream is open; those of others are not waited for. */
export async function watchTotals(
  base: string,
  before: Totals,
  isOver: () => boolean,
  observe: (since: ServerTotals) => void,
  signal: AbortSignal,
): Promise<void> {
  for (let pollsAfterEnd = 0; pollsAfterEnd < POLLS_AFTER_END; ) {
    if (isOver()) pollsAfterEnd += 1;
    const now = await totals(base, signal);
    observe({ open: now.open, opened: now.opened - before.opened, cleaned: now.cleaned - before.cleaned });
    if (pollsAfterEnd > 0 && now.open === 0) return;
    await pause(PAUSE_MS, signal);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, ms);
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", abort, { once: true });
  });
}
