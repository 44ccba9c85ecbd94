// A request → a script, or the problem that says why not. Nothing is streamed yet.
//
// A script is {kind, token, items, ending, end, failBeforeStart, keepaliveMs, cleanupMs}. `items` makes each item when
// it is due, so that neither `repeat` nor `size` takes memory: {gate, afterMs, body, payloadBytes}.

import { encodeEvent } from "./event_stream.mjs";
import { NoStream, refusal, shown } from "./problem.mjs";

const MAX_BODY_BYTES = 1_048_576;
const TOKEN = /^[A-Za-z0-9_-]{1,64}$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const DELAY = [0, 60_000];
const KEEPALIVE = [10, 3_600_000];

// Query

/** The parameters of a query, each allowed and given once. */
export function parseQuery(query, allowed) {
  const values = {};
  for (const [name, value] of new URLSearchParams(query)) {
    if (!allowed.includes(name)) {
      const known = allowed.join(", ") || "none";
      throw refusal(`${shown(name)} is no query parameter of this resource; allowed: ${known}.`, name || "query");
    }
    if (Object.hasOwn(values, name)) throw refusal(`${name} is given more than once; give it once.`, name);
    values[name] = value;
  }
  return values;
}

/** A number of the query: one to ten digits, within its range. */
export function queryNumber(values, name, [low, high], normal) {
  const text = values[name] ?? String(normal);
  if (!/^[0-9]{1,10}$/.test(text) || Number(text) < low || Number(text) > high) {
    throw refusal(`${name} must be an integer from ${low} to ${high}, not ${shown(text)}.`, name);
  }
  return Number(text);
}

export function readWaitMs(query) {
  return queryNumber(parseQuery(query, ["wait_ms"]), "wait_ms", DELAY, 0);
}

/** The script of `GET /stream` or `GET /sse`; throws the 204 of a demo that the client has whole. */
export function readDemo(kind, query, lastEventId) {
  const names = ["count", "interval_ms", "first_delay_ms", "token"];
  const values = parseQuery(query, kind === "events" ? [...names, "keepalive_ms"] : names);
  const count = queryNumber(values, "count", [0, 100_000], 20);
  const intervalMs = queryNumber(values, "interval_ms", DELAY, 300);
  const firstDelayMs = queryNumber(values, "first_delay_ms", DELAY, 0);
  const keepaliveMs = queryNumber(values, "keepalive_ms", KEEPALIVE, 15_000);
  if (values.token !== undefined) checkToken(values.token);
  const received = kind === "events" ? lastReceived(lastEventId, count) : 0;
  function* items() {
    for (let i = received + 1; i <= count; i += 1) {
      const afterMs = i === received + 1 ? firstDelayMs : intervalMs;
      const text = kind === "events" ? JSON.stringify({ n: i, text: "hello" }) : `chunk ${i}: hello\n`;
      const body = kind === "events" ? encodeEvent({ id: String(i), data: text }) : text;
      yield { gate: false, afterMs, body, payloadBytes: text.length };
    }
  }
  const ending = kind === "events" ? terminalEvent(count) : "done\n";
  return { kind, token: values.token, items, ending, end: "complete", keepaliveMs, cleanupMs: 0 };
}

/** How many events the client has: their ids are 1 to count, so no storage is needed to know. */
function lastReceived(id, count) {
  if (!id) return 0;
  if (!/^[1-9][0-9]{0,9}$/.test(id) || Number(id) > count) {
    throw refusal(`Last-Event-ID ${shown(id)} is no id of this stream; its ids are 1 to ${count}.`, "Last-Event-ID");
  }
  if (Number(id) === count) throw new NoStream(204);
  return Number(id);
}

// Content

/** The content of a POST as a JSON value. */
export async function readJson(request) {
  const mediaType = (request.headers["content-type"] ?? "").split(";")[0].trim().toLowerCase();
  if (mediaType !== "application/json") {
    throw refusal(`Content-Type must be application/json, not ${shown(mediaType)}.`, "Content-Type", 415);
  }
  const tooLarge = refusal(`The body is longer than ${MAX_BODY_BYTES} bytes.`, "body", 413);
  if (Number(request.headers["content-length"] ?? 0) > MAX_BODY_BYTES) throw tooLarge;
  const pieces = [];
  let size = 0;
  for await (const piece of request.iterator({ destroyOnReturn: false })) {
    pieces.push(piece);
    size += piece.length;
    if (size > MAX_BODY_BYTES) throw tooLarge;
  }
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(pieces)));
  } catch (error) {
    throw refusal(`The body is not JSON in UTF-8: ${error.message}.`, "body", 400);
  }
}

/** How many gates a release opens. */
export function readRelease(value) {
  const members = checkObject(value, "", { items: integer(1, 1_000_000) });
  return required(members, "items", "");
}

