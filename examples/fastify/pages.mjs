const SCRIPT = {
  "clerk-js": "/__clerk/npm/@clerk/clerk-js@6/dist/clerk.browser.js",
  ui: "/__clerk/npm/@clerk/ui@1/dist/ui.browser.js",
};

/** A page with the SDK in it, and one of its components if `component` names one. */
export const page = (title, body, component = "") => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title}</title>
    <script defer src="${SCRIPT["clerk-js"]}" data-clerk-publishable-key="${process.env.CLERK_PUBLISHABLE_KEY}"
            data-clerk-proxy-url="/__clerk"></script>
    <script defer src="${SCRIPT.ui}"></script>
    <script type="module">
      await Clerk.load({ ui: { ClerkUI: window.__internal_ClerkUICtor }, signInUrl: "/sign-in", signUpUrl: "/sign-up" });
      const component = "${component}";
      const options = { routing: "hash", fallbackRedirectUrl: "/account" };
      if (component) Clerk["mount" + component](document.getElementById("component"), options);
    </script>
  </head>
  <body>
    <nav><a href="/">Home</a> <a href="/account">Account</a> <a href="/sign-in">Sign in</a> <a href="/sign-up">Sign up</a></nav>
    <main>
      <h1>${title}</h1>
      ${body}
      <div id="component"></div>
    </main>
  </body>
</html>`;
