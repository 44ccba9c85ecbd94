/** One stream of one server, from Start to its end: reads it, watches its producer, and keeps what the page shows. */

import { at, openGate, totals } from "./contract.ts";
import { type Ending, type EndingKind, type Observer, STOPPED } from "./ending.ts";
import { followEventSource } from "./follow-event-source.ts";
import { readEvents, readText } from "./read-response.ts";
import { NotARequest, type Plan, planOf, type Wish } from "./request.ts";
import { type Producer, type ServerTotals, watchStream, watchTotals } from "./watch-producer.ts";

export type Phase = "idle" | "connecting" | "open" | "reconnecting" | EndingKind | "invalid";

/** What is kept of a text that grows without end: its last characters. */
const TEXT_LENGTH = 20_000;

/** Reads that are kept for the timeline, the last ones; there are not as many pixels. */
const MAX_READS = 5_000;

/** All times in milliseconds since Start. */
export interface Snapshot {
  readonly phase: Phase;
  readonly sentence: string;
  readonly text: string;
  readonly headMs: number | null;
  readonly reads: readonly number[];
  readonly readCount: number;
  readonly bytes: number;
  readonly longestGapMs: number;
  readonly endedMs: number | null;
  readonly connections: number;
  readonly lastEventId: string;
  readonly gates: boolean;
  /** What is read are the events of an EventSource, which shows no bytes and no reads; and the ledger tells totals. */
  readonly isEventSource: boolean;
  /** Where the server tells of the producer. */
  readonly ledgerUrl: string;
  readonly producer: Producer | null;
  readonly totals: ServerTotals | null;
  /** From Stop to the answer of `/streams` that says closed and cleaned: more than the producer took. */
  readonly goneWithinMs: number | null;
  /** What is wrong with telling about the producer. */
  readonly watchSentence: string;
}

export const NOTHING: Snapshot = {
  phase: "idle",
  sentence: "",
  text: "",
  headMs: null,
  reads: [],
  readCount: 0,
  bytes: 0,
  longestGapMs: 0,
  endedMs: null,
  connections: 0,
  lastEventId: "",
  gates: false,
  isEventSource: false,
  ledgerUrl: "",
  producer: null,
  totals: null,
  goneWithinMs: null,
  watchSentence: "",
};

export function isRunning(phase: Phase): boolean {
  return phase === "connecting" || phase === "open" || phase === "reconnecting";
}

