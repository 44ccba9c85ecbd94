// EventSource of undici.
import { load, readWith, serve } from "./adapter.mjs";

const { EventSource } = await load("undici");
serve("undici", readWith(EventSource));
