import react from "@vitejs/plugin-react";
import { defineConfig, loadEnv } from "vite";

const PROXY_PATH = "/__clerk";

export default defineConfig(({ mode }) => {
  const env = loadEnv(mode, process.cwd(), "");
  return {
    plugins: [react()],
    server: {
      port: Number(env.PORT || 3000),
      strictPort: true,
      proxy: {
        // PhoneProof under the page's own origin: its cookies are first-party, and there is no CORS. In production the
        // server that hands out `dist` does the same.
        [PROXY_PATH]: {
          target: env.CLERK_FAPI_URL,
          rewrite: (path) => path.slice(PROXY_PATH.length),
          configure: (proxy) =>
            proxy.on("proxyReq", (outgoing, incoming) => {
              outgoing.setHeader("Clerk-Proxy-Url", `http://${incoming.headers.host}${PROXY_PATH}`);
              outgoing.setHeader("Clerk-Secret-Key", env.CLERK_SECRET_KEY);
              outgoing.setHeader("X-Forwarded-For", incoming.socket.remoteAddress);
            }),
        },
      },
    },
  };
});
