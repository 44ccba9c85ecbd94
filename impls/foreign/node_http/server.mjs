// The streaming contract with Node's own http server, and nothing else: routes, fields of every answer, start and end.
//
//     node server.mjs --port 0
//
// request.mjs reads what is asked for, stream.mjs plays it, ledger.mjs remembers what became of it.

import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { Ledger } from "./ledger.mjs";
import { limitsFrom, originsFrom } from "./limits.mjs";
import { methodNotAllowed, NoStream, notFound } from "./problem.mjs";
import { parseQuery, readDemo, readJson, readRelease, readScript, readWaitMs } from "./request.mjs";
import { deliver, streamFields } from "./stream.mjs";

const CAPABILITIES = ["gate", "status", "script", "resume", "keepalive", "limits", "cors", "shutdown"];

// What clean-ups may take after the streams were cut, and answers after that.
const CLEAN_UP_MS = 1_000;
const ANSWER_MS = 200;

// Resources

function describe(request, response, { query }) {
  parseQuery(query, []);
  sendJson(response, {
    contract: "1",
    implementation: "node-http",
    framework: { name: "none", version: "" },
    server: { name: "node", version: process.versions.node, http: `llhttp ${process.versions.llhttp}` },
    python: "",
    capabilities: CAPABILITIES,
    limits,
  });
}

const demo = (kind) => (request, response, { query }) =>
  stream(readDemo(kind, query, request.headers["last-event-id"]), request, response);

const scripted = (kind) => async (request, response, { query }) => {
  parseQuery(query, []);
  return stream(readScript(kind, await readJson(request)), request, response);
};

async function stream(script, request, response) {
  const entry = ledger.open(script.token, request.method !== "HEAD");
  Object.entries(streamFields(script.kind)).forEach(([name, value]) => response.setHeader(name, value));
  if (script.token === undefined) response.setHeader("Stream-Token", entry.token);
  if (request.method === "HEAD") response.end();
  else await deliver(script, entry, limits, request, response);
}

function totals(request, response, { query }) {
  parseQuery(query, []);
  sendJson(response, ledger.totals());
}

async function state(request, response, { query, token }) {
  const waitMs = readWaitMs(query);
  const entry = ledger.find(token);
  await ledger.wait(() => entry.isOver(), waitMs);
  sendJson(response, entry.state());
}

async function release(request, response, { query, token }) {
  parseQuery(query, []);
  const gates = readRelease(await readJson(request));
  ledger.find(token).release(gates);
  send(response, 204);
}

const ROUTES = [
  [/^\/$/, { GET: describe }],
  [/^\/stream$/, { GET: demo("text"), POST: scripted("text") }],
  [/^\/sse$/, { GET: demo("events"), POST: scripted("events") }],
  [/^\/streams$/, { GET: totals }],
  [/^\/streams\/(?<token>[^/]+)$/, { GET: state }],
  [/^\/streams\/(?<token>[^/]+)\/release$/, { POST: release }],
];

// Answers

function route(request, response) {
  // RFC 9112, section 3.2.2: "a server MUST accept the absolute-form in requests".
  const target = request.url.replace(/^https?:\/\/[^/?]*\/?/i, "/");
  const [path, ...query] = target.split("?");
  for (const [pattern, methods] of ROUTES) {
    const found = pattern.exec(path);
    if (!found) continue;
    const handler = methods[request.method === "HEAD" ? "GET" : request.method];
    if (!handler) throw methodNotAllowed(request.method, Object.keys(methods).flatMap(withHead).join(", "));
    return handler(request, response, { query: query.join("?"), ...found.groups });
  }
  throw notFound(path);
}

const withHead = (method) => (method === "GET" ? ["GET", "HEAD"] : [method]);

async function answer(request, response) {
  setConnectionFields(request, response);
  setCorsFields(request, response);
  if (request.method === "OPTIONS" && request.headers["access-control-request-method"]) {
    send(response, 204);
    return;
  }
  try {
    await route(request, response);
  } catch (error) {
    if (request.socket.destroyed) return; // nobody is there any more
    if (!(error instanceof NoStream)) console.error(error);
    const problem =
      error instanceof NoStream ? error : new NoStream(500, { detail: "The server failed; its log says why." });
    send(response, problem.status, problem.fields, problem.body());
  }
}

/** CONTRACT: no Keep-Alive, and no Connection but `close`. Node sends both unless Connection is removed. */
function setConnectionFields(request, response) {
  if (request.httpVersion === "1.0") response.setHeader("Connection", "close");
  else if (response.shouldKeepAlive) response.removeHeader("Connection");
}

function setCorsFields(request, response) {
  response.setHeader("Vary", "Origin");
  if (!origins.has(request.headers.origin)) return;
  response.setHeader("Access-Control-Allow-Origin", request.headers.origin);
  response.setHeader("Access-Control-Expose-Headers", "Stream-Token, Retry-After");
  if (request.method === "OPTIONS") {
    response.setHeader("Access-Control-Allow-Methods", "GET, HEAD, POST");
    response.setHeader("Access-Control-Allow-Headers", "Content-Type, Last-Event-ID");
  }
}

function send(response, status, fields = {}, body = "") {
  const length = status === 204 ? {} : { "Content-Length": Buffer.byteLength(body) };
  response.writeHead(status, { ...fields, ...length }).end(body);
}

function sendJson(response, value) {
  send(response, 200, { "Content-Type": "application/json" }, JSON.stringify(value));
}

// Start and end

/** Opens no more streams, lets the open ones end for drain_ms, cuts the rest, waits for the clean-ups, and goes. */
async function drain() {
  if (ledger.draining) return;
  ledger.draining = true;
  await ledger.wait(() => ledger.isIdle(), limits.drain_ms);
  ledger.cut("shutdown");
  await ledger.wait(() => ledger.isIdle(), CLEAN_UP_MS);
  ledger.stopWaiting();
  server.close();
  setTimeout(() => server.closeAllConnections(), ANSWER_MS);
  const { open, opened, cleaned } = ledger.totals();
  console.error(`stopped: opened ${opened}, open ${open}, cleaned ${cleaned}`);
}

const OPTIONS = { host: { type: "string", default: "127.0.0.1" }, port: { type: "string", default: "8000" } };

function settingsOrExit() {
  try {
    const { values: options } = parseArgs({ options: OPTIONS });
    return { options, limits: limitsFrom(process.env), origins: originsFrom(process.env) };
  } catch (error) {
    return exit(error);
  }
}

function exit(error) {
  console.error(error.message);
  process.exit(2);
}

const { options, limits, origins } = settingsOrExit();
const ledger = new Ledger(limits);
const server = createServer(answer);
server.on("error", exit); // the port is taken, say
process.on("SIGTERM", drain);
process.on("SIGINT", drain);
server.listen({ host: options.host, port: Number(options.port), backlog: 2_048 }, () => {
  const { address, family, port } = server.address();
  console.log(`http://${family === "IPv6" ? `[${address}]` : address}:${port}`);
});
