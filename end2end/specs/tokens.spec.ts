// The list of tokens: what an admin does there with one key and with many, each sentence shown in a real browser.
import type { Download, Page } from "@playwright/test";
import { anotherDay, axe, expect, type Gateway, hydrated, listening, type Management, shots, test } from "../gateway.ts";

const ADMIN = { email: "admin@example.com", password: "correct horse battery staple" };
const USER = { email: "lena@nordlys.example", password: "a sentence that is long enough" };
const FORM_REFUSED = /Failed to load resource: the server responded with a status of 4\d\d .*\/fn\//;

async function signIn(page: Page, gateway: Gateway, who = ADMIN, ready: (page: Page) => Promise<void> = hydrated): Promise<void> {
  await page.goto(`${gateway.url}/sign-in`);
  await ready(page);
  await page.fill("[name=email]", who.email);
  await page.fill("[name=password]", who.password);
  await page.locator(".entry__form button").last().click();
  await page.waitForURL((url) => url.pathname === "/");
}

async function open(page: Page, gateway: Gateway, path: string): Promise<void> {
  await page.goto(gateway.url + path);
  await hydrated(page);
}

/** A call that uses one token of input and so many of output: 1 + 2 x words millionths of a credit. */
async function call(gateway: Gateway, secret: string, words = 1): Promise<Response> {
  return fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "tollgate/fill", max_tokens: words, messages: [{ role: "user", content: "go" }] }),
  });
}

// biome-ignore lint/suspicious/noExplicitAny: a refusal is read as it is expected.
async function refusal(answer: Response): Promise<any> {
  return (await answer.json()).error;
}

async function key(management: Management, name: string, more: object = {}): Promise<{ id: string; secret: string }> {
  const made = await management.call("POST", "/keys", { name, ...more });
  return { id: made.key.id, secret: made.secret };
}

const row = (page: Page, name: string) => page.locator("tbody tr", { has: page.locator(`a[title="${name}"]`) });
const box = (page: Page, name: string) => page.getByRole("checkbox", { name: `Select ${name}`, exact: true });
const dialog = (page: Page) => page.locator("dialog[open]");
const answerWith = (page: Page, verb: string) => dialog(page).getByRole("button", { name: verb, exact: true }).click();
const tab = (page: Page, name: string) => page.locator("label.tabs__tab", { hasText: name }).click();

async function choose(page: Page, of: string, what: string): Promise<void> {
  await page.locator(`summary[aria-label="Actions for ${of}"]`).click();
  await page.locator(".row-menu[open]").getByText(what, { exact: true }).click();
}

async function names(page: Page): Promise<string[]> {
  return page.locator("tbody th a").allTextContents();
}

async function text(download: Download): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

test("names of 200 letters leave a row as low as any other, and are whole where they are pointed at", async ({ page, gateway, management }) => {
  const long = (of: string) => `${of} ${"w".repeat(120)} ${"i ".repeat(40)}`.slice(0, 199) + "!";
  const rule = await management.call("POST", "/rules", { name: long("rule"), quota: { credits: "1", period: "daily" } });
  const group = await management.call("POST", "/groups", { name: long("group") });
  await key(management, long("key"), { rule_id: rule.id, group_id: group.id });
  await key(management, "short");
  await signIn(page, gateway);
  await open(page, gateway, "/tokens");
  for (const of of ["rule", "group", "key"]) {
    const name = page.locator(`tbody [title="${long(of)}"]`);
    await expect(name).toContainText(long(of));
    const { height = 0 } = (await name.boundingBox()) ?? {};
    expect(height, of).toBeGreaterThan(10);
    expect(height, `${of}: two lines at most`).toBeLessThan(46);
  }
});

test("a blank field is unlimited", async ({ page, gateway, management }) => {
  await signIn(page, gateway);
  await open(page, gateway, "/tokens?new=1");
  await page.fill("dialog [name=name]", "no limits");
  await answerWith(page, "Create token");
  const secret = (await page.locator(".secret__value").textContent()) ?? "";
  await expect(dialog(page)).toContainText("No limits: nothing blocks it.");
  for (const words of [1, 100_000]) expect((await call(gateway, secret, words)).status).toBe(200);
  await page.getByRole("link", { name: "I have stored it" }).click();
  await expect(row(page, "no limits")).toContainText("nothing blocks it");
  await expect(row(page, "no limits")).toContainText("no limit");
  const { data } = await management.call("GET", "/keys?search=no%20limits");
  expect(new Set(Object.values(data[0].limits))).toEqual(new Set([null]));
});

