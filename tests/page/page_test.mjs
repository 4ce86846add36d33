// The page in Chromium, against the daemon and an S3 that is slow enough for progress to be seen. Whatever a test does, the
// browser must not complain: no error on the console but those it names, no breach of the policy, no request elsewhere.
// The screenshots in SHOTS are for people to look at.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { after, before, beforeEach, afterEach, test } from "node:test";
import { chromium } from "playwright-core";
import { Daemon, startS3, stop } from "./servers.mjs";

const SHOTS = process.env.SHOTS;
const HOSTILE = `<img src=x onerror="window.broken=1">"'&<script>window.broken=1<\/script>`;

let browser, slow, fast, page, context, complaints, expected, daemons;

before(async () => {
  mkdirSync(SHOTS, { recursive: true });
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
  slow = await startS3("--synthetic", "src=count=40,size=1MiB", "--synthetic", "mid=count=400,size=1MiB", "--synthetic", "big=count=4000,size=1MiB", "--bandwidth-host", "16MiB", "--latency-ms", "20");
  fast = await startS3("--synthetic", "src=count=12,size=64KiB");
});
after(async () => {
  await browser?.close();
  for (const s3 of [slow, fast]) if (s3) await stop(s3.child, "SIGKILL");
});
beforeEach(() => {
  daemons = [];
});
afterEach(async (t) => {
  if (t.passed === false) console.log("the browser said:", complaints, "the page:", await page?.locator("body").innerText().catch(String));
  await context?.close();
  context = null;
  for (const daemon of daemons) await daemon.remove();
});

async function startDaemon(s3, options) {
  const daemon = await Daemon.start(s3, options);
  daemons.push(daemon);
  return daemon;
}

async function open(daemon, path = "/", options = {}) {
  context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce", ...options });
  page = await context.newPage();
  page.setDefaultTimeout(Number(process.env.PATIENCE_MS ?? 20000));
  complaints = [];
  expected = [];
  page.on("pageerror", (error) => complaints.push(`page: ${error.message}`));
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(`console: ${message.text()}`));
  page.on("request", (request) => new URL(request.url()).origin !== daemon.url && complaints.push(`asked ${request.url()}`));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  await page.goto(daemon.url + path);
}

async function expectQuiet() {
  const rest = complaints.filter((text) => !expected.some((pattern) => pattern.test(text)));
  assert.deepEqual(rest, []);
  assert.equal(await page.evaluate(() => window.broken), undefined);
}

async function expectNoSidewaysScroll() {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= window, `${content} px of content in ${window}`);
}

const shot = (name, options) => page.screenshot({ path: `${SHOTS}/${name}.png`, ...options });
const live = () => page.locator('#link[data-link="live"]').waitFor();
const row = (id) => page.locator(`#job-${id}`);
const inState = (id, state) => page.locator(`#job-${id}[data-state="${state}"]`).waitFor();
const detailIn = (state) => page.locator(`#detail .state[data-state="${state}"]`).waitFor();

async function isZip(download) {
  const bytes = readFileSync(await download.path());
  assert.equal(bytes.subarray(0, 4).toString("latin1"), "PK\x03\x04");
  assert.equal(bytes.subarray(bytes.length - 22, bytes.length - 18).toString("latin1"), "PK\x05\x06");
  return bytes.length;
}

test("a job is seen from its first byte to its download", async () => {
  const daemon = await startDaemon(slow);
  await open(daemon);
  await live();
  await page.getByText("No jobs yet.").waitFor();
  const id = await daemon.post("reports/2026/quarterly.zip");
  await inState(id, "running");
  await inState(id, "succeeded");
  await page.waitForFunction(() => /L/.test(document.querySelector("#chart .line.written")?.getAttribute("d")));
  const chart = await page.locator("#chart svg").getAttribute("aria-label");
  assert.match(chart, /peak [1-9][\d.]* [kM]B\/s/);

  await row(id).getByRole("link").click();
  assert.equal(new URL(page.url()).hash, `#${id}`);
  await detailIn("succeeded");
  const job = await daemon.call("GET", `/archives/${id}`);
  const text = await page.locator("#detail").innerText();
  for (const part of [id, job.result.crc32, "queued", "planning", "finishing", "40 of 40", "GetObject", "none", job.result.size.toLocaleString("en-US")])
    assert.ok(text.includes(part), `${part} in ${text}`);
  await expectQuiet();
  expected.push(/^asked .*X-Amz-Signature/);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download" }).click()]);
  assert.equal(await isZip(download), job.result.size);
  await expectQuiet();
});

