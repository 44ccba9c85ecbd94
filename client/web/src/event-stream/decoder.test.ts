/** The decoder equals the corpus, however the bytes are split. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { cases, type Outcome } from "./corpus.ts";
import { EventStreamDecoder, EventTooLarge } from "./index.ts";

const CASES = cases();
const utf8 = new TextEncoder();

function decoded(pieces: readonly Uint8Array[], startId: string): Outcome {
  const decoder = new EventStreamDecoder({ lastEventId: startId });
  const events = pieces.flatMap((piece) => decoder.feed(piece));
  decoder.close();
  return {
    events: events.map(({ type, data, lastEventId }) => ({ type, data, last_event_id: lastEventId })),
    last_event_id: decoder.lastEventId,
    retry_ms: decoder.retryMs,
  };
}

function eachByte(stream: Uint8Array): Uint8Array[] {
  return Array.from(stream, (_, index) => stream.subarray(index, index + 1));
}

test("the corpus is large and its names are unique", () => {
  assert.ok(CASES.length >= 225);
  assert.equal(new Set(CASES.map(({ name }) => name)).size, CASES.length);
});

describe("a whole stream", () => {
  for (const { name, stream, startId, outcome } of CASES) {
    test(name, () => assert.deepEqual(decoded([stream], startId), outcome));
  }
});

describe("every split point", () => {
  for (const { name, stream, startId, outcome } of CASES) {
    test(name, () => {
      for (let cut = 0; cut <= stream.length; cut++) {
        assert.deepEqual(decoded([stream.subarray(0, cut), stream.subarray(cut)], startId), outcome, `cut at ${cut}`);
      }
    });
  }
});

describe("every pair of split points of a short stream", () => {
  for (const { name, stream, startId, outcome } of CASES.filter((case_) => case_.stream.length <= 48)) {
    test(name, () => {
      for (let first = 0; first < stream.length; first++) {
        for (let second = first + 1; second < stream.length; second++) {
          const pieces = [stream.subarray(0, first), stream.subarray(first, second), stream.subarray(second)];
          assert.deepEqual(decoded(pieces, startId), outcome, `cut at ${first}, ${second}`);
        }
      }
    });
  }
});

describe("byte by byte", () => {
  for (const { name, stream, startId, outcome } of CASES) {
    test(name, () => assert.deepEqual(decoded(eachByte(stream), startId), outcome));
  }
});

describe("each byte gives at once what it completes", () => {
  // A prefix is a stream of its own, and it is known above that the decoder is right about whole streams.
  for (const { name, stream, startId } of CASES.filter((case_) => case_.stream.length <= 600)) {
    test(name, () => {
      const decoder = new EventStreamDecoder({ lastEventId: startId });
      let count = 0;
      eachByte(stream).forEach((byte, index) => {
        count += decoder.feed(byte).length;
        const prefix = decoded([stream.subarray(0, index + 1)], startId);
        assert.equal(count, prefix.events.length, `after ${index + 1} bytes`);
        assert.equal(decoder.lastEventId, prefix.last_event_id, `after ${index + 1} bytes`);
        assert.equal(decoder.retryMs, prefix.retry_ms, `after ${index + 1} bytes`);
      });
    });
  }
});

describe("the limit of one event", () => {
  const event = utf8.encode("data: 0123456789\n\n");

  test("an event that just fits is decoded, as often as it comes", () => {
    const decoder = new EventStreamDecoder({ maxEventLength: 16 });
    for (let round = 0; round < 3; round++) assert.equal(decoder.feed(event).length, 1);
  });

  test("a longer line throws, and whatever comes after it", () => {
    const decoder = new EventStreamDecoder({ maxEventLength: 15 });
    assert.throws(() => decoder.feed(event), EventTooLarge);
    assert.throws(() => decoder.feed(utf8.encode("data: a\n\n")), EventTooLarge);
  });

  test("an endless line throws when it is too long, not when it ends", () => {
    const decoder = new EventStreamDecoder({ maxEventLength: 15 });
    assert.deepEqual(decoder.feed(event.subarray(0, 15)), []);
    assert.throws(() => decoder.feed(event.subarray(15, 16)), EventTooLarge);
  });

  test("many short lines of one event count together", () => {
    const decoder = new EventStreamDecoder({ maxEventLength: 15 });
    assert.throws(() => decoder.feed(utf8.encode("data: a\n".repeat(8))), EventTooLarge);
  });

  test("events that were complete before come first", () => {
    const decoder = new EventStreamDecoder({ maxEventLength: 15 });
    const events = decoder.feed(utf8.encode("data: a\n\ndata: 0123456789"));
    assert.deepEqual(events, [{ type: "message", data: "a", lastEventId: "" }]);
    assert.throws(() => decoder.close(), EventTooLarge);
  });
});

test("a closed decoder refuses more bytes", () => {
  const decoder = new EventStreamDecoder();
  decoder.close();
  decoder.close();
  assert.throws(() => decoder.feed(utf8.encode("data: a\n\n")), /closed/);
});

test("a line that comes in small pieces takes time in proportion to its length", () => {
  const decoder = new EventStreamDecoder();
  const piece = utf8.encode("x".repeat(16));
  decoder.feed(utf8.encode("data: "));
  for (let count = 0; count < 500_000; count++) decoder.feed(piece);
  const [event] = decoder.feed(utf8.encode("\n\n"));
  assert.equal(event?.data.length, 8_000_000);
});
