/**
 * The browser's own EventSource, which comes back by itself with Last-Event-ID.
 *
 * It tells neither the status nor the fields of an answer, and a clean end of the connection is no end to it: it would
 * come back, so that whoever knows the terminal event closes it there.
 */

import { complete, type Ending, failed, type Observer, STOPPED } from "./ending.ts";
import { shown } from "./shown.ts";

const utf8 = new TextEncoder();

export interface EventSourceOptions {
  readonly signal: AbortSignal;
  /** Whether to close at the terminal event; where not, the server has to answer 204 to what comes back. */
  readonly closeAtDone: boolean;
}

export function followEventSource(url: string, options: EventSourceOptions, observer: Observer): Promise<Ending> {
  return new Promise((resolve) => {
    const source = new EventSource(url);
    let opened = false;
    let done = false;

    const end = (ending: Ending): void => {
      source.close();
      options.signal.removeEventListener("abort", stop);
      resolve(ending);
    };
    const stop = (): void => end(STOPPED);
    const take = ({ type, data, lastEventId }: MessageEvent<string>): void => {
      observer.lastEventId(lastEventId);
      observer.read(shown({ type, data, lastEventId }), utf8.encode(data).length);
    };

    options.signal.addEventListener("abort", stop);
    source.addEventListener("open", () => {
      opened = true;
      observer.opened();
    });
    source.addEventListener("message", take);
    source.addEventListener("done", (event) => {
      take(event);
      done = true;
      if (options.closeAtDone) end(complete("the terminal event came, and this page closed the EventSource"));
    });
    // Two things have this name: the server's `event: error`, with data, and the browser's own, about the connection.
    source.addEventListener("error", (event) => {
      if (event instanceof MessageEvent) {
        take(event);
        end(failed(String(event.data)));
      } else if (source.readyState === EventSource.CONNECTING) {
        observer.reconnecting();
      } else {
        end(givenUp(url, opened, done));
      }
    });
  });
}

function givenUp(url: string, opened: boolean, done: boolean): Ending {
  if (done) return complete("the terminal event came; the EventSource came back and was told that there is no more");
  const what = opened ? "when it came back" : "at once";
  const sentence =
    `The EventSource gave up ${what}: ${new URL(url).origin} did not answer 200 with an event stream that this page ` +
    "may read. A browser tells no more; the other ways to read show the status.";
  return { kind: "refused", sentence };
}
