/** The words of the page for what the streams are and do. */

import type { Phase, Snapshot } from "../streams/run.ts";
import type { Way } from "../streams/request.ts";

export const PHASE: Readonly<Record<Phase, { readonly word: string; readonly sign: string }>> = {
  idle: { word: "Not started", sign: "○" },
  connecting: { word: "Connecting", sign: "…" },
  open: { word: "Streaming", sign: "▶" },
  reconnecting: { word: "Reconnecting", sign: "↻" },
  complete: { word: "Complete", sign: "✓" },
  stopped: { word: "Stopped", sign: "■" },
  failed: { word: "Failed", sign: "✕" },
  truncated: { word: "Cut short", sign: "✂" },
  refused: { word: "Refused", sign: "⊘" },
  unreachable: { word: "No answer", sign: "∅" },
  invalid: { word: "Not sent", sign: "!" },
};

export const WAYS: readonly { readonly way: Way; readonly name: string; readonly how: string }[] = [
  { way: "text", name: "fetch", how: "GET /stream, body.getReader() and a streaming TextDecoder" },
  { way: "event-source", name: "EventSource", how: "GET /sse, the browser parses and reconnects" },
  { way: "scripted-events", name: "POST · events", how: "POST /sse with a script, parsed by our own decoder" },
  { way: "scripted-text", name: "POST · text", how: "POST /stream with a script, a streaming TextDecoder" },
];

export function inSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

export function inMilliseconds(ms: number | null): string {
  return ms === null ? "–" : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

export function inBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

/** What `/streams` tells of the producer. */
export function producerSentence({ phase, producer, totals, watchSentence }: Snapshot): string {
  if (phase === "idle" || phase === "invalid" || phase === "unreachable") return "–";
  if (watchSentence) return watchSentence;
  if (totals) return `${totals.open} open now; since Start ${totals.opened} opened, ${totals.cleaned} cleaned up`;
  if (producer === null) return "not seen yet";
  if (producer.state === "unknown") return "the server knows no such stream";
  const items = `${producer.items} ${producer.items === 1 ? "item" : "items"} produced`;
  if (producer.state === "open") return `running, ${items}`;
  return `${producer.reason ?? "closed"}, ${producer.cleaned ? "cleaned up" : "cleaning up"}, ${items}`;
}
