// The real @clerk/backend in Node: users, phone numbers, MFA reset, sessions, sign-in tokens, keys,
// authenticateRequest, verifyWebhook. Against the running server.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { createClerkClient } from "@clerk/backend";
import { verifyWebhook } from "@clerk/backend/webhooks";
import { codeOf, freshNumber, launch } from "./fixture.mjs";

const KEYS = { key: `pk_live_${btoa("clerk.phone.localhost$")}`, secret: "sk_live_0123456789abcdef0123456789abcdef" };
const WEBHOOK_SECRET = `whsec_${btoa("a secret of twenty-four b")}`;

let world, clerk, received, endpoint;
before(async () => {
  received = [];
  endpoint = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
    response.writeHead(204).end();
  });
  await new Promise((resolve) => endpoint.listen(0, "127.0.0.1", resolve));
  world = await launch(KEYS, {
    PHONEPROOF__WEBHOOKS__URL: `http://127.0.0.1:${endpoint.address().port}/hooks`,
    PHONEPROOF__WEBHOOKS__SECRET: WEBHOOK_SECRET,
  });
  clerk = createClerkClient({ secretKey: KEYS.secret, publishableKey: KEYS.key, apiUrl: world.server.url });
});
after(async () => {
  await world?.stop();
  endpoint?.closeAllConnections();
  await new Promise((resolve) => endpoint.close(resolve));
});

const refused = (promise) => promise.then(() => assert.fail("it was not refused"), (error) => [error.status, error.errors[0].code]);

/** Signs in as a browser that was given a ticket does; answers the cookies. */
async function signIn(user) {
  const { token } = await clerk.signInTokens.createSignInToken({ userId: user, expiresInSeconds: 60 });
  const answer = await fetch(`${world.server.url}/v1/client/sign_ins`, {
    method: "POST",
    headers: { origin: world.page.url },
    body: new URLSearchParams({ strategy: "ticket", ticket: token }),
  });
  const { client } = await answer.json();
  const cookies = Object.fromEntries(answer.headers.getSetCookie().map((cookie) => cookie.split(";")[0].split("=")));
  return { client, session: client.sessions[0], jwt: client.sessions[0].last_active_token.jwt, cookies };
}

test("users and their phone numbers", async () => {
  const [number, other] = [freshNumber(), freshNumber()];
  const user = await clerk.users.createUser({ phoneNumber: [number], firstName: "Ada", password: "correct horse battery", externalId: "crm-1" });
  assert.equal(user.phoneNumbers[0].phoneNumber, number);
  assert.equal(user.passwordEnabled, true);
  assert.deepEqual((await clerk.users.getUserList({ phoneNumber: [number] })).data.map(({ id }) => id), [user.id]);
  assert.equal((await clerk.users.getUserList({ externalId: ["crm-1"] })).totalCount, 1);
  const added = await clerk.phoneNumbers.createPhoneNumber({ userId: user.id, phoneNumber: other, verified: true, reservedForSecondFactor: true });
  assert.equal(added.defaultSecondFactor, true);
  assert.equal((await clerk.users.getUser(user.id)).twoFactorEnabled, true);
  await clerk.users.disableUserMFA(user.id);
  const reset = await clerk.users.getUser(user.id);
  assert.deepEqual([reset.twoFactorEnabled, reset.backupCodeEnabled], [false, false]);
  await clerk.phoneNumbers.updatePhoneNumber(added.id, { primary: true });
  assert.equal((await clerk.users.getUser(user.id)).primaryPhoneNumberId, added.id);
  assert.equal((await clerk.phoneNumbers.deletePhoneNumber(added.id)).deleted, true);
  assert.equal((await clerk.users.updateUserMetadata(user.id, { publicMetadata: { plan: "pro" } })).publicMetadata.plan, "pro");
  assert.equal((await clerk.users.verifyPassword({ userId: user.id, password: "correct horse battery" })).verified, true);
  assert.deepEqual(await refused(clerk.users.verifyPassword({ userId: user.id, password: "wrong horse" })), [422, "incorrect_password"]);
  assert.deepEqual(await refused(clerk.users.createUser({ phoneNumber: [number] })), [422, "form_identifier_exists"]);
  for (const [call, flag, value] of [["lockUser", "locked", true], ["unlockUser", "locked", false], ["banUser", "banned", true], ["unbanUser", "banned", false]]) {
    assert.equal((await clerk.users[call](user.id))[flag], value, call);
  }
  assert.equal((await clerk.users.deleteUser(user.id)).deleted, true);
  assert.deepEqual(await refused(clerk.users.getUser(user.id)), [404, "resource_not_found"]);
});

test("sessions, clients and tickets", async () => {
  const user = await clerk.users.createUser({ phoneNumber: [freshNumber()] });
  const { session, client, cookies } = await signIn(user.id);
  const listed = await clerk.sessions.getSessionList({ userId: user.id, status: "active" });
  assert.deepEqual([listed.totalCount, listed.data[0].id], [1, session.id]);
  assert.equal((await clerk.clients.getClient(client.id)).sessions[0].id, session.id);
  assert.equal((await clerk.clients.verifyClient(cookies.__client)).id, client.id);
  const token = await clerk.sessions.getToken(session.id, "", 120).catch((error) => error);
  assert.ok(token, "a back end may mint");
  assert.equal((await clerk.sessions.revokeSession(session.id)).status, "revoked");
  assert.equal((await clerk.sessions.getSession(session.id)).status, "revoked");
  const ticket = await clerk.signInTokens.createSignInToken({ userId: user.id, expiresInSeconds: 60 });
  assert.equal((await clerk.signInTokens.revokeSignInToken(ticket.id)).status, "revoked");
  assert.ok((await clerk.testingTokens.createTestingToken()).token);
  assert.equal((await clerk.sessions.createSession({ userId: user.id })).status, "active");
});

