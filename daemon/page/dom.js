// Elements. Text only ever becomes text: there is no innerHTML in this page.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined) element.append(child);
  }
  return element;
}

export const byId = (id) => document.getElementById(id);
export const el = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, tag), attributes, children);

// Only if it is another, so that nothing is laid out or read aloud again in vain.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

const SHAPES = {
  queued: ["circle", { cx: 6, cy: 6, r: 4.2, class: "stroke" }],
  work: ["path", { d: "M6 1.8a4.2 4.2 0 1 0 4.2 4.2", class: "stroke turning" }],
  succeeded: ["path", { d: "M2 6.6l2.7 2.6L10 3.2", class: "stroke" }],
  failed: ["path", { d: "M2.6 2.6l6.8 6.8M9.4 2.6l-6.8 6.8", class: "stroke" }],
  cancelled: ["path", { d: "M2 6h8", class: "stroke" }],
};

export const isAtWork = (state) => ["planning", "running", "finishing"].includes(state);
export const hasEnded = (state) => ["succeeded", "failed", "cancelled"].includes(state);

export function stateBadge(state) {
  const [shape, attributes] = SHAPES[isAtWork(state) ? "work" : state] ?? SHAPES.queued;
  const icon = svg("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" }, svg(shape, attributes));
  return el("span", { class: "state", "data-state": state }, icon, el("span", {}, state));
}

export function progressBar(label) {
  const fill = el("i");
  return { bar: el("span", { class: "bar", role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100 }, fill), fill };
}

// What there is to be done is known once it is planned.
export function updateBar({ bar, fill }, job) {
  const { bytes_total: total, bytes_done: done } = job.progress;
  const share = job.state === "succeeded" ? 1 : total > 0 ? Math.min(1, done / total) : 0;
  const percent = Math.floor(share * 100);
  bar.dataset.state = job.state;
  fill.style.transform = `scaleX(${share.toFixed(4)})`;
  if (total > 0 || job.state === "succeeded") setAttribute(bar, "aria-valuenow", percent);
  else bar.removeAttribute("aria-valuenow");
  return percent;
}
