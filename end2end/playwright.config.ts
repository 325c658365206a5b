// Debian's Chromium, one worker (the machine has two cores and the gateway wants one), no second chances but one: see `last-words.ts`.
import { execFileSync } from "node:child_process";
import { defineConfig } from "@playwright/test";

const chromium = execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim();

export default defineConfig({
  testDir: "specs",
  outputDir: "results/playwright",
  workers: 1,
  retries: 1,
  failOnFlakyTests: true,
  forbidOnly: !!process.env.CI,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [["list"], ["./last-words.ts"]],
  use: {
    browserName: "chromium",
    locale: "en-GB",
    timezoneId: "UTC",
    viewport: { width: 1440, height: 900 },
    screenshot: "only-on-failure",
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: chromium,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
