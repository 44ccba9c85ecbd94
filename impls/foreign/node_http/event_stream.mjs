// Event → bytes of an event stream (HTML 9.2.5). What it is given can be written: request.mjs has refused the rest.

export const KEEP_ALIVE = ": keep-alive\n\n";

// HTML 9.2.5: end-of-line = ( cr lf / cr / lf ). Nothing else ends a line, not U+2028 either.
const LINE_END = /\r\n|\r|\n/;

/** One event with the blank line that ends it. The parser removes one space after a colon, so one is always there. */
export function encodeEvent({ event, data, id, retry, comment }) {
  const lines = [];
  const add = (name, value) => lines.push(`${name}: ${value}\n`);
  if (comment !== undefined) comment.split(LINE_END).forEach((line) => add("", line));
  if (event !== undefined) add("event", event);
  if (id !== undefined) add("id", id);
  if (retry !== undefined) add("retry", retry);
  if (data !== undefined) data.split(LINE_END).forEach((line) => add("data", line));
  return `${lines.join("")}\n`;
}
