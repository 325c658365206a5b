// One key's own page: what bounds it, what would become of a call, and what may be done with it.
import type { Page } from "@playwright/test";
import { anotherDay, axe, expect, type Gateway, hydrated, listening, Management, shots, test } from "../gateway.ts";

const ADMIN = "admin@example.com";
const PASSWORD = "correct horse battery staple";

async function signIn(page: Page, gateway: Gateway, email = ADMIN): Promise<void> {
  await page.goto(`${gateway.url}/sign-in`);
  await page.fill("[name=email]", email);
  await page.fill("[name=password]", PASSWORD);
  await page.locator(".entry__form button").last().click();
  await page.waitForURL((url) => url.pathname === "/");
}

interface Made {
  id: string;
  secret: string;
}

async function key(management: Management, body: object): Promise<Made> {
  const made = await management.call("POST", "/keys", { name: "web", ...body });
  return { id: made.key.id, secret: made.secret };
}

/** One token of input and so many of output: 1 + 2 x words millionths of a credit. */
async function call(gateway: Gateway, secret: string, words = 10, model = "tollgate/fill"): Promise<Response> {
  return fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify({ model, max_tokens: words, messages: [{ role: "user", content: "go" }] }),
  });
}

async function spend(gateway: Gateway, secret: string, words = 10): Promise<void> {
  const answer = await call(gateway, secret, words);
  expect(answer.status, await answer.text()).toBe(200);
}

/** Opens a key's page; without JavaScript nothing is waited for. */
async function open(page: Page, gateway: Gateway, path: string): Promise<void> {
  await page.goto(gateway.url + path);
  if (await page.evaluate(() => true).catch(() => false)) await hydrated(page);
}

const chain = (page: Page) => page.locator(".chain tbody tr");
const scopes = (page: Page) => page.locator(".chain .chain__scope");
const verdict = (page: Page) => page.locator(".verdict");
const gates = (page: Page) => page.locator(".trace__gate");

test("every limit of a key is on its page in the order consulted, and the one that binds follows a call", async ({ page, gateway, management }) => {
  const account = (await management.call("POST", "/keys", { name: "other" })).key.account_id;
  await management.call("PATCH", `/accounts/${account}`, { limits: { monthly_spend: "900" } });
  const group = await management.call("POST", "/groups", { name: "team-search", quota: { credits: "600", period: "monthly" } });
  const rule = await management.call("POST", "/rules", { name: "Office hours", quota: { credits: "0.000050", period: "daily" } });
  const limits = { rpm: 60, monthly_spend: "200.00" };
  const { id, secret } = await key(management, { name: "production-web", group_id: group.id, rule_id: rule.id, limits });
  await signIn(page, gateway);
  await open(page, gateway, `/tokens/${id}`);
  await expect(page.getByRole("heading", { name: "production-web" })).toBeVisible();
  await expect(scopes(page)).toHaveText(["Key", "Key", "Rule", "Group", "Account", "Wallet"]);
  await expect(chain(page).nth(1)).toContainText("of 200.00 a month");
  await expect(chain(page).nth(2)).toContainText("of 0.000050 a day");
  await expect(chain(page).nth(3)).toContainText("team-search");
  await expect(chain(page).nth(4)).toContainText("of 900.00 a month");
  await expect(chain(page).nth(5)).toContainText("cost recorded only");
  await expect(chain(page).nth(0)).toContainText("blocks for seconds, 429");

  // What it is bound by is one click away.
  await expect(chain(page).nth(2).getByRole("link", { name: "Office hours" })).toHaveAttribute("href", `/rules/${rule.id}`);
  await expect(page.locator(".key").getByRole("link", { name: "team-search" })).toHaveAttribute("href", `/groups/${group.id}`);

  // A call is there within seconds, by itself.
  await listening(page);
  await spend(gateway, secret);
  await expect(chain(page).nth(2)).toContainText("0.000021");
  await expect(chain(page).nth(2)).toHaveClass(/chain__binds/);
  await expect(chain(page).nth(2)).toContainText("binds first");
  await expect(chain(page).nth(3)).toContainText("0.000021");
  await expect(page.locator(".key")).toContainText("Open");

  // The rule is spent: it says so, and the refusal is told with its limit.
  await spend(gateway, secret);
  expect((await call(gateway, secret)).status).toBe(402);
  await expect(page.locator(".key")).toContainText("Near a limit");
  const refusal = page.getByRole("table", { name: /Recent refusals/ }).locator("tbody tr");
  await expect(refusal).toHaveCount(1);
  await expect(refusal).toContainText("402 quota_exceeded");
  await expect(refusal).toContainText("Rule Office hours, 0.000050 credits a day");
  await expect(refusal).toContainText("0.000013");
  await expect(page.getByRole("link", { name: "All 1 this month" })).toHaveAttribute("href", /key=.*status=refused/);
  await spend(gateway, secret, 3);
  await expect(chain(page).nth(2)).toContainText("0.000001 left");
  const models = page.getByRole("table", { name: /This month by model/ });
  await expect(models.locator("tbody tr")).toHaveCount(1);
  await expect(models.locator("tbody tr")).toContainText("tollgate/fill");
  await expect(models.locator("tbody")).toContainText("100.0 %");

  await shots(page, "token");
  await axe(page);
  await page.getByText("Show data").click();
  await expect(page.locator(".chart__data table")).toContainText("0.000049");
  await page.getByRole("link", { name: "Monthly spend", exact: true }).click();
  await expect(page).toHaveURL(/of=key\.monthly_spend/);
  await expect(page.locator("#h-course + .statement__note")).toContainText("Monthly spend: credits settled since");
  await page.getByRole("link", { name: "Months before" }).click();
  await expect(page.locator("#h-course")).toHaveText("Spend by period");
  await axe(page);
  await shots(page, "token-past");
});

