// The examples that are driven, in the order of the table. What is false of a client is not asked of it.
//
// ui         who draws the forms: the prebuilt components, or the example itself
// api        it has an API of its own at /api/me, behind the SDK of its language
// cookies    that API knows a visitor by the cookies; others take the token alone
// handshake  a page load without a session token is mended by redirects
// redraws    it draws the page anew after a reverification
// webhooks   it takes PhoneProof's webhooks at /webhooks, and prints each
// sdk        the packages whose versions the table tells

import * as components from "./components.mjs";

export const CLIENTS = {
  react: { ui: components, sdk: ["@clerk/react"] },
  express: { ui: components, api: true, cookies: true, handshake: true, webhooks: true, sdk: ["@clerk/express"] },
  nextjs: { ui: components, api: true, cookies: true, handshake: true, webhooks: true, redraws: true, sdk: ["@clerk/nextjs"] },
  fastify: { ui: components, api: true, cookies: true, handshake: true, webhooks: true, sdk: ["@clerk/fastify"] },
  python: { ui: components, api: true, webhooks: true, sdk: ["clerk-backend-api"] },
};