// However slow the browser is: the job is too long to end before three of its steps have been drawn.
test("progress is drawn as it is made, and never goes back", async () => {
  const daemon = await startDaemon(slow);
  await open(daemon);
  await live();
  const id = await daemon.post("half.zip", { bucket: "mid", prefix: "" });
  await inState(id, "running");
  const seen = await page.evaluate((row) => new Promise((resolve) => {
    const steps = [];
    const look = () => {
      const now = Number(document.querySelector(`#${row} [role=progressbar]`)?.getAttribute("aria-valuenow"));
      if (now > 0 && steps.at(-1) !== now) steps.push(now);
      steps.length < 3 ? requestAnimationFrame(look) : resolve(steps);
    };
    look();
  }), `job-${id}`);
  assert.deepEqual(seen, [...seen].sort((a, b) => a - b));
  await daemon.call("DELETE", `/archives/${id}`);
  await inState(id, "cancelled");
  await expectQuiet();
});

test("a job is cancelled, once that is confirmed", async () => {
  const daemon = await startDaemon(slow);
  const id = await daemon.post("large.zip", { bucket: "big", prefix: "" });
  await open(daemon, `/#${id}`);
  await detailIn("running");
  await page.getByRole("button", { name: "Cancel job" }).click();
  await page.getByRole("button", { name: "Keep it" }).click();
  assert.equal(await page.getByRole("dialog").count(), 0);
  await page.getByRole("button", { name: "Cancel job" }).click();
  await shot("cancel");
  await page.getByRole("dialog").getByRole("button", { name: "Cancel the job" }).click();
  await detailIn("cancelled");
  assert.equal((await daemon.call("GET", `/archives/${id}`)).state, "cancelled");
  assert.equal(await page.getByRole("button", { name: "Cancel job" }).count(), 0);
  await expectQuiet();
});

test("errors are told, and keys are text, whatever is in them", async () => {
  const daemon = await startDaemon(fast);
  const missing = { bucket: "src", objects: [{ key: `missing/${HOSTILE}` }] };
  await open(daemon);
  await live();
  const failed = await daemon.post(`${HOSTILE}.zip`, missing);
  await inState(failed, "failed");
  const part = { bucket: "src", prefix: "" };
  const skipping = await daemon.call("POST", "/archives", {
    sources: [part, missing], destination: { bucket: "out", key: "\u202egpj.zip", overwrite: true }, options: { on_missing: "skip", comment: HOSTILE } });
  await inState(skipping.id, "succeeded");
  assert.ok((await row(skipping.id).innerText()).includes("\\u202egpj.zip"));
  await row(failed).getByRole("link").click();
  await detailIn("failed");
  const alert = await page.locator("#detail").getByRole("alert").innerText();
  assert.ok(alert.includes("NoSuchKey"), alert);
  assert.ok(alert.includes(HOSTILE), alert);
  await page.goto(`${daemon.url}/#${skipping.id}`);
  await page.locator("#detail summary").click();
  assert.ok((await page.locator("#detail .report").innerText()).includes(HOSTILE));
  assert.equal(await page.locator("img, main script").count(), 0);
  await expectQuiet();
});

test("a daemon with tokens asks for one, and keeps it in the tab", async () => {
  const daemon = await startDaemon(fast, { token: "right" });
  const id = await daemon.post("secret.zip");
  await open(daemon);
  expected.push(/status of 401/);
  const dialog = page.getByRole("dialog", { name: "A token, please" });
  await dialog.waitFor();
  assert.equal(await page.locator("#rows tr").count(), 0);
  await shot("token", { animations: "disabled" });
  await page.getByRole("textbox", { name: "Token" }).fill("wrong");
  await page.keyboard.press("Enter");
  await dialog.getByText("does not know this token").waitFor();
  await page.getByRole("textbox", { name: "Token" }).fill("right");
  await page.keyboard.press("Enter");
  await inState(id, "succeeded");
  const kept = await page.evaluate(() => [sessionStorage.length, localStorage.length, document.cookie]);
  assert.deepEqual(kept, [1, 0, ""]);
  await page.goto(`${daemon.url}/#${id}`);
  await page.reload();
  await detailIn("succeeded");
  expected.push(/^asked .*X-Amz-Signature/);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download" }).click()]);
  await isZip(download);
  await page.getByRole("button", { name: "Forget token" }).click();
  await dialog.waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await expectQuiet();
});

test("it comes back when the daemon does", async () => {
  const first = await startDaemon(fast);
  const id = await first.post("before.zip");
  await open(first);
  await inState(id, "succeeded");
  expected.push(/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET/);
  await first.stop();
  await page.locator('#link[data-link="lost"]').waitFor();
  assert.match(await page.locator("#link").innerText(), /Connection lost, next try in \d+ s/);
  const second = await startDaemon(fast, { port: first.port, folder: first.state });
  await live();
  const next = await second.post("after.zip");
  await inState(next, "succeeded");
  assert.equal(await page.locator("#rows tr").count(), 2);
  await expectQuiet();
});

