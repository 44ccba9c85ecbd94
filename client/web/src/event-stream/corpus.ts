/** The corpus that the Python decoder is held to as well: streams, and what a person says that they amount to. */

import { readFileSync } from "node:fs";

export interface Outcome {
  readonly events: readonly { readonly type: string; readonly data: string; readonly last_event_id: string }[];
  readonly last_event_id: string;
  readonly retry_ms: number | null;
}

export interface Case {
  readonly name: string;
  readonly stream: Uint8Array;
  readonly startId: string;
  readonly outcome: Outcome;
}

/** From where npm runs scripts: the folder of package.json. */
const CORPUS = "../tests/corpus_event_stream.json";

interface CorpusFile {
  readonly format: string;
  readonly cases: readonly ({ readonly name: string; readonly stream: string; readonly start_id: string } & Outcome)[];
}

export function cases(): Case[] {
  const file = JSON.parse(readFileSync(CORPUS, "utf-8")) as CorpusFile;
  if (file.format !== "streamspec-event-streams/1") throw new Error(`${CORPUS} has an unknown format: ${file.format}`);
  return file.cases.map(({ name, stream, start_id, events, last_event_id, retry_ms }) => ({
    name,
    stream: Buffer.from(stream, "latin1"),
    startId: start_id,
    outcome: { events, last_event_id, retry_ms },
  }));
}
