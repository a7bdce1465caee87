// The theme follows the system until the reader chooses one; the choice is kept where the browser allows it.
(() => {
  "use strict";
  const root = document.documentElement;
  const KEY = "headgate-theme";
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const stored = () => { try { return localStorage.getItem(KEY); } catch (_) { return null; } };
  const keep = (value) => { try { localStorage.setItem(KEY, value); } catch (_) { /* private window: lasts for this page */ } };
  const current = () => root.dataset.theme || (system.matches ? "dark" : "light");
  const chosen = stored();
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  const announce = () => document.dispatchEvent(new CustomEvent("headgate:theme"));
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    if (!button) return;
    const label = () => { button.textContent = current() === "dark" ? "Light theme" : "Dark theme"; };
    button.hidden = false;
    label();
    button.addEventListener("click", () => {
      root.dataset.theme = current() === "dark" ? "light" : "dark";
      keep(root.dataset.theme);
      label();
      announce();
    });
    system.addEventListener("change", () => { label(); announce(); });
  });
})();
