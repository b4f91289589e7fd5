// What a visitor of any of the examples does, in this order. Each step is one check of the table; a step is left out where
// the client has nothing that it is about.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { freshNumber, nextCodeOf } from "../browser/fixture.mjs";

const PASSWORD = "a quiet walk by the river 27";

const account = (world) => `${world.client.url}/account`;
const atSignIn = (page) => page.waitForURL(/\/sign-in/);

/** The protected page as the application shows it: it names the user, whom the SDK in the page knows, too. */
async function seesAccount(world, page) {
  await page.waitForURL(/\/account/);
  const shown = await page.locator("#user-id", { hasText: /./ }).textContent();
  await world.ui.isSignedIn(page);
  assert.equal(shown, await world.ui.userId(page));
}

/** What the application's own API answers to the visitor: with the page's cookies, or with its token alone. */
async function api(world, page, bearer) {
  if (!bearer) {
    return page.evaluate(async () => {
      const answer = await fetch("/api/me");
      return { status: answer.status, body: answer.ok ? await answer.json() : null };
    });
  }
  const answer = await fetch(`${world.client.url}/api/me`, { headers: { authorization: `Bearer ${bearer}` } });
  return { status: answer.status, body: answer.ok ? await answer.json() : null };
}

async function addNumber({ ui, ...world }, page, number) {
  await ui.createNumber(page, number);
  await ui.call(page, number, "prepareVerification");
  const { status } = await ui.call(page, number, "attemptVerification", { code: await nextCodeOf(world, number) });
  assert.equal(status, "verified");
}

/** Leaves, and waits at the sign-in page for whoever comes next. */
async function signOut(world) {
  const { page, ui } = world;
  // Not on a protected page, which would lead away by itself.
  await page.goto(world.client.url);
  await ui.isSignedIn(page);
  await ui.signOut(page);
  await page.goto(account(world));
  await atSignIn(page);
}

/** Whether the client has what a step is about. */
const server = ({ client }) => client.api;
const cookies = ({ client }) => client.api && client.cookies;
const handshakes = ({ client }) => client.handshake;
const webhooks = ({ client }) => client.webhooks;

