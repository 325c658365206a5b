// Quota rules: made and bound, followed while they are typed, tried on real calls, and in force on the very next one.
import type { Locator, Page } from "@playwright/test";
import { axe, expect, type Gateway, hydrated, Management, shots, test } from "../gateway.ts";

/** As the list writes ranges: no line ends in the middle of one. */
const joined = (text: string) => text.replaceAll("–", "\u2060–\u2060");

/** What a call of `call` costs, in credits: a word of input and three of output. */
const COST = 0.000007;

async function signIn(page: Page, gateway: Gateway, ready: () => Promise<void>): Promise<void> {
  await page.goto(`${gateway.url}/sign-in`);
  await ready();
  await page.fill("[name=email]", "admin@example.com");
  await page.fill("[name=password]", "correct horse battery staple");
  await page.locator(".entry__form button").last().click();
  await page.waitForURL((url) => url.pathname === "/");
}

// biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects.
async function call(gateway: Gateway, secret: string): Promise<{ status: number; body: any }> {
  const reply = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "tollgate/fill", max_tokens: 3, messages: [{ role: "user", content: "go" }] }),
  });
  return { status: reply.status, body: await reply.json() };
}

async function key(management: Management, name: string, rule: string): Promise<{ id: string; secret: string }> {
  const made = await management.call("POST", "/keys", { name, rule_id: rule });
  return { id: made.key.id, secret: made.secret };
}

const pad = (hour: number) => `${String(((hour % 24) + 24) % 24).padStart(2, "0")}:00`;

/** An hour of every day, in UTC, that is neither now nor next, and when it begins. */
function later(): { from: string; to: string; opensAt: string } {
  const now = new Date();
  const hour = now.getUTCHours() + 2;
  const opens = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate(), hour));
  return { from: pad(hour), to: pad(hour + 1), opensAt: opens.toISOString().replace(".000Z", "Z") };
}

const range = (page: Page, row: number, end: "from" | "to") => page.locator(`[name="hours[ranges][${row}][${end}]"]`);
const clause = (page: Page) => page.locator(".clause");
const dialog = (page: Page) => page.locator("dialog[open]");
const save = (page: Page) => page.getByRole("button", { name: "Save rule" }).click();
const row = (page: Page, name: string) => page.locator("tbody tr", { has: page.getByRole("link", { name, exact: true }) });

async function days(page: Page, names: string[]): Promise<void> {
  for (const name of names) await page.locator(".day", { hasText: name }).locator("input").check({ force: true });
}

