"""The fixed parts of the HTML page: its style and its script, which load nothing and only sort and filter."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c2128; --paper: #fff; --soft: #f3f5f7; --line: #d0d7de; --quiet: #57606a;
  --added: #1a7f37; --removed: #c4232f; --changed: #9a6700; --bar: #0969da; --heat: 9, 105, 218; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0d1117; --soft: #161b22; --line: #30363d;
  --quiet: #9198a1; --added: #3fb950; --removed: #ff7b72; --changed: #d29922; --bar: #4493f8; --heat: 68, 147, 248; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
th code { overflow-wrap: break-word; }
p.verdict { color: var(--ink); font-size: 1.15rem; font-weight: 600; padding: .75rem 1rem;
  border-left: .4rem solid var(--changed); background: var(--soft); overflow-wrap: anywhere; }
p.verdict.same { border-color: var(--added); } p.verdict.not_comparable { border-color: var(--removed); }
.sides { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem; margin: 1rem 0; }
.sides dt { font-weight: 600; } .sides dd { margin: 0; overflow-wrap: anywhere; }
nav ul { padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; }
a { color: var(--bar); }
.scroll { overflow-x: auto; } .scroll:focus-visible { outline: 2px solid var(--bar); }
table { border-collapse: collapse; font-size: .9rem; margin: .25rem 0; }
th, td { padding: .2rem .75rem .2rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line);
  font-weight: 400; min-width: 4rem; }
thead th { color: var(--quiet); font-weight: 600; white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.added { color: var(--added); } .removed { color: var(--removed); } .changed { color: var(--changed); }
.bad { color: var(--removed); font-weight: 600; } .quiet { color: var(--quiet); }
ul.items { padding-left: 1.2rem; } ul.items ul { padding-left: 1.2rem; }
.sort { all: unset; cursor: pointer; } .sort:focus-visible { outline: 2px solid var(--bar); }
.filter { font: inherit; padding: .2rem .5rem; margin: .25rem 0; width: min(20rem, 100%); background: var(--paper);
  color: var(--ink); border: 1px solid var(--line); }
.chart { display: block; width: 100%; max-width: 40rem; height: auto; margin: .5rem 0;
  font: 12px system-ui, sans-serif; }
.chart text { fill: var(--ink); } .chart .name { text-anchor: end; } .chart .head { text-anchor: middle; }
.chart .added { fill: var(--added); } .chart .removed { fill: var(--removed); }
.chart .changed { fill: var(--changed); }
.chart .heat0 { fill: var(--soft); } .chart .heat1 { fill: rgba(var(--heat), .15); }
.chart .heat2 { fill: rgba(var(--heat), .3); } .chart .heat3 { fill: rgba(var(--heat), .5); }
.chart .heat4 { fill: rgba(var(--heat), .7); } .chart .heat5 { fill: rgb(var(--heat)); }
.chart .on4, .chart .on5 { fill: var(--paper); }
.chart .whisker { stroke: var(--quiet); } .chart .median { stroke: var(--ink); stroke-width: 2; }
.chart .sidea { fill: var(--line); } .chart .sideb { fill: var(--bar); }
@media print { body { max-width: none; padding: 0; font-size: .8rem; } nav, .filter { display: none; }
  .scroll { overflow: visible; } h2, h3 { break-after: avoid; } tr, svg { break-inside: avoid; } }
"""

SCRIPT = """
"use strict";
const text = document.body.dataset;
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  if (rows.length < 3) continue;
  const value = (row, at) => {
    const cell = row.cells[at];
    if (!cell.classList.contains("number")) return cell.textContent;
    const found = JSON.parse(cell.dataset.value ?? cell.dataset.sort ?? "null");
    return found === null || found === "nan" ? -Infinity : found === "inf" ? Infinity : Number(found);
  };
  table.tHead.querySelectorAll("th").forEach((head, at) => {
    const button = document.createElement("button");
    button.className = "sort";
    button.title = text.sort;
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      for (const other of table.tHead.querySelectorAll("th")) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const order = (a, b) => typeof a === "number" && typeof b === "number" ? (a < b ? -1 : a > b ? 1 : 0)
        : String(a).localeCompare(String(b));
      rows.sort((a, b) => (down ? -1 : 1) * order(value(a, at), value(b, at)));
      body.append(...rows);
    });
  });
  if (rows.length < 10) continue;
  const input = document.createElement("input");
  input.type = "search";
  input.className = "filter";
  input.placeholder = text.filter;
  input.setAttribute("aria-label", text.filter);
  input.addEventListener("input", () => {
    const wanted = input.value.toLocaleLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLocaleLowerCase().includes(wanted);
  });
  table.parentElement.before(input);
}
"""
