// Filters the table of benchmarks by name and by state, and says how many are left; opens the samples a link points to.
(() => {
  "use strict";
  const open = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target && target.matches("details")) {
      target.open = true;
      target.scrollIntoView();
    }
  };
  window.addEventListener("hashchange", open);
  document.addEventListener("DOMContentLoaded", open);
  document.addEventListener("DOMContentLoaded", () => {
    const form = document.getElementById("filter");
    if (!form) return;
    const rows = [...document.querySelectorAll("#benchmarks tbody tr")];
    const count = document.getElementById("filter-count");
    const search = form.querySelector("input[type=search]");
    const boxes = [...form.querySelectorAll("input[type=checkbox]")];
    const apply = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const states = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
      let shown = 0;
      for (const row of rows) {
        const text = row.dataset.search.toLowerCase();
        row.hidden = !(states.has(row.dataset.state) && words.every((word) => text.includes(word)));
        if (!row.hidden) shown += 1;
      }
      count.textContent = `${shown} of ${rows.length} shown`;
    };
    form.hidden = false;
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    apply();
  });
})();
