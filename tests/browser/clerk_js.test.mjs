// The real @clerk/clerk-js in headless Chromium: every method of PhoneNumber, sign-up, sign-in with
// each factor, reverification, revocation. Against the running server, over its HTTP API alone.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { launch, LIMITS_OFF, SECRET_KEY, codeOf, freshNumber } from "./fixture.mjs";

const KINDS = {
  // The natural mode: the server's own cookies.
  live: { key: `pk_live_${btoa("clerk.phone.localhost$")}`, secret: "sk_live_0123456789abcdef0123456789abcdef" },
  // Cookies too, but the SDK writes __client_uat itself.
  test: { key: `pk_test_${btoa("clerk.phone.localhost$")}`, secret: SECRET_KEY },
  // The token in the URL.
  devBrowser: { key: `pk_test_${btoa("phone.accounts.dev$")}`, secret: SECRET_KEY },
};

let browser;
before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
  });
});
after(() => browser?.close());

/** A page on which the SDK has loaded, in a browser of its own. */
async function load(world, { path = "/" } = {}) {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.on("pageerror", (error) => { page.failure = error; });
  await page.goto(world.page.url + path);
  await page.evaluate(() => window.Clerk.load());
  return page;
}

/** Signs a new user up by clerk-js; answers the number. */
async function signUp(world, page, extra = {}) {
  const number = freshNumber();
  await page.evaluate(async ([phoneNumber, extra]) => {
    const signUp = await window.Clerk.client.signUp.create({ phoneNumber, ...extra });
    await signUp.preparePhoneNumberVerification();
  }, [number, extra]);
  const code = await codeOf(world, number);
  const status = await page.evaluate(async (code) => {
    const done = await window.Clerk.client.signUp.attemptPhoneNumberVerification({ code });
    await window.Clerk.setActive({ session: done.createdSessionId });
    return done.status;
  }, code);
  assert.equal(status, "complete");
  return number;
}

/** Adds a number by the methods of PhoneNumber; answers its id and number. */
async function addNumber(world, page) {
  const number = freshNumber();
  const id = await page.evaluate(async (phoneNumber) => {
    const created = await window.Clerk.user.createPhoneNumber({ phoneNumber });
    await created.prepareVerification();
    return created.id;
  }, number);
  const code = await codeOf(world, number);
  const verified = await page.evaluate(async ([id, code]) => {
    const created = window.Clerk.user.phoneNumbers.find((number) => number.id === id);
    const answer = await created.attemptVerification({ code });
    return answer.verification.status;
  }, [id, code]);
  assert.equal(verified, "verified");
  return { id, number };
}

/** Signs in up to the second factor; answers the status. */
async function firstFactor(world, page, number) {
  await page.evaluate(async (identifier) => {
    const signIn = await window.Clerk.client.signIn.create({ identifier });
    const factor = signIn.supportedFirstFactors.find((factor) => factor.strategy === "phone_code");
    if (factor.safeIdentifier !== identifier) throw new Error(`not the number that was typed: ${factor.safeIdentifier}`);
    await signIn.prepareFirstFactor({ strategy: "phone_code", phoneNumberId: factor.phoneNumberId });
  }, number);
  const code = await codeOf(world, number);
  return page.evaluate(async (code) => {
    const signIn = await window.Clerk.client.signIn.attemptFirstFactor({ strategy: "phone_code", code });
    if (signIn.status === "complete") await window.Clerk.setActive({ session: signIn.createdSessionId });
    return signIn.status;
  }, code);
}

