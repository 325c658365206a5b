// Groups: keys that share a quota, made, filled, watched and deleted; with JavaScript, without it, and by keyboard alone.
import type { Locator, Page } from "@playwright/test";
import { axe, expect, type Gateway, hydrated, Management, shots, test } from "../gateway.ts";

const EMAIL = "admin@example.com";
const PASSWORD = "correct horse battery staple";

/** `tollgate/fill` costs 1 + 2 x words millionths of a credit. */
async function call(gateway: Gateway, secret: string, words: number): Promise<Response> {
  return fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "tollgate/fill", max_tokens: words, messages: [{ role: "user", content: "go" }] }),
  });
}

async function key(management: Management, fields: object): Promise<{ id: string; secret: string }> {
  const made = await management.call("POST", "/keys", fields);
  return { id: made.key.id, secret: made.secret };
}

async function signIn(page: Page, gateway: Gateway, ready: () => Promise<void>, email = EMAIL): Promise<void> {
  await page.goto(`${gateway.url}/sign-in`);
  await ready();
  await page.fill("[name=email]", email);
  await page.fill("[name=password]", PASSWORD);
  await page.locator(".entry__form button").last().click();
  await page.waitForURL((url) => url.pathname === "/");
  await ready();
}

const dialog = (page: Page) => page.locator("dialog.dialog[open]").filter({ has: page.locator("#dialog-t") });
const submit = (page: Page) => dialog(page).locator(".dialog__foot button");
const meters = (page: Page) => page.locator(".group-meters");

