// The WASM in parts: a page loads the one that all need and its own, both from its head on; those of the pages that its links
// lead to come when it has nothing else to do.
import type { Page } from "@playwright/test";
import { expect, hydrated, Management, signIn, test } from "../gateway.ts";

const PARTS = /\/pkg\/[\w.]+\.(?:js|wasm)/g;

/** Notes when the page was hydrated, by the clock of its own requests. */
const noteHydration = (page: Page) =>
  page.addInitScript(() => {
    const seen = new MutationObserver(() => {
      if (!document.body?.hasAttribute("data-hydrated")) return;
      Object.assign(window, { hydratedAt: performance.now() });
      seen.disconnect();
    });
    seen.observe(document, { attributes: true, attributeFilter: ["data-hydrated"], subtree: true });
  });

/** What this document has asked for, as paths: before it was hydrated, or at all. */
async function asked(page: Page, when: "to hydrate" | "so far"): Promise<string[]> {
  const urls = await page.evaluate((when) => {
    const { hydratedAt } = window as unknown as { hydratedAt: number };
    const all = performance.getEntriesByType("resource");
    return all.filter((entry) => when === "so far" || entry.startTime < hydratedAt).map((entry) => entry.name);
  }, when);
  return urls.flatMap((url) => new URL(url).pathname.match(PARTS) ?? []);
}

test("a page loads what its head names: the script, the part that all share, and its own", async ({ page, gateway }) => {
  await noteHydration(page);
  const own = new Set<string>();
  const visit = async (path: string) => {
    const html = (await (await page.goto(gateway.url + path))?.text()) ?? "";
    await hydrated(page);
    // Nothing is asked for later, when what was loaded first turns out to need it.
    const named = new Set(html.match(PARTS));
    expect([...new Set(await asked(page, "to hydrate"))].toSorted(), path).toEqual([...named].toSorted());
    expect(named.size, path).toBe(3);
    for (const part of named) if (!part.startsWith("/pkg/tollgate.")) own.add(part);
  };
  await visit("/sign-in");
  await visit(new URL(gateway.setupLink).pathname + new URL(gateway.setupLink).search);
  await gateway.createAdmin();
  await signIn(page, gateway);
  const management = new Management(gateway, await gateway.managementToken());
  const key = (await management.call("POST", "/keys", { name: "a" })).key.id;
  const group = (await management.call("POST", "/groups", { name: "a" })).id;
  for (const path of ["/", "/logs", "/tokens?new=1", `/tokens/${key}`, "/groups", `/groups/${group}`, "/rules", "/rules/new", "/models", "/models/prices", "/models/tollgate/echo", "/playground", "/providers", "/profile", "/find"]) await visit(path);
  expect(own.size, "every page has a part of its own").toBe(17);
});

test("the parts that links lead to come when the page is at rest, once, and a link then brings none", async ({ page, gateway }) => {
  await gateway.createAdmin();
  await signIn(page, gateway);
  await page.goto(gateway.url);
  await hydrated(page);
  await page.evaluate(() => document.body.setAttribute("data-stayed", ""));
  const stems = async () => (await asked(page, "so far")).map((path) => path.replace(/^\/pkg\/|\.[0-9a-f]{16}\.\w+$/g, ""));
  await expect.poll(stems).toEqual(expect.arrayContaining(["logs", "tokens", "groups", "rules", "models", "profile"]));
  for (const [label, shows] of [["Logs", "Logs"], ["Tokens", "Tokens"], ["Logs", "Logs"], ["Dashboard", "Nothing in"]]) {
    await page.locator(".index__link", { hasText: label }).click();
    await expect(page.locator("main h1")).toContainText(shows);
  }
  await page.goBack();
  await expect(page.locator("main h1")).toContainText("Logs");
  await expect(page.locator("body[data-stayed]")).toBeAttached();
  for (const stem of ["logs", "tokens"]) expect((await stems()).filter((other) => other === stem), stem).toHaveLength(1);
});

test("a part that has not come is brought by the link to it", async ({ page, gateway }) => {
  await gateway.createAdmin();
  await signIn(page, gateway);
  // Whoever saves data is brought nothing ahead.
  await page.addInitScript(() => Object.defineProperty(navigator, "connection", { value: { saveData: true } }));
  await page.goto(gateway.url);
  await hydrated(page);
  await page.evaluate(() => document.body.setAttribute("data-stayed", ""));
  await page.waitForTimeout(500);
  const logs = async () => (await asked(page, "so far")).filter((path) => path.startsWith("/pkg/logs."));
  expect(await logs()).toHaveLength(0);
  await page.locator(".index__link", { hasText: "Logs" }).click();
  await expect(page.locator("main h1")).toContainText("Logs");
  await expect(page.locator("body[data-stayed]")).toBeAttached();
  expect(await logs()).toHaveLength(1);
});

test("where a part does not come, pages work as without JavaScript", async ({ page, gateway, quiet }) => {
  quiet.allow(/status of 404|HTTP status code is not ok/);
  await gateway.createAdmin();
  await signIn(page, gateway);
  // As after an update of the server: its parts have other names.
  await page.route("**/pkg/logs.*.wasm", (route) => route.fulfill({ status: 404 }));
  await page.goto(gateway.url);
  await hydrated(page);
  await page.locator(".index__link", { hasText: "Logs" }).click();
  await page.waitForURL((url) => url.pathname === "/logs");
  await expect(page.locator("main h1")).toContainText("Logs");
  await page.locator(".index__link", { hasText: "Tokens" }).click();
  await page.waitForURL((url) => url.pathname === "/tokens");
  await hydrated(page);
});
