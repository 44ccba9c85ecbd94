"use client";

import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";

import type { Wish } from "../streams/request.ts";
import { ColumnCard } from "./ColumnCard.tsx";
import { implementations } from "./implementations.ts";
import { Board, type Column, isAnyRunning } from "./store.ts";
import { axisFor } from "./Timeline.tsx";
import { WishForm } from "./WishForm.tsx";

const NO_COLUMNS: readonly Column[] = [];

const FIRST_WISH: Wish = { way: "text", count: 20, intervalMs: 300, closeAtDone: true, script: "" };

export function BoardPage() {
  const board = useMemo(() => new Board(), []);
  const columns = useSyncExternalStore(board.subscribe, board.snapshot, () => NO_COLUMNS);
  const [wish, setWish] = useState(FIRST_WISH);
  const [trouble, setTrouble] = useState("");
  useColumns(board, setTrouble);

  // Columns are drawn anew when they change: what they call must not change with every wish.
  const wished = useRef(wish);
  useEffect(() => {
    wished.current = wish;
  }, [wish]);
  const start = useCallback((index: number) => void board.start(index, wished.current), [board]);
  const stop = useCallback((index: number) => board.stop(index), [board]);
  const openGate = useCallback((index: number) => board.openGate(index), [board]);
  const move = useCallback((index: number, url: string) => board.move(index, url), [board]);

  const axisMs = axisFor(Math.max(...columns.map(({ stream }) => stream.endedMs ?? stream.reads.at(-1) ?? 0), 0));
  return (
    <>
      <section className="card controls" aria-label="What to stream">
        <WishForm wish={wish} change={(change) => setWish((before) => ({ ...before, ...change }))} />
        <div className="buttons">
          <button type="button" className="primary" disabled={columns.length === 0} onClick={() => board.startAll(wish)}>
            Start all at once
          </button>
          <button type="button" disabled={columns.length === 0} onClick={() => void board.startOneByOne(wish)}>
            Start one by one
          </button>
          <button type="button" disabled={!isAnyRunning(columns)} onClick={() => board.stopAll()}>
            Stop all
          </button>
        </div>
        {trouble && (
          <p className="wrong" role="alert">
            {trouble}
          </p>
        )}
      </section>
      <div className="columns">
        {columns.map((column, index) => (
          <ColumnCard key={column.name} {...{ index, column, axisMs, start, stop, openGate, move }} />
        ))}
      </div>
    </>
  );
}

/** Fills the board when the page comes, and leaves every stream when it goes. */
function useColumns(board: Board, setTrouble: (sentence: string) => void): void {
  useEffect(() => {
    const asking = new AbortController();
    implementations(asking.signal).then(
      (found) => board.show(found),
      (error: unknown) => {
        if (!asking.signal.aborted) setTrouble(`Which servers there are is not known: ${(error as Error).message}.`);
      },
    );
    // A page that is left may be kept for the way back, with its connections: producers would go on for nobody.
    const leave = (): void => board.stopAll();
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      asking.abort();
      board.dispose();
    };
  }, [board, setTrouble]);
}
