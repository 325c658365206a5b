// The WASM in parts: a page loads the one that all need and its own, both from its head on, and nothing of other pages.
import type { Page } from "@playwright/test";
import { expect, hydrated, Management, signIn, test } from "../gateway.ts";

const PARTS = /\/pkg\/[\w.]+\.(?:js|wasm)/g;

/** What is asked for from now on, or since the last document, as paths. */
function asked(page: Page): string[] {
  const paths: string[] = [];
  page.on("request", (request) => {
    if (request.isNavigationRequest()) paths.length = 0;
    paths.push(...(new URL(request.url()).pathname.match(PARTS) ?? []));
  });
  return paths;
}

test("a page loads what its head names: the script, the part that all share, and its own", async ({ page, gateway }) => {
  const paths = asked(page);
  const own = new Set<string>();
  const visit = async (path: string) => {
    const html = (await (await page.goto(gateway.url + path))?.text()) ?? "";
    await hydrated(page);
    // Nothing is asked for later, when what was loaded first turns out to need it.
    const named = new Set(html.match(PARTS));
    expect(paths.toSorted(), path).toEqual([...named].toSorted());
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

test("a link brings the next page's part, once, and leaves the page where it is", async ({ page, gateway }) => {
  await gateway.createAdmin();
  await signIn(page, gateway);
  await page.goto(gateway.url);
  await hydrated(page);
  await page.evaluate(() => document.body.setAttribute("data-stayed", ""));
  const paths = asked(page);
  for (const [label, shows] of [["Logs", "Logs"], ["Tokens", "Tokens"], ["Logs", "Logs"], ["Dashboard", "Nothing in"]]) {
    await page.locator(".index__link", { hasText: label }).click();
    await expect(page.locator("main h1")).toContainText(shows);
  }
  await page.goBack();
  await expect(page.locator("main h1")).toContainText("Logs");
  await expect(page.locator("body[data-stayed]")).toBeAttached();
  expect(paths.map((path) => path.replace(/\.[0-9a-f]{16}\./, "."))).toEqual(["/pkg/logs.wasm", "/pkg/tokens.wasm"]);
});

test("where a part does not come, pages work as without JavaScript", async ({ page, gateway, quiet }) => {
  quiet.allow(/status of 404|HTTP status code is not ok/);
  await gateway.createAdmin();
  await signIn(page, gateway);
  await page.goto(gateway.url);
  await hydrated(page);
  // As after an update of the server: its parts have other names.
  await page.route("**/pkg/logs.*.wasm", (route) => route.fulfill({ status: 404 }));
  await page.locator(".index__link", { hasText: "Logs" }).click();
  await page.waitForURL((url) => url.pathname === "/logs");
  await expect(page.locator("main h1")).toContainText("Logs");
  await page.locator(".index__link", { hasText: "Tokens" }).click();
  await page.waitForURL((url) => url.pathname === "/tokens");
  await hydrated(page);
});

test("rows wake after the page, as the elements that the server wrote", async ({ page, gateway }) => {
  await gateway.createAdmin();
  await signIn(page, gateway);
  const management = new Management(gateway, await gateway.managementToken());
  const names = Array.from({ length: 30 }, (_, at) => `key-${at}`);
  for (const name of names) await management.call("POST", "/keys", { name });
  // The script waits, so that what the server wrote can be marked.
  let letGo = () => {};
  const held = new Promise<void>((go) => (letGo = go));
  await page.route("**/pkg/tollgate.*.js", async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(`${gateway.url}/tokens`, { waitUntil: "commit" });
  const rows = page.locator(".ledger--keys tbody tr");
  await expect(rows).toHaveCount(25);
  await rows.evaluateAll((rows) => rows.forEach((row) => row.setAttribute("data-mark", "")));
  // A box that is ticked before anything is awake counts.
  const box = (name: string) => page.getByRole("checkbox", { name: `Select ${name}`, exact: true });
  letGo();
  await hydrated(page);
  await box("key-29").check();
  await expect(page.locator(".bulk__count")).toHaveText("1 selected");
  // The last row listens too: only then does Escape close its menu.
  const last = rows.last();
  await expect(async () => {
    await last.locator("summary").focus();
    if (!(await last.locator("details[open]").count())) await page.keyboard.press("Enter");
    await page.keyboard.press("Escape");
    await expect(last.locator("details[open]")).toHaveCount(0, { timeout: 500 });
  }).toPass();
  await expect(page.locator("tr[data-mark]")).toHaveCount(25);
  await expect(box("key-29")).toBeChecked();
  // Awake, they follow what happens.
  await page.locator("thead").getByRole("checkbox").check();
  for (const row of await rows.all()) await expect(row.getByRole("checkbox")).toBeChecked();
  await management.call("POST", "/keys", { name: "newest" });
  await expect(rows.first()).toContainText("newest");
  await expect(page.locator("tr[data-mark]")).toHaveCount(25);
});
