// Starts the binary PHONEPROOF_BIN in development, on a free port and a database of its own; or
// uses the server that already listens at PHONEPROOF_URL. With TEST_STORE=postgres the database is one of
// the throw-away PostgreSQL that TEST_POSTGRES names (`make test-browser` starts it).

import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

function createDatabase() {
  const server = process.env.TEST_POSTGRES;
  const name = `browser_${randomBytes(8).toString("hex")}`;
  const say = (statement) => {
    const said = spawnSync("psql", ["--quiet", `${server}/postgres`, "--command", statement], { encoding: "utf8" });
    if (said.status !== 0) throw new Error(`psql: ${said.stderr}`);
  };
  say(`CREATE DATABASE ${name}`);
  return {
    options: { PHONEPROOF__STORE__URL: `${server}/${name}` },
    drop: () => say(`DROP DATABASE ${name} WITH (FORCE)`),
  };
}

/** Answers the server's address and what stops it. `options` are environment variables of ours. */
export async function start(options = {}, args = []) {
  if (process.env.PHONEPROOF_URL) return { url: process.env.PHONEPROOF_URL, stop: async () => {} };
  const binary = process.env.PHONEPROOF_BIN;
  if (!binary) throw new Error("set PHONEPROOF_BIN to the binary, or PHONEPROOF_URL to a running server");
  const folder = await mkdtemp(join(tmpdir(), "phoneproof-browser-"));
  const database = process.env.TEST_STORE === "postgres" ? createDatabase() : { options: {}, drop() {} };
  options = { ...database.options, ...options };
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PHONEPROOF_")));
  const child = spawn(binary, ["serve", ...args], {
    cwd: folder,
    env: { ...env, PHONEPROOF__SERVER__LISTEN: "127.0.0.1:0", ...options },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
    database.drop();
    await rm(folder, { recursive: true, force: true });
  };
  const lines = createInterface({ input: child.stdout });
  // Reading on after the first line keeps the pipe from filling up.
  const listening = new Promise((resolve) => lines.on("line", (line) => {
    const url = line.match(/http:\/\/\S+/)?.[0];
    if (url) resolve(url);
  }));
  const url = await Promise.race([listening, ended.then(() => null)]);
  if (url) return { url, folder, binary, env: { ...env, ...options }, stop };
  await stop();
  throw new Error("phoneproof did not start");
}