const EVERY_DAY = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** From no rule to one that is deleted. `follow` lets the page catch up with what was written in it. */
async function journey(
  page: Page,
  gateway: Gateway,
  management: Management,
  ready: () => Promise<void>,
  follow: () => Promise<void>,
  seen: (name: string) => Promise<void>,
): Promise<void> {
  await signIn(page, gateway, ready);
  await page.goto(`${gateway.url}/rules`);
  await ready();
  await expect(page.locator(".empty")).toContainText("No rules yet");
  await expect(page.locator(".code")).toContainText(`curl ${gateway.url}/api/v1/rules`);
  await seen("rules-empty");

  // The sentence and the grid follow what is written.
  await page.getByRole("link", { name: "New rule" }).first().click();
  await page.waitForURL((url) => url.pathname === "/rules/new");
  await ready();
  await expect(clause(page)).toHaveText("Restricts nothing: no limit on credits, and calls at any time.");
  await expect(page.locator(".savebar")).toContainText("Governs no key yet.");
  await seen("rule-new");
  await page.fill("[name=name]", "Office hours");
  await page.fill('[name="quota[credits]"]', "50");
  await page.fill('[name="hours[timezone]"]', "Asia/Shanghai");
  await days(page, ["Mon", "Tue", "Wed", "Thu", "Fri"]);
  await range(page, 0, "from").fill("08:00");
  await range(page, 0, "to").fill("20:00");
  await follow();
  await expect(clause(page)).toHaveText(
    "At most 50 credits a day, from midnight in Asia/Shanghai; calls allowed weekdays 08:00–20:00. At any other time, or above the cap, it blocks.",
  );
  await expect(page.locator("main")).toContainText("60 of 168 hours open");
  await expect(page.locator(".week__grid")).toHaveAttribute("aria-label", "Calls pass weekdays 08:00–20:00: 60 of 168 hours a week");
  await expect(page.locator(".week__caption")).toContainText("Asia/Shanghai, UTC+08:00. There it is");
  await expect(page.locator(".clause__next")).toContainText(/Cap resets .* for you, .* 00:00 there/);

  // A range more, a night, and one fewer; what is written stays.
  await page.getByRole("button", { name: "Add range" }).click();
  await expect(range(page, 3, "from")).toBeVisible();
  await range(page, 3, "from").fill("22:00");
  await range(page, 3, "to").fill("02:00");
  await follow();
  await expect(clause(page)).toContainText("weekdays 08:00–20:00 and 22:00–02:00 the next day");
  await expect(page.locator("main")).toContainText("80 of 168 hours open");
  await page.getByRole("button", { name: "Remove range 2" }).click();
  await expect(range(page, 3, "from")).toHaveCount(0);
  await expect(range(page, 2, "from")).toHaveValue("22:00");
  await page.getByRole("button", { name: "Remove range 3" }).click();
  await follow();
  await expect(clause(page)).toContainText("weekdays 08:00–20:00. At any other time");
  await expect(range(page, 0, "to")).toHaveValue("20:00");
  await expect(page.locator("[name=name]")).toHaveValue("Office hours");
  await seen("rule-written");
  await save(page);
  await page.waitForURL((url) => url.pathname === "/rules");
  await ready();
  await expect(page.locator(".toast, [role=status]").filter({ hasText: "Rule Office hours is made." }).first()).toBeVisible();
  const line = row(page, "Office hours");
  await expect(line).toContainText(joined("50.00 credits a day, weekdays 08:00–20:00, Asia/Shanghai"));
  await expect(line).toContainText("no keys");
  await expect(line).toContainText(/then blocks; resets .*, ... 00:00 in Shanghai/);
  await seen("rules");

  // Bound to a key, and made hours in which it is not now: the very next call is refused, with when they begin.
  const id = (await management.call("GET", "/rules")).data[0].id;
  const bound = await key(management, "production-web", id);
  await page.goto(`${gateway.url}/rules/${id}`);
  await ready();
  await expect(page.locator("main h1")).toHaveText("Office hours");
  await expect(page.locator("main")).toContainText("On, governs 1 key");
  await expect(page.locator(".savebar")).toContainText("It governs 1 key; nothing is changed yet.");
  await expect(page.locator("main")).toContainText("made no calls");
  const { from, to, opensAt } = later();
  await page.fill('[name="hours[timezone]"]', "UTC");
  await days(page, EVERY_DAY);
  await range(page, 0, "from").fill(from);
  await range(page, 0, "to").fill(to);
  await follow();
  await expect(clause(page)).toContainText(`every day ${from}–${to === "00:00" ? "24:00" : to}`);
  await expect(page.locator(".clause__next")).toContainText(/Blocks now\. Opens (today|tomorrow)/);
  await expect(page.locator(".savebar")).toContainText("Changes 1 key on their next call");
  await save(page);
  await page.waitForURL((url) => url.pathname === "/rules");
  await ready();
  await expect(row(page, "Office hours")).toContainText(/Opens .*, blocks until then/);
  const refused = await call(gateway, bound.secret);
  expect(refused.status).toBe(403);
  expect(refused.body.error.code).toBe("outside_allowed_hours");
  expect(refused.body.error.tollgate.opens_at).toBe(opensAt);

  // Switched off it restricts nobody, and keeps its key; switched on again it blocks at once.
  await page.getByRole("button", { name: "Deactivate Office hours" }).click();
  await expect(row(page, "Office hours")).toContainText("Restricts nobody");
  await expect(row(page, "Office hours")).toContainText("1 key");
  expect((await call(gateway, bound.secret)).status).toBe(200);
  await page.getByRole("button", { name: "Activate Office hours" }).click();
  await expect(row(page, "Office hours")).toContainText(/Opens .*, blocks until then/);
  expect((await call(gateway, bound.secret)).status).toBe(403);

  // It stays while a key is bound to it.
  await page.getByRole("link", { name: "Delete… Office hours" }).click();
  await expect(page).toHaveURL(/\?delete=/);
  await ready();
  await expect(dialog(page)).toContainText("This rule is in use: 1 key is bound to it. Unbind it first, or switch it off.");
  await expect(dialog(page).getByRole("button", { name: "Delete rule" })).toHaveCount(0);
  await seen("rule-delete-refused");
  await dialog(page).getByRole("link", { name: "Close" }).last().click();
  await expect(dialog(page)).toHaveCount(0);
  await management.call("PATCH", `/keys/${bound.id}`, { rule_id: null });
  await page.goto(`${gateway.url}/rules?delete=${id}`);
  await ready();
  await seen("rule-delete");
  await dialog(page).getByRole("button", { name: "Delete rule" }).click();
  await expect(page.locator(".empty")).toContainText("No rules yet");
  expect((await management.call("GET", "/rules")).data).toEqual([]);
}

