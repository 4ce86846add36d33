// The page: connects the stream of events to what is shown. One render for all that has come since
// the last frame.
import { call, setToken, token, watch } from "./api.js";
import { Chart } from "./chart.js";
import { JobDetail } from "./detail.js";
import { byId, el, hasEnded, setAttribute, setText } from "./dom.js";
import * as format from "./format.js";
import { addressOf, FILTERS, isId, jobOf, JobStore, JobTable, JOBS_MAX } from "./list.js";

const SPAN_MS = 5 * 60 * 1000;
const PAGE = 100;

const store = new JobStore();
const table = new JobTable(store);
const detail = new JobDetail(byId("detail"), { cancel: askCancel, download });
const counts = {}; // by state, as the daemon says
let samples = []; // { time, read, written, requests, memory }
let memoryMax = 0;
let clockAhead = 0; // of the daemon's clock, in ms
let loaded = false; // the list has come
let noOlder = new Set(); // filters that have been read to their end
let opened = null; // the job with all its lists: { id, job }

const now = () => Date.now() + clockAhead;
const selected = () => jobOf(location.hash);
const say = (text) => setText(byId("said"), text);

// --- charts

const nowText = (list, name, form) => form(list.at(-1)?.[name] ?? 0);
const throughput = new Chart(byId("chart"), {
  least: 1e6,
  axes: true,
  spanMs: SPAN_MS,
  format: format.rate,
  series: [
    { name: "written", text: "to S3", value: (s) => s.written, area: true },
    { name: "read", text: "from S3", value: (s) => s.read },
  ],
  label: (list, peak) =>
    `Throughput of the last five minutes: ${nowText(list, "written", format.rate)} to S3 now, ${nowText(list, "read", format.rate)} from S3, peak ${format.rate(peak)}`,
});
const requestsChart = new Chart(byId("chart-requests"), {
  least: 10,
  spanMs: SPAN_MS,
  format: format.number,
  series: [{ name: "plain", text: "", value: (s) => s.requests, area: true }],
  label: (list, peak) => `S3 requests a second: ${nowText(list, "requests", format.number)} now, peak ${format.number(peak)}`,
});
const memoryChart = new Chart(byId("chart-memory"), {
  least: 1e6,
  spanMs: SPAN_MS,
  format: format.bytes,
  series: [{ name: "plain", text: "", value: (s) => s.memory, area: true }],
  label: (list, peak) => `Part memory in use: ${nowText(list, "memory", format.bytes)} now, peak ${format.bytes(peak)}`,
});

function drawCharts() {
  throughput.draw(samples);
  requestsChart.draw(samples);
  memoryChart.draw(samples, memoryMax || null);
}

function addSamples(more) {
  const last = samples.at(-1)?.time ?? 0;
  samples.push(...more.filter((s) => s.time > last));
  const from = (samples.at(-1)?.time ?? 0) - SPAN_MS;
  samples = samples.filter((s) => s.time >= from);
  drawCharts();
}

// --- events

function onEvent(name, data) {
  if (name === "archive") {
    store.put(data);
    if (opened?.id === data.id) followOpened(data);
    schedule();
  } else if (name === "history") {
    addSamples(data.samples.map(([time, read, written, requests, memory]) => ({ time, read, written, requests, memory })));
  } else if (name === "overview") {
    onOverview(data);
  }
}

// Retries and throttling are worth a word only where there are some.
function requestsNote(o) {
  const parts = [format.plural(o.connections, "connection"), format.dollars(o.cost_usd_total)];
  if (o.retries_total > 0) parts.push(format.plural(o.retries_total, "retry", "retries"));
  if (o.throttled_total > 0) parts.push(`${format.number(o.throttled_total)} throttled`);
  return parts.join(" · ");
}

