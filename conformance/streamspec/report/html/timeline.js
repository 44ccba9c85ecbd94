// Production against arrival, drawn on demand.
const SVG = "http://www.w3.org/2000/svg";
function svg(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function niceStep(span, most) {
  const rough = span / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
}

const pieceOf = (response) => (response.framing === "frames" ? "DATA frame" : "chunk");
const drawnResponses = (talk) => talk.responses.filter((response) => response.status);

function moments(trace, talk) {
  const times = [0, ...talk.sent.filter((row) => row.length > 2).map((row) => row[0])];
  for (const response of drawnResponses(talk)) {
    times.push(response.head, ...response.chunks.map((chunk) => chunk[0]));
    if (response.ended !== null) times.push(response.ended);
  }
  for (const [produced, arrived] of talk.items) times.push(produced, arrived ?? produced);
  for (const time of [talk.left, talk.closed, talk.done]) if (time !== null) times.push(time);
  for (const [time] of trace.marks) times.push(time);
  return times;
}

function drawTimeline(trace, talk, finding, width) {
  const left = 76, right = 14;
  const asked = trace.answers.filter(([, , , path]) => talk.token && path.includes(talk.token)).slice(0, 60);
  const lanes = ["client", talk.items.length ? "produced" : "", "arrived", asked.length ? "ledger" : ""].filter(Boolean);
  const laneY = (name) => 40 + lanes.indexOf(name) * 46;
  const height = laneY(lanes.at(-1)) + 46;
  const last = Math.max(...moments(trace, talk), ...asked.map(([, at]) => at), 1e-6);
  const first = Math.min(0, ...talk.items.map(([produced]) => produced));
  const x = (time) => left + ((time - first) / (last - first || 1)) * (width - left - right);
  const made = svg("svg", { class: "timeline", viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": describeTimeline(talk) });
  const step = niceStep(last - first, Math.max(3, width / 110));
  for (let time = Math.ceil(first / step) * step; time <= last + step / 1e6; time += step) {
    made.append(svg("line", { class: "axis", x1: x(time), x2: x(time), y1: 20, y2: height - 20 }),
      svg("text", { x: x(time), y: height - 7, "text-anchor": time > last - step / 2 && x(time) > width - 40 ? "end" : "middle" }, tick(time, step)));
  }
  for (const lane of lanes) {
    made.append(svg("line", { class: "lane", x1: left, x2: width - right, y1: laneY(lane), y2: laneY(lane) }),
      svg("text", { class: "name", x: 10, y: laneY(lane) + 4 }, lane));
  }
  drawMarks(made, trace, talk, x, { y: laneY("client"), height, edge: width });
  const thin = talk.items.length > 80;
  for (const [produced, arrived] of talk.items) {
    if (arrived !== null) made.append(svg("line", { class: "join", x1: x(produced), x2: x(arrived), y1: laneY("produced"), y2: laneY("arrived"), "stroke-width": thin ? .5 : 1 }));
    made.append(svg("circle", { class: "produced", cx: x(produced), cy: laneY("produced"), r: thin ? 1.6 : 3.2 }, svg("title", {}, `produced at ${ms(produced)} ms`)));
  }
  for (const [from, to, method, path] of asked) {
    const y = laneY("ledger");
    made.append(svg("rect", { class: "asked", x: x(from), y: y - 5, width: Math.max(2, x(to) - x(from)), height: 10 }, svg("title", {}, `${method} ${path} from ${ms(from)} to ${ms(to)} ms`)));
  }
  for (const row of talk.sent.filter((one) => one.length > 2)) {
    made.append(svg("path", { class: "sent", d: `M${x(row[0])} ${laneY("client") + 5}l-4 -9h8z` }, svg("title", {}, `${row[2]} bytes sent at ${ms(row[0])} ms`)));
  }
  for (const response of drawnResponses(talk)) drawResponse(made, response, x, laneY("arrived"), thin);
  if (finding.at !== undefined && finding.at <= last) {
    made.append(svg("line", { class: "wrong", x1: x(finding.at), x2: x(finding.at), y1: 18, y2: height - 20 }),
      svg("text", { class: "wronged", x: x(finding.at), y: 13, "text-anchor": x(finding.at) > width - 90 ? "end" : "middle" }, "violation"));
  }
  return made;
}

const tick = (time, step) => (step >= .5 ? `${Number(time.toFixed(3))} s` : `${Number((time * 1000).toFixed(3))} ms`);

function drawMarks(made, trace, talk, x, { y, height, edge }) {
  const named = trace.marks.map(([time, name, value]) => [time, value ? `${name} ${value}` : name]);
  if (talk.left !== null && !named.some(([time]) => time === talk.left)) named.push([talk.left, "left"]);
  if (talk.done !== null) named.push([talk.done, "server done"]);
  let free = -Infinity;
  for (const [time, label] of named.sort((one, other) => one[0] - other[0])) {
    const at = x(time), width = label.length * 5.6;
    made.append(svg("line", { class: "mark", x1: at, x2: at, y1: y - 12, y2: height - 20 }, svg("title", {}, `${label} at ${ms(time)} ms`)));
    const begins = at + 3 + width > edge ? at - 3 - width : at + 3;
    if (begins < free) continue;
    made.append(svg("text", { class: "marked", x: begins, y: y - 14 }, label));
    free = begins + width + 8;
  }
}

function drawResponse(made, response, x, y, thin) {
  made.append(svg("rect", { class: "arrived", x: x(response.head) - 1, y: y - 10, width: 2, height: 20 }, svg("title", {}, `header section at ${ms(response.head)} ms`)));
  response.chunks.forEach(([time, , size], place) => {
    made.append(svg("circle", { class: "arrived", cx: x(time), cy: y, r: thin ? 1.6 : 3.2 }, svg("title", {}, `${pieceOf(response)} ${place + 1}, ${count(size, "byte")}, at ${ms(time)} ms`)));
  });
  if (response.ended === null || response.ending === "open") return;
  const at = x(response.ended), whole = response.ending === "complete";
  made.append(svg("path", whole ? { class: "arrived", d: `M${at - 3} ${y - 9}h6v18h-6z` } : { class: "wrong", fill: "none", d: `M${at - 5} ${y - 5}l10 10m0 -10l-10 10` },
    svg("title", {}, `${response.ending} at ${ms(response.ended)} ms`)));
}

// The drawing in a sentence or three, for those who do not see it.
function describeTimeline(talk) {
  const told = [];
  const late = talk.items.filter(([, arrived]) => arrived !== null).map(([produced, arrived]) => arrived - produced);
  if (talk.items.length) {
    told.push(`${count(talk.items.length, "item")} produced from ${ms(talk.items[0][0])} to ${ms(talk.items.at(-1)[0])} ms`
      // Where the clocks' offset is known only roughly, as from an answer that was waited for, lateness is not told.
      + (late.length && median(late) >= 0 ? `; arrival ${ms(median(late))} ms later in the median, ${ms(Math.max(...late))} ms at most` : ""));
  }
  for (const response of drawnResponses(talk)) {
    const chunks = response.count ? `${count(response.count, pieceOf(response))}, ${count(response.size, "byte")}` : "no content";
    told.push(`${response.status} at ${ms(response.head)} ms, ${chunks}, ${response.ending}${response.ended === null ? "" : ` at ${ms(response.ended)} ms`}`);
  }
  if (talk.left !== null) told.push(`the client left at ${ms(talk.left)} ms`);
  if (talk.done !== null) told.push(`the server was done at ${ms(talk.done)} ms`);
  const sentences = told.slice(0, 8).map((one) => `${one[0].toUpperCase()}${one.slice(1)}.`);
  return sentences.join(" ") || "Nothing came.";
}