test("a rule is made, followed as it is typed, bound, edited in force, switched off, and deleted when nothing refers to it", async ({ page, gateway, management }) => {
  test.setTimeout(240_000);
  await journey(page, gateway, management, () => hydrated(page), async () => {}, async (name) => {
    await page.waitForTimeout(250);
    await axe(page);
    await shots(page, name);
  });
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("a rule is made, shown as it is written, bound, edited in force, switched off, and deleted when nothing refers to it", async ({ page, gateway, management }) => {
    test.setTimeout(120_000);
    const follow = () => page.getByRole("button", { name: "Try it as written" }).click();
    await journey(page, gateway, management, async () => {}, follow, async () => {});
  });

  test("what is wrong is said beside its field, and what was written comes back", async ({ page, gateway, management }) => {
    await signIn(page, gateway, async () => {});
    await page.goto(`${gateway.url}/rules/new`);
    await page.fill("[name=name]", "Dev");
    await page.fill("[name=description]", "two\nlines");
    await page.fill('[name="quota[credits]"]', "-5");
    await page.selectOption('[name="quota[period]"]', "weekly");
    await page.locator("[name=enabled]").uncheck();
    await range(page, 1, "from").fill("25:00");
    await save(page);
    await expect(page).toHaveURL(/\/rules\/new$/);
    await expect(page.locator("#quota-credits-problem")).toContainText("“-5” is not an amount");
    await expect(page.locator("#hours-ranges-1-problem")).toContainText("Write when it ends");
    await expect(page.locator("#hours-weekdays-problem")).toContainText("Choose at least one day");
    for (const [name, value] of [["name", "Dev"], ["description", "two\nlines"], ["quota[credits]", "-5"], ["quota[period]", "weekly"], ["hours[ranges][1][from]", "25:00"]]) {
      await expect(page.locator(`[name="${name}"]`)).toHaveValue(value);
    }
    await expect(page.locator("[name=enabled]")).not.toBeChecked();
    expect((await management.call("GET", "/rules")).data).toEqual([]);
  });
});

