// Tables as the reader sees them (what is filtered out is left out, in the order shown) as LaTeX, Markdown and CSV; and
// tables marked data-sortable sorted by a click on a column's head.
(() => {
  "use strict";
  const headgate = (window.headgate = window.headgate || {});

  const LATEX = {
    "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}",
    "&": "\\&", "%": "\\%", "$": "\\$", "#": "\\#", "_": "\\_", "<": "\\textless{}", ">": "\\textgreater{}",
    "|": "\\textbar{}", "\u00a0": "~", "×": "$\\times$", "±": "$\\pm$", "−": "$-$", "µ": "$\\mu$", "μ": "$\\mu$",
    "≈": "$\\approx$", "≤": "$\\leq$", "≥": "$\\geq$", "÷": "$\\div$", "→": "$\\rightarrow$", "–": "--", "—": "---",
    "…": "\\ldots{}", "“": "``", "”": "''", "’": "'",
  };
  headgate.latexText = (text) => {
    // One pass over the characters: what was put in for one is not escaped again. -- would become a dash.
    const escaped = [...text].map((character) => LATEX[character] ?? character).join("");
    return text.includes("--") ? escaped.replace(/-(?=-)/g, "-{}") : escaped;
  };
  // Backslashes for what Markdown reads, entities for what HTML reads; a word joiner (no width) after @ and in ://, so
  // that nobody is notified and nothing linked where the table is pasted.
  headgate.markdownText = (text) =>
    text.replace(/[\\`*_[\]~$|#!]/g, "\\$&").replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
      .replaceAll("@", "@&#8288;").replaceAll("://", ":&#8288;//").replaceAll("www.", "www&#46;&#8288;");

  // A cell's text on one line, its smaller line in brackets; what is folded away is left out.
  const cellText = (cell) => {
    const copy = cell.cloneNode(true);
    for (const part of copy.querySelectorAll("details, .unseen")) part.remove();
    const notes = [...copy.querySelectorAll("small")].map((part) => {
      part.remove();
      return part.textContent.trim();
    });
    return [copy.textContent, ...notes.filter(Boolean).map((note) => `(${note})`)]
      .join(" ").replace(/\s+/g, (space) => (space === "\u00a0" ? space : " ")).trim();
  };
  const read = (table) => ({
    caption: table.caption ? table.caption.textContent.trim().replace(/\s+/g, " ") : "",
    head: [...table.querySelectorAll("thead th")],
    rows: [...table.tBodies].flatMap((body) => [...body.rows]).filter((row) => !row.hidden).map((row) => [...row.cells]),
  });
  const isLeft = (cell) => ["left", "start"].includes(getComputedStyle(cell).textAlign);

  const latex = (table) => {
    const { caption, head, rows } = read(table);
    // After \\ a bracket or a star would be taken as its argument.
    const line = (cells) => cells.map((cell, index) => {
      const text = headgate.latexText(cellText(cell));
      return index === 0 && /^[[*]/.test(text) ? `{}${text}` : text;
    }).join(" & ") + " \\\\";
    const first = head.length ? head : rows[0] || [];
    return [
      "% needs \\usepackage{booktabs}", "\\begin{table}", "\\centering", `\\caption{${headgate.latexText(caption)}}`,
      `\\begin{tabular}{${first.map((cell) => (isLeft(cell) ? "l" : "r")).join("")}}`, "\\toprule",
      ...(head.length ? [line(head), "\\midrule"] : []), ...rows.map(line), "\\bottomrule", "\\end{tabular}",
      "\\end{table}", "",
    ].join("\n");
  };
  const markdown = (table) => {
    const { caption, head, rows } = read(table);
    const line = (cells) => `| ${cells.map((cell) => headgate.markdownText(cellText(cell))).join(" | ")} |`;
    const first = head.length ? head : rows[0] || [];
    const titles = head.length ? line(head) : `|${" |".repeat(first.length)}`;
    const rule = `|${first.map((cell) => (isLeft(cell) ? ":-" : "-:")).join("|")}|`;
    return [headgate.markdownText(caption), "", titles, rule, ...rows.map(line), ""].join("\n");
  };
  // A column whose head says its unit (data-unit) is exported as the numbers it is sorted by, the others as they are shown:
  // a number without its unit would be worse than a text with it.
  const csv = (table) => {
    const { head, rows } = read(table);
    const title = (cell) => (cell.dataset.unit ? `${cellText(cell)} (${cell.dataset.unit})` : cellText(cell));
    const value = (cell, column) => {
      const number = head[column] && head[column].dataset.unit !== undefined ? cell.dataset.value : "";
      return number && !Number.isNaN(Number(number)) ? Number(number) : cellText(cell);
    };
    return headgate.csv([...(head.length ? [head.map(title)] : []), ...rows.map((row) => row.map(value))]);
  };
  const FORMATS = {
    latex: [latex, "tex", "application/x-tex"], markdown: [markdown, "md", "text/markdown"], csv: [csv, "csv", "text/csv"],
  };
  headgate.tableAs = (table, format) => FORMATS[format][0](table);

  const offer = (tools) => {
    const table = tools.closest(".tabular").querySelector("table");
    const name = headgate.fileName(table.id || (table.caption ? table.caption.textContent : ""));
    for (const button of tools.querySelectorAll("[data-save]")) {
      const [make, ending, type] = FORMATS[button.dataset.save];
      button.addEventListener("click", () => {
        headgate.save(`${name}.${ending}`, `${type};charset=utf-8`, make(table));
        headgate.say(tools, `saved ${name}.${ending}`);
      });
    }
    for (const button of tools.querySelectorAll("[data-copy]")) {
      button.addEventListener("click", () => headgate.copy(tools, FORMATS[button.dataset.copy][0](table)));
    }
  };

  // --- sorting ---
  // Without data-value a text is read as it is written: "−3.2 %", "1,000", "22.1 ms". Other texts are sorted as texts.
  const SCALES = {
    "": 1, "%": 1, s: 1, ms: 1e-3, "µs": 1e-6, ns: 1e-9, B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30,
  };
  headgate.sortKey = (text) => {
    const plain = text.replace("−", "-").replace("±", "").replace(/(?<=\d),(?=\d{3})/g, "");
    const [, number, unit] = /^([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*(\S*)/i.exec(plain) || [];
    return number !== undefined && Object.hasOwn(SCALES, unit) ? Number(number) * SCALES[unit] : text;
  };
  const key = (row, column) => {
    const cell = row.cells[column];
    return cell ? headgate.sortKey(cell.dataset.value ?? cellText(cell)) : "";
  };
  // Numbers before texts; what is not there last, whichever way it is sorted.
  const compare = (a, b, sign) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
    return sign * (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
  };
  const sortBy = (table, column, sign) => {
    for (const body of table.tBodies) {
      const rows = [...body.rows].map((row) => [key(row, column), row]);
      rows.sort(([a], [b]) => compare(a, b, sign));
      body.append(...rows.map(([, row]) => row));
    }
    table.dispatchEvent(new CustomEvent("headgate:rows", { bubbles: true }));
  };
  const makeSortable = (table) => {
    const heads = [...table.querySelectorAll("thead th")];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const order = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", order);
        sortBy(table, column, order === "ascending" ? 1 : -1);
      });
    });
  };

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("table[data-sortable]").forEach(makeSortable);
    document.querySelectorAll(".tabular > .tools").forEach(offer);
  });
})();
