// The SDK's script files, handed to the page from node_modules wherever it asks for them.

import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const MODULES = join(dirname(fileURLToPath(import.meta.url)), "../browser/node_modules/@clerk");

export const serveScripts = (context) => context.route(/\/npm\/@clerk\/(clerk-js|ui)@[^/]+\/dist\/[^/]+\.js$/, async (route) => {
  const [, name, file] = new URL(route.request().url()).pathname.match(/@clerk\/(clerk-js|ui)@[^/]+\/dist\/([^/]+)$/);
  await route.fulfill({
    body: await readFile(join(MODULES, name, "dist", file)), contentType: "text/javascript", headers: { "access-control-allow-origin": "*" },
  });
});