test("a limit saved now refuses the very next call: 402 quota, 429 rate with the limit named", async ({ page, gateway, management }) => {
  const { id, secret } = await key(management, "web");
  expect((await call(gateway, secret)).status).toBe(200);
  await signIn(page, gateway);
  const save = async (field: string, value: string) => {
    await open(page, gateway, `/tokens?edit=${id}`);
    await tab(page, "Usage limits");
    await page.fill(`dialog [name="limits[${field}]"]`, value);
    await answerWith(page, "Save");
    await expect(dialog(page)).toHaveCount(0);
  };
  await save("rpm", "1");
  const rate = await call(gateway, secret);
  expect(rate.status).toBe(429);
  expect(Number(rate.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await refusal(rate)).toMatchObject({ code: "rate_limit_exceeded", tollgate: { limit: "rpm", max: 1, used: 1 } });
  await save("rpm", "");
  expect((await call(gateway, secret)).status).toBe(200);
  await save("monthly_spend", "0.000007");
  const quota = await call(gateway, secret);
  expect(quota.status).toBe(402);
  expect(await refusal(quota)).toMatchObject({ code: "quota_exceeded", tollgate: { limit: "monthly_spend", max: "0.000007" } });
  await expect(row(page, "web")).toContainText(/Near a limit|Blocks now/);
});

test("exhausting one key leaves others working", async ({ page, gateway, management }) => {
  const first = await key(management, "first", { limits: { credit_quota: "0.000003" } });
  const second = await key(management, "second", { limits: { credit_quota: "1" } });
  expect((await call(gateway, first.secret)).status).toBe(200);
  expect((await call(gateway, first.secret)).status).toBe(402);
  expect((await call(gateway, second.secret)).status).toBe(200);
  await signIn(page, gateway);
  await open(page, gateway, "/tokens");
  await expect(row(page, "first")).toContainText("Blocks now");
  await expect(row(page, "second")).toContainText("Open");
  await open(page, gateway, "/tokens?use=blocked");
  expect(await names(page)).toEqual(["first"]);
});

test("the secret is never seen again", async ({ page, gateway }) => {
  await gateway.createAdmin();
  await signIn(page, gateway);
  await open(page, gateway, "/tokens?new=1");
  await page.fill("dialog [name=name]", "production-web");
  await answerWith(page, "Create token");
  const secret = (await page.locator(".secret__value").textContent()) ?? "";
  expect(secret).toMatch(/^sk-tg-[0-9A-Za-z]{43}$/);
  expect(page.url()).not.toContain(secret);
  // What is pasted works, and its call is seen by the dialog itself.
  const curl = (await page.locator(".snippet pre").first().textContent()) ?? "";
  const { execFileSync } = await import("node:child_process");
  const answer = JSON.parse(execFileSync("sh", ["-c", curl], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  expect(answer.choices[0].message.content).toBe("Hello");
  await expect(page.locator(".created__wait")).toContainText("The first call came");
  await page.getByRole("link", { name: "I have stored it" }).click();
  await expect(row(page, "production-web")).toBeVisible();
  const hint = (await row(page, "production-web").locator("code").textContent()) ?? "";
  expect(hint.split("…").map((part) => part.length)).toEqual([10, 4]);
  const id = new URL((await row(page, "production-web").getByRole("link").first().getAttribute("href")) ?? "", gateway.url).pathname.split("/")[2];
  for (const path of ["/tokens", "/tokens?new=1", `/tokens?edit=${id}`, `/tokens?rotate=${id}`, "/logs", "/"]) {
    await open(page, gateway, path);
    expect(await page.content(), path).not.toContain(secret);
  }
  await page.goBack();
  expect(await page.content()).not.toContain(secret);
});

test("batch revoke and export", async ({ page, gateway, management }) => {
  const made = [];
  for (const name of ["alpha", "beta", "gamma", "delta"]) made.push({ name, ...(await key(management, name)) });
  await signIn(page, gateway);
  await open(page, gateway, "/tokens");
  await expect(page.locator(".bulk")).toBeHidden();
  await box(page, "alpha").check();
  await box(page, "gamma").check();
  await expect(page.locator(".bulk__count")).toHaveText("2 selected");

  const exported = async (button: string) => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator(".bulk").getByRole("button", { name: button }).click()]);
    return text(download);
  };
  const csv = await exported("Export CSV");
  expect(csv.split("\r\n").length).toBe(4);
  for (const { name, id, secret } of made) {
    expect(csv.includes(id), name).toBe(name === "alpha" || name === "gamma");
    expect(csv).not.toContain(secret);
  }
  const json = JSON.parse(await exported("Export JSON"));
  expect(json.data.map((key: { name: string }) => key.name).sort()).toEqual(["alpha", "gamma"]);

  await page.locator(".bulk").getByRole("button", { name: "Revoke…" }).click();
  await expect(dialog(page)).toContainText("Revoke 2 tokens?");
  await expect(dialog(page)).toContainText("alpha");
  await answerWith(page, "Revoke");
  await expect(page.locator(".keys__told")).toContainText("2 keys are revoked");
  await expect(row(page, "alpha")).toHaveCount(0);
  for (const { name, secret } of made) {
    const answer = await call(gateway, secret);
    const isGone = name === "alpha" || name === "gamma";
    expect(answer.status, name).toBe(isGone ? 401 : 200);
    if (isGone) expect((await refusal(answer)).code).toBe("key_revoked");
  }
  // What is exported is what is filtered, on all pages.
  await open(page, gateway, "/tokens?status=revoked");
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Export JSON" }).click()]);
  const gone = JSON.parse(await text(download));
  expect(gone.data.map((key: { name: string }) => key.name).sort()).toEqual(["alpha", "gamma"]);
});

test("a user's list and export hold only their own keys", async ({ page, gateway, management }) => {
  const theirs = await key(management, "the admin's");
  await gateway.cli(["account", "create", "--email", USER.email, "--role", "user", "--password-stdin"], `${USER.password}\n`);
  const { data } = await management.call("GET", "/accounts");
  const lena = data.find((account: { email: string }) => account.email === USER.email);
  await key(management, "lena's", { account_id: lena.id });
  await signIn(page, gateway, USER);
  await open(page, gateway, "/tokens");
  expect(await names(page)).toEqual(["lena's"]);
  for (const query of ["", `&ids%5B%5D=${theirs.id}`, "&all=1", `&owner=${data[0].id}`]) {
    const file = await (await page.request.get(`${gateway.url}/export/keys?format=json${query}`)).text();
    expect(file, query).not.toContain(theirs.id);
  }
  await page.context().clearCookies();
  const answer = await page.request.get(`${gateway.url}/export/keys`, { maxRedirects: 0 });
  expect([answer.status(), answer.headers().location]).toEqual([303, "/sign-in?next=/export/keys%3F"]);
});

