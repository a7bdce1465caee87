// Draws every <div class="chart" data-figure="ID"> from the JSON in <script id="ID">. Colours in the JSON are names of the
// style's variables ("--blue"), so that one figure serves both themes, and paper.
(() => {
  "use strict";
  const headgate = (window.headgate = window.headgate || {});
  const PAPER_FONT = "Helvetica, Arial, sans-serif";
  const NARROW = 560;
  const charts = () => [...document.querySelectorAll(".chart[data-figure]")];
  const paint = (value, style) => {
    if (Array.isArray(value)) return value.map((item) => paint(item, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, paint(item, style)]));
    }
    if (typeof value === "string" && /^--[a-z-]+$/.test(value)) return style.getPropertyValue(value).trim();
    return value;
  };
  // The colours of the page as it is, or those of paper: an element of class "on-paper" has them in either theme.
  const colours = (paper) => {
    if (!paper) return getComputedStyle(document.documentElement);
    let element = document.querySelector("body > .on-paper");
    if (!element) {
      element = document.createElement("div");
      element.className = "on-paper";
      element.hidden = true;
      document.body.append(element);
    }
    return getComputedStyle(element);
  };
  // The figure as it stands in the page; who shows only a part of one (verdict.js) puts a function into `arrange`.
  headgate.arrange = headgate.arrange || {};
  headgate.figureOf = (id) => JSON.parse(document.getElementById(id).textContent);
  const prepared = (id, width, paper) => {
    const figure = (headgate.arrange[id] || ((whole) => whole))(headgate.figureOf(id), width);
    const narrow = width < NARROW;
    const axis = { gridcolor: "--line", linecolor: "--muted", zeroline: false, automargin: true };
    const base = {
      paper_bgcolor: "--bg", plot_bgcolor: "--bg", margin: { l: 64, r: 16, t: narrow ? 12 : 36, b: 56 },
      font: { color: "--text", family: paper ? PAPER_FONT : getComputedStyle(document.body).fontFamily, size: narrow ? 11 : 13 },
      hoverlabel: { namelength: -1 },
    };
    const layout = { ...base, ...figure.layout };
    for (const key of Object.keys(layout).filter((name) => /^[xy]axis/.test(name))) layout[key] = { ...axis, ...layout[key] };
    if (narrow) {
      // A legend at the side goes below; one that lies along the drawing stays where it is.
      const below = { orientation: "h", x: 0, y: -0.2, xanchor: "left", yanchor: "top" };
      const along = layout.legend && layout.legend.orientation === "h";
      layout.legend = { ...layout.legend, ...(along ? {} : below), font: { size: 10 } };
      layout.margin = { ...layout.margin, r: 8, l: Math.min(48, layout.margin.l) };
    }
    // A finger on the drawing scrolls the page; a mouse zooms into the drawing.
    if (narrow || window.matchMedia("(pointer: coarse)").matches) layout.dragmode = false;
    const style = colours(paper);
    return { data: paint(figure.data, style), layout: paint(layout, style) };
  };
  const draw = (element, paper = false) => {
    const id = element.dataset.figure;
    if (!document.getElementById(id) || !window.Plotly) return;
    const { data, layout } = prepared(id, element.clientWidth, paper);
    // A drawing as high as its rows need is so in the page as well.
    if (layout.height) element.style.height = `${layout.height}px`;
    Plotly.react(element, data, layout, {
      // No bar of buttons: a picture to a screen reader has nothing in it to be focused, the downloads stand below it, and
      // plotly's own default has a button that sends the chart to its makers' server.
      responsive: true, displaylogo: false, displayModeBar: false, plotlyServerURL: "",
    });
  };
  headgate.redraw = (id) => charts().filter((element) => element.dataset.figure === id).forEach((element) => draw(element));

  const escapeXml = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  // The figure as an SVG document, as wide as a page of paper takes it, in the light colours, with its title inside.
  headgate.svg = async (id, title) => {
    const { data, layout } = prepared(id, 900, true);
    const size = { width: 900, height: layout.height || 520 };
    const picture = await Plotly.toImage({ data, layout: { ...layout, ...size } }, { format: "svg", imageDataOnly: true, ...size });
    return picture.replace(/^(<svg[^>]*>)/, (whole) => `${whole}<title>${escapeXml(title)}</title>`);
  };

  const drawAll = (paper = false) => charts().forEach((element) => draw(element, paper));
  document.addEventListener("DOMContentLoaded", () => drawAll());
  document.addEventListener("headgate:theme", () => drawAll());
  // plotly itself follows the width; what a narrow drawing has elsewhere is ours.
  window.matchMedia(`(max-width: ${NARROW + 40}px)`).addEventListener("change", () => drawAll());
  window.addEventListener("beforeprint", () => drawAll(true));
  window.addEventListener("afterprint", () => drawAll());
})();
