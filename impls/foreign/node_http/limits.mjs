// What the environment allows: the limits shown at `GET /` and kept by the ledger and the delivery.

// A ledger remembers this many streams; open ones must fit into it.
export const LEDGER_SIZE = 10_000;

const VARIABLES = {
  max_streams: ["STREAMSPEC_MAX_STREAMS", 1, LEDGER_SIZE, 1_000],
  send_timeout_ms: ["STREAMSPEC_SEND_TIMEOUT_MS", 1, 3_600_000, 30_000],
  max_age_ms: ["STREAMSPEC_MAX_AGE_MS", 1, 86_400_000, 3_600_000],
  drain_ms: ["STREAMSPEC_DRAIN_MS", 0, 3_600_000, 3_000],
};

/** The limits in force; throws an Error that names the variable which cannot be kept. */
export function limitsFrom(environment) {
  const entries = Object.entries(VARIABLES).map(([name, [variable, low, high, normal]]) => {
    const text = environment[variable] ?? String(normal);
    if (!/^[0-9]{1,10}$/.test(text) || Number(text) < low || Number(text) > high) {
      throw new Error(`${variable} must be an integer from ${low} to ${high}, not ${JSON.stringify(text)}`);
    }
    return [name, Number(text)];
  });
  return Object.fromEntries(entries);
}

/** The origins whose pages may read what is answered here. */
export function originsFrom(environment) {
  const text = environment.STREAMSPEC_CORS_ORIGINS ?? "http://localhost:3000";
  const origins = text.split(",").map((origin) => origin.trim()).filter(Boolean);
  if (origins.includes("*")) {
    throw new Error("STREAMSPEC_CORS_ORIGINS is a list of origins separated by commas; '*' is not one");
  }
  return new Set(origins);
}
