// Runs the examples, each beside a PhoneProof of its own, and prints a table: node run.mjs [--write FILE] [example …]
// With --write the table replaces the one between the two marks in FILE.

import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openChromium } from "../browser/chromium.mjs";
import { LIMITS_OFF, freePort } from "../browser/fixture.mjs";
import { addPackages } from "../browser/sdk.mjs";
import { start } from "../browser/server.mjs";
import { CLIENTS } from "./clients.mjs";
import { EXAMPLES, listening, run } from "./example.mjs";
import { STEPS } from "./steps.mjs";

/** The keys of all READMEs. */
const KEYS = {
  PHONEPROOF__KEYS__PUBLISHABLE_KEY: `pk_live_${btoa("clerk.app.localhost$")}`,
  PHONEPROOF__KEYS__SECRET_KEY: "sk_live_0123456789abcdef0123456789abcdef",
};
const MARKS = ["<!-- table -->", "<!-- end of table -->"];

/** How long a step may wait for the page, in milliseconds; the machine may be busy. */
const STEP_TIMEOUT = Number(process.env.STEP_TIMEOUT ?? 20_000);
/** How many examples are driven at once. */
const JOBS = Number(process.env.JOBS ?? 2);
const ARTEFACTS = process.env.ARTEFACTS ?? "artefacts";

async function drive(name, browser, scripts) {
  const client = { ...CLIENTS[name], name, results: [] };
  const port = await freePort();
  const webhookSecret = `whsec_${randomBytes(24).toString("base64")}`;
  const server = await start({
    ...KEYS, ...LIMITS_OFF,
    PHONEPROOF__ENVIRONMENT: "development",
    PHONEPROOF__SERVER__ALLOWED_ORIGINS: `http://localhost:${port}`,
    PHONEPROOF__SDK__FOLDER: scripts,
    PHONEPROOF__CODES__RESEND_AFTER_SECONDS: "0",
    PHONEPROOF__LOG__LEVEL: process.env.SERVER_LOG ?? "error",
    ...client.webhooks && { PHONEPROOF__WEBHOOKS__URL: `http://127.0.0.1:${port}/webhooks`, PHONEPROOF__WEBHOOKS__SECRET: webhookSecret },
  });
  const context = await browser.newContext({ viewport: { width: 1100, height: 900 }, reducedMotion: "reduce", locale: "en-US" });
  try {
    client.program = await run(name, {
      server: new URL(server.url).port, page: port, variables: { CLERK_WEBHOOK_SIGNING_SECRET: webhookSecret, ...client.variables },
    });
    client.url = client.program.url;
    await listening(client.program);
    context.setDefaultTimeout(STEP_TIMEOUT);
    const page = await context.newPage();
    const world = { server: { url: server.url.replace(/\/$/, "") }, client, ui: client.ui, context, page };
    for (const step of STEPS) if (!step.when || step.when(world)) await check(step, world);
  } catch (error) {
    client.results.push({ name: "it starts", error });
    console.log(`${client.name} failed: it starts\n${error.stack}`);
  } finally {
    await context.close();
    await client.program?.stop();
    await server.stop();
  }
  return client;
}

/** Runs one step. A later one needs what an earlier one did, so the first failure leaves the rest out. */
async function check(step, world) {
  const { client, page } = world;
  if (client.results.some(({ error }) => error)) return void client.results.push({ name: step.name, error: new Error("not reached") });
  const began = Date.now();
  try {
    await step.run(world);
    client.results.push({ name: step.name });
    console.log(`${client.name} ok: ${step.name} (${Date.now() - began} ms)`);
  } catch (error) {
    client.results.push({ name: step.name, error });
    await mkdir(ARTEFACTS, { recursive: true });
    await page.screenshot({ path: join(ARTEFACTS, `client-${client.name}.png`) }).catch(() => {});
    console.log(`${client.name} failed: ${step.name}, at ${page.url()}\n${error.stack}`);
  }
}

/** The versions that the example pins. */
async function versions({ name, sdk }) {
  const read = (file) => readFile(join(EXAMPLES, name, file), "utf8").catch(() => "");
  const dependencies = JSON.parse(await read("package.json") || "{}").dependencies ?? {};
  const pinned = await read("requirements.txt") + await read("Cargo.toml");
  return sdk.map((name) => `${name} ${dependencies[name] ?? pinned.match(new RegExp(`^${name}\\s*==?\\s*"?=?([^"\\s]+)`, "m"))?.[1]}`).join(", ");
}

async function table(clients) {
  const rows = await Promise.all(clients.map(async (client) => {
    const failed = client.results.filter(({ error }) => error);
    const why = failed.length ? `${failed.length}: ${failed[0].name}` : "0";
    return `| [${client.name}](../examples/${client.name}) | ${await versions(client) || "fetch alone"} | ${client.results.length} | ${why} |`;
  }));
  return ["| example | client and version | checks | failures |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

const args = process.argv.slice(2);
const file = args[0] === "--write" ? args.splice(0, 2)[1] : null;
const unknown = args.filter((name) => !CLIENTS[name]);
if (unknown.length) throw new Error(`no such example: ${unknown.join(", ")}; there are ${Object.keys(CLIENTS).join(", ")}`);

const scripts = await mkdtemp(join(tmpdir(), "phoneproof-scripts-"));
addPackages(scripts);
const browser = await openChromium();
const names = args.length ? args : Object.keys(CLIENTS);
const driven = {};
const waiting = [...names];
await Promise.all(Array.from({ length: JOBS }, async () => {
  for (let name; (name = waiting.shift());) driven[name] = await drive(name, browser, scripts);
}));
const clients = names.map((name) => driven[name]);
await browser.close();
await rm(scripts, { recursive: true });
const result = await table(clients);
console.log(`\n${result}`);
if (file) {
  const [before, after] = [(await readFile(file, "utf8")).split(MARKS[0])[0], (await readFile(file, "utf8")).split(MARKS[1])[1]];
  await writeFile(file, `${before}${MARKS[0]}\n${result}\n${MARKS[1]}${after}`);
}
process.exitCode = clients.some(({ results }) => results.some(({ error }) => error)) ? 1 : 0;