/** Presses Tab until this has the focus. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let presses = 0; presses < 80; presses++) {
    if (await target.evaluate((element) => element === document.activeElement).catch(() => false)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`the keyboard does not reach ${target}`);
}

test("a rule is made, edited, switched off and deleted by keyboard alone", async ({ page, gateway, management }) => {
  await signIn(page, gateway, () => hydrated(page));
  await hydrated(page);
  await page.keyboard.press("Tab");
  await tabTo(page, page.locator(".index__link", { hasText: "Quota rules" }));
  await page.keyboard.press("Enter");
  await expect(page.locator("main h1")).toHaveText("Quota rules");
  await tabTo(page, page.locator(".sheet__actions a", { hasText: "New rule" }));
  await page.keyboard.press("Enter");
  await expect(page.locator("main h1")).toHaveText("New rule");
  await tabTo(page, page.locator("[name=name]"));
  await page.keyboard.type("Nights");
  await tabTo(page, page.locator('[name="quota[credits]"]'));
  await page.keyboard.type("60");
  await tabTo(page, page.locator('.day input[value="sat"]'));
  await page.keyboard.press("Space");
  await tabTo(page, range(page, 0, "from"));
  await page.keyboard.type("22:00");
  await tabTo(page, range(page, 0, "to"));
  await page.keyboard.type("06:00");
  await expect(clause(page)).toContainText("At most 60 credits a day, from midnight in UTC; calls allowed Sat 22:00–06:00 the next day");
  // Adding a range puts the cursor into it; removing it leaves one beside where it was.
  await tabTo(page, page.getByRole("button", { name: "Add range" }));
  await page.keyboard.press("Enter");
  await expect(range(page, 3, "from")).toBeFocused();
  await tabTo(page, page.getByRole("button", { name: "Remove range 4" }));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("button", { name: "Add range" })).toBeFocused();
  await tabTo(page, page.getByRole("button", { name: "Save rule" }));
  await page.keyboard.press("Enter");
  await expect(row(page, "Nights")).toContainText(joined("60.00 credits a day, Sat 22:00–06:00 the next day, UTC"));

  // Enter in a field saves, and does not press what stands between the fields.
  await tabTo(page, page.getByRole("link", { name: "Edit Nights" }));
  await page.keyboard.press("Enter");
  await expect(page.locator("main h1")).toHaveText("Nights");
  await tabTo(page, page.locator('[name="quota[credits]"]'));
  await page.keyboard.press("Control+A");
  await page.keyboard.type("61");
  await page.keyboard.press("Enter");
  await expect(row(page, "Nights")).toContainText("61.00 credits a day");
  expect((await management.call("GET", "/rules")).data[0].hours.ranges).toEqual(["22:00-06:00"]);

  await tabTo(page, page.getByRole("button", { name: "Deactivate Nights" }));
  await page.keyboard.press("Enter");
  await expect(row(page, "Nights")).toContainText("Restricts nobody");
  await tabTo(page, page.getByRole("link", { name: "Delete… Nights" }));
  await page.keyboard.press("Enter");
  await expect(dialog(page)).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dialog(page)).toHaveCount(0);
  await expect(page.getByRole("link", { name: "Delete… Nights" })).toBeFocused();
  await page.keyboard.press("Enter");
  await tabTo(page, dialog(page).getByRole("button", { name: "Delete rule" }));
  await page.keyboard.press("Enter");
  await expect(page.locator(".empty")).toContainText("No rules yet");
});

test("the dry run's figures are those of the calls that were made, as the rule is written", async ({ page, gateway, management }) => {
  const rule = (await management.call("POST", "/rules", { name: "Tried" })).id;
  const [web, mobile] = [await key(management, "web", rule), await key(management, "mobile", rule)];
  await key(management, "idle", rule);
  for (const secret of [web.secret, web.secret, web.secret, web.secret, mobile.secret]) {
    expect((await call(gateway, secret)).status).toBe(200);
  }
  await signIn(page, gateway, () => hydrated(page));
  await page.goto(`${gateway.url}/rules/${rule}`);
  await hydrated(page);
  const dry = page.locator("section", { hasText: "Dry run" }).last();
  await expect(dry).toContainText("against 5 calls of its keys that went through");
  await expect(dry).toContainText("It would have refused none of them: it restricts nothing.");

  // Two calls fit a day's cap, the other two of that key do not; nothing is saved for it.
  const cap = (2 * COST).toFixed(6);
  await page.fill('[name="quota[credits]"]', cap);
  await expect(dry.locator(".impact")).toHaveText("It would have refused 2 calls from 1 key, worth 0.000014 credits.");
  await expect(dry).toContainText("2 above its cap");
  await expect(dry.locator("tbody tr", { hasText: "web" }).last()).toContainText("50.0 %");
  await expect(dry.locator("tfoot tr")).toContainText("1 of 3 keys");
  await expect(dry.locator("tfoot tr")).toContainText("40.0 %");
  const impact = await management.call("POST", `/rules/${rule}/impact`, { quota: { credits: cap, period: "daily" } });
  expect([impact.calls, impact.refused.calls, Number(impact.refused.credits)]).toEqual([5, 2, 2 * COST]);
  await page.locator(".chart__data summary").click();
  await axe(page);
  await shots(page, "rule-dry-run");

  // Outside its hours all of them are refused.
  const { from, to } = later();
  await days(page, EVERY_DAY);
  await range(page, 0, "from").fill(from);
  await range(page, 0, "to").fill(to);
  await expect(dry.locator(".impact")).toHaveText("It would have refused 5 calls from 2 keys, worth 0.000035 credits.");
  await expect(dry.locator("tfoot tr")).toContainText("100.0 %");
  await page.locator("[name=enabled]").uncheck();
  await expect(dry.locator(".impact")).toHaveText("Switched on, it would have refused 5 calls from 2 keys, worth 0.000035 credits.");
  await range(page, 0, "to").fill("x");
  await expect(dry).toContainText("It is tried again as soon as every field can be read.");
  expect((await management.call("GET", `/rules/${rule}`)).quota).toBeNull();
  expect((await call(gateway, web.secret)).status).toBe(200);

  const unbound = (await management.call("POST", "/rules", { name: "Unbound" })).id;
  await page.goto(`${gateway.url}/rules/${unbound}`);
  await expect(page.locator("main")).toContainText("It governs no key, so there are no calls to try it on.");
});

test("each field that will not do is told beside it, and nothing is saved", async ({ page, gateway, management, quiet }) => {
  test.setTimeout(120_000);
  quiet.allow(/Failed to load resource: the server responded with a status of 4\d\d .*\/fn\/save-rule/);
  await management.call("POST", "/rules", { name: "Taken" });
  await signIn(page, gateway, () => hydrated(page));
  await page.goto(`${gateway.url}/rules/new`);
  await hydrated(page);
  const good: Record<string, string> = {
    name: "Dev",
    description: "",
    "quota[credits]": "50",
    "hours[timezone]": "Asia/Shanghai",
    timezone: "",
    "hours[ranges][0][from]": "08:00",
    "hours[ranges][0][to]": "12:00",
    "hours[ranges][1][from]": "",
    "hours[ranges][1][to]": "",
  };
  await days(page, ["Mon", "Tue"]);
  const write = async (fields: Record<string, string>) => {
    for (const [name, value] of Object.entries(fields)) await page.fill(`[name="${name}"]`, value);
  };
  for (const [bad, problem, told] of [
    [{ name: "" }, "name", "Give it a name of 1 to 200 characters."],
    [{ name: "x".repeat(201) }, "name", "Give it a name of 1 to 200 characters."],
    [{ name: "Taken" }, "name", "This account has a rule of this name already."],
    [{ "quota[credits]": "-5" }, "quota-credits", "“-5” is not an amount."],
    [{ "quota[credits]": "many" }, "quota-credits", "“many” is not an amount."],
    [{ "quota[credits]": "1000000001" }, "quota-credits", "Write credits from 0 to 1,000,000,000"],
    [{ "quota[credits]": "9".repeat(40) }, "quota-credits", "is not an amount."],
    [{ "hours[timezone]": "Mars/Olympus" }, "hours-timezone", '"Mars/Olympus" is not a time zone.'],
    [{ "hours[timezone]": "" }, "hours-timezone", "Choose a time zone"],
    [{ timezone: "UTC+99" }, "timezone", '"UTC+99" is not a time zone.'],
    [{ "hours[ranges][0][from]": "25:00" }, "hours-ranges-0", "“25:00 to 12:00” is no range of hours."],
    [{ "hours[ranges][0][to]": "noon" }, "hours-ranges-0", "“08:00 to noon” is no range of hours."],
    [{ "hours[ranges][0][to]": "" }, "hours-ranges-0", "Write when it ends, such as 20:00"],
    [{ "hours[ranges][0][from]": "", "hours[ranges][0][to]": "" }, "hours-ranges", "Write at least one range"],
    [{ "hours[ranges][1][from]": "11:00", "hours[ranges][1][to]": "13:00" }, "hours-ranges-1", "11:00–13:00 overlaps 08:00–12:00."],
    [{ "hours[ranges][1][from]": "08:00", "hours[ranges][1][to]": "12:00" }, "hours-ranges-1", "08:00–12:00 is written twice."],
    [{ "hours[ranges][1][from]": "22:00", "hours[ranges][1][to]": "09:00" }, "hours-ranges-1", "22:00–09:00 the next day overlaps 08:00–12:00."],
    [{ description: "x".repeat(2_001) }, "description", "Keep the description within 2,000 characters."],
  ] as const) {
    await write({ ...good, ...bad });
    await save(page);
    await expect(page.locator(`#${problem}-problem`), JSON.stringify(bad)).toContainText(told);
    await expect(page.locator(".field__error")).toHaveCount(1);
    await expect(page.locator("[aria-invalid=true]").first()).toBeFocused();
    for (const [name, value] of Object.entries(bad)) await expect(page.locator(`[name="${name}"]`)).toHaveValue(value);
    expect((await management.call("GET", "/rules")).data.length, JSON.stringify(bad)).toBe(1);
  }
  await write(good);
  for (const day of ["Mon", "Tue"]) await page.locator(".day", { hasText: day }).locator("input").uncheck({ force: true });
  await save(page);
  await expect(page.locator("#hours-weekdays-problem")).toContainText("Choose at least one day");
  // All at once, each beside its own.
  await write({ name: "", "quota[credits]": "x", "hours[timezone]": "x", timezone: "x", "hours[ranges][0][from]": "x" });
  await save(page);
  await expect(page.locator(".field__error")).toHaveCount(6);
  await expect(page.locator(".notice[role=alert]")).toContainText("And 5 more to change.");
  await axe(page);
  await shots(page, "rule-problems");
  expect((await management.call("GET", "/rules")).data.length).toBe(1);

  // Hours that seem reversed are a night, and the page says so before it is saved.
  await write({ ...good, "hours[ranges][0][from]": "20:00", "hours[ranges][0][to]": "08:00" });
  await days(page, ["Mon"]);
  await expect(clause(page)).toContainText("Mon 20:00–08:00 the next day");
  await save(page);
  await page.waitForURL((url) => url.pathname === "/rules");
  const made = (await management.call("GET", "/rules")).data.find((rule: { name: string }) => rule.name === "Dev");
  expect(made.hours).toEqual({ timezone: "Asia/Shanghai", weekdays: ["mon"], ranges: ["20:00-08:00"] });
});

test("the time zones to choose from come when a field for one is looked at", async ({ page, gateway }) => {
  await gateway.createAdmin();
  await signIn(page, gateway, () => hydrated(page));
  await page.goto(`${gateway.url}/rules/new`);
  await hydrated(page);
  const zones = page.locator("datalist#zones option");
  const asked: string[] = [];
  page.on("request", (request) => request.url().endsWith("/fn/zones") && asked.push(request.url()));
  await page.locator("[name=name]").focus();
  // What the form says follows what is written, so that whatever the focus asked for has been asked for.
  const said = page.waitForResponse("**/fn/rule-said");
  await page.fill("[name=name]", "Named");
  await said;
  expect(asked).toEqual([]);
  await expect(zones).toHaveCount(0);
  const answer = page.waitForResponse("**/fn/zones");
  await page.locator('[name="hours[timezone]"]').focus();
  expect((await answer).status()).toBe(200);
  await expect(page.locator('#zones option[value="Asia/Shanghai"]')).toHaveCount(1);
  expect(await zones.count()).toBeGreaterThan(300);
  expect(asked).toHaveLength(1);
});

