// Draws every <div class="chart" data-figure="ID"> from the JSON in <script id="ID">. Colours in the JSON are names of the
// style's variables ("--blue"), so that one figure serves both themes.
(() => {
  "use strict";
  const charts = () => [...document.querySelectorAll(".chart[data-figure]")];
  const paint = (value, style) => {
    if (Array.isArray(value)) return value.map((item) => paint(item, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, paint(item, style)]));
    }
    if (typeof value === "string" && /^--[a-z-]+$/.test(value)) return style.getPropertyValue(value).trim();
    return value;
  };
  const draw = (element) => {
    const source = document.getElementById(element.dataset.figure);
    if (!source || !window.Plotly) return;
    const figure = JSON.parse(source.textContent);
    const style = getComputedStyle(document.documentElement);
    const narrow = element.clientWidth < 560;
    const axis = { gridcolor: "--line", linecolor: "--muted", zeroline: false, automargin: true };
    const base = {
      paper_bgcolor: "--bg", plot_bgcolor: "--bg", font: { color: "--text", family: "inherit", size: narrow ? 11 : 13 },
      margin: { l: 64, r: 16, t: narrow ? 12 : 36, b: 56 }, hoverlabel: { namelength: -1 },
    };
    const layout = { ...base, ...figure.layout };
    for (const key of Object.keys(layout).filter((name) => /^[xy]axis/.test(name))) layout[key] = { ...axis, ...layout[key] };
    if (narrow) {
      layout.legend = { ...layout.legend, orientation: "h", x: 0, y: -0.2, xanchor: "left", yanchor: "top", font: { size: 10 } };
      layout.margin = { ...layout.margin, r: 8, l: Math.min(48, layout.margin.l) };
    }
    Plotly.react(element, paint(figure.data, style), paint(layout, style), {
      responsive: true, displaylogo: false, displayModeBar: !narrow,
      // These and no others: plotly's own default has a button that sends the chart to its makers' server.
      modeBarButtons: [["toImage"], ["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]], plotlyServerURL: "",
      toImageButtonOptions: { format: "svg", filename: element.dataset.figure },
    });
  };
  const drawAll = () => charts().forEach(draw);
  document.addEventListener("DOMContentLoaded", drawAll);
  document.addEventListener("headgate:theme", drawAll);
})();
