// Drains event streams through the decoders of Node packages: one JSON question a line on stdin, one answer on stdout.
"use strict";
const path = require("node:path");
const readline = require("node:readline");

const [nodeModules] = process.argv.slice(2);

const peers = {
  undici(pieces) {
    const { EventSourceStream } = require(path.join(nodeModules, "undici/lib/web/eventsource/eventsource-stream.js"));
    let events = 0;
    const stream = new EventSourceStream({ push: () => ++events });
    // _transform is called without the stream around it: the decoder alone, as for the others.
    for (const piece of pieces) stream._transform(piece, "buffer", (error) => { if (error) throw error; });
    return events;
  },
  "eventsource-parser"(pieces) {
    const { createParser } = require(path.join(nodeModules, "eventsource-parser/dist/index.cjs"));
    let events = 0;
    const parser = createParser({ onEvent: () => ++events });
    const decoder = new TextDecoder();
    for (const piece of pieces) parser.feed(decoder.decode(piece, { stream: true }));
    return events;
  },
};

let asked = "";
let pieces = [];

function piecesOf(question) {
  const whole = Buffer.from(question.event.repeat(question.events), "latin1");
  const cut = [];
  for (let at = 0; at < whole.length; at += question.piece_bytes) cut.push(whole.subarray(at, at + question.piece_bytes));
  return cut;
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  if (line !== asked) [asked, pieces] = [line, piecesOf(JSON.parse(line))];
  const before = process.cpuUsage();
  const events = peers[JSON.parse(line).package](pieces);
  const used = process.cpuUsage(before);
  process.stdout.write(JSON.stringify({ events, cpu_s: (used.user + used.system) / 1e6 }) + "\n");
});
