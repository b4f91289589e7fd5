// The prebuilt <SignUp/>, <SignIn/> and <UserProfile/> of @clerk/ui, clicked through as a person
// would. The screenshots are kept: look at them.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { nextCodeOf, freshNumber, launch } from "./fixture.mjs";

const ARTEFACTS = process.env.ARTEFACTS ?? "artefacts";
const KEYS = { key: `pk_live_${btoa("clerk.phone.localhost$")}`, secret: "sk_live_0123456789abcdef0123456789abcdef" };

let browser, world, page;
before(async () => {
  await mkdir(ARTEFACTS, { recursive: true });
  world = await launch(KEYS);
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
  });
  const context = await browser.newContext({ viewport: { width: 1100, height: 900 }, reducedMotion: "reduce", locale: "en-US" });
  page = await context.newPage();
  page.setDefaultTimeout(20_000);
});
after(async () => {
  await browser?.close();
  await world?.stop();
});

const shot = (name) => page.screenshot({ path: join(ARTEFACTS, `components-${name}.png`) });

/** Loads the page with the components and mounts one. */
async function mount(component) {
  await page.goto(world.page.url);
  await page.evaluate(async (component) => {
    await window.Clerk.load({ ui: { ClerkUI: window.__internal_ClerkUICtor } });
    window.Clerk[`mount${component}`](document.getElementById("app"), { routing: "virtual", fallbackRedirectUrl: "/app" });
  }, component);
}

/** Types a number as people do: without the country code, which the field has preselected. */
async function typeNumber(selector, number) {
  const input = page.locator(selector);
  await input.waitFor();
  await input.fill(number.replace(/^\+1/, ""));
}

/** Types the code; the field submits by itself when it is full. */
async function typeCode(number) {
  await page.locator('input[data-input-otp="true"], input[autocomplete="one-time-code"]').first().waitFor();
  const code = await nextCodeOf(world, number);
  await page.locator('input[data-input-otp="true"], input[autocomplete="one-time-code"]').first().pressSequentially(code);
}

/** When they are done the components lead to the application's page, which loads the SDK by itself. */
const isSignedIn = () => page.waitForFunction(() => window.Clerk?.isSignedIn === true);
const proceed = () => page.getByRole("button", { name: /^continue$/i }).first().click();

const number = freshNumber();
const second = freshNumber();
let backupCode;

test("a person signs up with <SignUp/>", async () => {
  await mount("SignUp");
  await typeNumber('input[name="phoneNumber"]', number);
  await shot("1-sign-up");
  await proceed();
  await typeCodeOn("2-sign-up-code", number);
  await isSignedIn();
  assert.equal(await page.evaluate(() => window.Clerk.user.primaryPhoneNumber.phoneNumber), number);
});

async function typeCodeOn(name, number) {
  await page.locator('input[data-input-otp="true"], input[autocomplete="one-time-code"]').first().waitFor();
  await shot(name);
  await typeCode(number);
}

test("manages numbers and turns on SMS two-step verification in <UserProfile/>", async () => {
  await mount("UserProfile");
  await page.getByRole("button", { name: /add phone number/i }).click();
  await typeNumber('input[name="phoneNumber"]', second);
  await shot("3-profile-add-number");
  await page.getByRole("button", { name: /^(add|continue)$/i }).last().click();
  await typeCodeOn("4-profile-code", second);
  await page.waitForFunction(() => window.Clerk.user.phoneNumbers.filter((n) => n.verification.status === "verified").length === 2);
  await shot("5-profile-two-numbers");

  await page.getByRole("button", { name: /security/i }).first().click();
  await page.getByRole("button", { name: /add two-step verification/i }).click();
  await shot("6-profile-mfa-menu");
  await page.getByRole("menuitem", { name: /sms code/i }).click();
  const spelled = new RegExp(second.slice(-4));
  await page.getByRole("button", { name: spelled }).click();
  await page.waitForFunction(() => window.Clerk.user.twoFactorEnabled === true);
  await page.getByText(/backup codes/i).first().waitFor();
  await shot("7-profile-backup-codes");
  await page.getByRole("button", { name: /finish/i }).click();
});

test("and proves the new second factor before new backup codes are shown", async () => {
  const refused = page.waitForResponse((answer) => answer.url().includes("/v1/me/backup_codes") && answer.status() === 403);
  await page.locator(".cl-profileSectionItem__backupCodes, .cl-profileSectionItem").filter({ hasText: /backup codes/i })
    .getByRole("button").last().click();
  await page.getByRole("menuitem", { name: /regenerate/i }).click();
  assert.equal((await (await refused).json()).errors[0].code, "session_reverification_required");
  await typeCodeOn("7b-profile-reverification", second);
  const shown = page.getByText(/^[0-9a-hjkmnp-tv-z]{10}$/);
  await shown.first().waitFor();
  await shot("7c-profile-new-backup-codes");
  // Once to read and once to print.
  const codes = new Set(await shown.allTextContents());
  assert.equal(codes.size, 10);
  [backupCode] = codes;
});

test("signs out, and in again with first factor and second factor by <SignIn/>", async () => {
  await isSignedIn();
  await page.evaluate(() => window.Clerk.signOut(() => {}));
  await mount("SignIn");
  await typeNumber('input[name="identifier"]', number);
  await shot("8-sign-in");
  await proceed();
  await typeCodeOn("9-sign-in-first-factor", number);
  await page.waitForFunction(() => window.Clerk.client.signIn.status === "needs_second_factor");
  assert.equal(await page.evaluate(() => window.Clerk.isSignedIn), false);
  await page.waitForFunction((digits) => document.body.innerText.includes(digits), second.slice(-4));
  await typeCodeOn("10-sign-in-second-factor", second);
  await isSignedIn();
  await shot("11-signed-in");
});

test("and with a backup code", async () => {
  await isSignedIn();
  await page.evaluate(() => window.Clerk.signOut(() => {}));
  await mount("SignIn");
  await typeNumber('input[name="identifier"]', number);
  await proceed();
  await typeCodeOn("12-sign-in-first-factor", number);
  await page.waitForFunction(() => window.Clerk.client.signIn.status === "needs_second_factor");
  await page.getByText(/use another method/i).click();
  await page.getByRole("button", { name: /backup code/i }).click();
  await page.locator('input[name="code"]').fill(backupCode);
  await shot("13-sign-in-backup-code");
  await proceed();
  await isSignedIn();
  assert.deepEqual(await page.evaluate(() => window.Clerk.session.factorVerificationAge), [0, 0]);
});