for (const [kind, keys] of Object.entries(KINDS)) {
  test(`a person signs up, out and in again: ${kind}`, async () => {
    const world = await launch(keys);
    try {
      const page = await load(world);
      assert.deepEqual(await page.evaluate(() => [window.Clerk.status, window.Clerk.isSignedIn]), ["ready", false]);
      const number = await signUp(world, page, { firstName: "Ada" });
      const signedIn = () => page.evaluate(() => [window.Clerk.isSignedIn, window.Clerk.user?.primaryPhoneNumber?.phoneNumber]);
      assert.deepEqual(await signedIn(), [true, number]);
      await page.reload();
      await page.evaluate(() => window.Clerk.load());
      assert.deepEqual(await signedIn(), [true, number]);
      const token = await page.evaluate(() => window.Clerk.session.getToken({ skipCache: true }));
      const claims = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
      assert.equal(claims.azp, world.page.url);
      assert.equal(claims.exp - claims.iat, 60);
      assert.deepEqual(claims.fva, [0, -1]);
      const cookies = await page.context().cookies();
      const suffix = createHash("sha1").update(keys.key).digest("base64").slice(0, 8).replaceAll("+", "-").replaceAll("/", "_");
      const named = (name) => cookies.find((cookie) => cookie.name === name);
      assert.ok(named("__session") && named(`__session_${suffix}`), "the session's token is in its cookies");
      const uat = Number(named(`__client_uat_${suffix}`)?.value);
      assert.ok(uat > 0 && uat <= claims.iat, `uat ${uat} is no later than the token's ${claims.iat}`);
      if (kind === "live") assert.equal(Number(named("__client_uat").value), uat);
      if (kind !== "devBrowser") assert.ok(named("__client").httpOnly);

      await page.evaluate(() => window.Clerk.signOut(() => {}));
      assert.deepEqual((await signedIn())[0], false);
      assert.equal(await firstFactor(world, page, number), "complete");
      assert.deepEqual(await signedIn(), [true, number]);
      assert.equal(page.failure, undefined);
    } finally {
      await world.stop();
    }
  });
}

test("through an application's own proxy, same origin", async () => {
  const world = await launch(KINDS.live, { sameOrigin: true });
  try {
    const page = await load(world);
    await signUp(world, page);
    await page.reload();
    await page.evaluate(() => window.Clerk.load());
    const token = await page.evaluate(() => window.Clerk.session.lastActiveToken.getRawString());
    const claims = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
    assert.equal(claims.azp, world.page.url, "a same-origin GET has no Origin, and its token an azp");
  } finally {
    await world.stop();
  }
});

test("every method of PhoneNumber", async () => {
  const world = await launch(KINDS.live);
  try {
    const page = await load(world);
    const number = await signUp(world, page);
    const second = await addNumber(world, page);
    const third = await addNumber(world, page);
    const on = await page.evaluate(async ([second, third]) => {
      const of = (id) => window.Clerk.user.phoneNumbers.find((number) => number.id === id);
      const seen = {};
      seen.text = of(second).toString();
      const reserved = await of(second).setReservedForSecondFactor({ reserved: true });
      seen.codes = reserved.backupCodes?.length;
      seen.on = [window.Clerk.user.twoFactorEnabled, window.Clerk.user.backupCodeEnabled, of(second).defaultSecondFactor];
      // From now on the second factor is what must have been proved lately.
      seen.refused = await of(third).setReservedForSecondFactor({ reserved: true }).catch((error) => error.errors[0].code);
      await window.Clerk.session.startVerification({ level: "second_factor" });
      await window.Clerk.session.prepareSecondFactorVerification({ strategy: "phone_code" });
      return seen;
    }, [second.id, third.id]);
    assert.deepEqual(on, {
      text: second.number, codes: 10, on: [true, true, true], refused: "session_reverification_required",
    });
    const code = await codeOf(world, second.number);
    const shown = await page.evaluate(async ([second, third, code]) => {
      const of = (id) => window.Clerk.user.phoneNumbers.find((number) => number.id === id);
      const seen = {};
      seen.proved = (await window.Clerk.session.attemptSecondFactorVerification({ strategy: "phone_code", code })).status;
      await of(third).setReservedForSecondFactor({ reserved: true });
      await of(third).makeDefaultSecondFactor();
      seen.moved = [of(second).defaultSecondFactor, of(third).defaultSecondFactor];
      seen.renewed = (await window.Clerk.user.createBackupCode()).codes.length;
      const last = window.Clerk.user.phoneNumbers.find((number) => !number.reservedForSecondFactor);
      seen.last = await last.setReservedForSecondFactor({ reserved: true }).catch((error) => error.errors[0].code);
      seen.destroyed = await last.destroy().catch((error) => error.errors[0].code);
      await of(third).setReservedForSecondFactor({ reserved: false });
      seen.back = [of(second).defaultSecondFactor, of(third).defaultSecondFactor];
      await of(third).destroy();
      await of(second).destroy();
      seen.left = window.Clerk.user.phoneNumbers.map((number) => number.phoneNumber);
      seen.off = [window.Clerk.user.twoFactorEnabled, window.Clerk.user.backupCodeEnabled];
      return seen;
    }, [second.id, third.id, code]);
    assert.deepEqual(shown, {
      proved: "complete", moved: [false, true], renewed: 10,
      last: "identification_update_failed", destroyed: "identification_deletion_failed",
      back: [true, false], left: [number], off: [false, false],
    });
  } finally {
    await world.stop();
  }
});