function onOverview(o) {
  loaded = true;
  clockAhead = o.time_ms - Date.now();
  memoryMax = o.memory;
  Object.assign(counts, o.jobs);
  addSamples([{ time: o.time_ms, read: o.read_bytes_per_second, written: o.written_bytes_per_second, requests: o.requests_per_second, memory: o.memory_in_use }]);
  setText(byId("now-written"), format.rate(o.written_bytes_per_second));
  setText(byId("now-read"), format.rate(o.read_bytes_per_second));
  setText(byId("now-requests"), `${format.number(o.requests_per_second)}/s`);
  setText(byId("now-memory"), format.bytes(o.memory_in_use));
  setText(byId("requests-note"), requestsNote(o));
  setText(byId("memory-note"), `of ${format.bytes(o.memory)}`);
  schedule();
}

// --- rendering

let scheduled = false;
function schedule() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    render();
  });
}

function render() {
  const jobs = table.render(now(), selected());
  renderFilters();
  const empty = byId("empty");
  empty.hidden = jobs.length > 0 || !loaded;
  if (!empty.hidden)
    setText(empty, store.filter.name === "all" ? "No jobs yet. Post one to /archives, or run s3zip create." : "No jobs in this state.");
  const full = store.jobs.size >= JOBS_MAX;
  byId("older").hidden = !loaded || full || noOlder.has(store.filter.name) || store.filter.name === "work" || jobs.length < PAGE;
  setText(byId("bound"), full ? `The newest are shown; s3zip ls has all.` : "");
  renderDetail();
}

function countOf(filter) {
  if (Object.keys(counts).length === 0) return "";
  const states = filter.states ?? Object.keys(counts);
  return format.number(states.reduce((sum, state) => sum + (counts[state] ?? 0), 0));
}

const filterButtons = FILTERS.map((filter) => {
  const count = el("span", { class: "count" });
  const button = el("button", { type: "button", "aria-pressed": filter === store.filter, "data-filter": filter.name }, `${filter.text} `, count);
  button.addEventListener("click", () => choose(filter));
  return { filter, button, count };
});
byId("filters").append(...filterButtons.map((one) => one.button));

function renderFilters() {
  for (const { filter, button, count } of filterButtons) {
    setAttribute(button, "aria-pressed", filter === store.filter);
    setText(count, countOf(filter));
  }
}

async function choose(filter) {
  store.filter = filter;
  schedule();
  if (filter.states?.length === 1) await load(filter, "");
}

// A page of the list, from the job on that is named.
async function load(filter, cursor) {
  const state = filter.states?.length === 1 ? `&state=${filter.states[0]}` : "";
  try {
    const page = await call(`archives?limit=${PAGE}${state}${cursor ? `&cursor=${cursor}` : ""}`);
    page.archives.forEach((job) => store.put(job));
    if (page.next_cursor === null) noOlder.add(filter.name);
  } catch (error) {
    say(`The list could not be read: ${error.message}`);
  }
  schedule();
}

byId("older").addEventListener("click", () => {
  const oldest = store.shown().reduce((id, job) => (job.id < id ? job.id : id), "~");
  load(store.filter, oldest);
});

// --- one job

function renderDetail() {
  const id = selected();
  document.body.classList.toggle("has-detail", id !== "");
  if (id === "") {
    detail.clear();
    opened = null;
    document.title = "s3zipd";
    return;
  }
  if (opened?.id !== id) open(id);
  const job = opened.job ?? store.jobs.get(id);
  if (job) {
    detail.render(job, now(), opened.full);
    document.title = `${job.state} · ${job.request.destination.key} · s3zipd`;
  } else if (opened.wrong) {
    detail.say("There is no such job.", opened.wrong);
  }
}

// The stream has only the first of long lists: a job that has ended is read once more.
function followOpened(job) {
  const ended = hasEnded(job.state) && opened.job?.state !== job.state;
  opened.job = job;
  opened.full = false;
  if (ended) read(job.id);
}

function open(id) {
  opened = { id, job: null, full: false, wrong: isId(id) ? "" : "A job's address ends in its id." };
  if (isId(id)) read(id);
}

