// The jobs that the page knows, and the table of them.
import { byId, el, hasEnded, isAtWork, progressBar, setAttribute, setText, stateBadge, updateBar } from "./dom.js";
import * as format from "./format.js";

export const JOBS_MAX = 500; // in memory, and in the table

export const FILTERS = [
  { name: "all", text: "All", states: null },
  { name: "work", text: "At work", states: ["planning", "running", "finishing"] },
  { name: "queued", text: "Queued", states: ["queued"] },
  { name: "succeeded", text: "Succeeded", states: ["succeeded"] },
  { name: "failed", text: "Failed", states: ["failed"] },
  { name: "cancelled", text: "Cancelled", states: ["cancelled"] },
];

export class JobStore {
  constructor() {
    this.jobs = new Map();
    this.filter = FILTERS[0];
  }
  // Ids sort by age. Where there is no room, the oldest go: first those that are not shown, then
  // those that have ended.
  put(job) {
    this.jobs.set(job.id, job);
    if (this.jobs.size <= JOBS_MAX) return;
    const rank = (one) => (isAtWork(one.state) ? 2 : this.isShown(one) ? 1 : 0);
    let worst = null;
    for (const one of this.jobs.values()) {
      if (worst === null || rank(one) < rank(worst) || (rank(one) === rank(worst) && one.id < worst.id)) worst = one;
    }
    this.jobs.delete(worst.id);
  }
  isShown(job) {
    return this.filter.states === null || this.filter.states.includes(job.state);
  }
  // Those at work first, then the newest.
  shown() {
    const jobs = [...this.jobs.values()].filter((job) => this.isShown(job));
    return jobs.sort((a, b) => isAtWork(b.state) - isAtWork(a.state) || (a.id < b.id ? 1 : -1));
  }
}

// The name of a job in the fragment of the page's address. The fragment can hold anything: text that
// is not percent-encoded correctly is taken as it is.
export function jobOf(fragment) {
  const text = fragment.replace(/^#/, "");
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// Whether there can be a job of this name. Others are not asked for: ".." would be another resource.
export const isId = (text) => /^[0-9A-HJKMNP-TV-Z]{26}$/.test(text);

export const addressOf = (job) => {
  const { bucket, key } = job.request.destination;
  return `s3://${bucket}/${key}`;
};

function makeRow(job) {
  const { bucket, key } = job.request.destination;
  const bar = progressBar("Progress");
  const row = {
    state: el("td", { class: "cell-state" }),
    amount: el("span", { class: "amount" }),
    rate: el("td", { class: "number cell-rate" }),
    eta: el("td", { class: "number cell-eta" }),
    age: el("td", { class: "number cell-age" }),
    bar,
    seen: "",
  };
  const link = el("a", { href: `#${job.id}`, title: format.visible(addressOf(job)) },
    el("bdi", {}, el("span", { class: "bucket" }, format.visible(`${bucket}/`)), format.visible(key)));
  row.root = el("tr", { id: `job-${job.id}` },
    row.state,
    el("td", { class: "cell-archive" }, link),
    el("td", { class: "cell-progress" }, bar.bar, row.amount),
    row.rate, row.eta, row.age);
  return row;
}

function amountOf(job) {
  const { bytes_total: total, bytes_done: done, objects_total: objects } = job.progress;
  if (job.state === "failed" || job.state === "cancelled") return job.error?.code ?? "";
  if (job.state === "succeeded") return `${format.bytes(job.result?.size ?? total)} · ${format.plural(job.result?.entries ?? objects, "entry", "entries")}`;
  if (total === 0) return objects > 0 ? format.plural(objects, "object") : "";
  return `${format.bytes(done)} of ${format.bytes(total)}`;
}

function updateRow(row, job, now) {
  if (row.seen !== job.state) {
    row.state.replaceChildren(stateBadge(job.state));
    row.root.dataset.state = job.state;
    row.seen = job.state;
  }
  updateBar(row.bar, job);
  row.bar.bar.hidden = hasEnded(job.state) && job.state !== "succeeded" && job.progress.bytes_done === 0;
  setText(row.amount, amountOf(job));
  const { bytes_per_second: rate, eta_seconds: eta } = job.progress;
  setText(row.rate, rate > 0 ? format.rate(rate) : "");
  setText(row.eta, isAtWork(job.state) && eta !== null ? format.seconds(eta) : "");
  setText(row.age, format.age(now - Date.parse(job.created_at)));
}

export class JobTable {
  constructor(store) {
    this.store = store;
    this.body = byId("rows");
    this.rows = new Map();
  }
  // now: of the daemon's clock.
  render(now, selected) {
    const jobs = this.store.shown();
    const wanted = new Set(jobs.map((job) => job.id));
    for (const [id, row] of this.rows) {
      if (wanted.has(id)) continue;
      row.root.remove();
      this.rows.delete(id);
    }
    let at = this.body.firstElementChild;
    for (const job of jobs) {
      let row = this.rows.get(job.id);
      if (row === undefined) this.rows.set(job.id, (row = makeRow(job)));
      updateRow(row, job, now);
      setAttribute(row.root, "aria-current", job.id === selected);
      // Only rows that are in another place are moved: the focus stays where it is.
      if (row.root === at) at = at.nextElementSibling;
      else this.body.insertBefore(row.root, at);
    }
    return jobs;
  }
}
