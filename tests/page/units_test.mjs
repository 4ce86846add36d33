// The parts of the page that need no browser.
import assert from "node:assert/strict";
import { test } from "node:test";

const page = process.env.PAGE;
const format = await import(`${page}/format.js`);
const { EventParser } = await import(`${page}/api.js`);
const { FILTERS, isId, jobOf, JobStore, JOBS_MAX } = await import(`${page}/list.js`);
const { niceMax } = await import(`${page}/chart.js`);

test("numbers and times", () => {
  for (const [count, text] of [[0, "0 B"], [999, "999 B"], [1000, "1.00 kB"], [999_600, "1.00 MB"], [15_730_000_000, "15.7 GB"], [123e12, "123 TB"]])
    assert.equal(format.bytes(count), text);
  for (const [ms, text] of [[340, "340 ms"], [12_400, "12.4 s"], [59_960, "1 min 00 s"], [245_000, "4 min 05 s"], [11_520_000, "3 h 12 min"], [187_200_000, "2 d 4 h"]])
    assert.equal(format.duration(ms), text);
  assert.equal(format.duration(-5), "0 ms");
  assert.equal(format.dollars(0.0000424), "$0.000042");
  assert.equal(format.dollars(1.5), "$1.50");
  assert.equal(format.plural(1, "entry", "entries"), "1 entry");
  assert.equal(format.plural(12_345, "entry", "entries"), "12,345 entries");
});

test("what a reader cannot see is spelled out", () => {
  assert.equal(format.visible("a\u202egpj.exe\u0000\n"), "a\\u202egpj.exe\\u0000\\u000a");
  assert.equal(format.visible("<b>ünï 日本</b>"), "<b>ünï 日本</b>");
});

test("a scale is a round number that holds the peak", () => {
  for (const [peak, max] of [[0, 1], [1, 1], [1.1, 2], [37, 50], [50, 50], [51, 100], [730e6, 1e9]]) assert.equal(niceMax(peak), max);
});

test("events come out the same wherever the stream is cut", () => {
  const text = 'event: archive\ndata: {"a":1}\n\n:\n\nevent: overview\ndata: {"b":\ndata: 2}\n\n:\n\nevent: cut\ndata: {}\n';
  for (let cut = 0; cut <= text.length; ++cut) {
    const events = [];
    const parser = new EventParser((name, data) => events.push([name, data]));
    parser.push(text.slice(0, cut));
    parser.push(text.slice(cut));
    assert.deepEqual(events, [["archive", { a: 1 }], ["overview", { b: 2 }]]);
  }
});

const job = (number, state) => ({ id: String(number).padStart(8, "0"), state });

test("a million jobs are no more than the newest, and those at work", () => {
  const store = new JobStore();
  store.put(job(0, "running"));
  for (let i = 1; i < 20_000; ++i) store.put(job(i, i % 100 === 0 ? "failed" : "succeeded"));
  assert.equal(store.jobs.size, JOBS_MAX);
  const shown = store.shown();
  assert.equal(shown[0].id, job(0).id, "the one at work, though it is the oldest");
  assert.equal(shown[1].id, job(19_999).id);
  assert.equal(shown.at(-1).id, job(20_000 - JOBS_MAX + 1).id);
});

test("any fragment stands for something", () => {
  for (const [fragment, text] of [["", ""], ["#", ""], ["#01J", "01J"], ["#a%20b", "a b"], ["#%E0%A4%A", "%E0%A4%A"], ["#%", "%"], ["#%zz", "%zz"], ["#%ff", "%ff"], ["##", "#"], ["#%ED%A0%80", "%ED%A0%80"]])
    assert.equal(jobOf(fragment), text);
  // Every one or two bytes after a '#', percent-encoded or not.
  for (let i = 0; i < 65_536; ++i) {
    const bytes = [i >> 8, i & 255];
    assert.equal(typeof jobOf(`#${bytes.map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("")}`), "string");
    assert.equal(typeof jobOf(`#${String.fromCharCode(...bytes)}`), "string");
    assert.equal(typeof jobOf(`#${String.fromCharCode(i)}`), "string");
  }
  assert.ok(isId("01J5ZZZZZZZZZZZZZZZZZZZZZZ"));
  for (const text of ["", ".", "..", "__proto__", "01j5zzzzzzzzzzzzzzzzzzzzzz", "01J5ZZZZZZZZZZZZZZZZZZZZZ", "01J5ZZZZZZZZZZZZZZZZZZZZZZ\n", "01J5ZZZZZZZZZZZZZZZZZZZZZU"]) assert.ok(!isId(text), text);
});

test("what is looked at stays when there is no room", () => {
  const store = new JobStore();
  store.filter = FILTERS.find((one) => one.name === "failed");
  for (let i = 0; i < 100; ++i) store.put(job(i, "failed"));
  for (let i = 100; i < 5_000; ++i) store.put(job(i, "succeeded"));
  assert.equal(store.shown().length, 100);
  assert.equal(store.jobs.size, JOBS_MAX);
});