async function read(id) {
  try {
    const job = await call(`archives/${encodeURIComponent(id)}`);
    if (opened?.id !== id) return;
    opened.job = job;
    opened.full = true;
  } catch (error) {
    if (opened?.id !== id) return;
    if (error.status === 404) {
      opened.job = null;
      store.jobs.delete(id);
      opened.wrong = "It may have been forgotten, or be somebody else's.";
    }
  }
  schedule();
}

let returnTo = null; // the link that had the focus
addEventListener("hashchange", () => {
  const id = selected();
  const before = opened?.id;
  if (id !== "") returnTo = id;
  render();
  if (id !== "") {
    byId("detail").focus({ preventScroll: true });
    if (byId("jobs").offsetParent === null) scrollTo(0, 0); // it stands in the place of the list
  } else if (before && returnTo) {
    document.querySelector(`#job-${CSS.escape(returnTo)} a`)?.focus();
  }
});

for (const link of ["home", "skip"]) {
  byId(link).addEventListener("click", (event) => {
    event.preventDefault();
    if (link === "home") location.hash = "";
    byId("jobs").focus();
  });
}
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && selected() !== "" && !document.querySelector("dialog[open]")) location.hash = "";
});

// --- cancel and download

let cancelling = null;
function askCancel(job) {
  cancelling = job;
  setText(byId("cancel-what"), format.visible(addressOf(job)));
  byId("cancel-dialog").showModal();
  byId("cancel-no").focus();
}
byId("cancel-no").addEventListener("click", () => byId("cancel-dialog").close());
byId("cancel-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  byId("cancel-dialog").close();
  try {
    const job = await call(`archives/${cancelling.id}`, "DELETE");
    store.put(job);
    if (opened?.id === job.id) followOpened(job);
    say("The job is being cancelled.");
  } catch (error) {
    complain(`It could not be cancelled: ${error.message}`);
  }
  schedule();
});

function complain(text) {
  say(text);
  const place = byId("detail").querySelector(".actions");
  place?.querySelector(".wrong")?.remove();
  place?.append(el("p", { class: "wrong" }, text));
}

// A link could not carry the token: the API is asked for the URL, which needs none.
async function download(job, button) {
  button.disabled = true;
  try {
    const { url } = await call(`archives/${job.id}/download?redirect=false`);
    if (!/^https?:/.test(url)) throw new Error("the daemon gave no web address");
    const link = el("a", { href: url, download: true, rel: "noreferrer" });
    link.click();
    say("The download begins.");
  } catch (error) {
    complain(`It cannot be downloaded: ${error.message}`);
  }
  button.disabled = false;
}

// --- the connection

const LINKS = { connecting: "Connecting", live: "Live", locked: "Token needed" };
let lostTimer = null;
function onState(state, seconds) {
  clearInterval(lostTimer);
  byId("link").dataset.link = state;
  document.body.classList.toggle("stale", state === "lost");
  byId("forget").hidden = token() === null;
  if (state === "live") {
    noOlder = new Set();
    if (opened && isId(opened.id)) read(opened.id);
  }
  if (state !== "lost") return setText(byId("link-text"), LINKS[state]);
  setText(byId("link-text"), `Connection lost, next try in ${seconds} s`);
}

function askToken(message) {
  const dialog = byId("token-dialog");
  setText(byId("token-wrong"), message);
  byId("token").value = "";
  dialog.showModal();
  byId("token").focus();
  return new Promise((resolve) => {
    byId("token-form").onsubmit = (event) => {
      event.preventDefault();
      setToken(byId("token").value.trim());
      dialog.close();
      resolve();
    };
  });
}
byId("token-dialog").addEventListener("cancel", (event) => event.preventDefault());
byId("forget").addEventListener("click", () => {
  setToken(null);
  location.reload();
});

setInterval(schedule, 1000); // ages go on
watch("events", { onEvent, onState, askToken });
call("version").then((v) => setText(byId("version"), v.version), () => {});
render();
