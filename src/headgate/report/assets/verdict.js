// The forest plot follows the table of benchmarks: the rows that are shown, in their order, forty at a time. A point of the
// figure belongs to the row whose data-row is the point's `ids`.
(() => {
  "use strict";
  const headgate = (window.headgate = window.headgate || {});
  const FIGURE = "forest";
  const STEP = 40;
  const ROW_HEIGHT = 36;
  const AXES_HEIGHT = 110;
  // Of the labels: the width of a letter, and how many the change takes.
  const LETTER = 6.5;
  const ROOM_FOR_CHANGE = 12;
  // Which of a trace's members have an entry for each point.
  const PER_POINT = ["x", "y", "text", "ids", "customdata"];

  const pick = (list, places) => (Array.isArray(list) ? places.map((place) => list[place]) : list);
  const picked = (trace, wanted) => {
    const places = trace.ids.map((id, place) => [wanted.get(id), place]).filter(([at]) => at !== undefined);
    const kept = places.map(([, place]) => place);
    const part = { ...trace };
    for (const member of PER_POINT) if (trace[member]) part[member] = pick(trace[member], kept);
    part.y = places.map(([at]) => at);
    if (trace.marker) part.marker = { ...trace.marker, symbol: pick(trace.marker.symbol, kept) };
    if (trace.error_x) {
      part.error_x = { ...trace.error_x, array: pick(trace.error_x.array, kept), arrayminus: pick(trace.error_x.arrayminus, kept) };
    }
    return part;
  };
  // A name, cut to so many characters; an entity is one.
  const cut = (text, most) => {
    const characters = text.match(/&[#\w]+;|[^]/gu) || [];
    return characters.length > most ? `${characters.slice(0, most - 1).join("")}…` : text;
  };
  // The figure with the points of `ids` alone, from the top down; each has its name and change written above it, as far as
  // a drawing of this width has room for the name.
  headgate.forest = (figure, ids, width = Infinity) => {
    const most = Math.max(12, Math.floor(width / LETTER) - ROOM_FOR_CHANGE);
    const wanted = new Map(ids.map((id, index) => [id, ids.length - index]));
    const data = figure.data.map((trace) => picked(trace, wanted)).filter((trace) => trace.x.length);
    const annotations = data.filter((trace) => trace.text).flatMap((trace) => trace.x.map((_, place) => ({
      text: `${cut(trace.text[place], most)}  ${trace.customdata[place][0]}`, x: 0, xref: "paper", xanchor: "left",
      y: trace.y[place] + 0.22, yanchor: "bottom", showarrow: false, font: { size: 11, color: "--muted" }, bgcolor: "--bg",
    })));
    const layout = {
      ...figure.layout, annotations, height: AXES_HEIGHT + ROW_HEIGHT * ids.length,
      yaxis: { ...figure.layout.yaxis, range: [0.4, ids.length + 0.8] },
    };
    return { data, layout };
  };

  // Deferred, so the page is there; and before DOMContentLoaded, at which charts.js draws.
  const source = document.getElementById(FIGURE);
  if (!source) return;
  const whole = headgate.figureOf(FIGURE);
  const drawable = new Set(whole.data.flatMap((trace) => trace.ids));
  // Where the page has no such table, or no rows of it are marked, all of the figure, as it comes.
  const table = document.getElementById(whole.layout.meta.table);
  const ordered = [...drawable].sort((a, b) => Number(a) - Number(b));
  const more = document.getElementById("forest-more");
  const count = document.getElementById("forest-count");
  let limit = STEP;
  const shown = () => (table
    ? [...table.tBodies[0].rows].filter((row) => !row.hidden).map((row) => row.dataset.row).filter((id) => drawable.has(id))
    : ordered);
  headgate.arrange[FIGURE] = (figure, width) => headgate.forest(figure, shown().slice(0, limit), width);
  const tell = () => {
    const all = shown().length;
    const drawn = Math.min(limit, all);
    count.textContent = `${drawn} of ${all} drawn`;
    more.hidden = drawn >= all;
    more.textContent = `Draw ${Math.min(STEP, all - drawn)} more`;
  };
  let queued = false;
  const update = () => {
    queued = false;
    tell();
    headgate.redraw(FIGURE);
  };
  // Typing fires faster than a plot is drawn: one drawing a frame.
  const queue = () => {
    if (queued) return;
    queued = true;
    requestAnimationFrame(update);
  };
  if (table) table.addEventListener("headgate:rows", () => { limit = STEP; queue(); });
  more.addEventListener("click", () => { limit += STEP; queue(); });
  tell();
})();
