"""Pages with the SDK in them, which calls PhoneProof across origins."""

import json
import os

PHONEPROOF = os.environ["CLERK_PROXY_URL"]
PUBLISHABLE_KEY = os.environ["CLERK_PUBLISHABLE_KEY"]

PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>{title}</title>
    <script defer src="{phoneproof}/npm/@clerk/clerk-js@6/dist/clerk.browser.js"
            data-clerk-publishable-key="{key}" data-clerk-proxy-url="{phoneproof}"></script>
    <script defer src="{phoneproof}/npm/@clerk/ui@1/dist/ui.browser.js"></script>
    <script type="module">
      const {{ component, isProtected }} = {options};
      await Clerk.load({{ ui: {{ ClerkUI: window.__internal_ClerkUICtor }}, signInUrl: "/sign-in", signUpUrl: "/sign-up" }});
      if (isProtected && !Clerk.isSignedIn) await Clerk.redirectToSignIn();
      else if (component) {{
        const element = document.getElementById("component");
        Clerk["mount" + component](element, {{ routing: "hash", fallbackRedirectUrl: "/account" }});
      }}
      if (isProtected && Clerk.isSignedIn) {{
        const answer = await fetch("/api/me", {{ headers: {{ authorization: `Bearer ${{await Clerk.session.getToken()}}` }} }});
        const me = await answer.json();
        document.getElementById("user-id").textContent = me.userId;
        document.getElementById("numbers").textContent = me.phoneNumbers.join(", ");
      }}
    </script>
  </head>
  <body>
    <nav><a href="/">Home</a> <a href="/account">Account</a> <a href="/sign-in">Sign in</a> <a href="/sign-up">Sign up</a></nav>
    <main>
      <h1>{title}</h1>
      {body}
      <div id="component"></div>
    </main>
  </body>
</html>"""

ACCOUNT = '<p>You are <code id="user-id"></code>, with <span id="numbers"></span>.</p>'


def page(title: str, component: str = "", protected: bool = False) -> str:
    """A page that shows a component of the SDK; a protected one leads whoever is not signed in to the sign-in page."""
    options = json.dumps({"component": component, "isProtected": protected})
    return PAGE.format(
        title=title, phoneproof=PHONEPROOF, key=PUBLISHABLE_KEY, options=options, body=ACCOUNT if protected else ""
    )