test("it is used from the keyboard", async () => {
  const daemon = await startDaemon(fast);
  const older = await daemon.post("a.zip");
  const newer = await daemon.post("b.zip");
  await open(daemon);
  for (const id of [older, newer]) await inState(id, "succeeded");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter"); // past the top
  for (let i = 0; i < 6; ++i) await page.keyboard.press("Tab"); // the filters
  assert.equal(await page.evaluate(() => document.activeElement.dataset.filter), "cancelled");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await detailIn("succeeded");
  assert.equal(new URL(page.url()).hash, `#${newer}`);
  await page.waitForFunction(() => document.activeElement.id === "detail");
  await page.keyboard.press("Escape");
  await page.locator("#detail").waitFor({ state: "hidden" });
  // Hidden by the next frame, focused by the change of the fragment: either may come first.
  await page.waitForFunction((id) => document.activeElement.closest("tr")?.id === id, `job-${newer}`);
  await expectQuiet();
});

// Any fragment leaves the list usable.
test("no fragment of the address breaks the page", async () => {
  const daemon = await startDaemon(fast);
  const id = await daemon.post("a.zip");
  await open(daemon, "/#%E0%A4%A");
  await live();
  await inState(id, "succeeded");
  await page.getByText("There is no such job.").waitFor();
  for (const fragment of ["%", "%%", "%zz", "%E0%A4%A", "%ff%fe", "%ED%A0%80", "%00", ".", "..", "%2e%2e", "a/b", "?x=1", "#", "__proto__", "constructor", "jobs", "%F0%9F%98%80",
    encodeURIComponent(HOSTILE), HOSTILE, "x".repeat(5000), `${id}%`, id.toLowerCase(), "0".repeat(25)]) {
    await page.evaluate((hash) => { location.hash = ""; location.hash = `#${hash}`; }, fragment);
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    await page.getByText("There is no such job.").waitFor();
  }
  await page.evaluate((hash) => (location.hash = hash), id);
  await detailIn("succeeded");
  await page.goto(`${daemon.url}/#%`);
  await page.reload();
  await live();
  await page.getByText("There is no such job.").waitFor();
  await expectQuiet();
});

test("filters show what there is in a state, old ones too", async () => {
  const daemon = await startDaemon(fast);
  const failed = await daemon.post("none.zip", { bucket: "src", prefix: "nothing/" });
  for (let i = 0; i < 110; ++i) await daemon.post(`many/${i}.zip`, { bucket: "src", objects: [{ key: "x" }] }, { on_missing: "skip", on_empty: "archive" });
  await open(daemon);
  await live();
  await page.waitForFunction(() => document.querySelectorAll("#rows tr").length >= 100);
  await page.getByRole("button", { name: /^Succeeded 110/ }).click();
  await page.waitForFunction(() => document.querySelectorAll('#rows tr[data-state="succeeded"]').length >= 100);
  await page.getByRole("button", { name: "Show older" }).click();
  await page.waitForFunction(() => document.querySelectorAll("#rows tr").length === 110);
  await page.getByRole("button", { name: /^Failed 1/ }).click();
  await inState(failed, "failed");
  assert.equal(await page.locator("#rows tr").count(), 1);
  await page.getByRole("button", { name: /^Queued/ }).click();
  await page.getByText("No jobs in this state.").waitFor();
  await expectQuiet();
});

test("it fits from 320 px on, in light and dark", async () => {
  const daemon = await startDaemon(slow, { args: ["--jobs-running-max", "3"] });
  await daemon.post("exports/empty.zip", { bucket: "src", prefix: "nothing/" });
  const done = await daemon.post("exports/2026-11-25/first.zip", { bucket: "src", objects: [{ key: "missing" }] }, { on_missing: "skip", on_empty: "archive" });
  const keys = ["exports/2026-11-26/customer-4711/everything-that-was-ever-uploaded.zip", "backups/photos.zip", "ediscovery/case 82-1174/custodian 12.zip", "nightly/logs.zip", "nightly/metrics.zip"];
  const ids = [];
  for (const key of keys) ids.push(await daemon.post(key));
  await open(daemon);
  await inState(done, "succeeded");
  await page.waitForFunction((id) => Number(document.querySelector(`#job-${id} [role=progressbar]`)?.getAttribute("aria-valuenow")) >= 20, ids[0]);
  const sizes = [[320, 720], [768, 1024], [1440, 900]];
  for (const scheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    for (const [width, height] of sizes) {
      await page.setViewportSize({ width, height });
      await page.goto(`${daemon.url}/#`);
      await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
      await expectNoSidewaysScroll();
      await shot(`list-${width}-${scheme}`);
      await page.goto(`${daemon.url}/#${ids[0]}`);
      await page.locator("#detail h2").waitFor();
      await expectNoSidewaysScroll();
      await shot(`job-${width}-${scheme}`, { fullPage: width < 1000 });
    }
  }
  await detailIn("succeeded");
  await shot("result-1440", { fullPage: true });
  await page.setViewportSize({ width: 320, height: 720 });
  await expectNoSidewaysScroll();
  await shot("result-320", { fullPage: true });
  await expectQuiet();
});