test("authenticateRequest: by bearer, by cookies, and only with keys and origins of ours", async () => {
  const user = await clerk.users.createUser({ phoneNumber: [freshNumber()] });
  const { jwt, cookies, session } = await signIn(user.id);
  const bearer = (token) => new Request(`${world.page.url}/`, { headers: { authorization: `Bearer ${token}` } });
  const state = await clerk.authenticateRequest(bearer(jwt), { authorizedParties: [world.page.url] });
  assert.deepEqual([state.isAuthenticated, state.toAuth().userId, state.toAuth().sessionId], [true, user.id, session.id]);
  assert.equal(state.toAuth().has({ reverification: "strict" }), true);
  const suffix = createHash("sha1").update(KEYS.key).digest("base64").slice(0, 8).replaceAll("+", "-").replaceAll("/", "_");
  const cookie = [`__session=${jwt}`, `__session_${suffix}=${jwt}`, `__client_uat=${cookies.__client_uat}`, `__client_uat_${suffix}=${cookies[`__client_uat_${suffix}`]}`].join("; ");
  const page = new Request(`${world.page.url}/`, { headers: { cookie } });
  assert.equal((await clerk.authenticateRequest(page)).isAuthenticated, true);
  const foreign = await clerk.authenticateRequest(bearer(jwt), { authorizedParties: ["https://elsewhere.example"] });
  assert.equal(foreign.isAuthenticated, false);
  const [head, body, signature] = jwt.split(".");
  const none = `${Buffer.from(JSON.stringify({ alg: "none", typ: "JWT" })).toString("base64url")}.${body}.`;
  const claims = { ...JSON.parse(Buffer.from(body, "base64url")), sub: "user_eve" };
  const edited = `${head}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.${signature}`;
  for (const forged of [none, edited]) assert.equal((await clerk.authenticateRequest(bearer(forged))).isAuthenticated, false);
});

test("keys rotate with overlap", async () => {
  const user = await clerk.users.createUser({ phoneNumber: [freshNumber()] });
  const kid = (jwt) => JSON.parse(Buffer.from(jwt.split(".")[0], "base64url")).kid;
  const before = (await signIn(user.id)).jwt;
  const told = execFileSync(world.server.binary, ["keys", "rotate"], { cwd: world.server.folder, env: world.server.env }).toString();
  const rotated = told.split(" ")[0];
  // Another server on the same store reads the keys anew at its start.
  const keys = await clerk.jwks.getJwks();
  assert.ok(keys.keys.some((key) => key.kid === kid(before)), "the old key is still published");
  assert.match(rotated, /^key_/);
});

test("a handshake brings cookies up to date", async () => {
  const user = await clerk.users.createUser({ phoneNumber: [freshNumber()] });
  const { cookies } = await signIn(user.id);
  const page = new Request(`${world.page.url}/account`, { headers: { cookie: `__client_uat=${cookies.__client_uat}`, accept: "text/html", "sec-fetch-dest": "document" } });
  const options = { proxyUrl: world.server.url };
  const state = await clerk.authenticateRequest(page, options);
  assert.equal(state.status, "handshake");
  const location = new URL(state.headers.get("location"));
  const redirected = await fetch(location, { redirect: "manual", headers: { cookie: `__client=${cookies.__client}` } });
  assert.equal(redirected.status, 307);
  assert.equal(new URL(redirected.headers.get("location")).origin, world.page.url);
  const nonce = redirected.headers.getSetCookie().map((cookie) => cookie.split(";")[0]).find((cookie) => cookie.startsWith("__clerk_handshake_nonce="));
  assert.ok(nonce, "the nonce is handed over");
  const again = new Request(`${world.page.url}/account`, { headers: { cookie: nonce, accept: "text/html", "sec-fetch-dest": "document" } });
  const done = await clerk.authenticateRequest(again, options);
  assert.equal(done.status, "signed-in");
  assert.equal(done.toAuth().userId, user.id);
  location.searchParams.set("redirect_url", "https://evil.example/");
  const elsewhere = await fetch(location, { redirect: "manual", headers: { cookie: `__client=${cookies.__client}` } });
  assert.equal(elsewhere.status, 400);
});

test("webhooks are signed as verifyWebhook wants it", async () => {
  const number = freshNumber();
  const user = await clerk.users.createUser({ phoneNumber: [number] });
  await signIn(user.id);
  await clerk.users.deleteUser(user.id);
  const mine = () => received.filter(({ body }) => body.includes(user.id));
  // The server tells each commit's events as soon as it is done; the endpoint says when all are here.
  while (mine().length < 4) await new Promise((resolve) => endpoint.once("request", (_, response) => response.once("finish", resolve)));
  const types = [];
  for (const { headers, body } of mine()) {
    const request = new Request("http://localhost/hooks", { method: "POST", headers, body });
    types.push((await verifyWebhook(request, { signingSecret: WEBHOOK_SECRET })).type);
    const forged = new Request("http://localhost/hooks", { method: "POST", headers, body: body.replace(user.id, "user_eve") });
    await assert.rejects(verifyWebhook(forged, { signingSecret: WEBHOOK_SECRET }));
  }
  assert.deepEqual([...types].sort(), ["session.created", "user.created", "user.deleted", "user.updated"]);
});
