// How a person drives the prebuilt components of @clerk/ui, on whatever page an application has put them.

import assert from "node:assert/strict";
import { nextCodeOf } from "../browser/fixture.mjs";

const OTP = 'input[data-input-otp="true"], input[autocomplete="one-time-code"]';
const proceed = (page) => page.getByRole("button", { name: /^continue$/i }).first().click();
/** The first factor has passed and the next card is there: a page loaded before that would show the first card again. */
const atSecondFactor = async (page) => {
  await awaitsSecondFactor(page);
  await page.waitForURL(/factor-two/);
};

export async function typeCode(world, page, number) {
  const field = page.locator(OTP).first();
  await field.waitFor();
  await field.pressSequentially(await nextCodeOf(world, number));
}

const typeNumber = async (page, selector, number) => {
  await page.locator(selector).waitFor();
  // Without the country code, which the field has preselected.
  await page.locator(selector).fill(number.replace(/^\+1/, ""));
};

export async function signUp(world, page, number) {
  await page.goto(`${world.client.url}/sign-up`);
  await typeNumber(page, 'input[name="phoneNumber"]', number);
  await proceed(page);
  await typeCode(world, page, number);
}

/** Begins at the sign-in page, where the browser must be already. */
export async function beginSignIn(world, page, number) {
  await typeNumber(page, 'input[name="identifier"]', number);
  await proceed(page);
}

export async function firstFactorByCode(world, page, number) {
  await typeCode(world, page, number);
  await atSecondFactor(page);
}

/** Loads the page anew at the second factor: the card then asks for another code. */
export async function reloadAtSecondFactor(world, page, number) {
  await nextCodeOf(world, number);
  const asked = page.waitForResponse((answer) => answer.url().includes("/prepare_second_factor") && answer.ok());
  await page.reload();
  await awaitsSecondFactor(page);
  await asked;
}

export async function firstFactorByPassword(world, page, password) {
  await page.getByText(/use another method/i).click();
  await page.getByRole("button", { name: /password/i }).first().click();
  await page.locator('input[name="password"]').fill(password);
  await proceed(page);
  await atSecondFactor(page);
}

export const secondFactorByCode = typeCode;

export async function secondFactorByBackupCode(world, page, code) {
  await page.getByText(/use another method/i).click();
  await page.getByRole("button", { name: /backup code/i }).click();
  await page.locator('input[name="code"]').fill(code);
  await proceed(page);
}

/** Asks for new backup codes in the profile; answers the response to that. */
async function regenerate(page) {
  await page.getByRole("button", { name: /security/i }).first().click();
  await page.locator(".cl-profileSectionItem__backupCodes, .cl-profileSectionItem").filter({ hasText: /backup codes/i })
    .getByRole("button").last().click();
  const answered = page.waitForResponse((answer) => answer.url().includes("/v1/me/backup_codes") && answer.status() !== 308);
  await page.getByRole("menuitem", { name: /regenerate/i }).click();
  return answered;
}

/** New backup codes by the profile, which first wants the second factor once more. Answers one of them. */
export async function newBackupCodes(world, page, secondFactor) {
  assert.equal((await regenerate(page)).status(), 403);
  const repeated = page.waitForResponse((answer) => answer.url().includes("/v1/me/backup_codes") && answer.ok());
  await typeCode(world, page, secondFactor);
  await repeated;
  if (world.client.redraws) {
    // The profile is back at its first card, without the codes; a second time it needs no factor.
    await page.getByText(/profile details/i).waitFor();
    assert.equal((await regenerate(page)).status(), 200);
  }
  const shown = page.getByText(/^[0-9a-hjkmnp-tv-z]{10}$/);
  await shown.first().waitFor();
  return (await shown.allTextContents())[0];
}

// What applications ask of the SDK itself, in the page.

export const isSignedIn = (page) => page.waitForFunction(() => window.Clerk?.isSignedIn === true);
export const isSignedOut = (page) => page.waitForFunction(() => window.Clerk?.loaded && !window.Clerk.isSignedIn);
export const userId = (page) => page.evaluate(() => window.Clerk.user.id);
export const token = (page) => page.evaluate(() => window.Clerk.session.getToken());
export const signOut = (page) => page.evaluate(() => window.Clerk.signOut(() => {}));
export const setPassword = (page, newPassword) => page.evaluate((newPassword) => window.Clerk.user.updatePassword({ newPassword }), newPassword);
const awaitsSecondFactor = (page) => page.waitForFunction(() => window.Clerk?.client?.signIn?.status === "needs_second_factor");
export const factorAges = (page) => page.evaluate(() => window.Clerk.session.factorVerificationAge);

/** The user's numbers, each by its `toString()`. */
export const numbers = (page) => page.evaluate(() => window.Clerk.user.phoneNumbers.map(String));

export const createNumber = (page, phoneNumber) => page.evaluate(async (phoneNumber) => {
  await window.Clerk.user.createPhoneNumber({ phoneNumber });
  await window.Clerk.user.reload();
}, phoneNumber);

/** Calls a method of the `PhoneNumber` that is `number`, and answers what it became. */
export const call = (page, number, method, ...args) => page.evaluate(async ([number, method, args]) => {
  const found = window.Clerk.user.phoneNumbers.find((one) => String(one) === number);
  const { reservedForSecondFactor, backupCodes, verification } = await found[method](...args) ?? {};
  return { reservedForSecondFactor, backupCodes, status: verification?.status };
}, [number, method, args]);

export const isDefaultSecondFactor = (page, number) => page.evaluate(
  (number) => window.Clerk.user.phoneNumbers.find((one) => String(one) === number).defaultSecondFactor, number);
