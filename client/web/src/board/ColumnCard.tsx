/** One server: its address, Start and Stop, what came, when it came, and what became of the producer. */

import { memo, useEffect, useId, useRef, useState } from "react";

import { isRunning, type Snapshot } from "../streams/run.ts";
import type { Column } from "./store.ts";
import { Timeline } from "./Timeline.tsx";
import { inBytes, inMilliseconds, PHASE, producerSentence } from "./words.ts";

interface Props {
  readonly index: number;
  readonly column: Column;
  readonly axisMs: number;
  readonly start: (index: number) => void;
  readonly stop: (index: number) => void;
  readonly openGate: (index: number) => void;
  readonly move: (index: number, url: string) => void;
}

export const ColumnCard = memo(function ColumnCard({ index, column, axisMs, start, stop, openGate, move }: Props) {
  const title = useId();
  const { name, stream } = column;
  const running = isRunning(stream.phase);
  return (
    <section className="card column" aria-labelledby={title} data-implementation={name} data-phase={stream.phase}>
      <header>
        <h2 id={title}>{name}</h2>
        <PhaseBadge stream={stream} />
      </header>
      <Address name={name} url={column.url} move={(url) => move(index, url)} />
      <div className="buttons">
        <button type="button" className="primary" onClick={() => start(index)} aria-label={`${running ? "Restart" : "Start"} ${name}`}>
          {running ? "Restart" : "Start"}
        </button>
        <button type="button" onClick={() => stop(index)} disabled={!running} aria-label={`Stop ${name}`}>
          Stop
        </button>
        {stream.gates && (
          <button type="button" onClick={() => openGate(index)} disabled={!running} aria-label={`Open a gate of ${name}`}>
            Open a gate
          </button>
        )}
      </div>
      {/* Below the buttons: an answer that comes while one presses a button must not move it away. */}
      {(column.software === "" || column.software !== stream.sentence) && (
        <p className={column.isReachable === false ? "software wrong" : "software"}>{column.software || "…"}</p>
      )}
      <p className={`sentence ${stream.phase}`} role="status">
        {stream.sentence}
      </p>
      <Arrived name={name} text={stream.text} />
      <Timeline stream={stream} axisMs={axisMs} />
      <Figures name={name} stream={stream} />
    </section>
  );
});

function PhaseBadge({ stream }: { readonly stream: Snapshot }) {
  const { word, sign } = PHASE[stream.phase];
  return (
    <span className={`badge ${stream.phase}`}>
      <span aria-hidden="true">{sign}</span> {word}
    </span>
  );
}

function Address({ name, url, move }: { readonly name: string; readonly url: string; readonly move: (url: string) => void }) {
  const [draft, setDraft] = useState(url);
  const [shownUrl, setShownUrl] = useState(url);
  if (url !== shownUrl) {
    setShownUrl(url);
    setDraft(url);
  }
  const commit = (): void => {
    if (draft.trim() !== url) move(draft.trim());
  };
  return (
    <form
      className="address"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        commit();
      }}
    >
      <input
        type="url"
        inputMode="url"
        spellCheck={false}
        aria-label={`Base URL of ${name}`}
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={commit}
      />
    </form>
  );
}

/** The text as it arrives; the end of it stays in view unless one has scrolled away. */
function Arrived({ name, text }: { readonly name: string; readonly text: string }) {
  const box = useRef<HTMLPreElement>(null);
  const atEnd = useRef(true);
  useEffect(() => {
    if (box.current && atEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [text]);
  return (
    // A region that scrolls is reached by the keyboard only where it can be focused.
    <pre
      ref={box}
      className="arrived"
      tabIndex={0}
      role="region"
      aria-label={`What arrived from ${name}`}
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        atEnd.current = scrollHeight - scrollTop - clientHeight < 8;
      }}
    >
      {text}
    </pre>
  );
}

function Figures({ name, stream }: { readonly name: string; readonly stream: Snapshot }) {
  const firstMs = stream.readCount > 0 ? (stream.reads[0] ?? null) : null;
  return (
    <dl className="figures">
      <Figure name="Header section" value={inMilliseconds(stream.headMs)} />
      <Figure name={stream.isEventSource ? "First event" : "First byte"} value={inMilliseconds(firstMs)} />
      <Figure name={stream.isEventSource ? "Events" : "Reads"} value={`${stream.readCount}, ${inBytes(stream.bytes)}`} />
      <Figure name="Longest gap" value={inMilliseconds(stream.readCount > 1 ? stream.longestGapMs : null)} />
      {stream.connections > 1 && <Figure name="Connections" value={String(stream.connections)} />}
      {stream.lastEventId !== "" && <Figure name="Last event ID" value={stream.lastEventId} />}
      <div className="wide">
        <dt>Producer, as the server tells</dt>
        <dd className="producer">
          {producerSentence(stream)}{" "}
          {stream.ledgerUrl && (
            <a href={stream.ledgerUrl} target="_blank" rel="noreferrer" aria-label={`What the server tells of ${name}’s stream`}>
              JSON
            </a>
          )}
        </dd>
      </div>
      {stream.goneWithinMs !== null && (
        <Figure name="After Stop" value={`producer gone within ${inMilliseconds(stream.goneWithinMs)}`} wide />
      )}
    </dl>
  );
}

function Figure({ name, value, wide = false }: { readonly name: string; readonly value: string; readonly wide?: boolean }) {
  return (
    <div className={wide ? "wide" : undefined}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
