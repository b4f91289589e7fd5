// The development page, driven as a newcomer would: through the whole tour, against a running
// server in development mode.
//
//   PHONEPROOF_BIN   the binary to start, or
//   PHONEPROOF_URL   where one listens already
//   ARTEFACTS        where the screenshots go (./artefacts)
//   CHROMIUM         the browser (/usr/bin/chromium)

import assert from "node:assert/strict";
import { randomBytes, randomInt } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { start } from "./server.mjs";

const ARTEFACTS = process.env.ARTEFACTS ?? "artefacts";

let server, BASE, PAGE, browser;

before(async () => {
  await mkdir(ARTEFACTS, { recursive: true });
  server = await start();
  BASE = server.url;
  PAGE = new URL("/dev/", BASE).href;
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A number that no earlier run has taken: the exchange is no N11 and no 555. */
function freshNumber(area) {
  let exchange;
  do exchange = randomInt(220, 300);
  while (exchange % 100 === 11);
  return `+1${area}${exchange}${String(randomInt(10_000)).padStart(4, "0")}`;
}

const freshUser = () => `user_browser_${randomBytes(8).toString("hex")}`;

/** Opens the page for a user; `problems` fills with whatever the page should not do. */
async function open(user, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    locale: "en-US",
    reducedMotion: "reduce",
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (/Content Security Policy/i.test(message.text())) problems.push(message.text());
  });
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && url.origin !== new URL(BASE).origin) problems.push(`asked ${url}`);
  });
  await page.goto(`${PAGE}?user=${user}`);
  await page.locator('#tour [data-state="doing"], #tour [data-step="4"][data-state="done"]').first().waitFor();
  return { page, problems, close: () => context.close() };
}

async function screenshot(page, name) {
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: join(ARTEFACTS, `${name}.png`), fullPage: true });
}

const card = (page, number) => page.locator(`.number-card[data-number="${number}"]`);
const button = (page, number, action) => card(page, number).locator(`[data-action="${action}"]`);
/** The texts with a code; others tell the number's owner of a change. */
const texts = (page, number) => page.locator(`#handset .sms[data-to="${number}"]:has(.sms-code)`);
const badges = (page, number) => card(page, number).locator(".badges li").allTextContents();

async function tour(page, ...states) {
  for (const [index, state] of states.entries()) {
    await page.locator(`#tour [data-step="${index + 1}"][data-state="${state}"]`).waitFor();
  }
}

async function badge(page, number, text) {
  await card(page, number).locator(".badges li", { hasText: text }).waitFor();
}

async function add(page, number) {
  await page.fill("#phone-number-input", number);
  await page.click("#add-number");
  await badge(page, number, "Unverified");
}

/** Asks for a code, takes it from the handset with one click and enters it. */
async function verify(page, number) {
  await button(page, number, "send-code").click();
  await badge(page, number, "Code sent");
  await enterCode(page, number);
}

async function enterCode(page, number) {
  const chip = texts(page, number).last().locator(".sms-code");
  const code = await chip.textContent();
  assert.match(code, /^\d{6}$/);
  await chip.click();
  assert.equal(await card(page, number).locator(".code-input").inputValue(), code);
  await button(page, number, "verify").click();
  await badge(page, number, "Verified");
}

