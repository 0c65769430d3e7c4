// Each chart stands in the page as a picture. Where scripts run, the picture gives way to a chart
// that answers to the pointer; where one cannot be drawn, the picture stays.
"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  // `ast` interprets Vega's expressions instead of compiling them, so the page needs no eval.
  const options = {
    mode: "vega-lite",
    renderer: "svg",
    ast: true,
    actions: { export: true, source: false, compiled: false, editor: false },
  };
  for (const holder of document.querySelectorAll("[data-chart]")) {
    const { spec, alt } = charts[Number(holder.dataset.chart)];
    const picture = holder.querySelector("img");
    const target = document.createElement("div");
    target.className = "drawn";
    if (alt) {
      target.setAttribute("role", "group");
      target.setAttribute("aria-label", alt);
    }
    window
      .vegaEmbed(target, spec, options)
      .then(() => {
        if (picture) picture.replaceWith(target);
        else holder.prepend(target);
        const menu = target.querySelector("summary");
        if (menu) menu.setAttribute("aria-label", "Save this chart");
        holder.dataset.state = "drawn";
      })
      .catch((error) => {
        holder.dataset.state = "picture";
        console.warn("A chart stays a picture:", error);
      });
  }
})();