test("a disabled rule is not suggested", async ({ page, gateway, management }) => {
  const on = await management.call("POST", "/rules", { name: "Office hours" });
  const off = await management.call("POST", "/rules", { name: "Old trial", enabled: false });
  const plain = await key(management, "plain");
  const bound = await key(management, "bound", { rule_id: off.id });
  await signIn(page, gateway);
  const offered = async (path: string, select: string) => {
    await open(page, gateway, path);
    return page.locator(`dialog select[name=${select}] option`).allTextContents();
  };
  for (const [path, select] of [["/tokens?new=1", "rule_id"], [`/tokens?edit=${plain.id}`, "rule_id"], [`/tokens?bind=${plain.id}`, "choice"]]) {
    expect(await offered(path, select), path).toEqual(["Inherit from account default (none)", "Office hours"]);
  }
  // Where it is bound it is seen, and says that it does nothing.
  expect(await offered(`/tokens?bind=${bound.id}`, "choice")).toContain("Old trial, off: restricts nothing");
  await expect(page.locator("dialog select[name=choice]")).toHaveValue(off.id);
  await open(page, gateway, "/tokens");
  await expect(row(page, "bound")).toContainText("Old trial, off");
  // A default is inherited, and named.
  await listening(page);
  await management.call("PUT", "/account/default-rule", { rule_id: on.id });
  await expect(row(page, "plain")).toContainText("inherits Office hours");
  expect((await offered(`/tokens?bind=${plain.id}`, "choice"))[0]).toBe("Inherit from account default (Office hours)");
});

test("rules are bound and groups moved to from the row, and the secret stays", async ({ page, gateway, management }) => {
  await management.call("POST", "/groups", { name: "team-search", quota: { credits: "0.000009", tokens: null, period: "monthly" } });
  await management.call("POST", "/rules", { name: "Tight", quota: { credits: "0.000001", period: "daily" } });
  const { secret } = await key(management, "web");
  await signIn(page, gateway);
  await open(page, gateway, "/tokens?q=web");
  await choose(page, "web", "Move to group…");
  await dialog(page).locator("select").selectOption({ label: "team-search" });
  await answerWith(page, "Move");
  await expect(dialog(page)).toHaveCount(0);
  expect(new URL(page.url()).search).toBe("?q=web");
  await expect(row(page, "web")).toContainText("team-search");
  await expect(row(page, "web")).toContainText("group blocks, reopens");
  expect((await call(gateway, secret)).status).toBe(200);
  await choose(page, "web", "Bind rule…");
  await dialog(page).locator("select").selectOption({ label: "Tight" });
  await answerWith(page, "Bind");
  await expect(row(page, "web")).toContainText("Tight");
  const refused = await call(gateway, secret);
  expect(refused.status).toBe(402);
  expect((await refusal(refused)).tollgate.rule).toBe("Tight");
});

test("filters, order and page survive reload and the back button", async ({ page, gateway, management }) => {
  const group = await management.call("POST", "/groups", { name: "team" });
  for (let number = 0; number < 30; number++) {
    const more = number < 28 ? { group_id: group.id, models: number < 27 ? ["tollgate/fill"] : [] } : {};
    await key(management, `key ${String(number).padStart(2, "0")}`, more);
  }
  await signIn(page, gateway);
  await open(page, gateway, "/tokens");
  await expect(page.locator(".filters__count")).toHaveText("1–25 of 30");
  expect((await names(page))[0]).toBe("key 29");
  await page.locator("select[name=group]").selectOption({ label: "team" });
  await expect(page.locator(".filters__count")).toHaveText("1–25 of 28");
  await page.locator("select[name=sort]").selectOption("name");
  await expect(page.locator("tbody th a").first()).toHaveText("key 00");
  await page.getByRole("link", { name: "Next 3" }).click();
  await expect(page.locator(".filters__count")).toHaveText("26–28 of 28");
  expect(await names(page)).toEqual(["key 25", "key 26", "key 27"]);
  await page.reload();
  await hydrated(page);
  expect(await names(page)).toEqual(["key 25", "key 26", "key 27"]);
  await expect(page.locator("select[name=group]")).toHaveValue(group.id);
  await expect(page.locator("select[name=sort]")).toHaveValue("name");
  await page.goBack();
  await expect(page.locator(".filters__count")).toHaveText("1–25 of 28");
  await page.goForward();
  await page.getByRole("link", { name: "Previous 25" }).click();
  await expect(page.locator(".filters__count")).toHaveText("1–25 of 28");
  await expect(page.locator("tbody th a").first()).toHaveText("key 00");
  // Another filter begins at the first page; a chip takes it away; the search finds on all pages.
  await page.locator("select[name=model]").selectOption("tollgate/echo");
  await expect(page.locator(".filters__count")).toHaveText("1–1 of 1");
  expect(await names(page)).toEqual(["key 27"]);
  await page.locator(".chip", { hasText: "May call tollgate/echo" }).click();
  await expect(page.locator(".filters__count")).toHaveText("1–25 of 28");
  await page.fill("[name=q]", "Y 07");
  await expect(page.locator("tbody tr")).toHaveCount(1);
  expect(new URL(page.url()).searchParams.get("q")).toBe("Y 07");
  await page.fill("[name=q]", "nothing like it");
  await expect(page.locator("main")).toContainText("No matches");
  await page.getByRole("link", { name: "Show every token" }).click();
  await expect(page.locator(".filters__count")).toHaveText("1–25 of 30");
  // Headings order too.
  await page.locator("thead").getByRole("link", { name: "Name" }).click();
  await expect(page.locator("th[aria-sort=ascending]")).toContainText("Name");
  await expect(page.locator("tbody th a").first()).toHaveText("key 00");
  await page.locator("thead").getByRole("link", { name: "Name" }).click();
  await expect(page.locator("tbody th a").first()).toHaveText("key 29");
});

