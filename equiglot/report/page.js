"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  // Figures name colours as `var(--name)`; what that is depends on light or dark.
  const resolved = (value, style) => {
    if (typeof value === "string") {
      const name = /^var\((--[a-z-]+)\)$/.exec(value);
      return name ? style.getPropertyValue(name[1]).trim() : value;
    }
    if (Array.isArray(value)) return value.map((item) => resolved(item, style));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolved(item, style)]));
  };

  const draw = (id) => {
    const box = document.getElementById(id);
    const select = document.getElementById(id + "-view");
    const file = document.getElementById(id + "-file");
    if (file && select) file.href = `figures/${encodeURIComponent(select.value)}.svg`;
    const spec = resolved(figures[id][select ? select.selectedIndex : 0], getComputedStyle(document.documentElement));
    if (box.clientWidth < 520) {
      spec.layout.font.size = 12;
      spec.layout.margin.r = Math.min(spec.layout.margin.r, 118);
      for (const map of spec.data.filter((trace) => trace.type === "heatmap" && trace.z[0].length > 8)) {
        map.text = map.text.map((row) => row.map((text) => text && String(Math.round(text))));
      }
      for (const note of spec.layout.annotations ?? []) note.font = { ...note.font, size: 10.5 };
    }
    // The box has still its width on the screen when the printer asks.
    if (document.documentElement.classList.contains("printing")) spec.layout.width = Math.min(box.clientWidth, 690);
    return Plotly.react(box, spec.data, spec.layout, { responsive: true, displayModeBar: false, scrollZoom: false });
  };
  const drawAll = () => Promise.all(Object.keys(figures).map(draw));

  for (const id of Object.keys(figures)) {
    document.getElementById(id + "-view")?.addEventListener("change", () => draw(id));
  }
  dark.addEventListener("change", drawAll);
  window.addEventListener("beforeprint", () => {
    document.documentElement.classList.add("printing");
    for (const part of document.querySelectorAll("details")) part.open = true;
    drawAll();
  });
  window.addEventListener("afterprint", () => {
    document.documentElement.classList.remove("printing");
    drawAll().then(() => Object.keys(figures).forEach((id) => Plotly.Plots.resize(document.getElementById(id))));
  });
  drawAll().then(() => { document.documentElement.dataset.drawn = "yes"; });
})();
