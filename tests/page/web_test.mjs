// Pages from elsewhere, in Chromium, against the daemon: DNS rebinding, forms and fetches across sites, and what
// allowed_hosts and allowed_origins let through. Each refusal has its counterpart that is let through, which shows that the
// request did reach the daemon.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { chromium } from "playwright-core";
import { Daemon, startS3, stop } from "./servers.mjs";

const JOB = JSON.stringify({ source: { bucket: "src", prefix: "" }, destination: { bucket: "out", key: "evil.zip", overwrite: true } });
// Chromium's own checks of requests to the loopback depend on its version; the daemon's are tested here.
const OFF = "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessSendPreflights,HttpsUpgrades";

let browser, s3, site, context, page, answers, daemons;

// A web server of somebody else: every path is an empty page.
function startSite() {
  const server = createServer((request, response) => {
    response.setHeader("Content-Type", "text/html");
    response.end("<!doctype html><title>elsewhere</title><p>elsewhere");
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

before(async () => {
  s3 = await startS3("--synthetic", "src=count=3,size=1KiB");
  site = await startSite();
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ["--no-sandbox", OFF, "--host-resolver-rules=MAP evil.test 127.0.0.1, MAP site.test 127.0.0.1"] });
});
after(async () => {
  await browser?.close();
  site?.closeAllConnections();
  site?.close();
  if (s3) await stop(s3.child, "SIGKILL");
});
beforeEach(async () => {
  daemons = [];
  answers = [];
  context = await browser.newContext();
  page = await context.newPage();
  page.setDefaultTimeout(Number(process.env.PATIENCE_MS ?? 20000));
  page.on("response", (response) => answers.push(`${response.status()} ${response.request().method()} ${new URL(response.url()).pathname}`));
});
afterEach(async (t) => {
  if (t.passed === false) console.log("answers:", answers);
  await context?.close();
  for (const daemon of daemons) await daemon.remove();
});

async function startDaemon(...args) {
  const daemon = await Daemon.start(s3, { args });
  daemons.push(daemon);
  return daemon;
}

const siteUrl = (host) => `http://${host}:${site.address().port}`;
const jobs = async (daemon) => (await daemon.call("GET", "/archives")).archives;

// A fetch in the page: what its script can see of the answer.
const ask = (url, options = {}) => page.evaluate(async ([url, options]) => {
  try {
    const response = await fetch(url, options);
    if (response.type === "opaque") return { opaque: true };
    const text = await response.text();
    return { status: response.status, type: text.startsWith("{") ? JSON.parse(text).type : undefined, location: response.headers.get("Location"), date: response.headers.get("Date") };
  } catch (error) {
    return { failed: error.name };
  }
}, [url, options]);

const post = (url, options = {}) => ask(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JOB, ...options });

// Playwright does not show answers that Chromium keeps from a page: the daemon has counted them.
async function refusals(daemon) {
  const metrics = await (await fetch(`${daemon.url}/metrics`)).text();
  return Number(metrics.match(/^s3zipd_http_requests_total\{status="403"\} (\d+)$/m)?.[1] ?? 0);
}

