// One job: what was asked for, how far it is, what became of it.
import { addressOf } from "./list.js";
import { el, hasEnded, progressBar, setText, stateBadge, updateBar } from "./dom.js";
import * as format from "./format.js";

const OPTIONS = {
  strip_prefix: "", flatten: false, names: "safe", order: "given", on_duplicate: "fail", on_missing: "fail",
  list_missing: false, on_empty: "fail", timestamps: "source", comment: "", execution: "local", priority: 0,
  checksums: "auto", verify_sources: "stored", reuse: false,
};

const shown = (value) => format.visible(typeof value === "object" ? JSON.stringify(value) : value);
const mono = (text) => el("bdi", { class: "mono" }, format.visible(text));

function block(title, ...children) {
  return el("section", { class: "block" }, el("h3", {}, title), ...children);
}

// Rows of [term, value]; a value may be text or an element. Those without a value are left out.
function facts(rows) {
  const list = el("dl", { class: "facts" });
  for (const [term, value] of rows) {
    if (value === null || value === undefined || value === "") continue;
    list.append(el("dt", {}, term), el("dd", {}, value));
  }
  return list;
}

function errorBlock(error) {
  return el("section", { class: "block error", role: "alert" },
    el("h3", {}, el("span", { class: "mono" }, format.visible(error.code))),
    el("p", {}, el("bdi", {}, format.visible(error.detail))),
    facts([
      ["Object", error.key && mono(error.key)],
      ["Kind", error.kind],
      ["HTTP status", error.http_status && String(error.http_status)],
      ["Request id", error.request_id && mono(error.request_id)],
    ]));
}

// Stages as the daemon has them; of one that has none, what its times say.
function stagesOf(job, now) {
  const end = job.finished_at ? Date.parse(job.finished_at) : now;
  let stages = (job.stages ?? []).map((stage) => ({
    name: stage.name,
    from: Date.parse(stage.started_at),
    to: stage.finished_at ? Date.parse(stage.finished_at) : end,
    ms: stage.duration_ms,
    open: !stage.finished_at,
  }));
  if (stages.length === 0) {
    const created = Date.parse(job.created_at);
    const started = job.started_at ? Date.parse(job.started_at) : null;
    stages = [{ name: "queued", from: created, to: started ?? end, open: started === null }];
    if (started !== null) stages.push({ name: "run", from: started, to: end, open: !job.finished_at });
  }
  return stages.filter((stage) => Number.isFinite(stage.from) && Number.isFinite(stage.to));
}

function stageRows(job, now) {
  const stages = stagesOf(job, now);
  if (stages.length === 0) return [];
  const from = Math.min(...stages.map((stage) => stage.from));
  const to = Math.max(...stages.map((stage) => stage.to), from + 1);
  return stages.map((stage) => {
    const mark = el("i");
    mark.style.marginInlineStart = `${(((stage.from - from) / (to - from)) * 100).toFixed(2)}%`;
    mark.style.width = `${Math.max(0.4, ((stage.to - stage.from) / (to - from)) * 100).toFixed(2)}%`;
    const ms = stage.open || stage.ms === undefined || stage.ms === null ? stage.to - stage.from : stage.ms;
    return el("tr", { class: stage.open && !hasEnded(job.state) ? "open" : null },
      el("th", { scope: "row" }, format.visible(stage.name).replaceAll("_", " ")),
      el("td", { class: "lane" }, el("span", { "aria-hidden": "true" }, mark)),
      el("td", { class: "number" }, format.duration(ms)));
  });
}

function sourceLine(source) {
  if (source.manifest) return [mono(`s3://${source.manifest.bucket}/${source.manifest.key}`), " as manifest"];
  if (source.objects) {
    const total = source.objects_total ?? source.objects.length;
    const first = source.objects.slice(0, 3).map((object) => el("li", {}, mono(object.key)));
    const more = total > first.length ? el("li", { class: "faint" }, `and ${format.number(total - first.length)} more`) : null;
    return [`${format.plural(total, "object")} of `, mono(`s3://${source.bucket}/`), el("ul", {}, first, more)];
  }
  const line = [mono(`s3://${source.bucket}/${source.prefix ?? ""}`)];
  if (source.include) line.push(` only ${source.include.map(shown).join(", ")}`);
  if (source.exclude) line.push(` without ${source.exclude.map(shown).join(", ")}`);
  return line;
}

