// The matrix: what is shown of it, its totals, and moving in it by keys.
const filters = document.getElementById("filters");
const rows = $$("#table tbody tr[data-id]").map((row) => ({
  row,
  id: row.dataset.id,
  level: row.dataset.level,
  area: row.parentElement.dataset.area,
  text: row.cells[0].textContent.toLowerCase(),
  verdicts: [...row.cells].slice(1).map((cell) => cell.dataset.v),
}));

function applyFilters() {
  const wanted = new FormData(filters);
  const words = wanted.get("text").trim().toLowerCase().split(/\s+/).filter(Boolean);
  const boxes = $$("input[name=target]", filters);
  const targets = boxes.length ? boxes.filter((box) => box.checked).map((box) => Number(box.value)) : [0];
  const holds = (row) => {
    const found = targets.map((place) => row.verdicts[place]);
    const verdict = wanted.get("verdict");
    if (verdict === "other") return found.some((one) => one && one !== "PASS");
    if (verdict === "uneven") return new Set(found.filter(Boolean)).size > 1;
    return !verdict || found.includes(verdict);
  };
  const shown = rows.filter((row) => {
    const fits = (!wanted.get("area") || row.area === wanted.get("area"))
      && (!wanted.get("level") || row.level === wanted.get("level"))
      && words.every((word) => row.text.includes(word)) && holds(row);
    row.row.hidden = !fits;
    return fits;
  });
  for (const body of $$("#table tbody")) body.hidden = !$$("tr[data-id]", body).some((row) => !row.hidden);
  for (const cell of $$("#table [data-t], .figures [data-t]")) cell.hidden = !targets.includes(Number(cell.dataset.t));
  showTotals(shown);
  document.getElementById("shown").textContent =
    shown.length === rows.length ? `${rows.length} requirements` : `${shown.length} of ${count(rows.length, "requirement")}`;
  const picked = document.getElementById("target-count");
  if (picked) picked.textContent = `${targets.length} of ${boxes.length}`;
  const links = cellLinks().flat();
  if (!links.some((link) => link.tabIndex === 0) && links.length) links[0].tabIndex = 0;
}

function showTotals(shown) {
  document.getElementById("totals-of").textContent = shown.length === rows.length ? "" : `of ${shown.length} shown`;
  for (const cell of $$("#table tfoot td")) {
    const found = shown.map((row) => row.verdicts[Number(cell.dataset.t)]);
    const counts = Object.keys(WORDS).map((verdict) => [verdict, found.filter((one) => one === verdict).length]);
    cell.firstElementChild.replaceChildren(...counts.filter(([, number]) => number).map(([verdict, number]) =>
      el("li", { class: verdict }, el("b", null, String(number)), ` ${WORDS[verdict][1]}`)));
  }
}

// One cell at a time is in the order of Tab; arrow keys go to its neighbours.
const cellLinks = () => rows.filter(({ row }) => !row.hidden)
  .map(({ row }) => $$("td:not([hidden]) > a", row)).filter((links) => links.length);

function moveTo(link) {
  for (const other of $$("#table td > a[tabindex='0']")) other.tabIndex = -1;
  link.tabIndex = 0;
  link.focus();
}

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -99], End: [0, 99] };
document.getElementById("table").addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  if (!step || !event.target.matches("td > a") || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const grid = cellLinks();
  const line = grid.findIndex((links) => links.includes(event.target));
  const within = (place, size) => Math.min(Math.max(place, 0), size - 1);
  const links = grid[within(line + step[0], grid.length)];
  moveTo(links[within(grid[line].indexOf(event.target) + step[1], links.length)]);
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.matches("input, select, textarea") || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  filters.elements.text.focus();
});

for (const link of $$("#table td > a")) link.tabIndex = -1;
filters.addEventListener("input", applyFilters);
filters.addEventListener("reset", () => setTimeout(applyFilters));
filters.addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("click", (event) => {
  const picker = document.querySelector(".picker[open]");
  if (picker && !picker.contains(event.target)) picker.open = false;
});
applyFilters();

const columns = document.getElementById("columns");
columns?.addEventListener("change", () => {
  const chosen = $$("input:checked", columns).map((box) => box.value);
  for (const cell of $$("#code [data-c]")) cell.hidden = !chosen.includes(cell.dataset.c);
  for (const head of $$("#code .area th")) head.colSpan = Math.max(1, chosen.length);
  document.querySelector("#code table").style.setProperty("--columns", Math.max(1, chosen.length));
});
