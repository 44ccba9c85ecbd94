/** The columns of the board and their streams, outside of React, which is told at most once a frame. */

import { isRunning, NOTHING, type Snapshot, StreamRun } from "../streams/run.ts";
import type { Wish } from "../streams/request.ts";
import { type Implementation, software } from "./implementations.ts";

export interface Column extends Implementation {
  /** What answers there, in one line; or why nothing does. */
  readonly software: string;
  readonly isReachable: boolean | null;
  readonly stream: Snapshot;
}

export class Board {
  #columns: readonly Column[] = [];
  #runs: (StreamRun | null)[] = [];
  #snapshot: readonly Column[] = [];
  #frame: number | null = null;
  #sequence = 0;
  readonly #listeners = new Set<() => void>();
  #asking = new AbortController();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): readonly Column[] => this.#snapshot;

  show(implementations: readonly Implementation[]): void {
    this.dispose();
    this.#asking = new AbortController();
    this.#columns = implementations.map((implementation) => ({
      ...implementation,
      software: "",
      isReachable: null,
      stream: NOTHING,
    }));
    this.#runs = implementations.map(() => null);
    implementations.forEach((_, index) => void this.#ask(index));
    this.#changed();
  }

  /** Points a column at another server. */
  move(index: number, url: string): void {
    this.#runs[index]?.dispose();
    this.#runs[index] = null;
    this.#change(index, { url, software: "", isReachable: null, stream: NOTHING });
    void this.#ask(index);
  }

  start(index: number, wish: Wish): Promise<void> {
    const column = this.#columns[index];
    if (column === undefined) return Promise.resolve();
    this.#runs[index]?.dispose();
    const run = new StreamRun(column.url, wish, () => this.#changed());
    this.#runs[index] = run;
    if (column.isReachable !== true) void this.#ask(index);
    return run.play();
  }

  startAll(wish: Wish): void {
    this.#sequence += 1;
    this.#columns.forEach((_, index) => void this.start(index, wish));
  }

  /** Each begins when the one before is over, its producer too. */
  async startOneByOne(wish: Wish): Promise<void> {
    this.stopAll();
    const sequence = this.#sequence;
    for (const index of this.#columns.keys()) {
      if (sequence !== this.#sequence) return;
      await this.start(index, wish);
    }
  }

  stop(index: number): void {
    this.#runs[index]?.stop();
  }

  stopAll(): void {
    this.#sequence += 1;
    for (const run of this.#runs) run?.stop();
  }

  openGate(index: number): void {
    void this.#runs[index]?.openGate();
  }

  /** Leaves every stream and every question. */
  dispose(): void {
    this.#sequence += 1;
    this.#asking.abort();
    for (const run of this.#runs) run?.dispose();
  }

  async #ask(index: number): Promise<void> {
    const { url } = this.#columns[index] as Column;
    let found: Partial<Column>;
    try {
      found = { software: await software(url, this.#asking.signal), isReachable: true };
    } catch (error) {
      if (this.#asking.signal.aborted) return;
      found = { software: (error as Error).message, isReachable: false };
    }
    if (this.#columns[index]?.url === url) this.#change(index, found);
  }

  #change(index: number, change: Partial<Column>): void {
    this.#columns = this.#columns.map((column, at) => (at === index ? { ...column, ...change } : column));
    this.#changed();
  }

  #changed(): void {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      this.#snapshot = this.#columns.map((column, index) => {
        const stream = this.#runs[index]?.snapshot() ?? column.stream;
        return { ...column, stream };
      });
      for (const listener of this.#listeners) listener();
    });
  }
}

export function isAnyRunning(columns: readonly Column[]): boolean {
  return columns.some(({ stream }) => isRunning(stream.phase));
}