const SOURCES_SHOWN = 20;

function requestBlock(request) {
  const sources = request.sources.slice(0, SOURCES_SHOWN).map((source) => el("li", {}, ...sourceLine(source)));
  const more = request.sources.length - sources.length;
  if (more > 0) sources.push(el("li", { class: "faint" }, `and ${format.plural(more, "source")} more`));
  const options = Object.entries(request.options ?? {}).filter(([name, value]) => OPTIONS[name] !== value);
  const { bucket, key, ...destination } = request.destination;
  return block("Request",
    el("ul", { class: "sources" }, sources),
    facts([
      ...options.map(([name, value]) => [name, shown(value)]),
      ...Object.entries(destination).filter(([, value]) => value !== false).map(([name, value]) => [name, shown(value)]),
      ["notify", request.notify && shown(request.notify.url)],
    ]));
}

function reportList(title, list, total) {
  if (total === 0) return null;
  const items = list.slice(0, 100).map((one) => el("li", {}, mono(`${one.bucket}/${one.key}`),
    one.name ? [" → ", mono(one.name)] : null, el("span", { class: "faint" }, ` ${one.reason}`)));
  if (total > items.length) items.push(el("li", { class: "faint" }, `and ${format.number(total - items.length)} more: see the API`));
  return el("details", {}, el("summary", {}, `${title} `, el("b", {}, format.number(total))), el("ul", { class: "report" }, items));
}

function resultBlock(result) {
  const skipped = result.skipped_total ?? result.skipped?.length ?? 0;
  const renamed = result.renamed_total ?? result.renamed?.length ?? 0;
  return block("Result",
    facts([
      ["Size", `${format.bytes(result.size)} (${format.number(result.size)} bytes)`],
      ["Entries", format.number(result.entries)],
      ["CRC-32", mono(result.crc32)],
      ["Checksums", { checked: "checked by the store", composite: "parts checked by the store" }[result.checksums] ??
        result.checksums],
      ["ETag", mono(result.etag)],
      ["Version", result.version_id && mono(result.version_id)],
      ["Took", format.duration(result.duration_ms)],
      ["Cost of requests", format.dollars(result.cost_usd)],
      ["Reused", result.reused ? "an earlier archive of the same objects" : null],
      ["Skipped", skipped === 0 ? "none" : null],
      ["Renamed", renamed === 0 ? "none" : null],
    ]),
    reportList("Skipped", result.skipped ?? [], skipped),
    reportList("Renamed", result.renamed ?? [], renamed));
}

function callRows(requests) {
  const calls = Object.entries(requests).sort(([, a], [, b]) => b - a);
  const most = Math.max(1, ...calls.map(([, count]) => count));
  return calls.map(([name, count]) => {
    const mark = el("i");
    mark.style.width = `${Math.max(0.4, (count / most) * 100).toFixed(2)}%`;
    return el("tr", {}, el("th", { scope: "row" }, format.visible(name)),
      el("td", { class: "lane" }, el("span", { "aria-hidden": "true" }, mark)),
      el("td", { class: "number" }, format.number(count)));
  });
}

const table = (label, rows) => el("table", { class: "lanes", "aria-label": label }, el("tbody", {}, rows));

// Built anew when the job has ended, and else kept up to date, so that focus and what is unfolded
// stay, and no button goes away under the pointer.
export class JobDetail {
  constructor(place, actions) {
    Object.assign(this, { place, actions, key: "" });
  }
  clear() {
    this.key = "";
    this.place.replaceChildren();
    this.place.hidden = true;
  }
  say(title, text) {
    this.key = "";
    this.place.hidden = false;
    this.place.replaceChildren(this.back(), el("p", { class: "empty" }, el("b", {}, title), " ", text));
  }
  back() {
    return el("p", { class: "back" }, el("a", { href: "#" }, "← All jobs"));
  }