test("each factor signs in, and a reverification repeats it", async () => {
  const world = await launch(KINDS.live, { PHONEPROOF__SESSIONS__REVERIFICATION: "true" });
  try {
    const page = await load(world);
    const number = await signUp(world, page, { password: "correct horse battery" });
    const second = await addNumber(world, page);
    const codes = await page.evaluate(async (id) => {
      const number = window.Clerk.user.phoneNumbers.find((number) => number.id === id);
      const reserved = await number.setReservedForSecondFactor({ reserved: true });
      await window.Clerk.signOut(() => {});
      return reserved.backupCodes;
    }, second.id);

    // By code and a code.
    assert.equal(await firstFactor(world, page, number), "needs_second_factor");
    assert.equal(await page.evaluate(() => window.Clerk.isSignedIn), false);
    const offered = await page.evaluate(async () => {
      const signIn = await window.Clerk.client.signIn.prepareSecondFactor({ strategy: "phone_code" });
      return signIn.supportedSecondFactors.map((factor) => [factor.strategy, factor.safeIdentifier]);
    });
    assert.deepEqual(offered, [["phone_code", `+1******${second.number.slice(-4)}`], ["backup_code", undefined]]);
    const code = await codeOf(world, second.number);
    const ages = await page.evaluate(async (code) => {
      const wrong = code === "000000" ? "000001" : "000000";
      const refused = await window.Clerk.client.signIn.attemptSecondFactor({ strategy: "phone_code", code: wrong })
        .catch((error) => error.errors[0].code);
      if (refused !== "form_code_incorrect") throw new Error(`a wrong code gave ${refused}`);
      const done = await window.Clerk.client.signIn.attemptSecondFactor({ strategy: "phone_code", code });
      await window.Clerk.setActive({ session: done.createdSessionId });
      return window.Clerk.session.factorVerificationAge;
    }, code);
    assert.deepEqual(ages, [0, 0]);

    // By password and a backup code.
    const signedIn = await page.evaluate(async ([identifier, code]) => {
      await window.Clerk.signOut(() => {});
      const signIn = await window.Clerk.client.signIn.create({ identifier, strategy: "password", password: "correct horse battery" });
      if (signIn.status !== "needs_second_factor") throw new Error(signIn.status);
      const done = await signIn.attemptSecondFactor({ strategy: "backup_code", code });
      await window.Clerk.setActive({ session: done.createdSessionId });
      return window.Clerk.isSignedIn;
    }, [number, codes[0]]);
    assert.equal(signedIn, true);

    // Reverification, by both factors.
    const begun = await page.evaluate(async () => {
      const verification = await window.Clerk.session.startVerification({ level: "multi_factor" });
      const factor = verification.supportedFirstFactors.find((factor) => factor.strategy === "phone_code");
      await window.Clerk.session.prepareFirstFactorVerification(factor);
      return verification.status;
    });
    assert.equal(begun, "needs_first_factor");
    const first = await codeOf(world, number);
    const half = await page.evaluate(async (code) => {
      const verification = await window.Clerk.session.attemptFirstFactorVerification({ strategy: "phone_code", code });
      await window.Clerk.session.prepareSecondFactorVerification({ strategy: "phone_code" });
      return verification.status;
    }, first);
    assert.equal(half, "needs_second_factor");
    const last = await codeOf(world, second.number);
    const whole = await page.evaluate(async (code) => {
      const verification = await window.Clerk.session.attemptSecondFactorVerification({ strategy: "phone_code", code });
      return [verification.status, verification.session.factorVerificationAge];
    }, last);
    assert.deepEqual(whole, ["complete", [0, 0]]);
  } finally {
    await world.stop();
  }
});