test("an explanation says of a call exactly what the call is then told", async ({ page, gateway, management, quiet }) => {
  quiet.allow(/status of 40\d/);
  const hours = { timezone: "UTC", weekdays: [anotherDay()], ranges: ["08:00-20:00"] };
  const shut = await management.call("POST", "/rules", { name: "Another day", hours });
  await signIn(page, gateway);
  const cases: [object, string, number, string][] = [
    [{ limits: { monthly_spend: "0.000030" } }, "tollgate/fill", 402, "quota_exceeded"],
    [{ limits: { rpm: 1 } }, "tollgate/fill", 429, "rate_limit_exceeded"],
    [{ rule_id: shut.id }, "tollgate/fill", 403, "outside_allowed_hours"],
    [{}, "no-such-model", 404, "model_not_found"],
  ];
  for (const [body, model, status, code] of cases) {
    const { id, secret } = await key(management, body);
    const passes = code === "quota_exceeded" || code === "rate_limit_exceeded";
    if (passes) {
      await open(page, gateway, `/tokens/${id}?model=${model}&input=1&output=10`);
      await expect(verdict(page)).toContainText("It would pass");
      await expect(verdict(page)).toContainText("0.000021 credits");
      await spend(gateway, secret);
    }
    await open(page, gateway, `/tokens/${id}?model=${model}&input=1&output=10`);
    await expect(verdict(page)).toContainText(`It would be refused: ${status} ${code}`);
    const refused = await call(gateway, secret, 10, model);
    expect(refused.status).toBe(status);
    const { error } = await refused.json();
    expect(error.code).toBe(code);
    await expect(verdict(page)).toContainText(error.message);
    await expect(page.locator(".trace__gate--shut")).toHaveCount(1);
    await expect(verdict(page)).toContainText(code === "model_not_found" ? "No waiting helps." : "It would pass");
    if (code === "outside_allowed_hours") {
      expect(error.tollgate.opens_at).toMatch(/T08:00:00Z$/);
      // At the time that was told it would pass.
      await page.getByLabel("When").fill(error.tollgate.opens_at.slice(0, 16));
      await page.getByRole("button", { name: "Explain" }).click();
      await expect(page).toHaveURL(/at=/);
      await expect(page.locator(".verdict__title")).toHaveText("It would pass");
      await expect(page.locator(".verdict__title")).toBeFocused();
    }
  }
  await axe(page);
  await shots(page, "token-explained");
});

test("a question that will not do is told beside its fields, and none is lost", async ({ page, gateway, management }) => {
  const { id } = await key(management, { limits: { monthly_tokens: 1_000 } });
  await signIn(page, gateway);
  await open(page, gateway, `/tokens/${id}?model=tollgate/fill&input=-1&output=9999999999999999999&endpoint=chat&at=soon&ip=10.0.0`);
  for (const name of ["input", "output", "endpoint", "at", "ip"]) {
    await expect(page.locator(`#explain-${name}-problem`)).toBeVisible();
    await expect(page.locator(`#explain-${name}`)).toHaveAttribute("aria-invalid", "true");
  }
  await expect(page.locator("#explain-input")).toHaveValue("-1");
  await expect(verdict(page)).toHaveCount(0);
  await axe(page);
  await shots(page, "token-question-problem");
  // Where the output is not said, the gateway chooses what the budget affords.
  await open(page, gateway, `/tokens/${id}?model=tollgate/fill&input=100`);
  await expect(verdict(page)).toContainText("100 tokens in, 900 out, chosen here");
});

