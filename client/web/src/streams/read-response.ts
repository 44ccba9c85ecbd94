/** `fetch` with `body.getReader()` and an AbortSignal: text by a streaming TextDecoder, events by our own decoder. */

import { EventStreamDecoder, EventTooLarge, type ServerSentEvent } from "../event-stream/index.ts";
import { ask, Refused, Unreachable } from "./contract.ts";
import { complete, type Ending, failed, type Observer, STOPPED, truncated } from "./ending.ts";
import { shown } from "./shown.ts";

export type RequestOfStream = RequestInit & { signal: AbortSignal };

/** What is made of the reads; `end` tells the ending where the body was complete. */
interface Body {
  take(bytes: Uint8Array): { text: string; ending?: Ending };
  end(): { text: string; ending: Ending };
}

export async function readText(url: string, request: RequestOfStream, observer: Observer): Promise<Ending> {
  // One decoder for the whole of the text: a character may be split over reads.
  const decoder = new TextDecoder("utf-8");
  return read(url, request, observer, {
    take: (bytes) => ({ text: decoder.decode(bytes, { stream: true }) }),
    end: () => ({ text: decoder.decode(), ending: complete("the last chunk came") }),
  });
}

export async function readEvents(url: string, request: RequestOfStream, observer: Observer): Promise<Ending> {
  const decoder = new EventStreamDecoder();
  return read(url, request, observer, {
    take: (bytes) => {
      const events = decoder.feed(bytes);
      observer.lastEventId(decoder.lastEventId);
      return { text: events.map(shown).join(""), ending: endingOf(events) };
    },
    end: () => {
      decoder.close();
      return { text: "", ending: truncated("the event stream ended without its terminal event") };
    },
  });
}

function endingOf(events: readonly ServerSentEvent[]): Ending | undefined {
  const last = events.findLast(({ type }) => type === "done" || type === "error");
  if (last === undefined) return undefined;
  return last.type === "done" ? complete("the terminal event came") : failed(last.data);
}

async function read(url: string, request: RequestOfStream, observer: Observer, body: Body): Promise<Ending> {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  try {
    const response = await ask(url, request);
    observer.opened();
    if (response.body === null) return truncated(`the answer ${response.status} has no content`);
    reader = response.body.getReader();
    let ending: Ending | undefined;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const taken = body.take(value);
      observer.read(taken.text, value.length);
      ending ??= taken.ending;
    }
    const rest = body.end();
    if (rest.text) observer.read(rest.text, 0);
    return ending ?? rest.ending;
  } catch (error) {
    if (error instanceof EventTooLarge) await reader?.cancel();
    return endingOfError(error, request.signal);
  }
}

function endingOfError(error: unknown, signal: AbortSignal): Ending {
  if (signal.aborted) return STOPPED;
  if (error instanceof Refused) return { kind: "refused", sentence: `Refused with ${error.message}` };
  if (error instanceof Unreachable) return { kind: "unreachable", sentence: error.message };
  if (error instanceof EventTooLarge) return truncated(error.message);
  // The body of a response that broke: fetch tells a TypeError, and nothing else. What had come and was not read yet is
  // dropped ("error a stream" in the Streams standard empties its queue).
  if (error instanceof TypeError) return truncated("the connection broke before the last chunk");
  throw error;
}
