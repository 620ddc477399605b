const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const key = (row, column) => row.cells[column].dataset.value ?? row.cells[column].textContent;

// A click on a heading sorts. Rows without a number stay at the end, whichever way the others go.
document.addEventListener("click", event => {
  const head = event.target.closest("th button")?.parentElement;
  if (!head) return;
  const body = head.closest("table").tBodies[0], column = head.cellIndex;
  const up = head.getAttribute("aria-sort") !== "ascending";
  all("th", head.parentElement).forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const order = (a, b) => (a === "") - (b === "") || (a === "" ? 0 : (up ? 1 : -1) *
    (isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b));
  body.append(...[...body.rows].sort((a, b) => order(key(a, column), key(b, column))));
});

// Rows that hold every typed word stay.
const filter = (place, rows) => {
  const input = Object.assign(document.createElement("input"), { type: "search", placeholder: "Filter" });
  input.setAttribute("aria-label", "Filter");
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/);
    for (const row of rows)
      row.hidden = !words.every(word => row.textContent.toLowerCase().includes(word));
  });
  place.append(input);
};
const toolsBefore = element => {
  const tools = Object.assign(document.createElement("div"), { className: "tools" });
  element.before(tools);
  return tools;
};

for (const exhibit of all(".exhibit")) {
  const table = exhibit.querySelector("table"), rows = [...table.tBodies[0].rows];
  const tools = toolsBefore(exhibit), heads = all("thead th", table).map(head => head.textContent);
  if (rows.length > 8) filter(tools, rows);
  const save = Object.assign(document.createElement("button"), { textContent: "CSV" });
  save.addEventListener("click", () => {
    const cells = [heads, ...rows.map(row => heads.map((_, column) => key(row, column)))];
    const text = cells.map(row => row.map(cell => `"${cell.replaceAll('"', '""')}"`).join() + "\n").join("");
    const name = `${exhibit.dataset.name}.csv`, href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    Object.assign(document.createElement("a"), { download: name, href }).click();
  });
  tools.append(save);
  heads.forEach((_, column) => {
    const cells = [...table.rows].map(row => row.cells[column]);
    cells[0].classList.toggle("number", rows.some(row => row.cells[column].classList.contains("number")));
    const empty = rows.every(row => key(row, column) === "");
    for (const cell of cells) cell.hidden = empty;
  });
  // A row about an encoder of this run leads to where its numbers are from.
  const [model, adapter, precision, representation] =
    ["model", "adapter", "precision", "representation"].map(name => heads.indexOf(name));
  if (Math.min(model, precision, representation) < 0) continue;
  for (const { cells } of rows) {
    const none = adapter < 0 || !cells[adapter].textContent ? "none" : cells[adapter].textContent;
    const place = [cells[model].textContent, none, cells[precision].textContent, cells[representation].textContent].join("/");
    if (!document.getElementById(place)) continue;
    const link = Object.assign(document.createElement("a"), { href: `#${place}` });
    link.append(...cells[model].childNodes);
    cells[model].append(link);
  }
}
const records = document.getElementById("records");
filter(toolsBefore(records), all(".record", records));

// An address that ends in #name opens what is folded around it.
const reveal = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
  target?.scrollIntoView();
};
addEventListener("hashchange", reveal);
reveal();
