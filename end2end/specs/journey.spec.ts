// From nothing to a call that is charged and a key that is revoked: what an admin does on the first day. Once as most
// people meet the console, once without JavaScript.
import type { Page } from "@playwright/test";
import { axe, expect, type Gateway, hydrated, shots, test } from "../gateway.ts";
import { Upstream } from "../upstream.ts";

const EMAIL = "mara@nordlys.example";
const PASSWORD = "a sentence that is long enough";

async function call(gateway: Gateway, secret: string, model: string): Promise<Response> {
  return fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify({ model, messages: [{ role: "user", content: "hello there" }] }),
  });
}

/** The whole journey; `ready` waits until a page answers, `seen` is called where there is something to look at. */
async function journey(
  page: Page,
  gateway: Gateway,
  upstream: Upstream,
  ready: () => Promise<void>,
  seen: (name: string) => Promise<void>,
): Promise<void> {
  const open = async (path: string) => {
    await page.goto(path.startsWith("http") ? path : gateway.url + path);
    await ready();
  };

  // The link that the server printed makes the first admin, once.
  await open(gateway.setupLink);
  await page.fill("[name=email]", EMAIL);
  await page.fill("[name=password]", PASSWORD);
  await page.locator("main button, .entry__form button").last().click();
  await page.waitForURL((url) => url.pathname === "/");
  await ready();
  await seen("dashboard-empty");
  await open(gateway.setupLink);
  await expect(page.locator("[name=password]")).toHaveCount(0);

  // Out, and in again: a wrong password is told, and the email is kept.
  await page.context().clearCookies();
  await open("/tokens");
  await expect(page).toHaveURL(/\/sign-in\?next=/);
  await page.fill("[name=email]", EMAIL);
  await page.fill("[name=password]", "not this one, surely");
  await page.locator(".entry__form button").last().click();
  await expect(page.locator(".field__error")).toContainText("do not belong together");
  await expect(page.locator("[name=email]")).toHaveValue(EMAIL);
  await seen("sign-in-refused");
  await page.fill("[name=password]", PASSWORD);
  await page.locator(".entry__form button").last().click();
  await page.waitForURL((url) => url.pathname === "/tokens");
  await ready();
  await seen("tokens-empty");

  // A provider, and a model on it.
  await open("/providers?new=1");
  await seen("provider-new");
  await page.fill("dialog [name=name]", "nordlys");
  await page.fill("dialog [name=base_url]", "not a url");
  await page.locator("dialog button.button--primary").click();
  await expect(page.locator("dialog .field__error").first()).toBeVisible();
  await expect(page.locator("dialog [name=name]")).toHaveValue("nordlys");
  await page.fill("dialog [name=base_url]", upstream.baseUrl);
  await page.fill("dialog [name=credentials]", "sk-upstream-0123456789abcdef");
  await page.locator("dialog button.button--primary").click();
  await expect(page.locator("th", { hasText: "nordlys" })).toBeVisible();
  await expect(page.locator("body")).not.toContainText("0123456789");
  await page.getByRole("button", { name: "Test nordlys" }).click();
  await expect(page.locator("body")).toContainText("lists one model");
  await seen("providers");

  await open("/models?new=1");
  await seen("model-new");
  await page.fill('dialog [name="model[name]"]', "gpt-real");
  await page.selectOption('dialog [name="model[pricing]"]', { index: 0 });
  await page.fill('dialog [name="model[input]"]', "2.50");
  await page.fill('dialog [name="model[output]"]', "10");
  await page.selectOption('dialog [name="model[routes][0][provider_id]"]', { label: "nordlys" });
  await page.locator("dialog button.button--primary").click();
  await expect(page.locator("th", { hasText: "gpt-real" })).toBeVisible();
  await seen("models");

  // A key, shown once; what is wrong with a field is said beside it, and nothing is lost.
  await open("/tokens?new=1");
  await page.fill("dialog [name=name]", "production-web");
  await page.locator("label.tabs__tab", { hasText: "Usage limits" }).click();
  await page.fill('dialog [name="limits[rpm]"]', "200k!");
  await page.fill('dialog [name="limits[monthly_spend]"]', "5");
  await page.locator("dialog button.button--primary").click();
  await expect(page.locator("dialog .field__error")).toContainText("Write 200000 or 200k");
  await expect(page.locator('dialog [name="limits[monthly_spend]"]')).toHaveValue("5");
  await seen("token-new-problem");
  await page.fill('dialog [name="limits[rpm]"]', "60");
  await page.locator("dialog button.button--primary").click();
  const secret = (await page.locator(".secret__value").textContent()) ?? "";
  expect(secret).toMatch(/^sk-tg-[0-9A-Za-z]{43}$/);
  expect(page.url()).not.toContain(secret);
  await seen("token-created");
  await page.getByRole("link", { name: "I have stored it" }).click();
  await expect(page.locator("th", { hasText: "production-web" })).toBeVisible();
  await open("/tokens");
  expect(await page.content()).not.toContain(secret);

  // A real call: 100 x 2.50 + 10 x 10.00, per million.
  const answer = await call(gateway, secret, "gpt-real");
  expect(answer.status).toBe(200);
  expect(answer.headers.get("x-tollgate-cost")).toBe("0.000350000");
  const id = answer.headers.get("x-request-id") ?? "";

  await open("/");
  await expect(page.locator("main")).toContainText("production-web");
  await expect(page.locator("main")).toContainText("gpt-real");
  await expect(page.locator("main")).toContainText("0.000350");
  await seen("dashboard");
  await open("/logs?model=gpt-real");
  await expect(page.locator("tbody tr")).toHaveCount(1);
  await seen("logs");
  await open(`/logs?call=${id}`);
  await expect(page.locator("dialog.drawer, .drawer").first()).toContainText("0.000350");
  await seen("logs-drawer");
  await open("/logs?model=nothing-like-it");
  await expect(page.locator("main")).toContainText(/no call matches/i);
  await seen("logs-no-matches");

  // Revoked: the very next call is refused, and that is in the logs too.
  await open("/tokens");
  await seen("tokens");
  await page.locator('summary[aria-label="Actions for production-web"]').click();
  await page.locator(".row-menu[open]").getByText("Revoke").click();
  await page.locator("dialog").getByRole("button", { name: "Revoke" }).click();
  await expect(page.locator("th", { hasText: "production-web" })).toHaveCount(0);
  const refused = await call(gateway, secret, "gpt-real");
  expect(refused.status).toBe(401);
  expect((await refused.json()).error.code).toBe("key_revoked");
  await open("/logs");
  await expect(page.locator("tbody")).toContainText("401");
}

