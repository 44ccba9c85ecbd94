// EventSourceParserStream over the body of a fetch, as its README shows.
import { load, serve } from "./adapter.mjs";

const { EventSourceParserStream } = await load("eventsource-parser/stream");

serve("eventsource-parser", async (reading) => {
  const response = await fetch(reading.url);
  const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { data, event, id } of events) reading.event(data, event, id);
});
