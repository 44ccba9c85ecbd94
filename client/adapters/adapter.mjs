// The half of an adapter that is the same for every client on Node: lines in, a reading each, lines out.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import readline from "node:readline";
import path from "node:path";

const say = (what) => process.stdout.write(JSON.stringify(what) + "\n");

/** Thrown by `reading.event` where it is time to leave: let it pass through the client's own loop. */
export class Left extends Error {}

/** Import the package, or say that it is missing and end. */
export async function load(name) {
  try {
    return await import(name);
  } catch (error) {
    say({ missing: String(error.message) });
    process.exit();
  }
}

function versionOf(name) {
  const folders = createRequire(import.meta.url).resolve.paths(name);
  for (const folder of folders) {
    try {
      return JSON.parse(readFileSync(path.join(folder, name, "package.json"), "utf8")).version;
    } catch {}
  }
  return "";
}

function readingOf(order) {
  let seen = 0;
  let over = false;
  const tell = (what) => over || say({ stream: order.stream, ...what });
  return {
    url: order.url,
    event(data, type = null, id = null) {
      tell({ event: { data, type, id } });
      if (++seen === order.leave_after) throw new Left();
    },
    error: (error) => tell({ error: String(error) }),
    end(how, error) {
      tell(error ? { end: how, error: String(error) } : { end: how });
      over = true;
    },
  };
}

/** Say what is driven, then read streams as they are ordered, until standard input ends. */
export function serve(name, read) {
  say({ client: name, version: versionOf(name), runtime: `Node ${process.versions.node}` });
  const lines = readline.createInterface({ input: process.stdin });
  lines.on("close", () => process.exit());
  lines.on("line", async (line) => {
    const reading = readingOf(JSON.parse(line));
    try {
      await read(reading);
      reading.end("complete");
    } catch (error) {
      if (error instanceof Left) reading.end("left");
      else reading.end("failed", error.cause ? `${error}: ${error.cause}` : error);
    }
  });
}

/** Read with a class that has the interface of EventSource; it ends where the source is closed. */
export function readWith(EventSource) {
  return (reading) =>
    new Promise((resolve, reject) => {
      const source = new EventSource(reading.url);
      const hear = (event) => {
        try {
          reading.event(event.data, event.type, event.lastEventId);
        } catch (left) {
          source.close();
          reject(left);
        }
      };
      // An EventSource tells nothing of a type that nobody listens to: these are the types that are played.
      for (const type of ["message", "x", "y", "z"]) source.addEventListener(type, hear);
      source.addEventListener("error", (event) => {
        const text = event.message ?? event.error ?? "error";
        if (source.readyState === EventSource.CLOSED) reject(new Error(text));
        else reading.error(text);
      });
    });
}