export const STEPS = [
  { name: "a protected page leads to the sign-in page", run: async (world) => {
    const { page } = world;
    await page.goto(account(world));
    await atSignIn(page);
    await page.locator("input").first().waitFor();
  } },
  { name: "the API refuses a visitor who is not signed in", when: server, run: async (world) => {
    assert.equal((await api(world, world.page)).status, 401);
    assert.equal((await fetch(`${world.client.url}/api/me`)).status, 401);
  } },
  { name: "sign-up by a texted code", run: async (world) => {
    world.number = freshNumber();
    await world.ui.signUp(world, world.page, world.number);
    await seesAccount(world, world.page);
    assert.deepEqual(await world.ui.numbers(world.page), [world.number]);
  } },
  { name: "a full page load while signed in", run: async (world) => {
    await world.page.reload();
    await seesAccount(world, world.page);
    await world.page.goto(world.client.url);
    await world.ui.isSignedIn(world.page);
  } },
  { name: "a second tab", run: async (world) => {
    world.tab = await world.context.newPage();
    await world.tab.goto(account(world));
    await seesAccount(world, world.tab);
    assert.deepEqual(await world.ui.numbers(world.tab), [world.number]);
  } },
  { name: "the API knows the visitor by the cookies", when: cookies, run: async (world) => {
    const answer = await api(world, world.page);
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body.phoneNumbers, [world.number]);
  } },
  { name: "the API knows the visitor by the token", when: server, run: async (world) => {
    const bearer = await world.ui.token(world.page);
    const answer = await api(world, world.page, bearer);
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body.phoneNumbers, [world.number]);
    assert.equal((await api(world, world.page, `${bearer.slice(0, -8)}AAAAAAAA`)).status, 401);
  } },
  { name: "a page load without a session token: a handshake", when: handshakes, run: async (world) => {
    // A page with the SDK would write the cookie anew.
    for (const page of [world.page, world.tab]) await page.goto("about:blank");
    await world.context.clearCookies({ name: /^__session/ });
    const redirected = world.page.waitForRequest((request) => request.url().includes("/v1/client/handshake"));
    await world.page.goto(account(world));
    await redirected;
    await seesAccount(world, world.page);
    await world.page.reload();
    await seesAccount(world, world.page);
    await world.tab.goto(account(world));
    await seesAccount(world, world.tab);
  } },
  { name: "the token is renewed after 60 s", run: async (world) => {
    const page = await world.context.newPage();
    await page.clock.install();
    await page.goto(account(world));
    await world.ui.isSignedIn(page);
    const before = await world.ui.token(page);
    const renewed = page.waitForResponse((answer) => /\/v1\/client\/sessions\/\w+\/tokens/.test(answer.url()) && answer.ok());
    await page.clock.fastForward(61_000);
    const bare = await (await renewed).json();
    const claims = (jwt) => JSON.parse(Buffer.from(jwt.split(".")[1], "base64url"));
    assert.equal(claims(bare.jwt).sid, claims(before).sid);
    // Only the page's clock was moved: for the server it is the same minute, in which the same token may be sent again.
    assert.ok(claims(bare.jwt).exp * 1000 - Date.now() > 30_000);
    if (server(world)) assert.equal((await api(world, page, bare.jwt)).status, 200);
    await page.close();
    await world.page.goto(account(world));
    await seesAccount(world, world.page);
  } },
  { name: "a number is added and becomes the second factor", run: async (world) => {
    const { page, ui } = world;
    world.second = freshNumber();
    await page.goto(account(world));
    await ui.isSignedIn(page);
    await addNumber(world, page, world.second);
    const reserved = await ui.call(page, world.second, "setReservedForSecondFactor", { reserved: true });
    assert.equal(reserved.reservedForSecondFactor, true);
    assert.equal(reserved.backupCodes.length, 10);
    assert.equal(await ui.isDefaultSecondFactor(page, world.second), true);
  } },
  { name: "reverification, then new backup codes", run: async (world) => {
    const { page, ui } = world;
    await page.goto(account(world));
    await ui.isSignedIn(page);
    world.backupCode = await ui.newBackupCodes(world, page, world.second);
  } },
  { name: "every other method of PhoneNumber, and a password", run: async (world) => {
    const { page, ui } = world;
    const third = freshNumber();
    await addNumber(world, page, third);
    await ui.call(page, third, "setReservedForSecondFactor", { reserved: true });
    await ui.call(page, third, "makeDefaultSecondFactor");
    assert.equal(await ui.isDefaultSecondFactor(page, third), true);
    await ui.call(page, world.second, "makeDefaultSecondFactor");
    assert.equal(await ui.isDefaultSecondFactor(page, third), false);
    const { reservedForSecondFactor } = await ui.call(page, third, "setReservedForSecondFactor", { reserved: false });
    assert.equal(reservedForSecondFactor, false);
    await ui.call(page, third, "destroy");
    assert.deepEqual((await ui.numbers(page)).sort(), [world.number, world.second].sort());
    await ui.setPassword(page, PASSWORD);
    await page.reload();
    await seesAccount(world, page);
  } },
  { name: "sign-out, in both tabs", run: async (world) => {
    await signOut(world);
    await world.tab.reload();
    await atSignIn(world.tab);
    await world.ui.isSignedOut(world.tab);
  } },
  { name: "the API refuses who has signed out", when: server, run: async (world) => {
    assert.equal((await api(world, world.page)).status, 401);
  } },
  { name: "sign-in by code and a second texted code, with a page load between", run: async (world) => {
    const { page, ui } = world;
    await ui.beginSignIn(world, page, world.number);
    await ui.firstFactorByCode(world, page, world.number);
    await ui.reloadAtSecondFactor(world, page, world.second);
    await ui.secondFactorByCode(world, page, world.second);
    await seesAccount(world, page);
    assert.deepEqual(await ui.factorAges(page), [0, 0]);
  } },
  { name: "sign-in by password and a backup code", run: async (world) => {
    const { page, ui } = world;
    await signOut(world);
    await ui.beginSignIn(world, page, world.number);
    await ui.firstFactorByPassword(world, page, PASSWORD);
    await ui.secondFactorByBackupCode(world, page, world.backupCode);
    await seesAccount(world, page);
    await page.reload();
    await seesAccount(world, page);
  } },
  { name: "a webhook is taken, a forged one refused", when: webhooks, run: async (world) => {
    const user = await world.ui.userId(world.page);
    await printed(world.client, `user.created ${user}`);
    const [id, timestamp, body] = ["msg_forged", String(Math.floor(Date.now() / 1000)), JSON.stringify({ type: "user.created", data: {} })];
    const signature = createHmac("sha256", "another secret").update(`${id}.${timestamp}.${body}`).digest("base64");
    const answer = await fetch(`${world.client.url}/webhooks`, {
      method: "POST", body,
      headers: { "content-type": "application/json", "svix-id": id, "svix-timestamp": timestamp, "svix-signature": `v1,${signature}` },
    });
    assert.equal(answer.status, 400);
  } },
];

/** Waits until the example has printed a line: the event is told after the answer of the sign-up. */
async function printed({ program }, line) {
  for (const end = Date.now() + 10_000; !program.output.includes(line);) {
    if (Date.now() > end) throw new Error(`the example has not printed "${line}"`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