/** The whole journey; `ready` waits until a page answers, `seen` is called where there is something to look at. */
async function journey(
  page: Page,
  gateway: Gateway,
  management: Management,
  ready: () => Promise<void>,
  seen: (name: string) => Promise<void>,
): Promise<void> {
  const open = async (path: string) => {
    await page.goto(path.startsWith("http") ? path : gateway.url + path);
    await ready();
  };
  /** What calls have just changed is there a moment later. */
  const shows = async (path: string, locator: Locator, text: string | RegExp) =>
    expect(async () => {
      await open(path);
      await expect(locator).toContainText(text, { timeout: 2_000 });
    }).toPass();
  const [web, batch, outside] = [
    await key(management, { name: "web" }),
    await key(management, { name: "batch" }),
    await key(management, { name: "outside" }),
  ];
  await signIn(page, gateway, ready);

  // An empty page says what to do next.
  await open("/groups");
  await expect(page.locator("main")).toContainText("No groups yet");
  await expect(page.locator("main pre")).toContainText("/api/v1/groups");
  await seen("groups-empty");

  // What is wrong with a field is said beside it, nothing is saved, and nothing that was written is lost.
  await open("/groups?new=1");
  await expect(dialog(page)).toContainText("blocks nothing");
  await seen("group-new");
  await page.fill("dialog [name=name]", " ");
  await page.fill('dialog [name="quota[tokens]"]', "-5");
  await page.fill('dialog [name="quota[credits]"]', "0.000046");
  await page.fill("dialog [name=timezone]", "Mars/Olympus");
  await submit(page).click();
  await expect(page.locator("#name-problem")).toContainText("1 to 200 characters");
  await expect(page.locator("#quota-tokens-problem")).toContainText("Write 5");
  await expect(page.locator("#timezone-problem")).toContainText("is not a time zone");
  await expect(page.locator('dialog [name="quota[credits]"]')).toHaveValue("0.000046");
  await seen("group-new-problem");
  expect((await management.call("GET", "/groups")).data).toEqual([]);

  // Made right, it leads on: to the keys.
  await page.fill("dialog [name=name]", "team-search");
  await page.fill("dialog [name=description]", "Everything that ranks and retrieves.");
  await page.fill('dialog [name="quota[tokens]"]', "");
  await page.selectOption('dialog [name="quota[period]"]', "monthly");
  await page.fill("dialog [name=timezone]", "UTC");
  await submit(page).click();
  await page.waitForURL((url) => /^\/groups\/[0-9a-f-]{36}$/.test(url.pathname));
  await ready();
  const group = new URL(page.url()).pathname;
  await expect(page.locator("h1")).toHaveText("team-search");
  await expect(page.locator("main")).toContainText("No key is in it");
  await expect(page.locator("main")).toContainText("0.000046 credits a month, from midnight on the 1st in UTC");
  await seen("group-empty");

  // Two keys are put into it; the third stays outside.
  await open(`${group}?add=1`);
  await expect(dialog(page).locator("tbody tr")).toHaveCount(3);
  await seen("group-add");
  await dialog(page).getByRole("checkbox", { name: "web" }).check();
  await dialog(page).getByRole("checkbox", { name: "batch" }).check();
  await submit(page).click();
  await expect(page.locator("tbody th", { hasText: "web" })).toBeVisible();
  await expect(page.locator("tbody th", { hasText: "batch" })).toBeVisible();
  await expect(page.locator("tbody th", { hasText: "outside" })).toHaveCount(0);

  // Both spend: 21 and 25 millionths. The shares are of the total, and all of it.
  expect((await call(gateway, web.secret, 10)).status).toBe(200);
  expect((await call(gateway, batch.secret, 12)).status).toBe(200);
  await shows(group, meters(page), "0.000046 of 0.000046 a month");
  const byKey = page.locator("section", { has: page.locator("#h-shares") });
  await expect(byKey.locator("tbody tr").nth(0)).toContainText(/batch.*0\.000025.*54\.3 %/);
  await expect(byKey.locator("tbody tr").nth(1)).toContainText(/web.*0\.000021.*45\.7 %/);
  await expect(byKey.locator("tfoot")).toContainText(/2.*0\.000046.*100\.0 %/);
  const bar = byKey.getByRole("img", { name: "Shares of the credits by key: batch 54.3 %, web 45.7 %" });
  await expect(bar.locator("rect")).toHaveCount(2);
  await expect(bar.locator("rect").nth(1)).toHaveAttribute("width", "45.7%");

  // Exhausting the group refuses both keys, naming the group; a key outside goes on.
  for (const secret of [web.secret, batch.secret]) {
    const refused = await call(gateway, secret, 10);
    expect(refused.status).toBe(402);
    const { error } = await refused.json();
    expect(error.code).toBe("quota_exceeded");
    expect(error.message).toContain('Group "team-search"');
  }
  expect((await call(gateway, outside.secret, 10)).status).toBe(200);
  await shows(group, page.locator(".group-head"), "Blocks now");
  await expect(meters(page)).toContainText(/blocks now, reopens 1 \w+ 00:00|blocks now, reopens 1 \w+ \d{4} 00:00/);
  await seen("group");
  await shows("/groups", page.locator("tbody tr"), /team-search.*0\.000046.*Blocks now.*2.*0\.000046/);
  await expect(page.locator(".sheet__lede")).toContainText("1 group: 1 blocked");
  await seen("groups");

  // Its calls are in the logs, by the link.
  await open(group);
  await page.getByRole("link", { name: "Its calls" }).click();
  await page.waitForURL((url) => url.pathname === "/logs" && url.searchParams.has("group"));
  await ready();
  await expect(page.locator(".chips")).toContainText("Group team-search");
  await expect(page.locator("tbody tr:not(.log__day)")).toHaveCount(4);
  await expect(page.locator("tbody")).not.toContainText("outside");

  // A reset by an admin opens it, and moves no boundary.
  await open(`${group}?reset=1`);
  await expect(dialog(page)).toContainText("0.000046 credits are counted so far");
  await expect(dialog(page)).toContainText("No boundary moves");
  await seen("group-reset");
  await submit(page).click();
  await expect(dialog(page)).toHaveCount(0);
  await shows(group, meters(page), "0.000046 left");
  await expect(byKey.locator("tfoot"), "what was used stays in the totals").toContainText("0.000046");

  // A key that is taken out keeps its secret, and what it used stays where it was used.
  await page.getByRole("button", { name: "Remove batch from the group" }).click();
  await expect(page.getByRole("button", { name: "Remove batch from the group" })).toHaveCount(0);
  expect((await call(gateway, batch.secret, 40)).status, "more than the group would allow").toBe(200);
  await shows(group, byKey.locator("tbody tr").nth(0), /batch\s*not in the group any more.*0\.000025/);
  expect((await management.call("GET", `/keys/${batch.id}`)).group_id).toBe(null);

  // A blank quota is unlimited, from the very next call on.
  expect((await call(gateway, web.secret, 40)).status).toBe(402);
  await open(group);
  await page.getByRole("link", { name: "Edit", exact: true }).click();
  await expect(page.locator('dialog [name="quota[credits]"]')).toHaveValue("0.000046");
  await page.fill('dialog [name="quota[credits]"]', "");
  await submit(page).click();
  await page.waitForURL((url) => url.pathname === group);
  await ready();
  await expect(dialog(page)).toHaveCount(0);
  await expect(page.locator("main")).toContainText("No shared quota");
  expect((await call(gateway, web.secret, 40)).status).toBe(200);

  // Deleted, it lets go of its keys; they stay.
  await open(group);
  await page.getByRole("link", { name: "Delete…" }).click();
  await expect(dialog(page)).toContainText("Its 1 key stays, in no group");
  await seen("group-delete");
  await submit(page).click();
  await page.waitForURL((url) => url.pathname === "/groups");
  await ready();
  await expect(page.locator("main")).toContainText("No groups yet");
  expect((await call(gateway, web.secret, 10)).status).toBe(200);
  expect((await management.call("GET", `/keys/${web.id}`)).group_id).toBe(null);
  const answer = await page.goto(gateway.url + group);
  expect(answer?.status()).toBe(404);
  await ready();
  await expect(page.locator("h1")).toHaveText("No such group");
  await seen("group-gone");
}