test("an unknown filter is told, and can be put right", async ({ page, gateway, quiet }) => {
  quiet.allow(/status of 400/);
  await gateway.createAdmin();
  await signIn(page, gateway);
  const answer = await page.goto(`${gateway.url}/tokens?status=odd`);
  expect(answer?.status()).toBe(400);
  await hydrated(page);
  await expect(page.locator("main")).toContainText("is no status");
  await page.locator("select[name=status]").selectOption("");
  await expect(page.locator("main")).toContainText("No tokens yet");
});

test("more than ten at once want their number typed, and all that match are more than the page", async ({ page, gateway, management, quiet }) => {
  quiet.allow(FORM_REFUSED);
  const secrets = [];
  for (let number = 0; number < 31; number++) secrets.push((await key(management, `key ${number}`)).secret);
  const other = await key(management, "another");
  await signIn(page, gateway);
  await open(page, gateway, "/tokens?q=key");
  await page.getByRole("checkbox", { name: "Select all on this page" }).check();
  await expect(page.locator(".bulk__count")).toHaveText("25 selected");
  await page.getByLabel("All 31 that match").check();
  await page.locator(".bulk").getByRole("button", { name: "Disable" }).click();
  await expect(dialog(page)).toContainText("Disable 31 tokens?");
  await axe(page);
  await shots(page, "tokens-confirm");
  await answerWith(page, "Disable");
  await expect(dialog(page).locator(".field__error")).toContainText("Type 31 to confirm");
  expect((await call(gateway, secrets[0])).status).toBe(200);
  await dialog(page).locator("[name=confirm]").fill("31");
  await answerWith(page, "Disable");
  await expect(dialog(page)).toHaveCount(0);
  await expect(page.locator(".sheet__lede")).toContainText("1 open, 31 off");
  for (const secret of [secrets[0], secrets[30]]) expect((await refusal(await call(gateway, secret))).code).toBe("key_disabled");
  expect((await call(gateway, other.secret)).status).toBe(200);
  // Ten or fewer are switched at once.
  await page.getByRole("checkbox", { name: "Select key 30", exact: true }).check();
  await page.locator(".bulk").getByRole("button", { name: "Enable" }).click();
  await expect(page.locator(".sheet__lede")).toContainText("2 open, 30 off");
  expect((await call(gateway, secrets[30])).status).toBe(200);
});

test("what is ticked stays ticked when the list moves under it", async ({ page, gateway, management }) => {
  for (const name of ["one", "two", "three"]) await key(management, name);
  await signIn(page, gateway);
  await open(page, gateway, "/tokens");
  await box(page, "two").check();
  await page.locator('summary[aria-label="Actions for three"]').click();
  await expect(page.locator(".row-menu[open]")).toHaveCount(1);
  await listening(page);
  await key(management, "zero");
  await expect(row(page, "zero")).toBeVisible();
  // The rows have moved down by one: what was ticked is, and no menu is open for another key than was asked.
  await expect(box(page, "two")).toBeChecked();
  for (const name of ["zero", "one", "three"]) await expect(box(page, name)).not.toBeChecked();
  await expect(page.locator(".row-menu[open]")).toHaveCount(0);
  await page.locator(".bulk").getByRole("button", { name: "Disable" }).click();
  await expect(row(page, "two")).toContainText("Disabled");
  await expect(row(page, "three")).toContainText("Open");
  // What was ticked is let go once something was done with it, and by Clear.
  await expect(page.locator(".bulk")).toBeHidden();
  await expect(box(page, "two")).not.toBeChecked();
  await box(page, "one").check();
  await page.locator(".bulk").getByRole("link", { name: "Clear" }).click();
  await expect(page.locator(".bulk")).toBeHidden();
  await expect(box(page, "one")).not.toBeChecked();
});

test("rotated with a grace both secrets work; without one only the new does", async ({ page, gateway, management }) => {
  const { id, secret } = await key(management, "web", { limits: { rpd: 10 } });
  await signIn(page, gateway);
  await open(page, gateway, "/tokens");
  const rotate = async (grace: string) => {
    await choose(page, "web", "Rotate…");
    await dialog(page).locator("select").selectOption({ label: grace });
    await answerWith(page, "Rotate");
    const shown = (await page.locator(".secret__value").textContent()) ?? "";
    return shown;
  };
  const second = await rotate("1 hour");
  await expect(dialog(page)).toContainText("web has a new secret");
  await expect(dialog(page)).toContainText("The old secret works until");
  expect(page.url()).not.toContain(second);
  for (const each of [secret, second]) expect((await call(gateway, each)).status).toBe(200);
  await page.getByRole("link", { name: "I have stored it" }).click();
  await expect(dialog(page)).toHaveCount(0);
  expect(await page.content()).not.toContain(second);
  const third = await rotate("Not at all");
  await expect(dialog(page)).toContainText("refused from now on");
  expect((await refusal(await call(gateway, second))).code).toBe("invalid_key");
  expect((await call(gateway, third)).headers.get("x-ratelimit-remaining-requests")).toBe("7");
  expect((await management.call("GET", `/keys/${id}`)).name).toBe("web");
});

