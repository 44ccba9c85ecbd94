// The wire log: every segment with its time, direction and bytes; chunk bounds are where the coding puts them. Over
// HTTP/2 the frames of each segment are told, and the bytes of their content shown.
const utf8 = new TextDecoder("utf-8", { fatal: true });
const NAMED = { "\r": "\\r", "\n": "\\n", "\t": "\\t" };

// Bytes (one character each) as text: UTF-8 where it is, line ends shown and kept, the rest escaped.
function readable(bytes) {
  let text = bytes;
  let isText = true;
  try { text = utf8.decode(Uint8Array.from(bytes, (char) => char.charCodeAt(0))); } catch { isText = false; }
  const parts = text.split(isText ? /([\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff])/ : /([^\x20-\x7e])/);
  return parts.filter(Boolean).map((part) => {
    const code = part.charCodeAt(0);
    const plain = part.length > 1 || (isText ? code > 0x1f && !(code > 0x7e && code < 0xa1) && !"\u2028\u2029\ufeff".includes(part) : code > 0x1f && code < 0x7f);
    if (plain) return part;
    const shown = NAMED[part] ?? (code > 0xff ? `\\u${code.toString(16).padStart(4, "0")}` : `\\x${code.toString(16).padStart(2, "0")}`);
    return el("span", { class: "escape" }, shown + (part === "\n" ? "\n" : ""));
  });
}

// The pieces of a received segment: [from, to, number of the chunk or 0 for framing].
function pieces(start, end, chunks) {
  const found = [];
  let at = start;
  for (const [from, to, number] of chunks) {
    if (to <= at || from >= end) continue;
    if (from > at) found.push([at, from, 0]);
    found.push([Math.max(from, at), Math.min(to, end), number]);
    at = Math.min(to, end);
  }
  if (at < end) found.push([at, end, 0]);
  return found;
}

function wireRows(trace, talk) {
  const events = [[talk.opened, 0, "note", "connection opened"]];
  talk.sent.forEach((row) => events.push([row.length > 2 ? row[0] : null, 1, "out", row]));
  talk.received.forEach((row) => events.push([row.length > 2 ? row[0] : null, 2, "in", row]));
  for (const list of [talk.sent, talk.received]) {
    list.forEach((row, place) => { if (row.length === 2) events.find((event) => event[3] === row)[0] = list[place - 1][0]; });
  }
  trace.marks.forEach(([time, name, value]) => events.push([time, 0, "note", value ? `${name} ${value}` : name]));
  if (talk.left !== null && !trace.marks.some(([time]) => time === talk.left)) events.push([talk.left, 3, "note", "the client left"]);
  for (const response of talk.responses) {
    if (response.ended !== null && response.ending !== "open") events.push([response.ended, 4, "note", `response ${response.ending}${response.error ? `: ${response.error}` : ""}`]);
  }
  if (talk.closed !== null) events.push([talk.closed, 5, "note", `connection closed by the server (${talk.closing})`]);
  if (talk.done !== null) events.push([talk.done, 3, "note", "the server was done with the stream (by its ledger)"]);
  return events.sort((one, other) => one[0] - other[0] || one[1] - other[1]);
}

function drawWire(trace, talk, finding) {
  const chunks = talk.responses.flatMap((response) => response.chunks.map(([, start, size], place) => [start, start + size, place + 1])).filter(([start]) => start >= 0).sort((one, other) => one[0] - other[0]);
  const framed = talk.sent.some((row) => row.length > 4);
  const wrong = wrongOffset(talk, finding);
  let before = null;
  const body = wireRows(trace, talk).map(([time, , kind, value]) => {
    const gap = before === null ? "" : `+${ms(Math.max(0, time - before))}`;
    before = time;
    const cells = [el("td", null, ms(time)), el("td", null, gap)];
    if (kind === "note") return el("tr", { class: "note" }, ...cells, el("td", { colspan: 3 }, value));
    const [word, arrow] = kind === "out" ? ["sent", "→"] : ["received", "←"];
    cells.push(el("td", null, `${arrow} ${word}`));
    if (value.length === 2) return el("tr", { class: kind }, ...cells, el("td", null, value[1].toLocaleString("en")), el("td", { class: "framing" }, `… ${count(value[0], "segment")} not shown; results.json has them`));
    const [, offset, size, bytes, frames] = value;
    if (frames) return el("tr", { class: kind }, ...cells, el("td", null, size.toLocaleString("en")), el("td", null, ...drawFrames(frames, offset, bytes, kind === "out" ? [] : chunks, wrong)));
    const shown = kind === "out" ? readable(bytes) : drawReceived(offset, bytes, chunks, wrong);
    if (bytes.length < size) shown.push(el("span", { class: "framing" }, ` … ${count(size - bytes.length, "byte")} more`));
    return el("tr", { class: kind }, ...cells, el("td", null, size.toLocaleString("en")), el("td", null, ...shown));
  });
  const head = el("tr", null, ...["ms", "gap", "direction", "bytes", framed ? "frames, and what they hold; a number begins the data of one" : "content; a number begins a chunk's data"].map((name) => el("th", { scope: "col" }, name)));
  return el("div", { class: "wire", tabindex: "0", role: "region", "aria-label": "Wire log" }, el("table", null, el("thead", null, head), el("tbody", null, ...body)));
}

// Frames that show nothing but their label stand in one line; what one holds stands below it.
function drawFrames(frames, offset, bytes, chunks, wrong) {
  const shown = [];
  let line = null;
  for (const [label, lines, from, to] of frames) {
    if (line) line.append(` · ${label}`);
    else shown.push(line = el("div", { class: "frame" }, label));
    const held = lines.flatMap((text, place) => [place ? "\n" : "", ...readable(text)]);
    if (from === undefined && !held.length) continue;
    const part = bytes.slice(from - offset, to - offset);
    if (to > from) held.push(...(chunks.length ? drawReceived(from, part, chunks, wrong) : readable(part)));
    if (to - from > part.length) held.push(el("span", { class: "framing" }, ` … ${count(to - from - part.length, "byte")} more`));
    if (!held.length) continue;
    shown.push(el("div", { class: "held" }, ...held));
    line = null;
  }
  return shown;
}

function drawReceived(offset, bytes, chunks, wrong) {
  const shown = [];
  for (const [from, to, number] of pieces(offset, offset + bytes.length, chunks)) {
    const part = bytes.slice(from - offset, to - offset);
    if (!number) { shown.push(el("span", { class: "framing" }, ...readable(part))); continue; }
    const begins = chunks.find((chunk) => chunk[2] === number && chunk[0] === from);
    const inside = wrong !== null && wrong >= from && wrong < to
      ? [...readable(part.slice(0, wrong - from)), el("mark", { title: "the violation is here" }, ...readable(part.slice(wrong - from, wrong - from + 1))), ...readable(part.slice(wrong - from + 1))]
      : readable(part);
    shown.push(el("span", { class: "chunk" }, begins ? el("sup", { title: `chunk ${number}` }, `${number} `) : "", ...inside));
  }
  return shown;
}

// Where a violation's offset in the body lies in what was received; null where it has none.
function wrongOffset(talk, finding) {
  let rest = finding.offset ?? -1;
  if (rest < 0 || finding.about !== talk.name || talk.responses.length !== 1) return null;
  for (const [, start, size] of talk.responses[0].chunks) {
    if (rest < size) return start < 0 ? null : start + rest;
    rest -= size;
  }
  return null;
}
