// A form of class "filter" with data-table="ID" hides the rows of that table: by the words of its search field (in
// data-search, else in the row's text) and by its ticked boxes (data-state). It says how many rows are left, and the table
// tells others with a "headgate:rows" event.
(() => {
  "use strict";
  const start = (form) => {
    const table = document.getElementById(form.dataset.table);
    if (!table) return;
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
    const texts = new Map(rows.map((row) => [row, (row.dataset.search ?? row.textContent).toLowerCase()]));
    const count = form.querySelector("output");
    const search = form.querySelector("input[type=search]");
    const boxes = [...form.querySelectorAll("input[type=checkbox]")];
    const apply = () => {
      const words = search ? search.value.toLowerCase().split(/\s+/).filter(Boolean) : [];
      const states = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
      let shown = 0;
      for (const row of rows) {
        const fits = !boxes.length || states.has(row.dataset.state);
        row.hidden = !(fits && words.every((word) => texts.get(row).includes(word)));
        if (!row.hidden) shown += 1;
      }
      if (count) count.textContent = `${shown} of ${rows.length} shown`;
    };
    form.hidden = false;
    form.addEventListener("input", () => {
      apply();
      table.dispatchEvent(new CustomEvent("headgate:rows", { bubbles: true }));
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    apply();
  };
  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("form.filter[data-table]").forEach(start));
})();
