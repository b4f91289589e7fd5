// The three guides of the README, as written: their files in a folder of their own, their servers as processes.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { generateKeyPairSync, sign } from "node:crypto";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { LIMITS_OFF, freePort } from "./fixture.mjs";
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
  for (const name of ["index.html", "server.mjs", "backend.mjs"]) await writeFile(join(folder, name), guide(name));
  server = await start({
    ...KEYS, ...LIMITS_OFF,
    PHONEPROOF__ENVIRONMENT: "development",
    PHONEPROOF__SERVER__ALLOWED_ORIGINS: `http://localhost:${ports[0]}`,
    PHONEPROOF__LOG__LEVEL: "warn",
  });
});
after(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A file of the guides, on ports that are free here. */
function guide(name) {
  const block = readme.split("```").find((text) => text.split("\n")[1]?.includes(name));
  assert.ok(block, `the README has no ${name}`);
  const text = block.slice(block.indexOf("\n") + 1);
  return text.replace(/\b300([01])\b/g, (_, at) => String(ports[at]));
}

/** Runs a script of the guides until the test is over. */
async function run(t, script, port) {
  const child = spawn(process.execPath, [script], {
    cwd: folder, env: { ...process.env, PHONEPROOF_URL: server.url.replace(/\/$/, "") }, stdio: ["ignore", "inherit", "inherit"],
  });
  t.after(() => child.kill());
  const url = `http://localhost:${port}`;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${script} ended`);
    const answer = await fetch(url).catch(() => null);
    if (answer) return url;
  }
}

test("a front end with proxyUrl, and a Node back end", async (t) => {
  const page = await (await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] })).newPage();
  t.after(() => page.context().browser().close());
  const [front, back] = [await run(t, "server.mjs", ports[0]), await run(t, "backend.mjs", ports[1])];
  await page.goto(front);
  // A person waits for the text; this number's code is known before it was asked for.
  const asked = page.waitForResponse((response) => response.url().includes("/prepare_verification"));
  await page.locator("input[name=phoneNumber]").fill("4155550100");
  await page.getByRole("button", { name: "Continue", exact: true }).click();
  await asked;
  await page.getByLabel("Enter verification code").first().pressSequentially("424242");
  await page.waitForFunction(() => window.Clerk?.isSignedIn);
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