test("the first day of an admin", async ({ page, gateway, quiet }) => {
  test.setTimeout(180_000);
  // A form that is refused answers 4xx, which browsers log by themselves.
  quiet.allow(/Failed to load resource: the server responded with a status of 4\d\d .*\/fn\//);
  const upstream = await Upstream.start();
  try {
    await journey(page, gateway, upstream, () => hydrated(page), async (name) => {
      await page.waitForTimeout(250);
      await axe(page);
      await shots(page, name);
    });
  } finally {
    upstream.stop();
  }
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("the first day of an admin", async ({ page, gateway }) => {
    test.setTimeout(120_000);
    const upstream = await Upstream.start();
    try {
      await journey(page, gateway, upstream, async () => {}, async () => {});
    } finally {
      upstream.stop();
    }
  });
});

test("a wrong address says so, and leads back; whoever is signed out is led to sign in", async ({ page, gateway, quiet }) => {
  quiet.allow(/status of 404/);
  quiet.allow(/status of 401/);
  const answer = await page.goto(`${gateway.url}/nowhere`);
  expect(answer?.status()).toBe(404);
  await hydrated(page);
  await axe(page);
  await page.getByRole("link", { name: "To the dashboard" }).click();
  await expect(page).toHaveURL(/sign-in\?next=/);
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  await expect(page).toHaveURL(/sign-in\?next=/);
});

test("a page that one may not see, or that asks for something unknown, says why", async ({ page, gateway, quiet }) => {
  quiet.allow(/status of 40[03]/);
  await gateway.createAdmin();
  const user = ["account", "create", "--email", EMAIL, "--role", "user", "--password-stdin"];
  await gateway.cli(user, `${PASSWORD}\n`);
  await page.goto(`${gateway.url}/sign-in`);
  await hydrated(page);
  await page.fill("[name=email]", EMAIL);
  await page.fill("[name=password]", PASSWORD);
  await page.locator(".entry__form button").last().click();
  await page.waitForURL((url) => url.pathname === "/");
  for (const [path, status, told] of [
    ["/providers", 403, "only admins see them"],
    ["/logs?status=odd", 400, "is no status"],
  ] as const) {
    const answer = await page.goto(gateway.url + path);
    expect(answer?.status()).toBe(status);
    await hydrated(page);
    await expect(page.locator("main")).toContainText(told);
    await axe(page);
  }
});
