// Playwright as the runner of `end2end/goals`: the same browser as the tests', watched by nobody.
import { defineConfig } from "@playwright/test";
import tests from "../playwright.config.ts";

export default defineConfig({
  ...tests,
  // What was measured once is measured.
  retries: 0,
  testDir: ".",
  testMatch: process.argv.includes("profile") ? "profile.ts" : "goals.ts",
  outputDir: "../results/goals",
  timeout: 15 * 60_000,
  reporter: [["./print.ts"]],
  use: {
    ...tests.use,
    screenshot: "off",
    trace: "off",
    launchOptions: {
      ...tests.use?.launchOptions,
      // Now and then Chromium loads pages of its own window, of hundreds of files, while ours is measured.
      args: [...(tests.use?.launchOptions?.args ?? []), "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,WebUIOmnibox"],
    },
  },
});
