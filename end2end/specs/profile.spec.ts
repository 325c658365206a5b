// Profile: the zone that every time is told in, and the rule that keys without one of their own inherit.
import type { Page } from "@playwright/test";
import { axe, expect, type Gateway, hydrated, Management, shots, test } from "../gateway.ts";

const PASSWORD = "correct horse battery staple";

async function signIn(page: Page, gateway: Gateway, ready: () => Promise<void>, email = "admin@example.com"): Promise<void> {
  await page.goto(`${gateway.url}/sign-in?next=/profile`);
  await ready();
  await page.fill("[name=email]", email);
  await page.fill("[name=password]", PASSWORD);
  await page.locator(".entry__form button").last().click();
  await page.waitForURL((url) => url.pathname === "/profile");
  await ready();
}

/** `tollgate/fill` costs 1 + 2 x words millionths of a credit. */
async function call(gateway: Gateway, secret: string, words: number): Promise<{ status: number; message: string }> {
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "tollgate/fill", max_tokens: words, messages: [{ role: "user", content: "go" }] }),
  });
  return { status: answer.status, message: (await answer.json()).error?.message ?? "" };
}

/** A rule that lets no call of more than so many words pass. */
async function rule(management: Management, name: string, words: number, enabled = true): Promise<string> {
  const credits = ((1 + 2 * words) / 1e6).toFixed(9);
  return (await management.call("POST", "/rules", { name, enabled, quota: { credits, period: "daily" } })).id;
}

async function chain(page: Page, gateway: Gateway, management: Management, ready: () => Promise<void>): Promise<void> {
  const strict = await rule(management, "strict", 1);
  const wide = await rule(management, "wide", 1_000);
  const off = await rule(management, "summer freeze", 1, false);
  const inherits = (await management.call("POST", "/keys", { name: "inherits" })).secret;
  const own = (await management.call("POST", "/keys", { name: "own", rule_id: wide })).secret;
  const choose = async (id: string) => {
    await page.selectOption("[name=rule_id]", id);
    await page.getByRole("button", { name: "Save default rule" }).click();
    await expect(page.locator(".toasts")).toContainText(/from its next call on/);
    await page.goto(`${gateway.url}/profile`);
    await ready();
    await expect(page.locator("[name=rule_id]")).toHaveValue(id);
  };
  await signIn(page, gateway, ready);
  const options = page.locator("[name=rule_id] option");
  await expect(options).toHaveText(["None", "strict", "wide"]);
  await expect(page.locator("main")).toContainText("1 key has no rule of its own");
  // Nothing is inherited yet.
  expect((await call(gateway, inherits, 5)).status).toBe(200);
  // The default governs the key without a rule, and only that one, from the next call on.
  await choose(strict);
  const refused = await call(gateway, inherits, 5);
  expect(refused.status).toBe(402);
  expect(refused.message).toContain('rule "strict"');
  expect((await call(gateway, own, 5)).status).toBe(200);
  // None again.
  await choose("");
  expect((await call(gateway, inherits, 5)).status).toBe(200);
  // A rule that is off is not suggested; switched off where it is the one that is set, it stays and restricts nobody.
  await choose(strict);
  await management.call("PATCH", `/rules/${strict}`, { enabled: false });
  expect((await call(gateway, inherits, 5)).status).toBe(200);
  await page.goto(`${gateway.url}/profile`);
  await ready();
  await expect(options).toHaveText(["None", "wide", "strict (off, restricts nobody)"]);
  await expect(page.locator("[name=rule_id]")).toHaveValue(strict);
  await expect(page.locator("main")).not.toContainText("summer freeze");
  expect(off).toBeTruthy();
}

test("a key’s own rule comes first, then the account’s default, then none", async ({ page, gateway, management }) => {
  await chain(page, gateway, management, () => hydrated(page));
  await axe(page);
  await shots(page, "profile");
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("a key’s own rule comes first, then the account’s default, then none", async ({ page, gateway, management }) => {
    await chain(page, gateway, management, async () => {});
  });

  test("every time is told in the zone of one’s own", async ({ page, gateway, management }) => {
    await zones(page, gateway, management, async () => {});
  });
});