test("keys that share a group’s quota are refused together, and a key outside goes on", async ({ page, gateway, management, quiet }) => {
  test.setTimeout(300_000);
  // A form that is refused answers 4xx, and the group that is gone 404; browsers log both by themselves.
  quiet.allow(/status of 4\d\d .*\/fn\/save-group/);
  quiet.allow(/status of 404 .*\/groups\//);
  // Its page may hear of that before it is left, and ask once more.
  quiet.allow(/status of 404 .*\/fn\/group\b/);
  await journey(page, gateway, management, () => hydrated(page), async (name) => {
    await page.waitForTimeout(250);
    await axe(page);
    await shots(page, name);
  });
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("keys that share a group’s quota are refused together, and a key outside goes on", async ({ page, gateway, management, quiet }) => {
    test.setTimeout(180_000);
    quiet.allow(/status of 404 .*\/groups\//);
    await journey(page, gateway, management, async () => {}, async () => {});
  });
});

/** Presses Tab until the element has the focus. */
async function tabTo(page: Page, to: Locator): Promise<void> {
  await to.waitFor();
  for (let presses = 0; presses < 80; presses++) {
    if (await to.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab never reached ${to}`);
}

test("a group is made, filled, emptied and deleted by keyboard alone", async ({ page, gateway, management }) => {
  test.setTimeout(120_000);
  await key(management, { name: "web" });
  await signIn(page, gateway, () => hydrated(page));
  await page.keyboard.press("g");
  await page.keyboard.press("g");
  await page.waitForURL((url) => url.pathname === "/groups");
  await tabTo(page, page.locator(".sheet__actions").getByRole("link", { name: "New group" }));
  await page.keyboard.press("Enter");
  await expect(page.locator("dialog [name=name]")).toBeFocused();
  await page.keyboard.type("by keyboard");
  await tabTo(page, page.locator('dialog [name="quota[credits]"]'));
  await page.keyboard.type("5");
  await expect(page.locator(".limits__says"), "the sentence follows what is typed").toContainText("5.00 credits a month");
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => /^\/groups\/./.test(url.pathname) && url.search === "");
  await expect(page.locator("h1")).toHaveText("by keyboard");
  await tabTo(page, page.getByRole("link", { name: "Add keys…" }));
  await page.keyboard.press("Enter");
  const find = page.locator("dialog [name=find]");
  await expect(find).toBeFocused();
  await page.keyboard.type("nothing like it");
  await expect(dialog(page)).toContainText("No key to add");
  await expect(find, "the cursor stays while the list is read anew").toBeFocused();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("we");
  await tabTo(page, dialog(page).getByRole("checkbox", { name: "web" }));
  await page.keyboard.press("Space");
  await tabTo(page, submit(page));
  await page.keyboard.press("Enter");
  await expect(dialog(page)).toHaveCount(0);
  const remove = page.getByRole("button", { name: "Remove web from the group" });
  await tabTo(page, remove);
  await page.keyboard.press("Enter");
  await expect(page.locator("main")).toContainText("No key is in it");
  await tabTo(page, page.locator(".sheet__actions").getByRole("link", { name: "Edit", exact: true }));
  await page.keyboard.press("Enter");
  await expect(page.locator("dialog [name=name]")).toBeFocused();
  await page.keyboard.press("Escape");
  await page.waitForURL((url) => /^\/groups\/./.test(url.pathname));
  await expect(dialog(page)).toHaveCount(0);
  await tabTo(page, page.locator(".sheet__actions").getByRole("link", { name: "Delete…" }));
  await page.keyboard.press("Enter");
  await tabTo(page, submit(page));
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname === "/groups" && url.search === "");
  await expect(page.locator("main")).toContainText("No groups yet");
});

test("a key moved between groups keeps its secret, its id, its meters and its history", async ({ page, gateway, management }) => {
  const month = { monthly_spend: "0.0001" };
  const spent = await management.call("POST", "/groups", { name: "spent", quota: { credits: "0.00003", period: "monthly" } });
  const fresh = await management.call("POST", "/groups", { name: "fresh", quota: { credits: "1", period: "monthly" } });
  const moved = await key(management, { name: "moved", group_id: spent.id, limits: month });
  expect((await call(gateway, moved.secret, 10)).status).toBe(200);
  expect((await call(gateway, moved.secret, 10)).status).toBe(402);
  const before = await management.call("GET", `/keys/${moved.id}`);
  await signIn(page, gateway, () => hydrated(page));
  await page.goto(`${gateway.url}/groups/${fresh.id}?add=1`);
  await hydrated(page);
  await expect(dialog(page).locator("tbody tr")).toContainText("in spent");
  await dialog(page).getByRole("checkbox", { name: "moved" }).check();
  await submit(page).click();
  await expect(dialog(page)).toHaveCount(0);
  await expect(page.locator("tbody th", { hasText: "moved" })).toBeVisible();
  const after = await management.call("GET", `/keys/${moved.id}`);
  expect(after.group_id).toBe(fresh.id);
  expect({ ...after, group_id: "", last_used_at: "" }).toEqual({ ...before, group_id: "", last_used_at: "" });
  // 21 of 100 millionths are used: its own meter went with it. Another 41 pass, and 41 more would not.
  expect((await call(gateway, moved.secret, 20)).status).toBe(200);
  const refused = await call(gateway, moved.secret, 20);
  expect(refused.status).toBe(402);
  expect((await refused.json()).error.message).toMatch(/^Key "moved" is limited/);
  const rows = (await management.call("GET", `/logs?key_id=${moved.id}`)).data;
  expect(rows.map((row: { group_id: string }) => row.group_id)).toEqual([fresh.id, fresh.id, spent.id, spent.id]);
});

test("a group is made from selected keys", async ({ page, gateway, management, quiet }) => {
  quiet.allow(/status of 404 .*\/fn\/save-group/);
  const [one, other] = [await key(management, { name: "one" }), await key(management, { name: "other" })];
  await signIn(page, gateway, () => hydrated(page));
  await page.goto(`${gateway.url}/groups?new=1&keys=${one.id},${other.id}`);
  await hydrated(page);
  await expect(dialog(page)).toContainText("Moves 2 keys into it: one and other.");
  await axe(page);
  await shots(page, "group-from-keys");
  await page.fill("dialog [name=name]", "both");
  await submit(page).click();
  await page.waitForURL((url) => url.pathname.startsWith("/groups/"));
  await expect(page.locator(".toasts")).toContainText("2 keys are in both now");
  await expect(page.locator("tbody th", { hasText: /^one/ })).toBeVisible();
  await expect(page.locator("tbody th", { hasText: /^other/ })).toBeVisible();
  // Where one of them is not there, nothing is made.
  await page.goto(`${gateway.url}/groups?new=1&keys=${one.id},nobody`);
  await hydrated(page);
  await page.fill("dialog [name=name]", "half");
  await submit(page).click();
  await expect(dialog(page).getByRole("alert")).toContainText("1 of the 2 chosen keys cannot be found");
  expect((await management.call("GET", "/groups")).data).toHaveLength(1);
});

test("each field of a group that will not do says why beside it, and nothing is saved", async ({ page, gateway, management, quiet }) => {
  quiet.allow(/status of 4\d\d .*\/fn\/save-group/);
  await management.call("POST", "/groups", { name: "taken" });
  const known = await management.call("POST", "/groups", { name: "known", quota: { tokens: 7, credits: "1.50", period: "weekly" } });
  await signIn(page, gateway, () => hydrated(page));
  await page.goto(`${gateway.url}/groups?edit=${known.id}`);
  await hydrated(page);
  await expect(page.locator('dialog [name="quota[tokens]"]')).toHaveValue("7");
  await expect(page.locator('dialog [name="quota[period]"]')).toHaveValue("weekly");
  const right = { name: "known", description: "", "quota[tokens]": "7", "quota[credits]": "1.50", timezone: "UTC" };
  for (const [field, bad, says] of [
    ["name", "", "1 to 200 characters"],
    ["name", "x".repeat(201), "1 to 200 characters"],
    ["name", "taken", "has a group of this name already"],
    ["description", "x".repeat(2_001), "within 2,000 characters"],
    ["quota[tokens]", "-1", "is not a number"],
    ["quota[tokens]", "1.5", "is not a whole number"],
    ["quota[tokens]", "99999999999999999999", "is not a whole number"],
    ["quota[tokens]", "1000000000000001", "from 0 to 1,000,000,000,000,000"],
    ["quota[tokens]", "lots", "is not a whole number"],
    ["quota[credits]", "-0.01", "is not an amount"],
    ["quota[credits]", "0.0000000001", "is not an amount"],
    ["quota[credits]", "1000000001", "from 0 to 1,000,000,000"],
    ["quota[credits]", "a million", "is not an amount"],
    ["timezone", "", "Choose a time zone"],
    ["timezone", "Middle/Earth", "is not a time zone"],
    ["timezone", "UTC+99", "is not a time zone"],
  ] as const) {
    for (const [name, value] of Object.entries({ ...right, [field]: bad })) await page.fill(`dialog [name="${name}"]`, value);
    await submit(page).click();
    const id = field.replace(/\[/g, "-").replace(/\]/g, "");
    await expect(page.locator(`#${id}-problem`), `${field}: ${bad.slice(0, 30)}`).toContainText(says);
    await expect(page.locator("dialog .field__error")).toHaveCount(1);
    await expect(page.locator(`dialog [name="${field}"]`)).toBeFocused();
  }
  expect(await management.call("GET", `/groups/${known.id}`)).toEqual(known);
});

test("what an admin has bound to a group is not for its owner to loosen", async ({ page, gateway, management, quiet }) => {
  quiet.allow(/status of 403 .*\/fn\/(save-group|remove-key|delete-group)/);
  const user = ["account", "create", "--email", "user@example.com", "--role", "user", "--password-stdin"];
  await gateway.cli(user, `${PASSWORD}\n`);
  const own = new Management(gateway, await gateway.managementToken("user@example.com"));
  const group = await own.call("POST", "/groups", { name: "own", quota: { tokens: 100, credits: null, period: "daily" } });
  const bound = (await own.call("POST", "/keys", { name: "bound" })).key;
  await management.call("PATCH", `/keys/${bound.id}`, { group_id: group.id });
  await management.call("POST", "/keys", { name: "theirs", group_id: group.id });
  const theirs = await management.call("POST", "/groups", { name: "theirs" });
  await signIn(page, gateway, () => hydrated(page), "user@example.com");
  await page.goto(`${gateway.url}/groups`);
  await hydrated(page);
  await expect(page.locator("tbody th .ledger__name")).toHaveText(["own"]);
  await page.goto(`${gateway.url}/groups/${group.id}`);
  await hydrated(page);
  await expect(page.locator("tbody th .ledger__name")).toHaveText(["bound"]);
  await expect(page.locator("main")).toContainText("An admin has put 1 key of other accounts into it");
  await expect(page.getByRole("link", { name: "Reset a meter…" })).toHaveCount(0);
  await page.getByRole("button", { name: "Remove bound from the group" }).click();
  await expect(page.locator("main").getByRole("alert")).toContainText("admin");
  await axe(page);
  await page.getByRole("link", { name: "Edit", exact: true }).click();
  await page.fill('dialog [name="quota[tokens]"]', "1000");
  await submit(page).click();
  await expect(page.locator("#quota-problem")).toContainText("only an admin may change what it allows");
  await axe(page);
  await page.goto(`${gateway.url}/groups?delete=${group.id}`);
  await hydrated(page);
  await submit(page).click();
  await expect(dialog(page).getByRole("alert")).toContainText("only an admin may delete it");
  expect(await own.call("GET", `/groups/${group.id}`)).toMatchObject({ quota: { tokens: 100 }, key_count: 2 });
  expect((await own.call("GET", `/keys/${bound.id}`)).group_id).toBe(group.id);
  // What is another's is not there.
  quiet.allow(/status of 40[34] .*\/groups/);
  for (const [path, status] of [[`/groups/${theirs.id}`, 404], [`/groups?edit=${theirs.id}`, 404], [`/groups/${group.id}?reset=1`, 403]] as const) {
    expect((await page.goto(gateway.url + path))?.status(), path).toBe(status);
    await hydrated(page);
  }
});

test("the list is searched, sorted and read page by page, all by its address", async ({ page, gateway, management }) => {
  const long = "Retail pilot of the Nordic countries (Helsinki, Oslo, Stockholm, Copenhagen) with a name that does not end";
  for (let number = 1; number <= 52; number++) {
    const quota = { tokens: number === 3 ? 1_000_000_000_000 : null, credits: number === 2 ? "1000000" : "25", period: "weekly" };
    await management.call("POST", "/groups", { name: `team ${String(number).padStart(2, "0")}`, quota: number % 2 ? null : quota });
  }
  const last = await management.call("POST", "/groups", { name: long, description: "Everything. ".repeat(20), quota: { tokens: 1_000_000_000_000, credits: "1000000", period: "never" } });
  await management.call("POST", "/groups", { name: "zero", quota: { tokens: 0, credits: null, period: "daily" } });
  await key(management, { name: "k", group_id: last.id });
  await signIn(page, gateway, () => hydrated(page));
  const names = () => page.locator("tbody th .ledger__name").allTextContents();
  const open = async (query: string) => {
    await page.goto(`${gateway.url}/groups${query}`);
    await hydrated(page);
    return names();
  };
  const newest = await open("");
  expect(newest).toHaveLength(50);
  expect(newest.slice(0, 3)).toEqual(["zero", long, "team 52"]);
  await axe(page);
  await shots(page, "groups-many");
  await page.getByRole("link", { name: "Older" }).click();
  await expect(page.locator("tbody th .ledger__name")).toHaveText(["team 04", "team 03", "team 02", "team 01"]);
  expect(await open(new URL(page.url()).search)).toEqual(["team 04", "team 03", "team 02", "team 01"]);
  await page.getByRole("link", { name: "Newer" }).click();
  await expect(page.locator("tbody tr")).toHaveCount(50);
  await page.locator("thead").getByRole("link", { name: "Group" }).click();
  await expect(page.locator("tbody th .ledger__name").first()).toHaveText(long);
  await expect(page.locator("thead [aria-sort=ascending]")).toContainText("Group");
  await page.locator("thead").getByRole("link", { name: "Group" }).click();
  await expect(page.locator("tbody th .ledger__name").first()).toHaveText("zero");
  await page.locator("[name=q]").fill("TEAM 1");
  await expect(page.locator("tbody th .ledger__name").first()).toHaveText("team 19");
  await expect(page.locator("tbody tr")).toHaveCount(10);
  expect(new URL(page.url()).searchParams.get("sort"), "searching keeps the order").toBe("-name");
  expect((await open("?sort=-keys"))[0]).toBe(long);
  expect(await open("?q=nothing-like-it")).toEqual([]);
  await expect(page.locator("main")).toContainText("No group matches");
  await axe(page);
  await shots(page, "groups-no-matches");
  await page.goto(`${gateway.url}/groups/${last.id}`);
  await hydrated(page);
  await expect(page.locator("main")).toContainText("1,000,000,000,000 tokens and 1,000,000.00 credits, once");
  await axe(page);
  await shots(page, "group-huge");
});
