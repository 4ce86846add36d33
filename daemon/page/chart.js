// Time series, drawn by hand. A chart keeps no samples: draw() gets all that it shows.
import { svg } from "./dom.js";

// The next of 1, 2, 5, 10, ... above, so that grid lines have round numbers.
export function niceMax(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((step) => step * power >= value) * power;
}

// Points as a path; it is broken where samples are missing.
function pathOf(points, gapX) {
  let path = "";
  let before = null;
  for (const [x, y] of points) {
    const starts = before === null || x - before > gapX;
    path += `${starts ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    before = x;
  }
  return path;
}

function areaOf(points, bottom, gapX) {
  let path = "";
  let run = [];
  const close = () => {
    if (run.length > 1) {
      path += `M${run[0][0].toFixed(1)} ${bottom}`;
      for (const [x, y] of run) path += `L${x.toFixed(1)} ${y.toFixed(1)}`;
      path += `L${run.at(-1)[0].toFixed(1)} ${bottom}Z`;
    }
    run = [];
  };
  for (const point of points) {
    if (run.length > 0 && point[0] - run.at(-1)[0] > gapX) close();
    run.push(point);
  }
  close();
  return path;
}

const GAP_MS = 3500;

export class Chart {
  // series: [{ name, value: sample => number, area: true? }]; format(number); least: what the
  // scale reaches at least, so that next to nothing does not look like much.
  constructor(place, { series, format, spanMs, label, least, axes = false }) {
    Object.assign(this, { place, series, format, spanMs, label, least, axes });
    this.samples = [];
    this.max = null;
    this.root = svg("svg", { role: "img", class: "plot" });
    this.hover = null; // x of the pointer
    place.append(this.root);
    new ResizeObserver(() => this.render()).observe(place);
    if (!axes) return;
    this.root.addEventListener("pointermove", (event) => {
      this.hover = event.clientX - this.root.getBoundingClientRect().left;
      this.render();
    });
    this.root.addEventListener("pointerleave", () => {
      this.hover = null;
      this.render();
    });
  }

  draw(samples, max = null) {
    this.samples = samples;
    this.max = max;
    this.render();
  }

  render() {
    const { width, height } = this.place.getBoundingClientRect();
    if (width < 20 || height < 10) return;
    const box = this.axes
      ? { left: 64, right: width - 2, top: 8, bottom: height - 20 }
      : { left: 0, right: width, top: 2, bottom: height - 1 };
    const end = this.samples.at(-1)?.time ?? 0;
    const values = this.samples.flatMap((s) => this.series.map((one) => one.value(s)));
    const peak = values.reduce((most, value) => Math.max(most, value), 0);
    const max = this.max ?? niceMax(Math.max(peak, this.least));
    const x = (time) => box.right - ((end - time) / this.spanMs) * (box.right - box.left);
    const y = (value) => box.bottom - Math.min(1, value / max) * (box.bottom - box.top);
    const gapX = (GAP_MS / this.spanMs) * (box.right - box.left);

    this.root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.root.setAttribute("aria-label", this.label(this.samples, peak));
    const parts = this.axes ? this.grid(box, max, y, width, height) : [];
    for (const one of this.series) {
      const points = this.samples.map((s) => [x(s.time), y(one.value(s))]).filter(([at]) => at >= box.left - 1);
      if (one.area) parts.push(svg("path", { class: `area ${one.name}`, d: areaOf(points, box.bottom, gapX) }));
      parts.push(svg("path", { class: `line ${one.name}`, d: pathOf(points, gapX) }));
    }
    if (this.hover !== null && this.samples.length > 0) parts.push(...this.cursor(box, x, y));
    this.root.replaceChildren(...parts);
  }

  grid(box, max, y, width, height) {
    const parts = [];
    for (const share of [0, 0.5, 1]) {
      const at = y(max * share);
      parts.push(svg("line", { class: "grid", x1: box.left, x2: box.right, y1: at, y2: at }));
      const text = share === 0 ? "0" : this.format(max * share);
      parts.push(svg("text", { class: "tick", x: box.left - 8, y: at + 3.5, "text-anchor": "end" }, text));
    }
    const minutes = this.spanMs / 60000;
    for (let back = 0; back <= minutes; ++back) {
      if (width < 480 && back % minutes !== 0) continue;
      const at = box.right - (back / minutes) * (box.right - box.left);
      const anchor = back === 0 ? "end" : back === minutes ? "start" : "middle";
      const text = back === 0 ? "now" : `−${back} min`;
      parts.push(svg("text", { class: "tick", x: at, y: height - 4, "text-anchor": anchor }, text));
    }
    return parts;
  }

  cursor(box, x, y) {
    const near = this.samples.reduce((best, s) =>
      Math.abs(x(s.time) - this.hover) < Math.abs(x(best.time) - this.hover) ? s : best);
    const at = x(near.time);
    if (Math.abs(at - this.hover) > 24 || at < box.left) return [];
    const parts = [svg("line", { class: "cursor", x1: at, x2: at, y1: box.top, y2: box.bottom })];
    const clock = new Date(near.time).toLocaleTimeString();
    const text = `${clock}   ${this.series.map((one) => `${one.text} ${this.format(one.value(near))}`).join("   ")}`;
    for (const one of this.series) {
      parts.push(svg("circle", { class: `dot ${one.name}`, cx: at, cy: y(one.value(near)), r: 3 }));
    }
    const left = at < (box.left + box.right) / 2;
    parts.push(svg("text", { class: "readout", x: at + (left ? 8 : -8), y: box.top + 8, "text-anchor": left ? "start" : "end" }, text));
    return parts;
  }
}
