"use strict";
(() => {
  const tip = document.body.appendChild(Object.assign(document.createElement("div"), { className: "tip", hidden: true }));
  const REACH = 24; // pixels, from the pointer to what is spoken of

  // All that something is said of, as boxes on the screen; a line says something of each of its points.
  const boxes = (view) => [...view.querySelectorAll("[data-said]")].flatMap((mark) => {
    const name = mark.closest("[data-name]").dataset.name, matrix = mark.getScreenCTM();
    return mark.dataset.said.split("\n").map((said, index) => {
      if (!mark.points) return { said: `${name}\n${said}`, box: mark.getBoundingClientRect() };
      const { x, y } = mark.points[index].matrixTransform(matrix);
      return { said: `${name}\n${said}`, box: new DOMRect(x, y) };
    });
  });

  const point = ({ clientX: x, clientY: y, currentTarget: view }) => {
    const away = ({ left, right, top, bottom }) => Math.hypot(Math.max(left - x, x - right, 0), Math.max(top - y, y - bottom, 0));
    let nearest = null, least = REACH;
    for (const each of boxes(view)) if (away(each.box) < least) [nearest, least] = [each, away(each.box)];
    tip.hidden = !nearest;
    if (tip.hidden) return;
    tip.textContent = nearest.said;
    const left = Math.min(nearest.box.right + 8, document.documentElement.clientWidth - tip.offsetWidth - 8);
    tip.style.translate = `${Math.max(8, left)}px ${Math.max(8, nearest.box.top - tip.offsetHeight - 8)}px`;
  };

  for (const view of document.querySelectorAll(".view")) {
    view.addEventListener("pointermove", point);
    view.addEventListener("pointerdown", point);
    view.addEventListener("pointerleave", () => { tip.hidden = true; });
  }
  for (const select of document.querySelectorAll(".choice select")) {
    const id = select.id.replace(/-view$/, "");
    const choose = () => {
      const views = document.getElementById(id).children;
      [...views].forEach((view, index) => { view.hidden = index !== select.selectedIndex; });
      const file = document.getElementById(id + "-file");
      if (file) file.href = `figures/${encodeURIComponent(select.value)}.svg`;
    };
    select.addEventListener("change", choose);
    choose();
  }
  window.addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details")) part.open = true;
  });
})();
