// A running server and a page beside it, both on localhost, with keys of the test's choice.

import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { serve } from "./page.mjs";
import { start } from "./server.mjs";

export const SECRET_KEY = "sk_test_0123456789abcdef";

/** All tests share one address, and ask for more codes than a person would. */
export const LIMITS_OFF = Object.fromEntries(
  ["CODES_PER_NUMBER", "CODE_WAITS_SECONDS", "CODES_PER_RANGE", "CODES_PER_USER", "CODES_PER_ADDRESS", "CODES_PER_NETWORK",
    "CODES_IN_ALL", "NEW_NUMBERS_PER_USER", "SIGN_INS_PER_ADDRESS", "ATTEMPTS_PER_ADDRESS", "BACK_END_REQUESTS"]
    .map((limit) => [`PHONEPROOF__LIMITS__${limit}`, ""]),
);

/** Starts both. `sameOrigin` goes through the page's own proxy instead of calling across origins. */
export async function launch(keys, { sameOrigin = false, ...options } = {}) {
  const settings = {};
  const page = await serve(() => settings);
  let server;
  try {
    server = await start({
      PHONEPROOF__ENVIRONMENT: "development",
      PHONEPROOF__KEYS__PUBLISHABLE_KEY: keys.key,
      PHONEPROOF__KEYS__SECRET_KEY: keys.secret,
      PHONEPROOF__SERVER__ALLOWED_ORIGINS: page.url,
      PHONEPROOF__CODES__RESEND_AFTER_SECONDS: "0",
      PHONEPROOF__LOG__LEVEL: process.env.SERVER_LOG ?? "warn",
      ...LIMITS_OFF,
      ...options,
    });
  } catch (error) {
    await page.stop();
    throw error;
  }
  // Page and server must share the host's name, or cookies will not travel.
  const local = server.url.replace("127.0.0.1", "localhost").replace(/\/$/, "");
  Object.assign(settings, {
    key: keys.key,
    proxyUrl: sameOrigin ? `${page.url}/__clerk` : local,
    upstream: server.url.replace(/\/$/, ""),
    secretKey: keys.secret,
  });
  const stop = async () => {
    await page.stop();
    await server.stop();
  };
  return { server: { ...server, url: server.url.replace(/\/$/, "") }, page, secretKey: keys.secret, publishableKey: keys.key, stop };
}

/** The code that was last texted to a number. */
export async function codeOf(world, number) {
  const messages = await textsTo(world, number);
  if (!messages.length) throw new Error(`no SMS reached ${number}`);
  return messages.at(-1).code;
}

/** How many texts to a number were asked for by `nextCodeOf`. */
const read = new Map();

/** The code of the next SMS to a number that this has not answered yet: the page may show its field before the text is there. */
export async function nextCodeOf(world, number) {
  const nth = read.get(number) ?? 0;
  const end = Date.now() + 20_000;
  for (;;) {
    const messages = await textsTo(world, number);
    if (messages.length > nth) {
      read.set(number, messages.length);
      return messages.at(-1).code;
    }
    if (Date.now() > end) throw new Error(`no further SMS reached ${number}`);
  }
}

/** The texts with a code; others tell the number's owner of a change, and may come at any moment. */
async function textsTo(world, number) {
  const answer = await fetch(`${world.server.url}/dev/inbox?to=${encodeURIComponent(number)}`);
  return ((await answer.json()).messages ?? []).filter((message) => message.code);
}

/** A number that no earlier call has given: the exchange is no N11 and no 555. */
export function freshNumber(area = 415) {
  let exchange;
  do exchange = randomInt(220, 550);
  while (exchange % 100 === 11);
  return `+1${area}${exchange}${String(randomInt(10_000)).padStart(4, "0")}`;
}

/** A port that is free now. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