test("a rotated secret works beside the old one, and the page says who still uses that, until it is ended", async ({ page, gateway, management }) => {
  const { id, secret } = await key(management, { name: "nightly-eval" });
  await signIn(page, gateway);
  await open(page, gateway, `/tokens/${id}`);
  await page.getByRole("link", { name: "Rotate…" }).click();
  await expect(page).toHaveURL(/rotate=1/);
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("1 hour").check();
  await axe(page);
  await shots(page, "token-rotate");
  await dialog.getByRole("button", { name: "Rotate" }).click();
  const fresh = (await page.locator(".secret__value").textContent()) ?? "";
  expect(fresh).toMatch(/^sk-tg-[0-9A-Za-z]{43}$/);
  expect(fresh).not.toBe(secret);
  expect(page.url()).not.toContain(fresh);
  await axe(page);
  await shots(page, "token-rotated");
  await page.getByRole("link", { name: "I have stored it" }).click();
  await expect(page.getByRole("dialog")).toHaveCount(0);
  expect(await page.content()).not.toContain(fresh);

  const old = page.locator(".token__old");
  await expect(old).toContainText(secret.slice(0, 10));
  await expect(old).toContainText("Nobody has used it since.");
  await spend(gateway, fresh);
  await expect(page.getByRole("table", { name: /Recent calls/ }).locator("tbody tr")).toHaveCount(1);
  await expect(old).toContainText("Nobody has used it since.");
  await spend(gateway, secret);
  await expect(old).toContainText("from 127.0.0.1");
  await axe(page);
  await shots(page, "token-old-secret");
  await old.getByRole("button", { name: "End it now" }).click();
  await expect(old).toHaveCount(0);
  expect((await call(gateway, secret)).status).toBe(401);
  await spend(gateway, fresh);
});