/** The script of a POST. */
export function readScript(kind, value) {
  const members = checkObject(value, "", {
    items: list,
    token: (path, token) => checkToken(token, path),
    repeat: integer(1, 1_000_000),
    end: oneOf("complete", "fail", "hang"),
    fail_before_start: boolean,
    keepalive_ms: integer(...KEEPALIVE),
    cleanup_ms: integer(...DELAY),
  });
  const check = kind === "events" ? checkEventItem : checkTextItem;
  const given = required(members, "items", "").map((item, index) => check(item, `items[${index}]`));
  const repeat = members.repeat ?? 1;
  const encode = kind === "events" ? encodedEvent : encodedText;
  function* items() {
    for (let round = 0; round < (given.length ? repeat : 0); round += 1) {
      for (const item of given) yield { gate: item.gate ?? false, afterMs: item.after_ms ?? 0, ...encode(item) };
    }
  }
  return {
    kind,
    token: members.token,
    items,
    ending: kind === "events" ? terminalEvent(given.length * repeat) : "",
    end: members.end ?? "complete",
    failBeforeStart: members.fail_before_start ?? false,
    keepaliveMs: members.keepalive_ms ?? 15_000,
    cleanupMs: members.cleanup_ms ?? 0,
  };
}

const ANY_ITEM = { gate: boolean, after_ms: integer(...DELAY), size: integer(0, 67_108_864) };

function checkTextItem(value, path) {
  const item = checkObject(value, path, { ...ANY_ITEM, text: string, base64 });
  if (["text", "base64", "size"].filter((name) => Object.hasOwn(item, name)).length !== 1) {
    throw refusal(`${path} must have exactly one of text, base64, size.`, path);
  }
  return item;
}

function checkEventItem(value, path) {
  const fields = { event: oneLine, data: string, id: eventId, retry: integer(0, 2 ** 31 - 1), comment: string };
  const item = checkObject(value, path, { ...ANY_ITEM, ...fields });
  if (item.data !== undefined && item.size !== undefined) {
    throw refusal(`${path} must not have both data and size: size stands for data.`, path);
  }
  const names = [...Object.keys(fields), "size"];
  if (!names.some((name) => Object.hasOwn(item, name))) {
    throw refusal(`${path} must have at least one of ${names.join(", ")}.`, path);
  }
  return item;
}

function encodedText(item) {
  if (item.size !== undefined) return { body: Buffer.alloc(item.size, "x"), payloadBytes: item.size };
  const body = item.text !== undefined ? Buffer.from(item.text) : Buffer.from(item.base64, "base64");
  return { body, payloadBytes: body.length };
}

function encodedEvent(item) {
  const data = item.size === undefined ? item.data : "x".repeat(item.size);
  return { body: encodeEvent({ ...item, data }), payloadBytes: data === undefined ? 0 : Buffer.byteLength(data) };
}

/** The event that says a stream is complete: an end of the content alone may be a broken connection. */
function terminalEvent(count) {
  return encodeEvent({ event: "done", data: JSON.stringify({ count }) });
}

// Members: each check takes the path and the value, and returns the value or throws.

function checkObject(value, path, checks) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refusal(`${path || "The body"} must be a JSON object.`, path || "body");
  }
  const checked = {};
  for (const [name, member] of Object.entries(value)) {
    const memberPath = path ? `${path}.${name}` : name || "body";
    if (!Object.hasOwn(checks, name)) throw refusal(`${shown(memberPath)} is not a field of this object.`, memberPath);
    if (member === null) throw refusal(`${memberPath} must not be null; leave the field out instead.`, memberPath);
    checked[name] = checks[name](memberPath, member);
  }
  return checked;
}

function required(members, name, path) {
  const memberPath = path ? `${path}.${name}` : name;
  if (!Object.hasOwn(members, name)) throw refusal(`${memberPath} is missing.`, memberPath);
  return members[name];
}

function integer(low, high) {
  return (path, value) => {
    if (Number.isInteger(value) && value >= low && value <= high) return value;
    throw refusal(`${path} must be an integer from ${low} to ${high}, not ${shown(value)}.`, path);
  };
}

function oneOf(...words) {
  return (path, value) => {
    if (words.includes(value)) return value;
    throw refusal(`${path} must be one of ${words.join(", ")}, not ${shown(value)}.`, path);
  };
}

function boolean(path, value) {
  if (typeof value === "boolean") return value;
  throw refusal(`${path} must be true or false, not ${shown(value)}.`, path);
}

function list(path, value) {
  if (Array.isArray(value)) return value;
  throw refusal(`${path} must be a list, not ${shown(value)}.`, path);
}

function string(path, value) {
  if (typeof value !== "string") throw refusal(`${path} must be a string, not ${shown(value)}.`, path);
  if (value.isWellFormed()) return value;
  throw refusal(`${path} must not contain a lone surrogate: UTF-8 cannot encode it.`, path);
}

function oneLine(path, value) {
  if (!/[\r\n]/.test(string(path, value))) return value;
  throw refusal(`${path} must not contain CR or LF: they would end the line and begin another field.`, path);
}

function eventId(path, value) {
  // HTML 9.2.6: an id field whose value contains U+0000 NULL is ignored.
  if (!oneLine(path, value).includes("\0")) return value;
  throw refusal(`${path} must not contain NUL: a client would ignore the field.`, path);
}

function base64(path, value) {
  if (BASE64.test(string(path, value))) return value;
  throw refusal(`${path} must be base64 (RFC 4648, section 4).`, path);
}

function checkToken(token, path = "token") {
  if (typeof token === "string" && TOKEN.test(token)) return token;
  throw refusal(`${path} must match ${TOKEN.source.slice(1, -1)}, not ${shown(token)}.`, path);
}