test("a revocation is undone from the page, and what was disabled before is disabled again", async ({ page, gateway, management }) => {
  const web = await key(management, "web");
  await key(management, "idle", { status: "disabled" });
  await signIn(page, gateway);
  await open(page, gateway, "/tokens?sort=name");
  await choose(page, "web", "Revoke…");
  await answerWith(page, "Revoke");
  await expect(page.locator(".keys__told")).toContainText("Key web is revoked; its next call is refused.");
  expect((await refusal(await call(gateway, web.secret))).code).toBe("key_revoked");
  await shots(page, "tokens-undo");
  await axe(page);
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(row(page, "web")).toContainText("Open");
  expect((await call(gateway, web.secret)).status).toBe(200);
  await expect(page.getByRole("button", { name: "Undo" })).toHaveCount(0);
  await page.getByRole("checkbox", { name: "Select all on this page" }).check();
  await page.locator(".bulk").getByRole("button", { name: "Revoke…" }).click();
  await answerWith(page, "Revoke");
  await expect(page.locator("main")).toContainText("No tokens yet");
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(row(page, "idle")).toContainText("Disabled");
  await expect(row(page, "web")).toContainText("Open");
  // Later it is found among the revoked ones, and restored there.
  await choose(page, "web", "Revoke…");
  await answerWith(page, "Revoke");
  await page.getByRole("link", { name: /Recently revoked: 1/ }).click();
  await choose(page, "web", "Restore");
  await expect(page.locator("main")).toContainText("No matches");
  expect((await call(gateway, web.secret)).status).toBe(200);
});

test("bad input is told beside its field, and nothing is saved", async ({ page, gateway, management, quiet }) => {
  quiet.allow(FORM_REFUSED);
  test.setTimeout(120_000);
  await signIn(page, gateway);
  const huge = "9".repeat(30);
  const bad: [string, string, string, RegExp][] = [
    ["General", "name", " ", /Give it a name/],
    ["General", "name", "x".repeat(201), /1 to 200 characters/],
    ["General", "expires_at", "2020-01-01T00:00", /has passed/],
    ["General", "timezone", "Mars/Olympus", /is not a time zone/],
    ["Usage limits", "limits[rpm]", "-1", /is not a/],
    ["Usage limits", "limits[rpm]", "many", /is not a whole number/],
    ["Usage limits", "limits[tpm]", huge, /whole number|not a number/],
    ["Usage limits", "limits[rpd]", "1.5", /is not a whole number/],
    ["Usage limits", "limits[token_quota]", "1000000000000001", /from 0 to/],
    ["Usage limits", "limits[monthly_tokens]", "60/min", /Write 60/],
    ["Usage limits", "limits[monthly_spend]", "$5", /Write 5.00/],
    ["Usage limits", "limits[credit_quota]", "-5", /is not an amount/],
    ["Usage limits", "limits[max_tokens_per_request]", "0x10", /is not/],
    ["Usage limits", "limits[max_cost_per_request]", huge, /is not an amount|from 0 to/],
    ["Access", "ip_allowlist", "10.0.0/99", /is not an address block/],
    ["Access", "endpoints", "v1/models", /Write paths such as/],
    ["Access", "models", "m".repeat(201), /1 to 200 characters/],
  ];
  for (const [where, field, value, told] of bad) {
    await open(page, gateway, "/tokens?new=1");
    await page.fill("dialog [name=name]", "a name");
    await tab(page, where);
    await page.fill(`dialog [name="${field}"]`, value);
    await answerWith(page, "Create token");
    const wrong = dialog(page).locator(`[name="${field}"]`);
    await expect(wrong, `${field}: ${value}`).toHaveAttribute("aria-invalid", "true");
    const beside = (await wrong.getAttribute("aria-describedby"))?.split(" ")[0];
    await expect(page.locator(`#${beside}`), `${field}: ${value}`).toHaveText(told);
    await expect(wrong).toHaveValue(value);
    await expect(wrong).toBeVisible();
  }
  // All of it at once, each beside its field, with the number on each part.
  await open(page, gateway, "/tokens?new=1");
  await page.fill("dialog [name=timezone]", "Mars");
  await tab(page, "Usage limits");
  await page.fill('dialog [name="limits[rpm]"]', "200k!");
  await page.fill('dialog [name="limits[monthly_spend]"]', "free");
  await answerWith(page, "Create token");
  await expect(page.locator("label.tabs__tab", { hasText: "General" })).toContainText("2 to fix");
  await expect(page.locator("label.tabs__tab", { hasText: "Usage limits" })).toContainText("2 to fix");
  await expect(page.locator("dialog [name=name]")).toBeFocused();
  await axe(page);
  await shots(page, "token-new-problems");
  expect((await management.call("GET", "/keys")).data).toEqual([]);
  // An edit that will not do leaves the key as it was.
  const { id } = await key(management, "kept", { limits: { rpm: 60 } });
  await open(page, gateway, `/tokens?edit=${id}`);
  await page.fill("dialog [name=name]", "");
  await tab(page, "Usage limits");
  await page.fill('dialog [name="limits[rpm]"]', "1");
  await answerWith(page, "Save");
  await expect(dialog(page).locator("#name-problem")).toBeVisible();
  expect(await management.call("GET", `/keys/${id}`)).toMatchObject({ name: "kept", limits: { rpm: 60 } });
});

