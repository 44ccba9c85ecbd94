export { EventStreamDecoder, EventTooLarge, type DecoderOptions, type ServerSentEvent } from "./decoder.ts";