async function zones(page: Page, gateway: Gateway, management: Management, ready: () => Promise<void>): Promise<void> {
  const expiring = { name: "expires", expires_at: "2099-01-01T00:00:00Z" };
  await management.call("POST", "/keys", expiring);
  await signIn(page, gateway, ready);
  await expect(page.locator("[name=timezone]")).toHaveValue("UTC");
  await page.locator("[name=timezone]").focus();
  await expect(page.locator("datalist option[value='Asia/Tokyo']")).toHaveCount(1);
  for (const bad of ["", "Middle/Earth", "UTC+99", "x".repeat(5_000), "<b>"]) {
    await page.fill("[name=timezone]", bad);
    await page.getByRole("button", { name: "Save time zone" }).click();
    await expect(page.locator("#timezone-problem")).toContainText(bad ? "is not a time zone" : "Choose a time zone");
    expect(((await page.locator("#timezone-problem").textContent()) ?? "").length).toBeLessThan(150);
    await expect(page.locator("[name=timezone]")).toHaveValue(bad);
  }
  await expect(page.locator(".index__account")).toContainText("UTC");
  await page.fill("[name=timezone]", "Asia/Tokyo");
  await page.getByRole("button", { name: "Save time zone" }).click();
  await expect(page.locator(".toasts")).toContainText("Every time is shown in Asia/Tokyo now");
  await expect(page.locator(".index__account")).toContainText("Asia/Tokyo, UTC+09:00");
  await page.goto(`${gateway.url}/`);
  await ready();
  await expect(page.locator(".sheet__lede")).toContainText("Asia/Tokyo, UTC+9");
}

test("every time is told in the zone of one’s own", async ({ page, gateway, management, quiet }) => {
  quiet.allow(/status of 400 .*\/fn\/save-timezone/);
  await zones(page, gateway, management, () => hydrated(page));
});

test("a default rule that an admin has set is named, and is not for its owner to change", async ({ page, gateway, management }) => {
  const user = ["account", "create", "--email", "user@example.com", "--role", "user", "--password-stdin"];
  await gateway.cli(user, `${PASSWORD}\n`);
  const own = new Management(gateway, await gateway.managementToken("user@example.com"));
  const account_id = (await own.call("POST", "/keys", { name: "k" })).key.account_id;
  await management.call("PUT", "/account/default-rule", { account_id, rule_id: await rule(management, "office hours", 50) });
  await signIn(page, gateway, () => hydrated(page), "user@example.com");
  await expect(page.locator("main")).toContainText("office hours is set by an admin");
  await expect(page.locator("main")).toContainText("1 key has no rule of its own");
  await expect(page.locator("[name=rule_id]")).toHaveCount(0);
  await expect(page.locator("main")).toContainText("User: sees and changes what is their own");
  await axe(page);
  await shots(page, "profile-locked");
});

test("preferences are the same in the profile and in the account’s menu", async ({ page, gateway, management: _ }) => {
  await signIn(page, gateway, () => hydrated(page));
  const root = page.locator("html");
  const main = page.locator("main .preferences");
  const keeping = (choice: string) => {
    return page.waitForResponse((answer) => answer.url().endsWith("/fn/preferences") && !!answer.request().postData()?.includes(choice));
  };
  const dark = keeping("theme=dark");
  await main.getByRole("radio", { name: "Dark" }).check({ force: true });
  await expect(root).toHaveAttribute("data-theme", "dark");
  await dark;
  await page.locator(".index__account").click();
  const menu = page.locator("#account .preferences");
  await expect(menu.getByRole("radio", { name: "Dark" })).toBeChecked();
  const kept = keeping("density=compact");
  await menu.getByRole("radio", { name: "Compact" }).check({ force: true });
  await kept;
  await expect(main.getByRole("radio", { name: "Compact" })).toBeChecked();
  await expect(main.getByRole("radio", { name: "Dark" }), "the other choice stays").toBeChecked();
  await page.reload();
  await hydrated(page);
  await expect(root).toHaveAttribute("data-theme", "dark");
  await expect(root).toHaveAttribute("data-density", "compact");
});
