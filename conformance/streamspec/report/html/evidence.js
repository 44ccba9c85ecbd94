// The evidence behind a cell, in a dialog: unpacked when it is first asked for.
const dialog = document.getElementById("evidence");
const unpacked = new Map();

function unpack(place) {
  if (!unpacked.has(place)) {
    const packed = Uint8Array.from(atob(document.getElementById(`packed-${place}`).textContent), (char) => char.charCodeAt(0));
    unpacked.set(place, new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))).json());
  }
  return unpacked.get(place);
}

const addressed = () => {
  const [slug, id] = decodeURIComponent(location.hash.slice(1)).split("/");
  const place = page.targets.findIndex((target) => target.slug === slug);
  return place >= 0 && rows.some((row) => row.id === id) ? { place, id } : null;
};
const address = (place, id) => `#${page.targets[place].slug}/${id}`;
const verdictAt = (place, id) => rows.find((row) => row.id === id).verdicts[place];
const cellAt = (place, id) => document.querySelector(`#table a[href="${address(place, id)}"]`);

async function open() {
  const at = addressed();
  if (!at) { if (dialog.open) dialog.close(); return; }
  const place = at.place;
  let target;
  try {
    target = await unpack(place);
  } catch (error) {
    dialog.replaceChildren(el("div", { class: "body" }, el("h2", { id: "evidence-id" }, at.id), el("p", null, `This browser cannot unpack the evidence (${error}); one of 2023 or later can. results.json has it, too.`)));
    if (!dialog.open) dialog.showModal();
    return;
  }
  if (addressed()?.id !== at.id || addressed()?.place !== place) return;
  const finding = target.findings[at.id];
  if (!finding) return;
  dialog.replaceChildren(drawHead(place, at.id, finding), drawBody(place, at.id, finding, target));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  dialog.querySelector("h2").focus({ preventScroll: true });
}

function neighbour(place, id, sideways, down) {
  const grid = cellLinks();
  const line = grid.findIndex((links) => links.some((link) => link.getAttribute("href").endsWith(`/${id}`)));
  if (line < 0) return null;
  const links = grid[line + down];
  const hrefs = links?.map((link) => link.getAttribute("href"));
  if (down) return hrefs?.find((href) => href.startsWith(`#${page.targets[place].slug}/`)) ?? hrefs?.[0] ?? null;
  return hrefs[hrefs.indexOf(address(place, id)) + sideways] ?? null;
}

function drawHead(place, id, finding) {
  const chips = page.targets.map((target, other) => {
    const link = cellAt(other, id);
    if (!link) return "";
    const verdict = verdictAt(other, id);
    return el("li", null, el("a", { href: address(other, id), class: verdict, "aria-current": String(other === place), "aria-label": `${target.name}: ${WORDS[verdict][1]}` },
      el("i", { "aria-hidden": "true" }, WORDS[verdict][0]), target.name));
  });
  const step = (down, sign, label) => {
    const href = neighbour(place, id, 0, down);
    return el("button", { type: "button", "aria-label": label, title: label, disabled: !href, click: () => { location.hash = href; } }, sign);
  };
  return el("div", { class: "head" },
    el("div", { class: "line" }, verdictMark(finding.verdict), el("h2", { id: "evidence-id", tabindex: "-1" }, id), el("span", null, `on ${page.targets[place].name}`),
      el("nav", { "aria-label": "Requirements" }, step(-1, "↑", "Requirement before"), step(1, "↓", "Next requirement"),
        el("button", { type: "button", click: () => dialog.close() }, "Close"))),
    el("ul", { class: "chips", "aria-label": "The same on" }, ...chips));
}

function drawBody(place, id, finding, target) {
  const row = rows.find((one) => one.id === id);
  const known = page.requirements[id];
  const source = known && (known.url ? el("a", { href: known.url, rel: "noreferrer" }, known.source) : known.source);
  const body = el("div", { class: "body" }, el("p", null, ...[...row.row.querySelector("th span").childNodes].map((node) => node.cloneNode(true))),
    el("p", { class: "about" }, `${row.level} · source: `, source ?? "not known to this version", known?.shown ? ` · shown by ${known.shown}` : ""));
  body.append(drawFound(finding));
  const curl = el("div");
  body.append(el("h3", null, "Run it again"), command(finding.again), curl);
  const recordings = listRecordings(finding, target.exchanges[finding.exchange]);
  if (recordings.length) body.append(drawRecordings(recordings, finding, target, curl));
  else if (finding.verdict !== "NOT_APPLICABLE") body.append(el("p", { class: "about" }, "The run kept no recording of it."));
  return body;
}

