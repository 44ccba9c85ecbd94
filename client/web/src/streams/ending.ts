/** How reading a stream ended, as it is and not as one would like it. */

export type EndingKind = "complete" | "stopped" | "failed" | "truncated" | "refused" | "unreachable";

export interface Ending {
  readonly kind: EndingKind;
  readonly sentence: string;
}

/** What a reader tells while it reads. */
export interface Observer {
  /** The header section came; once for each connection. */
  opened(): void;
  /** One read, or one event of an EventSource: what there is to show, and its size. */
  read(text: string, bytes: number): void;
  /** Where the next connection will go on. */
  lastEventId(id: string): void;
  /** The connection is gone, and the browser comes back by itself. */
  reconnecting(): void;
}

export const STOPPED: Ending = { kind: "stopped", sentence: "Stopped on this page." };

export function complete(how: string): Ending {
  return { kind: "complete", sentence: `Complete: ${how}.` };
}

export function truncated(how: string): Ending {
  return { kind: "truncated", sentence: `Cut short: ${how}. Something is missing.` };
}

/** The end that an `error` event tells: its data is a problem. */
export function failed(data: string): Ending {
  let detail = data;
  try {
    const problem = JSON.parse(data) as { detail?: unknown; title?: unknown };
    detail = String(problem.detail ?? problem.title ?? data);
  } catch {
    // It is shown as it came.
  }
  return { kind: "failed", sentence: `The server says that it failed: ${detail}` };
}
