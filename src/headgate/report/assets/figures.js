// What a reader takes from a figure: its drawing as SVG, its numbers as CSV, and its numbers as a table on the page. All
// from the figure's own JSON, which is the page's one copy of them.
//
// Columns: the trace's name; x and y under the titles of their axes (with units), or under layout.meta.x and layout.meta.y
// (false: left out); lower and upper where there are error bars; and customdata under layout.meta.columns (null: left
// out). A trace with meta.csv === false is a line to see by, not data.
(() => {
  "use strict";
  const headgate = (window.headgate = window.headgate || {});
  const MOST_LINES = 200;

  // What chart_text (figure.py) did for plotly's sake is undone: a CSV has the text itself.
  const ENTITIES = { "&lt;": "<", "&gt;": ">", "&#36;": "$", "&amp;": "&" };
  const plainText = (text) => text.replace(/&(?:lt|gt|amp|#36);/g, (entity) => ENTITIES[entity]);
  const titleOf = (axis, fallback) => {
    const title = axis && axis.title;
    return plainText((title && typeof title === "object" ? title.text : title) || fallback);
  };
  const axisName = (layout, trace, letter) => {
    const given = layout.meta && layout.meta[letter];
    if (given !== undefined && given !== null) return given;
    const number = (trace[`${letter}axis`] || letter).slice(1);
    return titleOf(layout[`${letter}axis${number}`], letter);
  };
  const bounds = (bars, index, value) => {
    if (!bars || !Array.isArray(bars.array)) return null;
    const above = bars.array[index];
    const below = Array.isArray(bars.arrayminus) ? bars.arrayminus[index] : above;
    return [value - below, value + above];
  };
  const pointCells = (trace, index, layout, columns) => {
    const cells = [];
    for (const letter of ["x", "y"]) {
      const name = axisName(layout, trace, letter);
      if (!name || !trace[letter]) continue;
      const value = trace[letter][index];
      cells.push([name, value]);
      const ends = bounds(trace[`error_${letter}`], index, value);
      if (ends) cells.push([`${name}, lower`, ends[0]], [`${name}, upper`, ends[1]]);
    }
    const custom = trace.customdata ? trace.customdata[index] : undefined;
    if (custom !== undefined) {
      const values = Array.isArray(custom) ? custom : [custom];
      columns.forEach((name, place) => { if (name !== null && name !== undefined) cells.push([name, values[place]]); });
    }
    return cells;
  };
  // The figure as rows, the first of them the names of the columns.
  headgate.figureRows = (figure) => {
    const layout = figure.layout || {};
    const columns = (layout.meta && layout.meta.columns) || [];
    const names = new Set(["series"]);
    const records = [];
    for (const trace of figure.data) {
      if (trace.meta && trace.meta.csv === false) continue;
      const length = Math.max((trace.x || []).length, (trace.y || []).length);
      for (let index = 0; index < length; index += 1) {
        const record = new Map([["series", plainText(trace.name ?? "")], ...pointCells(trace, index, layout, columns)]);
        for (const name of record.keys()) names.add(name);
        records.push(record);
      }
    }
    return [[...names], ...records.map((record) => [...names].map((name) => record.get(name) ?? ""))];
  };

  const shown = (value) => (typeof value === "number" ? String(Number(value.toPrecision(6))) : String(value));
  const makeRow = (cells, tag) => {
    const row = document.createElement("tr");
    cells.forEach((value, index) => {
      const cell = document.createElement(index === 0 ? "th" : tag);
      if (index === 0 || tag === "th") cell.scope = tag === "th" ? "col" : "row";
      cell.textContent = shown(value);
      row.append(cell);
    });
    return row;
  };
  // Built when it is opened for the first time: most readers look at the drawing.
  const fill = (details, id, title) => {
    if (details.querySelector("table")) return;
    const [head, ...rows] = headgate.figureRows(headgate.figureOf(id));
    const scroll = document.createElement("div");
    scroll.className = "scroll";
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", `The numbers of the figure: ${title}`);
    const table = document.createElement("table");
    const rest = rows.length > MOST_LINES ? `; the first ${MOST_LINES} of ${rows.length}, all are in the CSV` : "";
    table.createCaption().textContent = `${title}${rest}`;
    table.createTHead().append(makeRow(head, "th"));
    table.createTBody().append(...rows.slice(0, MOST_LINES).map((row) => makeRow(row, "td")));
    scroll.append(table);
    details.append(scroll);
  };

  const start = (chart) => {
    const id = chart.dataset.figure;
    const figure = chart.closest("figure");
    const title = figure && figure.querySelector("figcaption b") ? figure.querySelector("figcaption b").textContent : id;
    if (!figure || !document.getElementById(id)) return;
    const name = headgate.fileName(`${document.title.slice(0, 40)} ${id}`);
    const tools = figure.querySelector(".tools");
    const failed = (error) => headgate.say(tools, `not saved: ${error.message || error}`);
    const makers = {
      csv: async () => headgate.csv(headgate.figureRows(headgate.figureOf(id))),
      svg: () => headgate.svg(id, title),
    };
    const types = { csv: "text/csv;charset=utf-8", svg: "image/svg+xml" };
    for (const button of tools ? tools.querySelectorAll("[data-save]") : []) {
      const kind = button.dataset.save;
      button.addEventListener("click", () => makers[kind]().then((text) => {
        headgate.save(`${name}.${kind}`, types[kind], text);
        headgate.say(tools, `saved ${name}.${kind}`);
      }).catch(failed));
    }
    const details = figure.querySelector("details.numbers");
    if (details) {
      details.hidden = false;
      details.addEventListener("toggle", () => { if (details.open) fill(details, id, title); });
    }
  };
  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".chart[data-figure]").forEach(start));
})();