test("the tour leads from no number to a second factor with backup codes", async () => {
  const user = freshUser();
  const first = freshNumber(415);
  const second = freshNumber(212);
  const { page, problems, close } = await open(user);
  const error = page.locator("#error");

  assert.equal(await page.inputValue("#user-input"), user);
  await tour(page, "doing", "todo", "todo", "todo");
  await screenshot(page, "1-start");

  // A number that is none is refused beside its field.
  await page.fill("#phone-number-input", "+1 23");
  await page.click("#add-number");
  await error.waitFor();
  assert.equal(await error.locator(".error-code").textContent(), "form_param_format_invalid");
  assert.equal(await page.getAttribute("#phone-number-input", "aria-invalid"), "true");

  await add(page, first);
  assert.equal(await error.isVisible(), false);
  await tour(page, "done", "doing", "todo", "todo");

  // A wrong code counts; the next code has to wait.
  await button(page, first, "send-code").click();
  await badge(page, first, "Code sent");
  await texts(page, first).waitFor();
  const sent = await texts(page, first).locator(".sms-code").textContent();
  await card(page, first).locator(".code-input").fill(sent === "000000" ? "000001" : "000000");
  await card(page, first).locator(".code-input").press("Enter");
  await error.waitFor();
  assert.equal(await error.locator(".error-code").textContent(), "form_code_incorrect");
  await card(page, first).locator(".number-note", { hasText: "1 try used" }).waitFor();
  await button(page, first, "send-code").click();
  await card(page, first).locator('[data-action="send-code"]', { hasText: /New code in \d+ s/ }).waitFor();
  await screenshot(page, "2-code-sent");

  await enterCode(page, first);
  assert.deepEqual(await badges(page, first), ["Verified", "Primary"]);
  await tour(page, "done", "done", "doing", "todo");

  // The only number to sign in with stays one.
  await button(page, first, "reserve").click();
  await error.waitFor();
  assert.equal(await error.locator(".error-code").textContent(), "identification_update_failed");

  await add(page, second);
  await verify(page, second);
  await tour(page, "done", "done", "done", "doing");
  await screenshot(page, "3-two-numbers");

  await button(page, second, "reserve").click();
  await badge(page, second, "Second factor");
  assert.deepEqual(await badges(page, second), ["Verified", "Second factor", "Default"]);
  await tour(page, "done", "done", "done", "done");
  const codes = await page.locator("#backup-codes li").allTextContents();
  assert.equal(codes.length, 10);
  assert.equal(new Set(codes).size, 10);
  await screenshot(page, "4-second-factor");

  // Only the request itself is shown, never the token.
  await page.click("#last-request summary");
  const curl = await page.textContent("#request-curl");
  assert.match(curl, /\$TOKEN/);
  assert.match(curl, /reserved_for_second_factor=true/);
  assert.equal(await page.textContent("#request-status"), "200");
  await screenshot(page, "5-last-request");

  // A reload goes on where the tour was; the backup codes are gone for good.
  await page.reload();
  await tour(page, "done", "done", "done", "done");
  assert.equal(await page.locator("#backup-codes li").count(), 0);
  assert.equal(await texts(page, first).count(), 1);
  assert.equal(await texts(page, second).count(), 1);

  await page.click('[data-action="new-backup-codes"]');
  await page.locator("#backup-codes li").nth(9).waitFor();
  const renewed = await page.locator("#backup-codes li").allTextContents();
  assert.equal(renewed.some((code) => codes.includes(code)), false);

  await button(page, second, "make-primary").click();
  await badge(page, second, "Primary");
  await button(page, first, "make-primary").click();
  await badge(page, first, "Primary");
  await button(page, second, "unreserve").click();
  await tour(page, "done", "done", "done", "doing");
  assert.equal(await page.locator("#backup-codes").isVisible(), false);
  await button(page, second, "remove").click();
  await card(page, second).waitFor({ state: "detached" });
  await tour(page, "done", "done", "doing", "todo");

  assert.deepEqual(problems, []);
  await close();
});

test("a second second factor may become the default", async () => {
  const { page, problems, close } = await open(freshUser());
  const [first, second, third] = [freshNumber(415), freshNumber(212), freshNumber(312)];
  for (const number of [first, second, third]) {
    await add(page, number);
    await verify(page, number);
  }
  for (const number of [second, third]) {
    await button(page, number, "reserve").click();
    await badge(page, number, "Second factor");
  }
  await button(page, third, "make-default").click();
  await badge(page, third, "Default");
  assert.deepEqual(await badges(page, second), ["Verified", "Second factor"]);
  assert.deepEqual(problems, []);
  await close();
});

test("texts to a number arrive in every open page, and a test number takes its fixed code", async () => {
  const user = freshUser();
  const [here, there] = [await open(user), await open(freshUser())];
  const number = freshNumber(415);
  await add(here.page, number);
  await button(here.page, number, "send-code").click();
  await texts(there.page, number).waitFor();
  // Not that user's number: nothing to fill in.
  assert.equal(await texts(there.page, number).locator(".sms-code").isDisabled(), true);

  const testNumber = `+1415555${String(randomInt(100, 200)).padStart(4, "0")}`;
  await add(there.page, testNumber);
  await button(there.page, testNumber, "send-code").click();
  await there.page.locator(".number-note", { hasText: "424242" }).waitFor();
  assert.equal(await texts(there.page, testNumber).count(), 0);

  // Another user on the same page starts with what that user has.
  await there.page.fill("#user-input", user);
  await there.page.click("#switch-user");
  await badge(there.page, number, "Code sent");
  assert.equal(await card(there.page, testNumber).count(), 0);
  await enterCode(there.page, number);

  assert.deepEqual([...here.problems, ...there.problems], []);
  await here.close();
  await there.close();
});

// The same page whatever the store.
const ONCE = { skip: process.env.TEST_STORE === "postgres" && "does not depend on the store" };

test("the page fits dark, light, wide and narrow screens, and keys alone are enough", ONCE, async () => {
  const user = freshUser();
  const number = freshNumber(415);
  const { page, close } = await open(user);

  await page.focus("#phone-number-input");
  await page.keyboard.type(number);
  await page.keyboard.press("Enter");
  await badge(page, number, "Unverified");
  // The focus goes ahead: to the button that sends, then to the field for the code.
  await page.waitForFunction(() => document.activeElement.dataset.action === "send-code");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.className === "code-input");
  await texts(page, number).waitFor();
  await page.keyboard.type(await texts(page, number).locator(".sms-code").textContent());
  await page.keyboard.press("Enter");
  await badge(page, number, "Verified");
  await close();

  for (const colorScheme of ["light", "dark"]) {
    for (const [name, viewport] of Object.entries({
      desktop: { width: 1280, height: 900 },
      tablet: { width: 820, height: 1180 },
      mobile: { width: 390, height: 844 },
    })) {
      const view = await open(user, { colorScheme, viewport });
      await badge(view.page, number, "Verified");
      const overflow = await view.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${name} is ${overflow} px too wide`);
      await screenshot(view.page, `view-${name}-${colorScheme}`);
      await view.close();
    }
  }
});