test("every field of a key is written and read back", async ({ page, gateway, management }) => {
  await gateway.cli(["account", "create", "--email", USER.email, "--role", "user", "--password-stdin"], `${USER.password}\n`);
  const accounts = (await management.call("GET", "/accounts")).data;
  const lena = accounts.find((account: { email: string }) => account.email === USER.email).id;
  const group = (await management.call("POST", "/groups", { name: "team", account_id: lena })).id;
  const rule = (await management.call("POST", "/rules", { name: "Dev" })).id;
  await signIn(page, gateway);
  await open(page, gateway, "/tokens?new=1");
  await page.fill("dialog [name=name]", "whole");
  await page.locator("dialog [name=account_id]").selectOption(lena);
  await page.locator("dialog [name=group_id]").selectOption(group);
  await page.fill("dialog [name=expires_at]", "2099-01-31T18:00");
  await page.fill("dialog [name=timezone]", "Europe/Berlin");
  await tab(page, "Usage limits");
  const limits = { rpm: "60", tpm: "200k", rpd: "1,000", token_quota: "1M", monthly_tokens: "2 000 000", monthly_spend: "200", credit_quota: "1000.50", max_tokens_per_request: "4096", max_cost_per_request: ".5" };
  for (const [field, value] of Object.entries(limits)) await page.fill(`dialog [name="limits[${field}]"]`, value);
  await page.locator('dialog [name="limits[token_quota_reset]"]').selectOption("weekly");
  await page.locator("dialog [name=rule_id]").selectOption(rule);
  await tab(page, "Access");
  await page.fill("dialog [name=models]", "tollgate/echo\ngpt-4o, o3");
  await page.fill("dialog [name=ip_allowlist]", "10.0.0.0/8\n192.0.2.7");
  await page.fill("dialog [name=endpoints]", "/v1/chat/completions");
  await answerWith(page, "Create token");
  await expect(page.locator(".secret__value")).toBeVisible();
  const made = (await management.call("GET", "/keys")).data[0];
  const expected = {
    name: "whole", account_id: lena, group_id: group, rule_id: rule, status: "active", expires_at: "2099-01-31T18:00:00Z",
    models: ["tollgate/echo", "gpt-4o", "o3"], ip_allowlist: ["10.0.0.0/8", "192.0.2.7"], endpoints: ["/v1/chat/completions"],
    timezone: "Europe/Berlin",
    limits: { rpm: 60, tpm: 200_000, rpd: 1_000, token_quota: { max: 1_000_000, reset: "weekly" }, monthly_tokens: 2_000_000, monthly_spend: "200.00", credit_quota: "1000.50", max_tokens_per_request: 4096, max_cost_per_request: "0.50" },
  };
  expect(made).toMatchObject(expected);
  // Saved as it is shown, nothing changes; switched off, only that does.
  await open(page, gateway, `/tokens?edit=${made.id}`);
  await page.locator("dialog [name=status]").selectOption("disabled");
  await answerWith(page, "Save");
  await expect(dialog(page)).toHaveCount(0);
  expect(await management.call("GET", `/keys/${made.id}`)).toEqual({ ...made, status: "disabled" });
  await expect(row(page, "whole")).toContainText(USER.email.split("@")[0]);
});

test("what an admin has set may be tightened by its owner and not loosened", async ({ page, gateway, management, quiet }) => {
  quiet.allow(FORM_REFUSED);
  await gateway.cli(["account", "create", "--email", USER.email, "--role", "user", "--password-stdin"], `${USER.password}\n`);
  const { data } = await management.call("GET", "/accounts");
  const lena = data.find((account: { email: string }) => account.email === USER.email);
  const { id } = await key(management, "held", { account_id: lena.id, limits: { rpm: 60, monthly_spend: "5" }, models: ["tollgate/fill"] });
  await signIn(page, gateway, USER);
  await open(page, gateway, `/tokens?edit=${id}`);
  await expect(page.locator("dialog [name=account_id]")).toHaveCount(0);
  await tab(page, "Usage limits");
  await expect(page.locator("tr", { has: page.locator('[name="limits[rpm]"]') })).toContainText("set by an admin; you may tighten it");
  await expect(page.locator("tr", { has: page.locator('[name="limits[tpm]"]') })).not.toContainText("set by an admin");
  await shots(page, "token-edit-held");
  await axe(page);
  await page.fill('dialog [name="limits[rpm]"]', "61");
  await tab(page, "Access");
  await expect(dialog(page)).toContainText("Set by an admin; you may tighten it.");
  await page.fill("dialog [name=models]", "");
  await answerWith(page, "Save");
  await expect(page.locator("#limits-rpm-problem")).toHaveText("An admin has set `limits.rpm`: you may tighten it, not loosen it.");
  await expect(page.locator("#models-problem")).toHaveText(/you may tighten it, not loosen it/);
  expect(await management.call("GET", `/keys/${id}`)).toMatchObject({ limits: { rpm: 60 }, models: ["tollgate/fill"] });
  await tab(page, "Access");
  await page.fill("dialog [name=models]", "tollgate/fill");
  await tab(page, "Usage limits");
  await page.fill('dialog [name="limits[rpm]"]', "30");
  await answerWith(page, "Save");
  await expect(dialog(page)).toHaveCount(0);
  expect(await management.call("GET", `/keys/${id}`)).toMatchObject({ limits: { rpm: 30 } });
  // What an admin has revoked, its owner does not restore; it is told which key stays as it was.
  const other = await key(management, "other", { account_id: lena.id });
  await management.call("POST", "/keys/batch", { ids: [id], action: "disable" });
  await open(page, gateway, "/tokens");
  await expect(row(page, "held")).toContainText("Disabled");
  await page.getByRole("checkbox", { name: "Select all on this page" }).check();
  await page.locator(".bulk").getByRole("button", { name: "Enable" }).click();
  await expect(page.locator(".keys__told")).toContainText("1 key stayed as before. held: An admin has switched this key off");
  expect((await call(gateway, other.secret)).status).toBe(200);
});

test("a key expires by itself, in its row and under its filter", async ({ page, gateway, management }) => {
  const { secret } = await key(management, "short", { expires_at: new Date(Date.now() + 3_000).toISOString() });
  await key(management, "long", { expires_at: new Date(Date.now() + 86_400_000).toISOString() });
  await signIn(page, gateway);
  await expect.poll(async () => (await call(gateway, secret)).status, { timeout: 20_000 }).toBe(401);
  await open(page, gateway, "/tokens?status=expired");
  expect(await names(page)).toEqual(["short"]);
  await expect(row(page, "short")).toContainText("Expired");
  await open(page, gateway, "/tokens?status=active");
  expect(await names(page)).toEqual(["long"]);
  await open(page, gateway, "/tokens?use=expiring");
  expect(await names(page)).toEqual(["long"]);
  await expect(page.locator(".sheet__lede")).toHaveText("2 keys. 1 open, 1 off");
});