export class StreamRun implements Observer {
  #now: Snapshot = { ...NOTHING, phase: "connecting" };
  /** These two grow with every read: they are copied when they are looked at. */
  #text = "";
  readonly #reads: number[] = [];
  readonly #reading = new AbortController();
  readonly #watching = new AbortController();
  readonly #startedAt = performance.now();
  #stoppedAt: number | null = null;
  #plan: Plan | null = null;
  /** From its header section on, or from its refusal, the ledger can tell of a stream. */
  #known: () => void = () => undefined;
  readonly #isKnown = new Promise<void>((resolve) => {
    this.#known = resolve;
  });

  constructor(
    private readonly base: string,
    private readonly wish: Wish,
    private readonly changed: () => void,
  ) {}

  snapshot(): Snapshot {
    return { ...this.#now, text: this.#text.slice(-TEXT_LENGTH), reads: this.#reads.slice(-MAX_READS) };
  }

  /** Reads to the end, whatever that is, and tells it; the producer is watched for as long as there is something to see. */
  async play(): Promise<void> {
    try {
      this.#plan = planOf(this.base, this.wish);
    } catch (error) {
      if (!(error instanceof NotARequest)) throw error;
      this.#set({ phase: "invalid", sentence: error.message });
      return;
    }
    const { gates, token } = this.#plan;
    const isEventSource = this.wish.way === "event-source";
    this.#set({ gates, isEventSource, ledgerUrl: at(this.base, token === null ? "/streams" : `/streams/${token}`) });
    const watched = this.#watch(this.#plan).catch((error: unknown) => {
      if (!this.#watching.signal.aborted) this.#set({ watchSentence: (error as Error).message });
    });
    const ending = await this.#read(this.#plan);
    this.#set({ phase: ending.kind, sentence: ending.sentence, endedMs: this.#sinceStart() });
    this.#known();
    await watched;
  }

  /** Leaves the stream; its producer is still watched, for it should stop now. */
  stop(): void {
    if (!isRunning(this.#now.phase) || this.#stoppedAt !== null) return;
    this.#stoppedAt = performance.now();
    this.#reading.abort();
  }

  /** Ends everything: nobody looks any more. */
  dispose(): void {
    this.stop();
    this.#watching.abort();
  }

  async openGate(): Promise<void> {
    if (this.#plan?.token == null) return;
    try {
      await openGate(this.base, this.#plan.token, this.#watching.signal);
    } catch (error) {
      if (!this.#watching.signal.aborted) this.#set({ watchSentence: `No gate opened. ${(error as Error).message}` });
    }
  }

  #read(plan: Plan): Promise<Ending> {
    const { signal } = this.#reading;
    const { way, closeAtDone } = this.wish;
    if (signal.aborted) return Promise.resolve(STOPPED);
    if (way === "event-source") return followEventSource(plan.url, { signal, closeAtDone }, this);
    const read = way === "scripted-events" ? readEvents : readText;
    return read(plan.url, { ...plan.init, signal }, this);
  }

  async #watch(plan: Plan): Promise<void> {
    const { signal } = this.#watching;
    if (plan.token !== null) {
      await this.#isKnown;
      await watchStream(this.base, plan.token, (producer) => this.#observe(producer), signal);
      return;
    }
    const before = await totals(this.base, signal);
    const isOver = (): boolean => !isRunning(this.#now.phase);
    await watchTotals(this.base, before, isOver, (since) => this.#set({ totals: since }), signal);
  }

  #observe(producer: Producer): void {
    const isGone = producer.state === "closed" && producer.cleaned;
    const sinceStart = (ms: number): number => ms - this.#startedAt;
    this.#set({
      producer: {
        ...producer,
        producedAt: producer.producedAt.map(sinceStart),
        closedAt: producer.closedAt === null ? null : sinceStart(producer.closedAt),
      },
      goneWithinMs: isGone && this.#stoppedAt !== null ? performance.now() - this.#stoppedAt : null,
    });
  }

  opened(): void {
    const { headMs, connections } = this.#now;
    this.#set({ phase: "open", headMs: headMs ?? this.#sinceStart(), connections: connections + 1, sentence: "" });
    this.#known();
  }

  read(text: string, bytes: number): void {
    const readMs = this.#sinceStart();
    const last = this.#reads.at(-1) ?? readMs;
    this.#text += text;
    this.#reads.push(readMs);
    if (this.#text.length > 2 * TEXT_LENGTH) this.#text = this.#text.slice(-TEXT_LENGTH);
    if (this.#reads.length > 2 * MAX_READS) this.#reads.splice(0, MAX_READS);
    this.#set({
      readCount: this.#now.readCount + 1,
      bytes: this.#now.bytes + bytes,
      longestGapMs: Math.max(this.#now.longestGapMs, readMs - last),
    });
  }

  lastEventId(id: string): void {
    this.#set({ lastEventId: id });
  }

  reconnecting(): void {
    const { connections, lastEventId } = this.#now;
    const from = lastEventId === "" ? "without a Last-Event-ID" : `with Last-Event-ID ${lastEventId}`;
    const what = connections === 0 ? "No answer yet" : `Connection ${connections} ended`;
    this.#set({ phase: "reconnecting", sentence: `${what}; the browser comes back by itself, ${from}.` });
  }

  #sinceStart(): number {
    return performance.now() - this.#startedAt;
  }

  #set(change: Partial<Snapshot>): void {
    this.#now = { ...this.#now, ...change };
    this.changed();
  }
}
