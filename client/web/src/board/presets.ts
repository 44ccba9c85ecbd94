/** Scripts to begin with, each for one thing that one should see. */

import type { Way } from "../streams/request.ts";

export interface Preset {
  readonly name: string;
  readonly script: string;
}

const EVENTS: readonly Preset[] = [
  {
    name: "Every field",
    script: written([
      { retry: 2000, comment: "a comment dispatches nothing" },
      { id: "a", data: "An event without a type is a message.", after_ms: 400 },
      { id: "b", event: "greeting", data: "Two lines\nof data, one event.", after_ms: 400 },
      { event: "tick", data: "It keeps the last event ID.", after_ms: 400 },
      { id: "é✓", data: "Ids may be Unicode, and data may be empty:", after_ms: 400 },
      { data: "", after_ms: 400 },
    ]),
  },
  {
    name: "Fails after three",
    script: written(
      [1, 2, 3].map((n) => ({ id: String(n), data: `event ${n}`, after_ms: 300 })),
      { end: "fail" },
    ),
  },
  {
    name: "Waits at gates",
    script: written([1, 2, 3, 4].map((n) => ({ id: String(n), data: `gate ${n} is open`, gate: true }))),
  },
  { name: "Silent until stopped", script: written([{ data: "and then nothing" }], { end: "hang", keepalive_ms: 1000 }) },
];

const TEXT: readonly Preset[] = [
  { name: "UTF-8 split at every byte", script: written(atEveryByte("Grüße, Γειά, 世界 👋🏽\n", 60)) },
  {
    name: "Fails after three",
    script: written(
      [1, 2, 3].map((n) => ({ text: `piece ${n}\n`, after_ms: 300 })),
      { end: "fail" },
    ),
  },
  { name: "Waits at gates", script: written([1, 2, 3, 4].map((n) => ({ text: `gate ${n} is open\n`, gate: true }))) },
  { name: "Fails before it starts", script: written([{ text: "never sent" }], { fail_before_start: true }) },
  { name: "A slow clean-up", script: written([{ text: "stop me\n" }], { end: "hang", cleanup_ms: 1500 }) },
];

export function presetsOf(way: Way): readonly Preset[] {
  return way === "scripted-events" ? EVENTS : TEXT;
}

function atEveryByte(text: string, afterMs: number): object[] {
  return Array.from(new TextEncoder().encode(text), (byte) => ({
    base64: btoa(String.fromCharCode(byte)),
    after_ms: afterMs,
  }));
}

/** JSON with one item a line. */
function written(items: readonly object[], rest: object = {}): string {
  const lines = items.map((item) => `    ${JSON.stringify(item)}`).join(",\n");
  const members = Object.entries(rest).map(([name, value]) => `,\n  "${name}": ${JSON.stringify(value)}`);
  return `{\n  "items": [\n${lines}\n  ]${members.join("")}\n}`;
}
