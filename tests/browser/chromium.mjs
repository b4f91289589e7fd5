// Chromium as the tests start it: Debian's, headless, and without calls of its own to the outside.

import { chromium } from "playwright-core";

export const openChromium = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
});
