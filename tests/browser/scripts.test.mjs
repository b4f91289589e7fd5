// A page whose script is missing: what its console says.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { start } from "./server.mjs";

let server, browser;
before(async () => {
  server = await start({ PHONEPROOF__SDK__CDN: "", PHONEPROOF__LOG__LEVEL: "warn" });
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("the console of a page says what to do about a script that is missing", async () => {
  const page = await browser.newPage();
  const said = page.waitForEvent("console", { predicate: (message) => message.type() === "error" && message.text().startsWith("PhoneProof") });
  await page.goto(new URL("/v1/health", server.url).href);
  // As the SDK adds it.
  await page.evaluate(() => {
    const script = document.createElement("script");
    Object.assign(script, { async: true, crossOrigin: "anonymous", src: "/npm/@clerk/clerk-js@6/dist/clerk.browser.js" });
    document.head.append(script);
  });
  const text = (await said).text();
  assert.match(text, /set sdk\.folder, run `phoneproof sdk add @clerk\/clerk-js@6`/);
});

test("whatever else asks gets the error itself", async () => {
  const answer = await fetch(new URL("/npm/@clerk/clerk-js@6/dist/clerk.browser.js", server.url));
  assert.equal(answer.status, 404);
  assert.equal((await answer.json()).errors[0].code, "resource_not_found");
});