test("a new group is begun with what is ticked", async ({ page, gateway, management }) => {
  const ids = [];
  for (const name of ["a", "b", "c"]) ids.push((await key(management, name)).id);
  await signIn(page, gateway);
  await open(page, gateway, "/tokens?sort=name");
  await box(page, "a").check();
  await box(page, "c").check();
  await page.locator(".bulk").getByRole("button", { name: "New group…" }).click();
  await page.waitForURL((url) => url.pathname === "/groups");
  const asked = new URL(page.url()).searchParams;
  expect([asked.get("new"), asked.get("keys")?.split(",").sort()]).toEqual(["1", [ids[0], ids[2]].sort()]);
});

/** Tab until something has the focus, as someone without a mouse does. */
async function reach(page: Page, what: string): Promise<void> {
  for (let steps = 0; steps < 120; steps++) {
    if (await page.evaluate((what) => document.activeElement?.matches(what) ?? false, what)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`${what} is not reached by Tab`);
}

test("a key is made, changed and revoked by keyboard alone", async ({ page, gateway }) => {
  await gateway.createAdmin();
  await signIn(page, gateway);
  await open(page, gateway, "/tokens");
  await reach(page, 'a[href="/tokens?new=1"]');
  await page.keyboard.press("Enter");
  await expect(page.locator("dialog [name=name]")).toBeFocused();
  await page.keyboard.type("by hand");
  await reach(page, ".tabs__pick");
  await page.keyboard.press("ArrowRight");
  await reach(page, '[name="limits[rpm]"]');
  await page.keyboard.type("60");
  await page.keyboard.press("Enter");
  await expect(page.locator(".secret__value")).toBeVisible();
  await reach(page, ".dialog__foot .button--primary");
  await page.keyboard.press("Enter");
  await expect(dialog(page)).toHaveCount(0);
  await expect(row(page, "by hand")).toContainText("60 rpm");
  await reach(page, 'summary[aria-label="Actions for by hand"]');
  await page.keyboard.press("Enter");
  await reach(page, '.menu__item[href*="edit="]');
  await page.keyboard.press("Enter");
  await expect(page.locator("dialog [name=name]")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(dialog(page)).toHaveCount(0);
  await reach(page, '[name="ids[]"]');
  await page.keyboard.press("Space");
  await expect(page.locator(".bulk__count")).toHaveText("1 selected");
  await page.keyboard.press("Shift+Tab");
  await reach(page, '.bulk [value="revoke"]');
  await page.keyboard.press("Enter");
  await expect(dialog(page)).toContainText("Revoke by hand?");
  await reach(page, "dialog .button--blocks");
  await page.keyboard.press("Enter");
  await expect(page.locator(".keys__told")).toContainText("is revoked");
  await reach(page, '[name=act][value^="restore"]');
  await page.keyboard.press("Enter");
  await expect(row(page, "by hand")).toContainText("Open");
});

test("the page is accessible and as it should look, full and empty, with its dialogs and a selection", async ({ page, gateway, management }) => {
  test.setTimeout(180_000);
  await signIn(page, gateway);
  const seen = async (name: string) => {
    await page.waitForTimeout(250);
    await axe(page);
    await shots(page, name);
  };
  await open(page, gateway, "/tokens");
  await seen("tokens-none");
  const group = await management.call("POST", "/groups", { name: "retail-nordics-pilot", quota: { credits: "600", tokens: null, period: "monthly" } });
  const rule = await management.call("POST", "/rules", { name: "Office hours CET", hours: { timezone: "Europe/Berlin", weekdays: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ranges: ["00:00-24:00"] } });
  const shut = await management.call("POST", "/rules", { name: "Never on", hours: { timezone: "UTC", weekdays: [anotherDay()], ranges: ["03:00-03:01"] } });
  const long = "Customer-facing assistant for the Nordic retail pilot (Helsinki, Oslo, Stockholm), phase two, do not reuse for internal tools";
  await key(management, "nightly-eval", { limits: { rpm: 600, token_quota: { max: 10_000_000_000, reset: "never" } } });
  await key(management, "contractor-lena", { status: "disabled", limits: { rpm: 10, monthly_spend: "50" }, group_id: group.id });
  await key(management, "after-hours", { rule_id: shut.id });
  await key(management, "ops-admin-scripts");
  await key(management, long, { limits: { rpm: 30, tpm: 90_000, rpd: 12_500, monthly_spend: "80" }, group_id: group.id, rule_id: rule.id, expires_at: "2099-01-15T00:00:00Z" });
  const near = await key(management, "production-web", { limits: { rpm: 60, tpm: 200_000, credit_quota: "0.000100" } });
  await call(gateway, near.secret, 44);
  const spent = await key(management, "batch-embeddings", { limits: { tpm: 2_000_000, credit_quota: "0.000003" } });
  await call(gateway, spent.secret);
  await open(page, gateway, "/tokens");
  await expect(row(page, "production-web")).toContainText("Near a limit");
  await expect(row(page, "batch-embeddings")).toContainText("Blocks now");
  await expect(row(page, "after-hours")).toContainText("Outside hours");
  await seen("tokens");
  await box(page, "production-web").check();
  await box(page, long).check();
  await seen("tokens-selection");
  await page.locator('summary[aria-label="Actions for production-web"]').click();
  await seen("tokens-menu");
  await open(page, gateway, `/tokens?group=${group.id}&use=near&q=x&model=tollgate/echo`);
  await seen("tokens-no-matches");
  for (const [path, name] of [
    ["/tokens?new=1", "token-new"],
    [`/tokens?edit=${near.id}`, "token-edit"],
    [`/tokens?bind=${near.id}`, "token-bind"],
    [`/tokens?move=${near.id}`, "token-move"],
    [`/tokens?rotate=${near.id}`, "token-rotate"],
    [`/tokens?revoke=${near.id}`, "token-revoke"],
    ["/tokens?revoke=nobody", "token-not-there"],
  ]) {
    await open(page, gateway, path);
    await seen(name);
  }
  for (const part of ["Usage limits", "Access"]) {
    await open(page, gateway, `/tokens?edit=${near.id}`);
    await tab(page, part);
    await seen(`token-edit-${part.toLowerCase().replace(" ", "-")}`);
  }
  await open(page, gateway, "/tokens?new=1");
  await page.fill("dialog [name=name]", "production-web-2");
  await tab(page, "Usage limits");
  await page.fill('dialog [name="limits[monthly_spend]"]', "200");
  await answerWith(page, "Create token");
  await expect(page.locator(".secret__value")).toBeVisible();
  await seen("token-made");
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("keys are made, changed, ticked, exported, rotated, revoked and restored", async ({ page, gateway, management }) => {
    test.setTimeout(120_000);
    const go = async (path: string) => {
      await page.goto(gateway.url + path);
    };
    const group = await management.call("POST", "/groups", { name: "team" });
    for (let number = 0; number < 27; number++) await key(management, `key ${String(number).padStart(2, "0")}`);
    await signIn(page, gateway, ADMIN, async () => {});
    await go("/tokens");
    await page.getByRole("link", { name: "New token" }).click();
    await page.fill("dialog [name=timezone]", "Mars");
    await page.fill("dialog [name=name]", "production-web");
    await answerWith(page, "Create token");
    await expect(page.locator("#timezone-problem")).toContainText("is not a time zone");
    await expect(page.locator("dialog [name=name]")).toHaveValue("production-web");
    await page.fill("dialog [name=timezone]", "UTC");
    await answerWith(page, "Create token");
    const secret = (await page.locator(".secret__value").textContent()) ?? "";
    expect(secret).toMatch(/^sk-tg-/);
    expect(page.url()).not.toContain(secret);
    expect((await call(gateway, secret)).status).toBe(200);
    await page.reload();
    expect(await page.content()).not.toContain(secret);

    // Filters, order and pages are links and a form.
    await go("/tokens");
    await page.locator("select[name=sort]").selectOption("name");
    await page.fill("[name=q]", "key");
    await page.getByRole("button", { name: "Apply" }).click();
    await expect(page.locator(".filters__count")).toHaveText("1–25 of 27");
    await page.getByRole("link", { name: "Next 2" }).click();
    expect(await names(page)).toEqual(["key 25", "key 26"]);

    // The bar is there as soon as anything is ticked; what has to be asked has an address.
    await expect(page.locator(".bulk")).toBeHidden();
    await box(page, "key 25").check();
    await expect(page.locator(".bulk")).toBeVisible();
    await box(page, "key 26").check();
    await page.locator(".bulk").getByRole("button", { name: "Move to group…" }).click();
    await expect(dialog(page)).toContainText("Move 2 tokens to a group");
    await dialog(page).locator("select").selectOption({ label: "team" });
    await answerWith(page, "Move");
    await expect(page.locator(".filters__count")).toHaveText("26–27 of 27");
    await expect(row(page, "key 25")).toContainText("team");
    expect((await management.call("GET", `/keys?group_id=${group.id}`)).data.length).toBe(2);
    await box(page, "key 25").check();
    await page.locator(".bulk").getByRole("button", { name: "Disable" }).click();
    await expect(row(page, "key 25")).toContainText("Disabled");
    expect(new URL(page.url()).searchParams.get("q")).toBe("key");
    await box(page, "key 26").check();
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator(".bulk").getByRole("button", { name: "Export CSV" }).click()]);
    const csv = await text(download);
    expect([csv.includes("key 26"), csv.includes("key 25")]).toEqual([true, false]);
    await page.getByLabel("All 27 that match").check();
    await page.locator(".bulk").getByRole("button", { name: "Enable" }).click();
    await expect(dialog(page)).toContainText("Enable 27 tokens?");
    await answerWith(page, "Enable");
    await expect(page.locator("#confirm-problem")).toContainText("Type 27 to confirm");
    await page.fill("dialog [name=confirm]", "27");
    await answerWith(page, "Enable");
    await expect(page.locator("body")).toContainText("27 keys are enabled.");

    // The secret of a rotation is shown once, as a new key's is.
    await go("/tokens?q=production-web");
    await page.locator('summary[aria-label="Actions for production-web"]').click();
    await page.locator(".row-menu[open]").getByText("Rotate…").click();
    await dialog(page).locator("select").selectOption({ label: "Not at all" });
    await answerWith(page, "Rotate");
    const second = (await page.locator(".secret__value").textContent()) ?? "";
    expect([secret.length, second === secret]).toEqual([second.length, false]);
    expect([(await call(gateway, secret)).status, (await call(gateway, second)).status]).toEqual([401, 200]);
    await page.getByRole("link", { name: "I have stored it" }).click();
    expect(await page.content()).not.toContain(second);

    await page.locator('summary[aria-label="Actions for production-web"]').click();
    await page.locator(".row-menu[open]").getByText("Revoke…").click();
    await answerWith(page, "Revoke");
    await expect(page.locator("main")).toContainText("Key production-web is revoked");
    expect((await call(gateway, second)).status).toBe(401);
    await page.getByRole("button", { name: "Undo" }).click();
    await expect(row(page, "production-web")).toBeVisible();
    expect((await call(gateway, second)).status).toBe(200);
  });
});
