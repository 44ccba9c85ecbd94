/** The resources of the contract that tell about streams (conformance/CONTRACT.md), as the page reads them. */

export interface Description {
  readonly implementation: string;
  readonly framework: { readonly name: string; readonly version: string };
  readonly server: { readonly name: string; readonly version: string };
  readonly python: string;
}

export interface StreamState {
  readonly state: "open" | "closed";
  readonly reason: string | null;
  readonly items_produced: number;
  readonly bytes_produced: number;
  readonly produced_ms: readonly number[];
  readonly closed_ms: number | null;
  readonly now_ms: number;
  readonly cleaned: boolean;
}

export interface Totals {
  readonly open: number;
  readonly opened: number;
  readonly cleaned: number;
  readonly reasons: Readonly<Record<string, number>>;
}

/** An answer that is not the resource: a problem, or something that is no implementation of the contract. */
export class Refused extends Error {
  override readonly name = "Refused";

  constructor(
    readonly status: number,
    detail: string,
  ) {
    super(`${status}${detail ? `: ${detail}` : ""}`);
  }
}

/** No answer that a page may read: a browser tells neither why nor what. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";

  constructor(url: string) {
    super(
      `No answer from ${new URL(url).origin} that this page may read. ` +
        `Is the server running, and does it allow the origin ${window.location.origin} (STREAMSPEC_CORS_ORIGINS)?`,
    );
  }
}

/** The response to a request. Throws Refused where it is not 2xx, Unreachable where there is none. */
export async function ask(url: string, init: RequestInit & { signal: AbortSignal }): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { cache: "no-store", ...init });
  } catch (error) {
    init.signal.throwIfAborted();
    throw error instanceof TypeError ? new Unreachable(url) : error;
  }
  if (!response.ok) throw new Refused(response.status, await problemOf(response));
  return response;
}

/** What a problem says; empty where the answer is none, a page of HTML say. */
async function problemOf(response: Response): Promise<string> {
  try {
    const problem = (await response.json()) as { detail?: unknown; title?: unknown };
    return String(problem.detail ?? problem.title ?? "");
  } catch {
    return "";
  }
}

async function resource<T>(base: string, path: string, signal: AbortSignal): Promise<T> {
  return (await (await ask(at(base, path), { signal })).json()) as T;
}

/** The URL of a resource; the base URL may have a path of its own. */
export function at(base: string, path: string): string {
  return base.replace(/\/+$/, "") + path;
}

export function describe(base: string, signal: AbortSignal): Promise<Description> {
  return resource(base, "/", signal);
}

export function totals(base: string, signal: AbortSignal): Promise<Totals> {
  return resource(base, "/streams", signal);
}

/** The state of one stream when it is closed and cleaned, or after `waitMs`. */
export function streamState(base: string, token: string, waitMs: number, signal: AbortSignal): Promise<StreamState> {
  return resource(base, `/streams/${token}?wait_ms=${waitMs}`, signal);
}

export async function openGate(base: string, token: string, signal: AbortSignal): Promise<void> {
  const headers = { "Content-Type": "application/json" };
  await ask(at(base, `/streams/${token}/release`), { method: "POST", headers, body: '{"items": 1}', signal });
}
