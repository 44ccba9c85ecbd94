import type { ServerSentEvent } from "../event-stream/index.ts";

/** An event as one line of what the page shows, its data indented where it has several lines. */
export function shown({ type, data, lastEventId }: ServerSentEvent): string {
  const id = lastEventId === "" ? "" : ` #${lastEventId}`;
  return `${type}${id}  ${data.replaceAll("\n", "\n    ")}\n`;
}
