/** Which servers the page talks to: `/implementations.json`, which `python3 conformance demo` serves beside it. */

import { describe } from "../streams/contract.ts";
import { checkBaseUrl } from "../streams/request.ts";

export interface Implementation {
  readonly name: string;
  readonly url: string;
}

/** Without the file: the four, as `streamspec serve NAME --port …` would put them one after the other. */
export const BY_HAND: readonly Implementation[] = ["aiohttp", "fastapi", "quart", "starlette"].map((name, index) => ({
  name,
  url: `http://127.0.0.1:${8001 + index}`,
}));

export async function implementations(signal: AbortSignal): Promise<readonly Implementation[]> {
  const response = await fetch("/implementations.json", { cache: "no-store", signal });
  if (response.status === 404) return BY_HAND;
  if (!response.ok) throw new Error(`/implementations.json was answered ${response.status}`);
  return (await response.json()) as readonly Implementation[];
}

/** What stands behind a URL, in one line. Throws NotARequest, Refused or Unreachable. */
export async function software(url: string, signal: AbortSignal): Promise<string> {
  checkBaseUrl(url);
  const { framework, server, python } = await describe(url, signal);
  const parts = [framework, server].map(({ name, version }) => `${name} ${version}`.trim());
  return [...new Set(parts), python ? `Python ${python}` : ""].filter(Boolean).join(" · ");
}
