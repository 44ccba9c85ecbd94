// Answers in place of a stream: problem details (RFC 9457), and the 204 that ends a reconnection.

import { STATUS_CODES } from "node:http";

/** An answer in place of a stream; thrown anywhere before the header section. */
export class NoStream extends Error {
  constructor(status, { detail, parameter, fields = {} } = {}) {
    super(detail);
    this.status = status;
    this.fields = detail ? { "Content-Type": "application/problem+json", ...fields } : fields;
    this.members = detail && { type: "about:blank", title: STATUS_CODES[status], status, detail, parameter };
  }

  body() {
    return this.members ? JSON.stringify(this.members) : "";
  }
}

/** 422 unless another status is given: the caller's doing, with the part of the request that it is about. */
export function refusal(detail, parameter, status = 422) {
  return new NoStream(status, { detail, parameter });
}

export function notFound(what) {
  return new NoStream(404, { detail: `${shown(what)} is not known here.` });
}

export function methodNotAllowed(method, allow) {
  return new NoStream(405, { detail: `${method} is not allowed here; allowed: ${allow}.`, fields: { Allow: allow } });
}

export function unavailable(detail) {
  return new NoStream(503, { detail, fields: { "Retry-After": "1" } });
}

/** The failure that a script asked for. */
export function scriptedFailure() {
  return new NoStream(500, { detail: "The producer failed, as its script asked it to." });
}

/** The caller's own text, quoted, and cut to a length that fits a message. */
export function shown(value) {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 64 ? text : `${text.slice(0, 61)}...`;
}