test("a session that is revoked elsewhere is over here", async () => {
  const world = await launch(KINDS.live);
  try {
    const [here, there] = [await load(world), await load(world)];
    const number = await signUp(world, here);
    assert.equal(await firstFactor(world, there, number), "complete");
    const revoked = await there.evaluate(async () => {
      const sessions = await window.Clerk.user.getSessions();
      const other = sessions.find((session) => session.id !== window.Clerk.session.id);
      await other.revoke();
      return (await window.Clerk.user.getSessions()).length;
    });
    assert.equal(revoked, 1);
    const outcome = await here.evaluate(async () => {
      await window.Clerk.session.touch().catch(() => {});
      const refused = await window.Clerk.session?.getToken({ skipCache: true }).catch((error) => error.status);
      await window.Clerk.handleUnauthenticated();
      return [window.Clerk.isSignedIn, refused ?? null];
    });
    assert.equal(outcome[0], false);
    // The back end bans: the other one is over, too.
    const id = await there.evaluate(() => window.Clerk.user.id);
    await fetch(`${world.server.url}/v1/users/${id}/ban`, { method: "POST", headers: { authorization: `Bearer ${world.secretKey}` } });
    const banned = await there.evaluate(async () => {
      await window.Clerk.session.getToken({ skipCache: true }).catch(() => {});
      await window.Clerk.handleUnauthenticated();
      return window.Clerk.isSignedIn;
    });
    assert.equal(banned, false);
  } finally {
    await world.stop();
  }
});

test("an instance that requires a second factor leaves a task", async () => {
  const world = await launch(KINDS.live, { PHONEPROOF__SECOND_FACTOR__REQUIRED: "true" });
  try {
    const page = await load(world);
    const number = freshNumber();
    await page.evaluate(async (phoneNumber) => {
      const signUp = await window.Clerk.client.signUp.create({ phoneNumber });
      await signUp.preparePhoneNumberVerification();
    }, number);
    const code = await codeOf(world, number);
    const pending = await page.evaluate(async (code) => {
      await window.Clerk.client.signUp.attemptPhoneNumberVerification({ code });
      const session = window.Clerk.client.sessions[0];
      await window.Clerk.setActive({ session: session.id });
      return [session.status, session.tasks, window.Clerk.isSignedIn];
    }, code);
    assert.deepEqual(pending, ["pending", [{ key: "setup-mfa" }], false]);
    const second = await addNumber(world, page);
    const active = await page.evaluate(async (id) => {
      const number = window.Clerk.user.phoneNumbers.find((number) => number.id === id);
      await number.setReservedForSecondFactor({ reserved: true });
      return [window.Clerk.client.sessions[0].status, window.Clerk.isSignedIn];
    }, second.id);
    assert.deepEqual(active, ["active", true]);
  } finally {
    await world.stop();
  }
});

test("limits and lockout speak the SDK's language", { skip: !LIMITS_OFF }, async () => {
  const world = await launch(KINDS.live, { PHONEPROOF__CODES__RESEND_AFTER_SECONDS: "30", PHONEPROOF__LIMITS__CODE_WAITS_SECONDS: "30" });
  try {
    const page = await load(world);
    const number = freshNumber();
    const refused = await page.evaluate(async (phoneNumber) => {
      const signUp = await window.Clerk.client.signUp.create({ phoneNumber });
      await signUp.preparePhoneNumberVerification();
      return signUp.preparePhoneNumberVerification().catch((error) => [error.status, error.errors[0].code, error.retryAfter]);
    }, number);
    assert.deepEqual(refused.slice(0, 2), [429, "verification_code_too_many_requests"]);
    assert.ok(refused[2] > 0 && refused[2] <= 30, `Retry-After is ${refused[2]}`);
  } finally {
    await world.stop();
  }
});
