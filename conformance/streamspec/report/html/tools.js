// What the other parts share: elements, numbers, verdicts in words, the theme.
const page = JSON.parse(document.getElementById("page-data").textContent);
const WORDS = {
  PASS: ["✓", "pass"], FAIL: ["✕", "FAIL"], WARN: ["!", "warn"], DEVIATION: ["≠", "deviates"],
  INCONCLUSIVE: ["?", "inconcl."], NOT_APPLICABLE: ["–", "n/a"],
};
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// An element with attributes and children; text is always text, never HTML.
function el(tag, attributes = null, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

const ms = (seconds) => {
  const value = seconds * 1000;
  const digits = Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 100 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
};
const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
const median = (values) => {
  const sorted = [...values].sort((one, other) => one - other);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};
const verdictMark = (verdict, kind = "verdict") =>
  el("span", { class: `${kind} ${verdict}` }, el("i", { "aria-hidden": "true" }, WORDS[verdict][0]), WORDS[verdict][1]);

const theme = document.getElementById("theme");
const remembered = (() => { try { return localStorage.getItem("streamspec-theme") ?? ""; } catch { return ""; } })();
function setTheme(name) {
  if (name) document.documentElement.dataset.theme = name;
  else delete document.documentElement.dataset.theme;
}
theme.value = remembered;
setTheme(remembered);
theme.addEventListener("change", () => {
  setTheme(theme.value);
  try { localStorage.setItem("streamspec-theme", theme.value); } catch { /* a page without storage forgets it */ }
});
