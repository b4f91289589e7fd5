// The guides of the README, as written: their files in a folder of their own, their servers as processes. The SDKs' scripts come from
// `sdk.folder`, so that no browser leaves this machine.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync, sign } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { LIMITS_OFF, freePort } from "./fixture.mjs";
import { addPackages } from "./sdk.mjs";
import { start } from "./server.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const KEYS = {
  PHONEPROOF__KEYS__PUBLISHABLE_KEY: `pk_live_${btoa("clerk.app.localhost$")}`,
  PHONEPROOF__KEYS__SECRET_KEY: "sk_live_0123456789abcdef0123456789abcdef",
};

let readme, folder, ports, server;
before(async () => {
  readme = await readFile(join(HERE, "../../README.md"), "utf8");
  folder = await mkdtemp(join(tmpdir(), "phoneproof-guides-"));
  await symlink(join(HERE, "node_modules"), join(folder, "node_modules"));
  ports = [await freePort(), await freePort()];
  await mkdir(join(folder, "public"));
  const files = ["express.mjs", "app.jsx", "public/index.html", "index.html", "server.mjs", "backend.mjs"];
  for (const name of files) await writeFile(join(folder, name), guide(name));
  const sdk = join(folder, "sdk");
  addPackages(sdk);
  server = await start({
    ...KEYS, ...LIMITS_OFF,
    PHONEPROOF__ENVIRONMENT: "development",
    PHONEPROOF__SERVER__ALLOWED_ORIGINS: `http://localhost:${ports[0]}`,
    PHONEPROOF__SDK__FOLDER: sdk,
    PHONEPROOF__SDK__CDN: "",
    PHONEPROOF__LOG__LEVEL: "warn",
  });
});
after(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A file of the guides, on ports that are free here. */
function guide(name) {
  const first = new RegExp(`^(// |<!-- |# )${name.replaceAll(".", "\\.")}( |$)`);
  const block = readme.split("```").find((text) => first.test(text.split("\n")[1]));
  assert.ok(block, `the README has no ${name}`);
  const text = block.slice(block.indexOf("\n") + 1);
  return text.replace(/\b300([01])\b/g, (_, at) => String(ports[at]));
}

/** Runs a script of the guides until the test is over. */
async function run(t, script, port, variables = {}) {
  const child = spawn(process.execPath, [script], {
    cwd: folder, env: { ...process.env, PHONEPROOF_URL: upstream(), ...variables }, stdio: ["ignore", "inherit", "inherit"],
  });
  t.after(() => child.kill());
  const url = `http://localhost:${port}`;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${script} ended`);
    const answer = await fetch(url).catch(() => null);
    if (answer) return url;
  }
}

const upstream = () => server.url.replace(/\/$/, "");

/** A page that goes nowhere but to the front end, and what it has asked for. */
async function open(t) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
  t.after(() => browser.close());
  // A visitor who would like to be somebody else.
  const claimed = { "x-forwarded-for": "203.0.113.7", "x-real-ip": "203.0.113.7", "cf-connecting-ip": "203.0.113.7" };
  const page = await browser.newPage({ extraHTTPHeaders: claimed });
  const asked = [];
  page.on("response", (response) => asked.push({ url: new URL(response.url()), status: response.status() }));
  return { page, asked };
}

/** Signs up as the guides say. */
async function signUp(page, national) {
  // A person waits for the text; this number's code is known before it was asked for.
  const asked = page.waitForResponse((response) => response.url().includes("/prepare_verification"));
  await page.locator("input[name=phoneNumber]").fill(national);
  await page.getByRole("button", { name: "Continue", exact: true }).click();
  await asked;
  await page.getByLabel("Enter verification code").first().pressSequentially("424242");
  await page.waitForFunction(() => window.Clerk?.isSignedIn);
}

/** Every script came through the proxy, from the folder: entry files by their major, the others by their version. */
function scriptsAreOurs(front, asked) {
  assert.deepEqual([...new Set(asked.map(({ url }) => url.origin))], [front]);
  const scripts = asked.filter(({ url }) => url.pathname.includes("/npm/"));
  assert.deepEqual(scripts.filter(({ status }) => status !== 200), []);
  const paths = scripts.map(({ url }) => url.pathname);
  for (const entry of ["clerk-js@6/dist/clerk.browser.js", "ui@1/dist/ui.browser.js"]) {
    assert.ok(paths.includes(`/__clerk/npm/@clerk/${entry}`), `${entry} in ${paths}`);
  }
  assert.ok(paths.some((path) => path.startsWith("/__clerk/npm/@clerk/ui@1.36.0/dist/")), `parts of ui in ${paths}`);
}

/** The address that limits count by is the socket's, and not what the browser claims. */
async function addressIsTheVisitors(page) {
  const addresses = await page.evaluate(async () => {
    const sessions = await window.Clerk.user.getSessions();
    return sessions.map((session) => session.latestActivity.ipAddress);
  });
  assert.equal(addresses.length, 1);
  assert.match(addresses[0], /^(::1|(::ffff:)?127\.0\.0\.1)$/);
}

test("a React page, and Express with the SDK's own proxy", async (t) => {
  const bundled = spawnSync(join(HERE, "node_modules/.bin/esbuild"), [
    "app.jsx", "--bundle", "--jsx=automatic", "--outfile=public/app.js",
    "--log-level=warning",
  ], { cwd: folder, encoding: "utf8" });
  assert.equal(bundled.status, 0, bundled.stderr);
  const front = await run(t, "express.mjs", ports[0], {
    CLERK_PUBLISHABLE_KEY: KEYS.PHONEPROOF__KEYS__PUBLISHABLE_KEY, CLERK_SECRET_KEY: KEYS.PHONEPROOF__KEYS__SECRET_KEY,
    CLERK_FAPI_URL: upstream(), CLERK_API_URL: upstream(),
  });
  const { page, asked } = await open(t);
  await page.goto(front);
  await signUp(page, "4155550101");
  scriptsAreOurs(front, asked);
  await page.getByText("Profile details").first().waitFor();
  const me = await page.evaluate(async () => {
    const answer = await fetch("/api/me", { headers: { authorization: `Bearer ${await window.Clerk.session.getToken()}` } });
    return { status: answer.status, json: await answer.json() };
  });
  assert.deepEqual([me.status, me.json.numbers], [200, ["+14155550101"]]);
  assert.equal((await fetch(`${front}/api/me`)).status, 401);
  await addressIsTheVisitors(page);
});

test("a page whose server has no SDK, and a Node back end", async (t) => {
  const { page, asked } = await open(t);
  const [front, back] = [await run(t, "server.mjs", ports[0]), await run(t, "backend.mjs", ports[1])];
  await page.goto(front);
  await signUp(page, "4155550100");
  scriptsAreOurs(front, asked);
  await addressIsTheVisitors(page);
  const token = await page.evaluate(() => window.Clerk.session.getToken());
  const answer = await fetch(`${back}/anything`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal(answer.status, 200);
  assert.deepEqual((await answer.json()).numbers, ["+14155550100"]);
  assert.equal((await fetch(back)).status, 401);
  assert.equal((await fetch(back, { headers: { authorization: `Bearer ${token.slice(0, -4)}AAAA` } })).status, 401);
});

test("beside an identity provider", async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const keys = { keys: [{ ...publicKey.export({ format: "jwk" }), kid: "1", use: "sig", alg: "ES256" }] };
  const provider = createServer((_, response) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(keys)));
  await new Promise((resolve) => provider.listen(0, "127.0.0.1", resolve));
  t.after(() => { provider.closeAllConnections(); provider.close(); });
  const issuer = "https://login.example.com/";
  const toml = guide("phoneproof.toml").replace("https://login.example.com/.well-known/jwks.json", `http://127.0.0.1:${provider.address().port}/`);
  const path = join(folder, "phoneproof.toml");
  await writeFile(path, toml);
  const beside = await start({ PHONEPROOF__LOG__LEVEL: "warn", ...LIMITS_OFF }, ["--config", path]);
  t.after(beside.stop);
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const unsigned = `${part({ alg: "ES256", kid: "1" })}.${part({ iss: issuer, aud: "phoneproof", sub: "auth0|42", iat: now, exp: now + 60 })}`;
  const token = `${unsigned}.${sign("sha256", Buffer.from(unsigned), { key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
  const added = await fetch(new URL("/v1/me/phone_numbers", beside.url), {
    method: "POST", headers: { authorization: `Bearer ${token}` }, body: new URLSearchParams({ phone_number: "+1 415 555 0100" }),
  });
  assert.equal((await added.json()).response.phone_number, "+14155550100");
  const me = await fetch(new URL("/v1/me", beside.url), { headers: { authorization: `Bearer ${token}` } });
  assert.equal((await me.json()).response.id, "auth0|42");
});
