// A page that uses the SDK from the npm registry as it is, on an origin of its own.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const MODULES = join(dirname(fileURLToPath(import.meta.url)), "node_modules", "@clerk");
const FOLDERS = { "/clerk-js/": join(MODULES, "clerk-js", "dist"), "/clerk-ui/": join(MODULES, "ui", "dist") };
const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".map": "application/json" };

/** The page: it loads the SDK's browser builds and leaves the rest to the test. */
const page = (key, proxyUrl) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page with the SDK</title>
<script src="/clerk-js/clerk.browser.js" data-clerk-publishable-key="${key}" data-clerk-proxy-url="${proxyUrl}"></script>
<script src="/clerk-ui/ui.browser.js"></script>
<script>addEventListener("load", () => location.pathname === "/app" && window.Clerk.load());</script>
</head><body><main id="app"></main></body></html>`;

/**
 * Serves the page; `settings()` answers the publishable key and the proxy URL, asked at each load.
 * With `forward` the page's own origin hands /__clerk/ on to the server, as an application's proxy does.
 */
export async function serve(settings) {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, "http://localhost").pathname;
    const folder = Object.keys(FOLDERS).find((prefix) => path.startsWith(prefix));
    try {
      if (path.startsWith("/__clerk/")) return await forward(request, response, settings());
      if (folder) {
        const file = normalize(path.slice(folder.length)).replace(/^(\.\.[/\\])+/, "");
        const body = await readFile(join(FOLDERS[folder], file));
        response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
        return response.end(body);
      }
      const { key, proxyUrl } = settings();
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
      response.end(page(key, proxyUrl));
    } catch (error) {
      response.writeHead(error.code === "ENOENT" ? 404 : 500);
      response.end(String(error));
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://localhost:${server.address().port}`;
  return { url, stop: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }) };
}

/** What contract 2.4 says of a proxy: the prefix goes, three headers come. */
async function forward(request, response, { upstream, secretKey }) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const headers = { ...request.headers };
  for (const name of ["host", "connection", "content-length", "transfer-encoding"]) delete headers[name];
  const origin = `http://${request.headers.host}`;
  const answer = await fetch(upstream + request.url.slice("/__clerk".length), {
    method: request.method,
    headers: {
      ...headers,
      "clerk-proxy-url": `${origin}/__clerk`,
      "clerk-secret-key": secretKey,
      "x-forwarded-for": request.socket.remoteAddress,
    },
    body: ["GET", "HEAD"].includes(request.method) ? undefined : Buffer.concat(chunks),
    redirect: "manual",
  });
  const out = {};
  for (const [name, value] of answer.headers) {
    if (!["content-encoding", "content-length", "transfer-encoding", "connection", "set-cookie"].includes(name)) out[name] = value;
  }
  const cookies = answer.headers.getSetCookie();
  if (cookies.length) out["set-cookie"] = cookies;
  response.writeHead(answer.status, out);
  response.end(Buffer.from(await answer.arrayBuffer()));
}
