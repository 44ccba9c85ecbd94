// The package eventsource.
import { load, readWith, serve } from "./adapter.mjs";

const { EventSource } = await load("eventsource");
serve("eventsource", readWith(EventSource));