function drawFound(finding) {
  const where = [
    finding.offset === undefined ? "" : `at byte ${finding.offset.toLocaleString("en")} of the body`,
    finding.at === undefined ? "" : `after ${ms(finding.at)} ms`,
    finding.attempts > 1 ? `in attempt ${finding.attempts}` : "",
  ].filter(Boolean).join(", ");
  const entries = finding.expected === undefined
    ? [["found", finding.message]] : [["expected", finding.expected], ["actual", finding.actual], ["where", where]];
  entries.push(["measured", finding.figures?.join(", ")], ["reason", finding.reason]);
  const list = el("dl", { class: "expected" });
  for (const [label, text] of entries) if (text) list.append(el("dt", null, label), el("dd", null, text));
  if (finding.link) list.append(el("dt", null, "link"), el("dd", null, /^https?:\/\//.test(finding.link) ? el("a", { href: finding.link, rel: "noreferrer" }, finding.link) : finding.link));
  return list.childElementCount ? list : el("p", { class: "about" }, finding.attempts > 1 ? `It holds, in attempt ${finding.attempts}.` : "It holds.");
}

function command(text) {
  const button = el("button", { type: "button", click: async () => {
    try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; } catch { getSelection().selectAllChildren(button.previousSibling); button.textContent = "Selected"; }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  } }, "Copy");
  return el("div", { class: "command" }, el("pre", null, text), button);
}

// Attempts at the exchange, those of the control server behind them; the one that the verdict rests on is named.
function listRecordings(finding, exchange) {
  if (!exchange) return [];
  const attempts = exchange.attempts.map((trace, number) => ({ trace, decisive: number + 1 === finding.attempts,
    name: exchange.attempts.length > 1 ? `attempt ${number + 1}${number + 1 === finding.attempts ? ", judged last" : ""}` : "recorded" }));
  return [...attempts, ...exchange.control.map((trace, number) => ({ trace, decisive: false, name: `control server, attempt ${number + 1}` }))];
}

function drawRecordings(recordings, finding, target, curl) {
  const place = el("div");
  const tabs = el("div", { class: "tabs", role: "group", "aria-label": "Recordings" });
  const show = (recording) => {
    for (const tab of $$("button", tabs)) tab.setAttribute("aria-pressed", String(tab.textContent === recording.name));
    place.replaceChildren(recording.trace.unobserved ? el("p", null, `Not observed: ${recording.trace.unobserved}`) : drawTrace(recording.trace, finding, target, curl));
  };
  if (recordings.length > 1) tabs.append(...recordings.map((recording) => el("button", { type: "button", click: () => show(recording) }, recording.name)));
  show(recordings.find((recording) => recording.decisive) ?? recordings[0]);
  return el("div", null, el("h3", null, "Recording"), recordings.length > 1 ? tabs : "", place);
}

function drawTrace(trace, finding, target, curl) {
  const place = el("div");
  const interesting = (talk) => (talk.items.length ? 4 : 0) + (talk.responses.some((response) => response.count) ? 2 : 0) + (talk.responses.length ? 1 : 0);
  const first = trace.talks.find((talk) => talk.name === finding.about) ?? [...trace.talks].sort((one, other) => interesting(other) - interesting(one))[0];
  const show = (talk) => {
    const figure = el("div");
    const draw = () => figure.replaceChildren(drawTimeline(trace, talk, talk.name === finding.about || !finding.about ? finding : {}, Math.max(320, figure.clientWidth || 880)));
    place.replaceChildren(figure, el("p", { class: "caption" }, describeTimeline(talk)), el("h3", null, "Wire log"), drawWire(trace, talk, finding));
    requestAnimationFrame(draw);
    curl.replaceChildren(...(talk.curl ? [...(target.serve ? [el("p", { class: "about" }, "By hand:"), command(target.serve)] : [el("p", { class: "about" }, "By hand:")]), command(talk.curl)] : []));
  };
  const made = el("div");
  if (trace.talks.length > 1) {
    const select = el("select", { change: () => show(trace.talks[select.selectedIndex]) }, ...trace.talks.map((talk) => el("option", { selected: talk === first }, talk.name)));
    made.append(el("p", { class: "tabs" }, el("label", null, "Connection ", select), trace.moreTalks ? `${trace.moreTalks} more are in results.json` : ""));
  }
  made.append(place);
  if (first) show(first);
  if (trace.answers.length) made.append(drawAnswers(trace));
  if (trace.log) made.append(el("details", null, el("summary", null, "What the server wrote to standard error meanwhile"), el("pre", { class: "log" }, trace.log)));
  return made;
}

function drawAnswers(trace) {
  const lines = trace.answers.map(([asked, at, method, path, status, body, size]) => el("tr", null, el("td", null, ms(asked)), el("td", null, `+${ms(at - asked)}`),
    el("td", null, `${method} ${path}`), el("td", null, String(status)), el("td", null, ...readable(body), body.length < size ? ` … ${count(size - body.length, "byte")} more` : "")));
  const head = el("tr", null, ...["ms", "took", "asked", "status", "answer"].map((name) => el("th", { scope: "col" }, name)));
  return el("details", { class: "answers" }, el("summary", null, `Control requests (${trace.answers.length + trace.moreAnswers})`),
    el("div", { class: "wire" }, el("table", null, el("thead", null, head), el("tbody", null, ...lines))));
}

dialog.addEventListener("keydown", (event) => {
  const at = addressed();
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!at || !step || event.target.matches("select, .wire, .wire *") || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const href = neighbour(at.place, at.id, ...step);
  if (href) location.hash = href;
});
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
dialog.addEventListener("close", () => {
  const at = addressed();
  history.replaceState(null, "", location.pathname + location.search);
  const cell = at && cellAt(at.place, at.id);
  if (cell && cell.offsetParent) moveTo(cell);
});
// Without a script a cell's address is that of an article further down; with one it opens the dialog, and nothing scrolls.
for (const place of $$("#troubles [id*='/']")) place.removeAttribute("id");
addEventListener("hashchange", open);
if (addressed()) open();
