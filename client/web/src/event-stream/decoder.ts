/**
 * Bytes of an event stream become events, exactly as WHATWG HTML 9.2.6 says, however the bytes are split.
 *
 * No I/O, no clock, no dependency. One decoder serves one connection; the last event ID of one is given to the next.
 */

/** One dispatched event: the three values that a browser's MessageEvent carries. */
export interface ServerSentEvent {
  readonly type: string;
  readonly data: string;
  readonly lastEventId: string;
}

export interface DecoderOptions {
  /** Where the connection before this one stopped; browsers carry it over, although the letter of the text does not. */
  readonly lastEventId?: string;
  /** What one event, or one line, may hold, in UTF-16 code units. */
  readonly maxEventLength?: number;
}

/** One event, or one line, is longer than the decoder may hold; the rest of the stream cannot be decoded. */
export class EventTooLarge extends Error {
  override readonly name = "EventTooLarge";

  constructor(readonly maxEventLength: number) {
    super(
      `one event or line is longer than maxEventLength (${maxEventLength}): ` +
        "give the decoder a larger one, or close the connection",
    );
  }
}

const DEFAULT_MAX_EVENT_LENGTH = 64 * 1024 * 1024;

/** "If the field value consists of only ASCII digits". */
const ASCII_DIGITS = /^[0-9]+$/;

/** In this order: the CR of a CR LF is no line end of its own. */
const LINE_END = /\r\n|\n|\r/g;

export class EventStreamDecoder {
  // "Streams must be decoded using the UTF-8 decode algorithm": one BOM is stripped, ill-formed bytes become U+FFFD.
  readonly #utf8 = new TextDecoder("utf-8");
  readonly #maxEventLength: number;

  /** The unfinished line; what came before its last piece holds no line end. */
  #tail = "";
  /** The last line ended with CR at the end of a piece: an LF that comes next belongs to it. */
  #afterCr = false;

  #data = "";
  #type = "";
  #idBuffer: string;
  #lastEventId: string;
  #retryMs: number | null = null;

  #tooLarge: EventTooLarge | null = null;
  #closed = false;

  constructor({ lastEventId = "", maxEventLength = DEFAULT_MAX_EVENT_LENGTH }: DecoderOptions = {}) {
    this.#idBuffer = this.#lastEventId = lastEventId;
    this.#maxEventLength = maxEventLength;
  }

  /** The ID to reconnect with: that of the last blank line, not one in an unfinished event. */
  get lastEventId(): string {
    return this.#lastEventId;
  }

  /** The last valid `retry` in milliseconds, at most Number.MAX_SAFE_INTEGER; null before the first. */
  get retryMs(): number | null {
    return this.#retryMs;
  }

  /**
   * The events that `bytes` complete, in order; each comes with the very byte that ends it.
   *
   * Never throws for what the bytes say. Throws EventTooLarge beyond maxEventLength: events that were complete before
   * are returned first, and the next call throws. Throws an Error after `close`.
   */
  feed(bytes: Uint8Array): ServerSentEvent[] {
    if (this.#tooLarge) throw this.#tooLarge;
    if (this.#closed) throw new Error("this decoder is closed: a new connection needs a new EventStreamDecoder");
    const events: ServerSentEvent[] = [];
    this.#processText(this.#utf8.decode(bytes, { stream: true }), events);
    if (this.#tooLarge && events.length === 0) throw this.#tooLarge;
    return events;
  }

  /**
   * Drops the unfinished event: "Once the end of the file is reached, any pending data must be discarded."
   *
   * Throws EventTooLarge where `feed` had yet to throw it: the stream had more than was decoded.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#tail = this.#data = "";
    if (this.#tooLarge) throw this.#tooLarge;
  }

  #processText(text: string, events: ServerSentEvent[]): void {
    if (text === "") return;
    let start = this.#afterCr && text.startsWith("\n") ? 1 : 0;
    this.#afterCr = text.endsWith("\r");
    LINE_END.lastIndex = start;
    for (let end = LINE_END.exec(text); end !== null; end = LINE_END.exec(text)) {
      const line = this.#tail + text.slice(start, end.index);
      this.#tail = "";
      start = LINE_END.lastIndex;
      if (!this.#fits(line.length)) return;
      this.#processLine(line, events);
    }
    this.#tail += text.slice(start);
    this.#fits(this.#tail.length);
  }

  #fits(lineLength: number): boolean {
    if (this.#data.length + lineLength <= this.#maxEventLength) return true;
    this.#tooLarge = new EventTooLarge(this.#maxEventLength);
    this.#tail = this.#data = "";
    return false;
  }

  #processLine(line: string, events: ServerSentEvent[]): void {
    if (line === "") {
      this.#dispatch(events);
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return; // a comment
    const name = colon < 0 ? line : line.slice(0, colon);
    // "If value starts with a U+0020 SPACE character, remove it from value": one, and no other white space.
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    this.#processField(name, value);
  }

  #processField(name: string, value: string): void {
    switch (name) {
      case "event":
        this.#type = value;
        break;
      case "data":
        this.#data += `${value}\n`;
        break;
      case "id":
        if (!value.includes("\0")) this.#idBuffer = value;
        break;
      case "retry":
        if (ASCII_DIGITS.test(value)) this.#retryMs = Math.min(Number(value), Number.MAX_SAFE_INTEGER);
        break;
    }
  }

  #dispatch(events: ServerSentEvent[]): void {
    this.#lastEventId = this.#idBuffer;
    if (this.#data !== "") {
      events.push({ type: this.#type || "message", data: this.#data.slice(0, -1), lastEventId: this.#lastEventId });
    }
    this.#data = this.#type = "";
  }
}