async function until(condition, what) {
  const end = Date.now() + 20000;
  while (!(await condition())) {
    assert.ok(Date.now() < end, `${what}: ${answers}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// The page came from the attacker's server; since then its name means 127.0.0.1. The browser takes both for one origin.
async function openRebound(daemon) {
  const url = `http://evil.test:${daemon.port}`;
  await context.route(`${url}/attack`, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><title>attack</title>" }));
  await page.goto(`${url}/attack`);
  assert.equal(await page.evaluate(() => location.origin), url);
}

test("a page whose name was rebound to the loopback gets nothing", async () => {
  const daemon = await startDaemon();
  const own = await daemon.post("own.zip");
  await openRebound(daemon);
  for (const path of ["/archives", `/archives/${own}`, "/metrics", "/version", "/healthz", "/events?seconds=1", "/"]) {
    const seen = await ask(path);
    assert.equal(seen.status, 403, path);
    assert.equal(seen.type, "/problems/host-not-allowed", path);
  }
  assert.deepEqual((await post("/archives")).type, "/problems/host-not-allowed");
  assert.equal((await ask(`/archives/${own}`, { method: "DELETE" })).status, 403);
  assert.equal((await jobs(daemon)).length, 1);
  assert.equal((await page.goto(`http://evil.test:${daemon.port}/`)).status(), 403);
});

test("the same page gets everything once its name is in allowed_hosts", async () => {
  const daemon = await startDaemon("--allowed-hosts", "evil.test");
  await openRebound(daemon);
  assert.equal((await ask("/archives")).status, 200);
  assert.equal((await post("/archives")).status, 202);
  assert.equal((await jobs(daemon)).length, 1);
});

test("forms and fetches of another site are refused", async () => {
  const daemon = await startDaemon();
  const archives = `${daemon.url}/archives`;
  await page.goto(siteUrl("site.test"));
  // What needs no preflight is sent, and must be refused by the daemon.
  assert.deepEqual(await ask(archives, { method: "POST", mode: "no-cors", body: JOB }), { opaque: true });
  await until(() => answers.includes("403 POST /archives"), "the fetch");
  assert.deepEqual(await ask(archives, { mode: "no-cors" }), { opaque: true });
  assert.deepEqual(await ask(archives), { failed: "TypeError" });
  assert.deepEqual(await post(archives), { failed: "TypeError" });
  assert.deepEqual(await ask(archives, { method: "DELETE" }), { failed: "TypeError" });
  assert.ok(!answers.some((answer) => answer.startsWith("2") && answer.endsWith("/archives")), `${answers}`);
  // A form: the browser goes where it leads.
  const [sent] = await Promise.all([page.waitForNavigation(), page.evaluate(([url, body]) => {
    const form = document.createElement("form");
    Object.assign(form, { method: "POST", action: url, enctype: "text/plain" });
    const field = document.createElement("input");
    Object.assign(field, { name: body, value: "" });
    form.append(field);
    document.body.append(form);
    form.submit();
  }, [archives, JOB])]);
  assert.equal(sent.status(), 403);
  assert.equal((await sent.json()).type, "/problems/origin-not-allowed");
  assert.equal((await jobs(daemon)).length, 0);
});

test("another port of localhost is another page, and so is one in a sandbox", async () => {
  const daemon = await startDaemon();
  const url = daemon.url.replace("127.0.0.1", "localhost");
  await page.goto(siteUrl("localhost"));
  assert.deepEqual(await ask(`${url}/archives`, { method: "POST", mode: "no-cors", body: JOB }), { opaque: true });
  await until(() => answers.includes("403 POST /archives"), "the fetch");
  assert.equal(await refusals(daemon), 1);
  await page.evaluate((src) => document.body.append(Object.assign(new Image(), { src })), `${url}/archives`);
  await until(async () => (await refusals(daemon)) === 2, "an image has no Origin, but Sec-Fetch-Site");
  await page.evaluate(([url, body]) => {
    const frame = document.createElement("iframe");
    frame.sandbox = "allow-scripts";
    frame.srcdoc = `<script>fetch(${JSON.stringify(url)}, { method: "POST", mode: "no-cors", body: ${JSON.stringify(body)} })<\/script>`;
    document.body.append(frame);
  }, [`${url}/archives`, JOB]);
  await until(async () => (await refusals(daemon)) === 3, "the fetch of origin null");
  assert.equal((await jobs(daemon)).length, 0);
});

test("an allowed origin uses the API by CORS, and no other does", async () => {
  const daemon = await startDaemon("--allowed-origins", siteUrl("site.test"));
  await page.goto(siteUrl("site.test"));
  const posted = await post(`${daemon.url}/archives`);
  assert.equal(posted.status, 202);
  assert.match(posted.location, /^\/archives\/[0-9A-Z]{26}$/);
  assert.match(posted.date, / GMT$/);
  assert.equal((await ask(daemon.url + posted.location)).status, 200);
  assert.equal((await ask(`${daemon.url}/archives/none`)).type, "/problems/no-such-archive");
  assert.equal((await ask(`${daemon.url}/events?seconds=1`)).status, 200);
  await page.goto(siteUrl("evil.test"));
  assert.deepEqual(await ask(`${daemon.url}/archives`), { failed: "TypeError" });
  assert.deepEqual(await post(`${daemon.url}/archives`), { failed: "TypeError" });
  assert.equal((await jobs(daemon)).length, 1);
});

test("with tokens an allowed origin sends its own, and others cannot even ask", async () => {
  const daemon = await Daemon.start(s3, { token: "right", args: ["--allowed-origins", siteUrl("site.test")] });
  daemons.push(daemon);
  const with_token = { headers: { Authorization: "Bearer right" } };
  await page.goto(siteUrl("site.test"));
  assert.equal((await ask(`${daemon.url}/archives`, with_token)).status, 200);
  assert.equal((await ask(`${daemon.url}/archives`)).status, 401);
  await page.goto(siteUrl("evil.test"));
  assert.deepEqual(await ask(`${daemon.url}/archives`, with_token), { failed: "TypeError" });
  assert.deepEqual(await ask(`${daemon.url}/version`), { failed: "TypeError" });
});

test("the daemon's own page works, also by a link from elsewhere", async () => {
  const daemon = await startDaemon();
  const id = await daemon.post("a.zip");
  await page.goto(siteUrl("site.test"));
  await page.evaluate((href) => document.body.append(Object.assign(document.createElement("a"), { href, textContent: "the job" })), `${daemon.url}/#${id}`);
  await page.getByText("the job").click();
  await page.locator('#link[data-link="live"]').waitFor();
  await page.locator('#detail .state[data-state="succeeded"]').waitFor();
  await page.reload();
  await page.locator('#link[data-link="live"]').waitFor();
  assert.ok(!answers.some((answer) => answer.startsWith("4")), `${answers}`);
});