test("a reset gives room at once, moves no boundary, and is written down", async ({ page, gateway, management }) => {
  const { id, secret } = await key(management, { limits: { monthly_spend: "0.000030" } });
  await spend(gateway, secret);
  expect((await call(gateway, secret)).status).toBe(402);
  await signIn(page, gateway);
  await open(page, gateway, `/tokens/${id}`);
  const end = await chain(page).first().locator("td").last().textContent();
  await page.getByRole("link", { name: "Reset a meter…" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("No period’s boundary moves");
  await dialog.locator("#limit").selectOption({ label: "Monthly spend: 0.000021 of 0.000030" });
  await axe(page);
  await shots(page, "token-reset");
  await dialog.getByRole("button", { name: "Reset" }).click();
  await expect(page.locator(".toast")).toContainText("Taken off: 0.000021 credits of monthly spend.");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(chain(page).first()).toContainText("0.000030 left");
  await expect(chain(page).first().locator("td").last()).toHaveText(end ?? "");
  const resets = page.getByRole("table", { name: /Manual resets/ }).locator("tbody tr");
  await expect(resets).toContainText("Monthly spend");
  await expect(resets).toContainText("0.000021 credits");
  await expect(resets).toContainText("admin");
  await spend(gateway, secret);
  await shots(page, "token-after-reset");
});

test("the logs show every limit that a refused call met, in order, with its values and the way to it", async ({ page, gateway, management, quiet }) => {
  quiet.allow(/status of 40\d/);
  const rule = await management.call("POST", "/rules", { name: "Small days", quota: { credits: "0.000030", period: "daily" } });
  const group = await management.call("POST", "/groups", { name: "g", quota: { credits: "5", period: "monthly" } });
  const limits = { rpm: 60, monthly_spend: "2" };
  const { id, secret } = await key(management, { rule_id: rule.id, group_id: group.id, limits });
  await spend(gateway, secret);
  const refused = await call(gateway, secret);
  expect(refused.status).toBe(402);
  await signIn(page, gateway);
  await open(page, gateway, `/logs?call=${refused.headers.get("x-request-id")}`);
  const drawer = page.locator("dialog.drawer");
  await expect(drawer.locator(".trace__gate")).toHaveText([
    /Key active, not expired\s*passed/,
    /Model tollgate\/fill is here, and allowed\s*passed/,
    /From 127\.0\.0\.1\s*passed/,
    /To \/v1\/chat\/completions\s*passed/,
    /Hours\s*passed/,
    /Size of one call\s*passed/,
    /A provider to send it to\s*passed/,
    /Key, 60 requests a minute\s*2 of 60/,
    /Key, 2\.00 credits a month\s*0\.000042 of 2\.00/,
    /Rule Small days, 0\.000030 credits a day\s*blocked.*Short by\s*0\.000012/s,
    /Group g, 5\.00 credits a month\s*would pass, 4\.999979 left/,
  ]);
  await expect(drawer).toContainText("It reopens tomorrow");
  const to = `/rules/${rule.id}`;
  await expect(drawer.getByRole("link", { name: "Open the limit" })).toHaveAttribute("href", to);
  await expect(drawer.getByRole("link", { name: "Rule Small days" })).toHaveAttribute("href", to);
  await expect(drawer.getByRole("link", { name: "Group g" })).toHaveAttribute("href", `/groups/${group.id}`);
  await axe(page);
  await shots(page, "logs-refused");
  await drawer.getByRole("link", { name: "web", exact: true }).click();
  await expect(page).toHaveURL(new RegExp(`/tokens/${id}$`));

  // What a check refused ends there.
  const missing = await call(gateway, secret, 10, "no-such-model");
  await open(page, gateway, `/logs?call=${missing.headers.get("x-request-id")}`);
  await expect(page.locator(".trace__gate--shut")).toContainText("Model no-such-model");
  await expect(page.locator(".trace__gate--after")).toHaveText(/Limits\s*not asked any more/);
});

test("a token that is not there, or is another's, is not there in the page's own words", async ({ page, gateway, management, quiet }) => {
  quiet.allow(/status of 404/);
  const { id } = await key(management, {});
  const user = ["account", "create", "--email", "user@example.com", "--role", "user", "--password-stdin"];
  await gateway.cli(user, `${PASSWORD}\n`);
  await signIn(page, gateway, "user@example.com");
  for (const path of [`/tokens/${id}`, "/tokens/nothing"]) {
    const answer = await page.goto(gateway.url + path);
    expect(answer?.status()).toBe(404);
    await hydrated(page);
    await expect(page.getByRole("heading", { name: "No such token" })).toBeVisible();
  }
  await axe(page);
  await shots(page, "token-missing");
  await page.getByRole("link", { name: "To the tokens" }).click();
  await expect(page).toHaveURL(/\/tokens$/);
  // What only admins may do is not offered.
  const own = new Management(gateway, await gateway.managementToken("user@example.com", "own"));
  const mine = await key(own, { name: "mine" });
  await open(page, gateway, `/tokens/${mine.id}`);
  await expect(page.getByRole("link", { name: "Reset a meter…" })).toHaveCount(0);
  await expect(page.locator(".key")).not.toContainText("owner");
});

test("long names, zero and huge numbers have room, and a fresh token says what is true", async ({ page, gateway, management }) => {
  const name = "a-program-with-a-name-that-nobody-would-choose-".repeat(4);
  const rule = await management.call("POST", "/rules", { name: `${name}-rule`, quota: { credits: "999999999.99", period: "weekly" } });
  const group = await management.call("POST", "/groups", { name: `${name}-group`, quota: { tokens: 999_999_999_999_999, credits: "0", period: "never" } });
  const limits = { rpm: 0, tpm: 999_999_999_999_999, monthly_spend: "1000000000", token_quota: { max: 0, reset: "never" }, max_cost_per_request: "0.000000001" };
  const models = Array.from({ length: 9 }, (_, at) => `vendor/model-${at}-${"x".repeat(40)}`);
  const long = await key(management, { name, rule_id: rule.id, group_id: group.id, limits, models });
  const fresh = await key(management, { name: "fresh" });
  await signIn(page, gateway);
  await open(page, gateway, `/tokens/${long.id}?model=${models[0]}&input=999999999999&output=5`);
  await expect(page.locator(".key")).toContainText("Blocks now");
  await expect(chain(page).first()).toContainText("binds now");
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(overflow).toBeLessThanOrEqual(0);
  await axe(page);
  await shots(page, "token-huge");
  await open(page, gateway, `/tokens/${fresh.id}`);
  await expect(chain(page)).toHaveCount(2);
  await expect(chain(page).first()).toContainText("no limit of its own");
  await expect(page.locator("main")).toContainText("No call is in the logs");
  await expect(page.locator("main .code")).toContainText("/v1/chat/completions");
  await expect(page.locator("#h-course")).toHaveText("Spend by day");
  await axe(page);
  await shots(page, "token-fresh");
});

test("by keyboard alone: disable, enable, ask, revoke, restore", async ({ page, gateway, management }) => {
  const { id, secret } = await key(management, {});
  await signIn(page, gateway);
  await open(page, gateway, `/tokens/${id}`);
  const press = async (name: string, role: "button" | "link" = "button") => {
    const target = page.getByRole(role, { name, exact: true });
    for (let tries = 0; tries < 80 && !(await target.evaluate((found) => found === document.activeElement)); tries++) {
      await page.keyboard.press("Tab");
    }
    await expect(target).toBeFocused();
    await page.keyboard.press("Enter");
  };
  await press("Disable");
  await expect(page.locator(".key")).toContainText("Disabled");
  expect((await call(gateway, secret)).status).toBe(401);
  await press("Enable");
  await expect(page.locator(".key")).toContainText("Open");
  await page.locator("#explain-model").focus();
  await page.keyboard.type("tollgate/fill");
  await page.keyboard.press("Enter");
  await expect(page.locator(".verdict__title")).toBeFocused();
  await expect(page.locator(".verdict__title")).toHaveText("It would pass");
  await page.locator("h1").evaluate((heading) => heading.scrollIntoView());
  await page.locator(".crumb a").focus();
  await press("Revoke…", "link");
  await press("Cancel", "link");
  await expect(page.getByRole("link", { name: "Revoke…" })).toBeFocused();
  await page.keyboard.press("Enter");
  await press("Revoke");
  await expect(page.locator(".key")).toContainText("Revoked");
  expect((await call(gateway, secret)).status).toBe(401);
  await page.locator(".crumb a").focus();
  await press("Restore");
  await expect(page.locator(".key")).toContainText("Open");
  await spend(gateway, secret);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("explain, rotate, reset, revoke and restore", async ({ page, gateway, management }) => {
    const { id, secret } = await key(management, { limits: { monthly_spend: "0.000030" } });
    await spend(gateway, secret);
    await signIn(page, gateway);
    await page.goto(`${gateway.url}/tokens/${id}`);
    await page.fill("#explain-model", "tollgate/fill");
    await page.fill("#explain-input", "1");
    await page.fill("#explain-output", "10");
    await page.getByRole("button", { name: "Explain" }).click();
    await expect(page).toHaveURL(/model=tollgate/);
    await expect(page.locator(".verdict__title")).toHaveText("It would be refused: 402 quota_exceeded");
    await expect(page.locator("#explain-output")).toHaveValue("10");

    await page.getByRole("link", { name: "Reset a meter…" }).click();
    await page.locator("#limit").selectOption("monthly_spend");
    await page.getByRole("dialog").getByRole("button", { name: "Reset" }).click();
    await expect(page.locator(".toast")).toContainText("Taken off");
    await expect(page).toHaveURL(new RegExp(`/tokens/${id}$`));
    await spend(gateway, secret);

    await page.getByRole("link", { name: "Rotate…" }).click();
    await page.getByLabel("Not at all").check();
    await page.getByRole("dialog").getByRole("button", { name: "Rotate" }).click();
    const fresh = (await page.locator(".secret__value").textContent()) ?? "";
    expect(fresh).toMatch(/^sk-tg-/);
    expect(page.url()).not.toContain(fresh);
    await page.reload();
    expect(await page.content()).not.toContain(fresh);
    expect((await call(gateway, secret)).status).toBe(401);

    await page.goto(`${gateway.url}/tokens/${id}?revoke=1`);
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await expect(page.locator(".key")).toContainText("Revoked");
    expect((await call(gateway, fresh)).status).toBe(401);
    await page.getByRole("button", { name: "Restore" }).click();
    await expect(page.locator(".key")).toContainText("Open");
    expect((await call(gateway, fresh)).status).toBe(402);
    await page.getByRole("button", { name: "Disable" }).click();
    await expect(page.locator(".key")).toContainText("Disabled");
    await expect(gates(page)).toHaveCount(0);
  });
});
