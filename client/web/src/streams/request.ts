/** What the person at the page asks for, and the requests that it becomes. */

import { at } from "./contract.ts";

export type Way = "text" | "event-source" | "scripted-events" | "scripted-text";

export interface Wish {
  readonly way: Way;
  readonly count: number;
  readonly intervalMs: number;
  /** Whether an EventSource is closed at the terminal event. */
  readonly closeAtDone: boolean;
  /** JSON, for the scripted ways. */
  readonly script: string;
}

/** One request. Without a token the ledger tells totals alone: a URL that is reconnected to carries none. */
export interface Plan {
  readonly url: string;
  readonly init: RequestInit;
  readonly token: string | null;
  readonly gates: boolean;
}

/** A wish that is no request; the message says what to mend. */
export class NotARequest extends Error {
  override readonly name = "NotARequest";
}

export function isScripted(way: Way): boolean {
  return way === "scripted-events" || way === "scripted-text";
}

export function planOf(base: string, wish: Wish): Plan {
  checkBaseUrl(base);
  if (isScripted(wish.way)) return scriptedPlan(base, wish);
  const query = `count=${wish.count}&interval_ms=${wish.intervalMs}`;
  if (wish.way === "event-source") return { url: at(base, `/sse?${query}`), init: {}, token: null, gates: false };
  const token = crypto.randomUUID();
  return { url: at(base, `/stream?${query}&token=${token}`), init: {}, token, gates: false };
}

/** Throws NotARequest where that is no base URL. */
export function checkBaseUrl(base: string): void {
  if (/^https?:$/.test(protocolOf(base))) return;
  throw new NotARequest(`“${base}” is no base URL: it begins with http:// and names a host, as http://127.0.0.1:8000`);
}

function scriptedPlan(base: string, { way, script }: Wish): Plan {
  const read = readScript(script);
  const token = typeof read.token === "string" ? read.token : crypto.randomUUID();
  return {
    url: at(base, way === "scripted-events" ? "/sse" : "/stream"),
    init: {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token, ...read }),
    },
    token,
    gates: Array.isArray(read.items) && read.items.some((item: unknown) => isObject(item) && item.gate === true),
  };
}

/** The script as an object; what is in it the server judges. Throws NotARequest where it is no JSON object. */
export function readScript(script: string): Record<string, unknown> {
  let read: unknown;
  try {
    read = JSON.parse(script);
  } catch (error) {
    throw new NotARequest(`The script is no JSON: ${(error as SyntaxError).message}`);
  }
  if (!isObject(read)) throw new NotARequest('The script must be a JSON object: {"items": […]}');
  return read;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function protocolOf(url: string): string {
  try {
    return new URL(url).protocol;
  } catch {
    return "";
  }
}
