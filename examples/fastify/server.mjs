import { clerkPlugin, getAuth } from "@clerk/fastify";
import { verifyWebhook } from "@clerk/fastify/webhooks";
import Fastify from "fastify";
import { page } from "./pages.mjs";

const app = Fastify();

// Also serves PhoneProof under /__clerk of this origin, from CLERK_FAPI_URL. The hook comes before Fastify reads bodies:
// those of the proxied requests are forms, which it does not know. The plugin does not read CLERK_API_URL by itself.
await app.register(clerkPlugin, {
  apiUrl: process.env.CLERK_API_URL,
  frontendApiProxy: { enabled: true },
  hookName: "onRequest",
});

const html = (reply, ...parts) => reply.type("text/html").send(page(...parts));

app.get("/", (request, reply) => html(reply, "Fastify with PhoneProof", `<a href="/account">Your account</a>`));
app.get("/sign-in", (request, reply) => html(reply, "Sign in", "", "SignIn"));
app.get("/sign-up", (request, reply) => html(reply, "Sign up", "", "SignUp"));

app.get("/account", async (request, reply) => {
  const { userId } = getAuth(request);
  if (!userId) return reply.redirect(`/sign-in?redirect_url=${encodeURIComponent(request.url)}`);
  const user = await request.clerk.users.getUser(userId);
  const numbers = user.phoneNumbers.map(({ phoneNumber }) => `<li>${phoneNumber}</li>`).join("");
  return html(reply, "Your account", `<p>You are <code id="user-id">${user.id}</code>.</p><ul>${numbers}</ul>`, "UserProfile");
});

app.get("/api/me", async (request, reply) => {
  const { userId } = getAuth(request);
  if (!userId) return reply.code(401).send({ error: "not signed in" });
  const user = await request.clerk.users.getUser(userId);
  return { userId, phoneNumbers: user.phoneNumbers.map(({ phoneNumber }) => phoneNumber) };
});

app.post("/webhooks", async (request, reply) => {
  try {
    const event = await verifyWebhook(request);
    console.log(event.type, event.data.id ?? "");
    return reply.code(204).send();
  } catch {
    return reply.code(400).send();
  }
});

await app.listen({ port: Number(process.env.PORT ?? 3000), host: "localhost" });
