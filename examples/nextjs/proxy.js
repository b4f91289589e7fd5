import { clerkMiddleware, createRouteMatcher } from "@clerk/nextjs/server";

const isProtected = createRouteMatcher(["/account(.*)"]);

// Also serves PhoneProof under /__clerk of this origin, from CLERK_FAPI_URL.
export default clerkMiddleware(
  async (auth, request) => {
    if (isProtected(request)) await auth.protect();
  },
  { frontendApiProxy: { enabled: true }, signInUrl: "/sign-in", signUpUrl: "/sign-up" },
);

export const config = {
  // Everything but Next's own files and files of the application.
  matcher: ["/((?!_next|webhooks|[^?]*\\.(?:html?|css|js|jpe?g|webp|png|gif|svg|ttf|woff2?|ico)).*)", "/__clerk/(.*)"],
};
