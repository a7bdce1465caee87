// What every download and every copy button shares: cells of CSV, saving a text as a file, the clipboard.
// The page's scripts meet in one object, window.headgate.
(() => {
  "use strict";
  const headgate = (window.headgate = window.headgate || {});

  // A spreadsheet runs a cell that begins with one of these as a formula, also from a CSV that was only opened. The quote
  // before it makes it text; what is plainly a number (with a unit of %) is left as it is.
  const FORMULA = /^[=+\-@\t\r]/;
  const NUMBER = /^[+-]?\d[\d.,]*(e[+-]?\d+)?( ?%)?$/i;
  headgate.csvCell = (value) => {
    if (value === null || value === undefined) return "";
    let text = String(value);
    if (typeof value !== "number" && FORMULA.test(text) && !NUMBER.test(text)) text = `'${text}`;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  headgate.csv = (rows) => rows.map((row) => row.map(headgate.csvCell).join(",")).join("\r\n") + "\r\n";

  // A name that every file system takes, from any text.
  headgate.fileName = (text) =>
    text.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60) || "headgate";

  // A Blob, not a data: address: it works from a file, and has no limit of length.
  headgate.save = (name, type, text) => {
    const address = URL.createObjectURL(new Blob([text], { type }));
    const link = document.createElement("a");
    link.href = address;
    link.download = name;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  };

  // What happened is written where a screen reader is told of it; first emptied, so that the same words are told again.
  headgate.say = (tools, text) => {
    const said = tools.querySelector(".said");
    if (!said) return;
    said.textContent = "";
    setTimeout(() => { said.textContent = text; }, 50);
  };
  headgate.copy = (tools, text) => navigator.clipboard.writeText(text).then(
    () => headgate.say(tools, "copied"),
    () => headgate.say(tools, "the browser did not allow copying"),
  );

  // Shows the buttons within `root`; those that copy only where there is a clipboard.
  headgate.showTools = (root) => {
    const clipboard = Boolean(navigator.clipboard && navigator.clipboard.writeText);
    for (const tools of root.querySelectorAll(".tools")) {
      if (clipboard) for (const button of tools.querySelectorAll("[data-copy]")) button.hidden = false;
      tools.hidden = !tools.querySelector("button:not([hidden])");
    }
  };
  document.addEventListener("DOMContentLoaded", () => {
    headgate.showTools(document);
    for (const button of document.querySelectorAll("[data-copy=code]")) {
      button.addEventListener("click", () => {
        headgate.copy(button.closest(".tools"), button.closest(".code").querySelector("code").textContent);
      });
    }
  });
})();
