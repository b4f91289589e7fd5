import { clerkClient, clerkMiddleware, getAuth } from "@clerk/express";
import { verifyWebhook } from "@clerk/express/webhooks";
import express from "express";
import { page } from "./pages.mjs";

const app = express();

// Before everything that authenticates: a webhook is proven by its signature, over the body as it came.
app.post("/webhooks", express.raw({ type: "application/json" }), async (request, response) => {
  try {
    const event = await verifyWebhook(request);
    console.log(event.type, event.data.id ?? "");
    response.sendStatus(204);
  } catch {
    response.sendStatus(400);
  }
});

// Also serves PhoneProof under /__clerk of this origin, from CLERK_FAPI_URL.
app.use(clerkMiddleware({ frontendApiProxy: { enabled: true } }));

app.get("/", (request, response) => response.send(page("Express with PhoneProof", `<a href="/account">Your account</a>`)));
app.get("/sign-in", (request, response) => response.send(page("Sign in", "", "SignIn")));
app.get("/sign-up", (request, response) => response.send(page("Sign up", "", "SignUp")));

app.get("/account", async (request, response) => {
  const { userId } = getAuth(request);
  if (!userId) return response.redirect(`/sign-in?redirect_url=${encodeURIComponent(request.originalUrl)}`);
  const user = await clerkClient.users.getUser(userId);
  const numbers = user.phoneNumbers.map(({ phoneNumber }) => `<li>${phoneNumber}</li>`).join("");
  response.send(page("Your account", `<p>You are <code id="user-id">${user.id}</code>.</p><ul>${numbers}</ul>`, "UserProfile"));
});

app.get("/api/me", async (request, response) => {
  const { userId } = getAuth(request);
  if (!userId) return response.status(401).json({ error: "not signed in" });
  const user = await clerkClient.users.getUser(userId);
  response.json({ userId, phoneNumbers: user.phoneNumbers.map(({ phoneNumber }) => phoneNumber) });
});

app.listen(process.env.PORT ?? 3000);