  // full: it has come with all its lists.
  render(job, now, full) {
    const key = `${job.id} ${hasEnded(job.state) ? `${job.state} ${full}` : "live"}`;
    if (key !== this.key) this.build(job);
    this.key = key;
    if (this.badge.firstChild?.dataset.state !== job.state) this.badge.replaceChildren(stateBadge(job.state));
    const { progress } = job;
    const percent = updateBar(this.bar, job);
    const total = progress.bytes_total > 0;
    setText(this.percent, total || job.state === "succeeded" ? `${percent} %` : "");
    setText(this.amount, total ? `${format.bytes(progress.bytes_done)} of ${format.bytes(progress.bytes_total)}` : hasEnded(job.state) ? "" : "not planned yet");
    setText(this.rate, progress.bytes_per_second > 0 ? format.rate(progress.bytes_per_second) : "");
    const eta = progress.eta_seconds;
    setText(this.eta, !hasEnded(job.state) && eta !== null ? `${format.seconds(eta)} left` : "");
    const of = (done, all) => (all > 0 ? `${format.number(done)} of ${format.number(all)}` : "–");
    setText(this.objects, of(progress.objects_done, progress.objects_total));
    setText(this.parts, of(progress.parts_done, progress.parts_total));
    this.stages.replaceChildren(...stageRows(job, now));
    const calls = callRows(job.requests);
    this.calls.replaceChildren(...calls);
    this.callsBlock.hidden = calls.length === 0;
  }

  build(job) {
    const { bucket, key } = job.request.destination;
    this.badge = el("div");
    this.bar = progressBar("Progress of the job");
    for (const name of ["percent", "amount", "rate", "eta", "objects", "parts"]) this[name] = el("span");
    const stages = table("Stages", []);
    const calls = table("Requests by S3 call", []);
    this.stages = stages.tBodies[0];
    this.calls = calls.tBodies[0];
    this.callsBlock = block("Requests to S3", calls);

    const buttons = [];
    if (job.state === "succeeded") {
      const download = el("button", { type: "button", class: "main", id: "download" }, "Download");
      download.addEventListener("click", () => this.actions.download(job, download));
      buttons.push(download);
    } else if (!hasEnded(job.state)) {
      const cancel = el("button", { type: "button", class: "danger quiet", id: "cancel" }, "Cancel job");
      cancel.addEventListener("click", () => this.actions.cancel(job));
      buttons.push(cancel);
    }
    const focused = this.place.contains(document.activeElement) ? document.activeElement.id : null;
    this.place.hidden = false;
    this.place.setAttribute("aria-label", `Job ${addressOf(job)}`);
    this.place.replaceChildren(
      this.back(),
      el("header", { class: "job-head" },
        el("div", {}, this.badge,
          el("h2", {}, el("bdi", {}, el("span", { class: "bucket" }, format.visible(`${bucket}/`)), el("wbr"), format.visible(key))),
          el("p", { class: "faint mono id" }, job.id)),
        el("div", { class: "actions" }, buttons)),
      ...(job.error ? [errorBlock(job.error)] : []),
      el("section", { class: "block progress", "aria-label": "Progress" }, this.bar.bar,
        el("p", { class: "progress-line" }, el("b", {}, this.percent), this.amount, el("span", { class: "spring" }), this.rate, this.eta),
        facts([["Objects", this.objects], ["Parts", this.parts]])),
      ...(job.result ? [resultBlock(job.result)] : []),
      block("Stages", stages, facts([
        ["Created", format.time(job.created_at)],
        ["Started", job.started_at && format.time(job.started_at)],
        ["Finished", job.finished_at && format.time(job.finished_at)],
      ])),
      requestBlock(job.request),
      this.callsBlock);
    if (focused !== null) (document.getElementById(focused) ?? this.place).focus();
  }
}
