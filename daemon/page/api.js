// The REST API: requests with the token, and the stream of events, which is read with fetch() since
// an EventSource cannot carry a header. Paths are relative, so that a proxy may add a prefix.

const TOKEN = "s3zipd.token";
const SILENCE_MS = 20000; // the stream says something every second
const WAIT_MIN_MS = 500;
const WAIT_MAX_MS = 15000;

let tokenHere = null; // where there is no storage

export function token() {
  try {
    return sessionStorage.getItem(TOKEN) ?? tokenHere;
  } catch {
    return tokenHere;
  }
}
export function setToken(text) {
  tokenHere = text;
  try {
    if (text === null) sessionStorage.removeItem(TOKEN);
    else sessionStorage.setItem(TOKEN, text);
  } catch {
    // It is forgotten with the page, then.
  }
}

export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `the daemon says ${status}`);
    this.status = status;
    this.code = problem.code;
  }
}

async function send(path, options) {
  const headers = token() === null ? {} : { Authorization: `Bearer ${token()}` };
  const response = await fetch(path, { ...options, headers, cache: "no-store" });
  if (response.ok) return response;
  throw new ApiError(response.status, await response.json().catch(() => ({})));
}

export async function call(path, method = "GET") {
  const response = await send(path, { method, signal: AbortSignal.timeout(30000) });
  return response.json();
}

// Server-sent events: lines, an event ending at an empty one. Calls onEvent(name, data).
export class EventParser {
  constructor(onEvent) {
    this.onEvent = onEvent;
    this.rest = "";
    this.name = "";
    this.data = [];
  }
  push(text) {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop();
    for (const line of lines) this.line(line);
  }
  line(line) {
    if (line === "") {
      if (this.data.length > 0) this.onEvent(this.name, JSON.parse(this.data.join("\n")));
      this.name = "";
      this.data = [];
    } else if (line.startsWith("event: ")) {
      this.name = line.slice(7);
    } else if (line.startsWith("data: ")) {
      this.data.push(line.slice(6));
    }
  }
}

async function readStream(path, onOpen, onEvent) {
  const cut = new AbortController();
  let silence = setTimeout(() => cut.abort(), SILENCE_MS);
  try {
    const response = await send(path, { signal: cut.signal });
    onOpen();
    const parser = new EventParser(onEvent);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(silence);
      silence = setTimeout(() => cut.abort(), SILENCE_MS);
      parser.push(value);
    }
  } finally {
    clearTimeout(silence);
    cut.abort();
  }
}

// Until the time is up, or something says that it may work now.
function pause(ms) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", end);
      document.removeEventListener("visibilitychange", whenSeen);
      resolve();
    };
    const whenSeen = () => document.visibilityState === "visible" && end();
    const timer = setTimeout(end, ms);
    addEventListener("online", end);
    document.addEventListener("visibilitychange", whenSeen);
  });
}

// Reads the stream for as long as the page lives. onState("connecting" | "live" | "lost", seconds to
// the next try); askToken(message) resolves when there is another token to try.
export async function watch(path, { onEvent, onState, askToken }) {
  let wait = WAIT_MIN_MS;
  for (;;) {
    let opened = 0;
    try {
      await readStream(
        path,
        () => {
          opened = Date.now();
          onState("live");
        },
        onEvent,
      );
    } catch (error) {
      if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
        onState("locked");
        await askToken(error.status === 403 ? error.message : token() === null ? "" : "The daemon does not know this token.");
        onState("connecting");
        continue;
      }
    }
    if (opened && Date.now() - opened > WAIT_MAX_MS) wait = WAIT_MIN_MS; // it ends its streams now and then
    const ms = Math.round(wait * (0.75 + Math.random() / 2));
    onState(opened && wait === WAIT_MIN_MS ? "connecting" : "lost", Math.ceil(ms / 1000));
    await pause(ms);
    wait = Math.min(WAIT_MAX_MS, wait * 2);
    onState("connecting");
  }
}
