// The daemon and an s3sim as children of a test, on free ports.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const children = new Set();
process.on("exit", () => children.forEach((child) => child.kill("SIGKILL")));

// Resolves with the URL of its "listening on" line.
function start(program, args, env = {}) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env.PATH, ...env } });
  children.add(child);
  let said = "";
  return new Promise((resolve, reject) => {
    const hear = (text) => {
      said += text;
      const found = said.match(/listening on (http:\S+)/);
      if (found) resolve({ child, url: found[1] });
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("exit", (code) => {
      children.delete(child);
      reject(new Error(`${program} ended with ${code}: ${said}`));
    });
  });
}

export function stop(child, signal = "SIGTERM") {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.on("exit", resolve);
    child.kill(signal);
  });
}

export const startS3 = (...args) =>
  start(process.env.S3SIM, ["--listen", "127.0.0.1:0", "--bucket", "out", ...args]);

export class Daemon {
  static async start(s3, { token, port = 0, folder, args = [] } = {}) {
    const state = folder ?? mkdtempSync(join(tmpdir(), "s3zipd-page-"));
    const access = token ? ["--admin-token-sha256", createHash("sha256").update(token).digest("hex")] : [];
    const daemon = new Daemon();
    const started = await start(
      process.env.S3ZIPD,
      ["--listen", `127.0.0.1:${port}`, "--state-dir", state, "--drain-seconds", "0", "--memory", "64MiB", ...access, ...args],
      { AWS_ENDPOINT_URL_S3: s3.url, AWS_ACCESS_KEY_ID: "s3sim", AWS_SECRET_ACCESS_KEY: "s3simsecret", AWS_REGION: "us-east-1" });
    return Object.assign(daemon, started, { state, token });
  }
  get port() {
    return Number(new URL(this.url).port);
  }
  async call(method, path, body) {
    const headers = { "Content-Type": "application/json", ...(this.token ? { Authorization: `Bearer ${this.token}` } : {}) };
    const response = await fetch(this.url + path, { method, headers, body: body && JSON.stringify(body) });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }
  // Posts a job and gives its id.
  async post(key, source = { bucket: "src", prefix: "" }, options = {}) {
    const body = { source, destination: { bucket: "out", key, overwrite: true }, options };
    return (await this.call("POST", "/archives", body)).id;
  }
  async stop(signal) {
    await stop(this.child, signal);
  }
  async remove() {
    await this.stop("SIGKILL");
    rmSync(this.state, { recursive: true, force: true });
  }
}