test("a rule's page that a link leads to asks once for what it shows, and then for what it would have refused", async ({ page, gateway, management }) => {
  const rule = await management.call("POST", "/rules", { name: "Asked", quota: { credits: "5", period: "daily" } });
  await signIn(page, gateway, () => hydrated(page));
  await page.goto(`${gateway.url}/rules`);
  await hydrated(page);
  const asked: string[] = [];
  page.on("request", (request) => request.url().includes("/fn/rule-") && asked.push(new URL(request.url()).pathname));
  await page.locator("tbody").getByRole("link", { name: "Asked", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Dry run" })).toBeVisible();
  await expect(page.locator(".clause")).toContainText("5");
  await expect(page.locator('[name="quota[credits]"]')).toHaveValue("5.00");
  await expect(page.locator(".week__grid")).toBeVisible();
  await expect(page.getByRole("button", { name: "Save rule" }).last()).toBeVisible();
  expect(asked).toEqual(["/fn/rule-fields", "/fn/rule-dry-run"]);
  // What is written is followed from there.
  const said = page.waitForResponse("**/fn/rule-said");
  await page.fill('[name="quota[credits]"]', "7");
  await said;
  await expect(page.locator(".clause")).toContainText("7");
});

test("what a rule says as it is written, where that cannot be read, is not what it said before", async ({ page, gateway, management, quiet }) => {
  quiet.allow(/Failed to load resource/);
  const rule = await management.call("POST", "/rules", { name: "Unread", quota: { credits: "5", period: "daily" } });
  await signIn(page, gateway, () => hydrated(page));
  await page.goto(`${gateway.url}/rules/${rule.id}`);
  await hydrated(page);
  const words = page.getByRole("region", { name: "In words" });
  await expect(words).toContainText("as saved");
  await page.route("**/fn/rule-said", (route) => route.abort());
  await page.fill('[name="quota[credits]"]', "7");
  await expect(words.getByRole("alert")).toBeVisible();
  await expect(words).not.toContainText("as saved");
  await expect(page.locator('[name="quota[credits]"]')).toHaveValue("7");
  await page.unroute("**/fn/rule-said");
  await page.fill('[name="quota[credits]"]', "8");
  await expect(words).toContainText("unsaved");
  await expect(words).toContainText("8");
});

test("a cap may be counted in another zone than the hours, and a rule that changed meanwhile is not written over", async ({ page, gateway, management, quiet }) => {
  quiet.allow(/status of 409 .*\/fn\/save-rule/);
  const hours = { timezone: "Asia/Shanghai", weekdays: ["mon"], ranges: ["08:00-20:00"] };
  const id = (await management.call("POST", "/rules", { name: "Two zones", hours })).id;
  await signIn(page, gateway, () => hydrated(page));
  await page.goto(`${gateway.url}/rules/${id}`);
  await hydrated(page);
  await page.fill('[name="quota[credits]"]', "12.5");
  await page.selectOption('[name="quota[period]"]', "monthly");
  await page.fill("[name=timezone]", "Europe/Berlin");
  await expect(clause(page)).toContainText("At most 12.50 credits a month, from midnight on the 1st in Europe/Berlin; calls allowed Mon 08:00–20:00 (Asia/Shanghai).");
  await expect(page.locator(".statement__note").first()).toHaveText("unsaved");
  await management.call("PATCH", `/rules/${id}`, { description: "by someone else" });
  await expect(page.locator(".statement__note").first()).toHaveText("changed elsewhere since this page was opened: reload it");
  await save(page);
  await expect(page.locator(".notice[role=alert]")).toContainText("This rule was changed since this page was opened");
  expect((await management.call("GET", `/rules/${id}`)).quota).toBeNull();
  await page.reload();
  await hydrated(page);
  await expect(page.locator("[name=description]")).toHaveValue("by someone else");
  await page.fill('[name="quota[credits]"]', "12.5");
  await page.selectOption('[name="quota[period]"]', "monthly");
  await page.fill("[name=timezone]", "Europe/Berlin");
  await save(page);
  await page.waitForURL((url) => url.pathname === "/rules");
  const saved = await management.call("GET", `/rules/${id}`);
  expect([saved.quota, saved.timezone, saved.description]).toEqual([{ credits: "12.50", period: "monthly" }, "Europe/Berlin", "by someone else"]);
});

test("a rule that is made while its list is on the way to the browser is shown", async ({ page, gateway, management }) => {
  await signIn(page, gateway, () => hydrated(page));
  await page.goto("about:blank");
  let go = () => {};
  const made = new Promise<void>((it) => (go = it));
  await page.route("**/live?*", async (route) => {
    await made;
    await route.continue();
  });
  await page.goto(`${gateway.url}/rules`);
  await hydrated(page);
  await management.call("POST", "/rules", { name: "Made meanwhile" });
  // By then the process has heard of its own change too, which it tells whoever listens.
  await page.waitForTimeout(1_500);
  await expect(page.getByText("Made meanwhile")).toHaveCount(0);
  go();
  await expect(page.getByText("Made meanwhile")).toBeVisible();
});

test("the list searches, filters and turns pages on the server, and all of it is in the URL", async ({ page, gateway, management, quiet }) => {
  quiet.allow(/status of 40[04]/);
  for (let number = 1; number <= 53; number++) {
    await management.call("POST", "/rules", { name: `Rule ${String(number).padStart(2, "0")}`, enabled: number % 10 !== 0, description: number === 7 ? "for the night shift" : "" });
  }
  const rules = (await management.call("GET", "/rules?limit=60")).data as { id: string; name: string }[];
  const shift = rules.find((rule) => rule.name === "Rule 07")?.id ?? "";
  await key(management, "bound", shift);
  await management.call("POST", "/keys", { name: "inheriting" });
  await management.call("PUT", "/account/default-rule", { rule_id: shift });
  await signIn(page, gateway, () => hydrated(page));
  await page.goto(`${gateway.url}/rules`);
  await hydrated(page);
  await expect(page.locator("tbody tr")).toHaveCount(50);
  await expect(page.locator(".statement__foot")).toContainText("53 rules govern 2 of 2 keys. Edits act on the next call.");
  await page.getByRole("link", { name: "Older" }).click();
  await expect(page.locator("tbody tr")).toHaveCount(3);
  await page.reload();
  await expect(page.locator("tbody tr")).toHaveCount(3);
  await page.getByRole("link", { name: "Newer" }).click();
  await expect(page.locator("tbody tr")).toHaveCount(50);
  await page.fill("[type=search]", "NIGHT shift");
  await expect(page.locator("tbody tr")).toHaveCount(1);
  await expect(page).toHaveURL(/q=NIGHT/);
  await expect(page.locator("tbody tr")).toContainText("Rule 07");
  await expect(page.locator("tbody tr")).toContainText("2 keys, 1 of them by default");
  await expect(page.locator("tbody tr")).toContainText("default of 1 account");
  await page.goto(`${gateway.url}/rules?q=rule&status=off`);
  await hydrated(page);
  await expect(page.locator("tbody tr")).toHaveCount(5);
  // What acts at once leaves the filter as it is, and the row that no longer fits goes.
  await page.getByRole("button", { name: "Activate Rule 10" }).click();
  await expect(page.locator("tbody tr")).toHaveCount(4);
  await expect(page).toHaveURL(/q=rule&status=off/);
  await page.goto(`${gateway.url}/rules?q=100%25`);
  await hydrated(page);
  await expect(page.locator("main")).toContainText("No rule matches these filters.");
  await axe(page);
  await shots(page, "rules-no-matches");
  for (const [path, status, told] of [
    ["/rules?status=odd", 400, "is no status of a rule"],
    ["/rules/nothing", 404, "There is no such rule."],
    ["/rules?delete=nothing", 404, "There is no such rule."],
  ] as const) {
    const answer = await page.goto(gateway.url + path);
    expect(answer?.status(), path).toBe(status);
    await hydrated(page);
    await expect(page.locator("body")).toContainText(told);
    await axe(page);
  }
  await page.goto(`${gateway.url}/rules/nothing`);
  await shots(page, "rule-missing");
});

test("long names, huge caps and many ranges keep the page in its lines", async ({ page, gateway, management }) => {
  const hours = (ranges: string[]) => ({ timezone: "America/Argentina/ComodRivadavia", weekdays: ["mon", "wed", "fri", "sun"], ranges });
  const many = Array.from({ length: 24 }, (_, hour) => `${String(hour).padStart(2, "0")}:00-${String(hour).padStart(2, "0")}:30`);
  const name = `${"Unbreakable".repeat(12)} and a few words of ordinary length`;
  const id = (await management.call("POST", "/rules", { name, quota: { credits: "1000000000", period: "monthly" }, hours: hours(many) })).id;
  await management.call("POST", "/rules", { name: "Zero", quota: { credits: "0", period: "daily" } });
  await management.call("POST", "/rules", { name: "Summer freeze", enabled: false, quota: { credits: "5", period: "monthly" } });
  await management.call("POST", "/rules", { name: "Batch nights", quota: { credits: "60", period: "daily" }, hours: { timezone: "Europe/Berlin", weekdays: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ranges: ["22:00-06:00"] } });
  const support = (await management.call("POST", "/rules", { name: "Shanghai support", quota: { credits: "50", period: "daily" }, hours: { timezone: "Asia/Shanghai", weekdays: ["mon", "tue", "wed", "thu", "fri", "sat"], ranges: ["08:00-12:00", "13:00-20:00", "22:00-02:00"] } })).id;
  await key(management, "support-cn-web", support);
  await signIn(page, gateway, () => hydrated(page));
  for (const [path, shot] of [["/rules", "rules-many"], [`/rules/${id}`, "rule-long"], [`/rules/${support}`, "rule-edit"]]) {
    await page.goto(gateway.url + path);
    await hydrated(page);
    for (const width of [1440, 390, 320]) {
      await page.setViewportSize({ width, height: 900 });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(wide, `${path} at ${width} px`).toBeLessThanOrEqual(0);
    }
    await page.setViewportSize({ width: 1440, height: 900 });
    await axe(page);
    await shots(page, shot);
  }
});

test("a user sees their own rules alone, and may not loosen one that an admin has bound", async ({ page, gateway, management, quiet }) => {
  quiet.allow(/status of 40[34]/);
  await gateway.cli(["account", "create", "--email", "user@example.com", "--role", "user", "--password-stdin"], "correct horse battery staple\n");
  const theirs = (await management.call("POST", "/rules", { name: "Admin's own" })).id;
  const theirOwn = new Management(gateway, await gateway.managementToken("user@example.com"));
  const user = (await theirOwn.call("POST", "/rules", { name: "Draft" })).account_id;
  const quota = { credits: "1.00", period: "daily" };
  const own = (await management.call("POST", "/rules", { name: "User's", account_id: user, quota })).id;
  await management.call("POST", "/keys", { name: "bound", account_id: user, rule_id: own });
  await page.goto(`${gateway.url}/sign-in`);
  await hydrated(page);
  await page.fill("[name=email]", "user@example.com");
  await page.fill("[name=password]", "correct horse battery staple");
  await page.locator(".entry__form button").last().click();
  await page.waitForURL((url) => url.pathname === "/");
  await page.goto(`${gateway.url}/rules`);
  await hydrated(page);
  await expect(page.locator("tbody tr")).toHaveCount(2);
  await page.getByRole("button", { name: "Deactivate User's" }).click();
  await expect(page.locator(".notice[role=alert]")).toContainText("An admin has bound keys to this: only an admin may change what it allows.");
  await page.goto(`${gateway.url}/rules/${own}`);
  await hydrated(page);
  await page.fill('[name="quota[credits]"]', "1000");
  await save(page);
  await expect(page.locator("#quota-credits-problem")).toContainText("only an admin may change what it allows");
  expect((await management.call("GET", `/rules/${own}`)).quota).toEqual(quota);
  expect((await page.goto(`${gateway.url}/rules/${theirs}`))?.status()).toBe(404);
});
