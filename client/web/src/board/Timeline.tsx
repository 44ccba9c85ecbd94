/** When items were produced, as the server tells, and when the page read them: two rows on one axis. */

import type { Snapshot } from "../streams/run.ts";
import { inSeconds } from "./words.ts";

const WIDTH = 1000;
const ROW = { produced: 14, read: 40 } as const;
const MARK_HEIGHT = 16;
const HEIGHT = 62;

interface Props {
  readonly stream: Snapshot;
  /** The end of the axis, the same for all columns. */
  readonly axisMs: number;
}

export function Timeline({ stream, axisMs }: Props) {
  const x = (ms: number): number => Math.round((Math.min(Math.max(ms, 0), axisMs) / axisMs) * WIDTH * 10) / 10;
  const produced = stream.producer?.producedAt ?? [];
  return (
    <figure className="timeline">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={described(stream, produced.length)}
      >
        <path className="rail" d={`M0 ${ROW.produced + MARK_HEIGHT}H${WIDTH}M0 ${ROW.read + MARK_HEIGHT}H${WIDTH}`} />
        <path className="mark produced" d={marks(produced.map(x), ROW.produced)} />
        <path className="mark read" d={marks(stream.reads.map(x), ROW.read)} />
        {stream.endedMs !== null && <path className={`end ${stream.phase}`} d={`M${x(stream.endedMs)} 4V${HEIGHT}`} />}
      </svg>
      <figcaption>
        {!stream.isEventSource && <span className="key produced">produced</span>}
        <span className="key read">read</span>
        <span className="axis">0 to {axisMs / 1000} s</span>
      </figcaption>
    </figure>
  );
}

/** One path for all marks of a row; marks on one pixel are one mark. */
function marks(at: readonly number[], top: number): string {
  return [...new Set(at)].map((x) => `M${x} ${top}v${MARK_HEIGHT}`).join("");
}

function described({ reads, readCount, longestGapMs }: Snapshot, produced: number): string {
  const [first] = reads;
  const last = reads.at(-1);
  if (first === undefined || last === undefined) return "Timeline: nothing was read yet";
  const told = produced > 0 ? `${produced} items produced; ` : "";
  return (
    `Timeline: ${told}${readCount} reads from ${inSeconds(first)} to ${inSeconds(last)} after Start, ` +
    `longest gap ${inSeconds(longestGapMs)}`
  );
}

/** The end of an axis that holds `longestMs`: 1, 2 or 5 seconds, or ten times that, and so on. */
export function axisFor(longestMs: number): number {
  for (let unit = 1000; ; unit *= 10) {
    for (const end of [unit, unit * 2, unit * 5]) if (longestMs <= end) return end;
  }
}
