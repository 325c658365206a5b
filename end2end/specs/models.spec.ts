// The catalogue: found, compared, measured and priced for one's own calls; a provider tested with a real call.
import type { Page } from "@playwright/test";
import { axe, expect, type Gateway, hydrated, listening, type Management, PASSWORD, shots, signIn, test } from "../gateway.ts";
import { Upstream } from "../upstream.ts";

async function open(page: Page, gateway: Gateway, path: string): Promise<void> {
  await page.goto(gateway.url + path);
  await hydrated(page);
}

/** Three tokens in and so many out, of the built-in `tollgate/fill`: 3 + 2 x words millionths of a credit. */
async function call(gateway: Gateway, secret: string, words: number, model = "tollgate/fill"): Promise<void> {
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify({ model, max_tokens: words, messages: [{ role: "user", content: "one two three" }] }),
  });
  await answer.arrayBuffer();
}

/** Four models beside the built-in two: a dear one, a free one, one without a price and one without a route. */
async function furnish(management: Management): Promise<string> {
  const builtin = { provider_id: "builtin", upstream_model: "tollgate/echo" };
  const add = (model: object) => management.call("POST", "/models", model);
  await add({ name: "lab/dear", display_name: "Dear", price: { input: "5", cached_input: "1.25", output: "20" }, context_length: 200_000, max_output_tokens: 64_000, capabilities: ["chat", "vision", "tools"], routes: [builtin] });
  await add({ name: "lab/free", price: "free", context_length: 32_000, capabilities: ["chat"], routes: [builtin] });
  await add({ name: "lab/unpriced", routes: [builtin] });
  await add({ name: "lab/unserved", price: { input: "1", output: "1" } });
  return (await management.call("POST", "/keys", { name: "web" })).secret;
}

const names = (page: Page) => page.locator(".ledger--models tbody th a").allTextContents();
const row = (page: Page, name: string) => page.locator(".ledger--models tbody tr", { has: page.locator(`a[title="${name}"]`) });

async function choose(page: Page, of: string, what: string): Promise<void> {
  await page.locator(`summary[aria-label="Actions for ${of}"]`).click();
  await page.locator(".row-menu[open]").getByText(what, { exact: true }).click();
}

for (const javaScriptEnabled of [true, false]) {
  test(`a model is found, compared and opened ${javaScriptEnabled ? "with" : "without"} JavaScript`, async ({ browser, gateway, management, quiet }) => {
    const secret = await furnish(management);
    await call(gateway, secret, 20);
    const context = await browser.newContext({ javaScriptEnabled });
    const page = await context.newPage();
    await quiet.watch(page);
    await signIn(page, gateway);
    const ready = async () => void (javaScriptEnabled && (await hydrated(page)));
    await page.goto(`${gateway.url}/models?q=lab/&sort=-price`);
    await ready();
    expect(await names(page)).toEqual(["lab/dear", "lab/unserved", "lab/free", "lab/unpriced"]);
    await expect(page.locator(".filters__count")).toHaveText("4 of 4");
    await expect(row(page, "lab/dear")).toContainText("1.25 cached");
    await expect(row(page, "lab/free")).toContainText("free");
    await expect(row(page, "lab/unpriced")).toContainText("it has no price");
    await expect(row(page, "lab/unserved")).toContainText("it has no route");
    await page.getByRole("link", { name: "Context" }).click();
    await expect(page).toHaveURL(/sort=context/);
    await expect.poll(() => names(page)).toEqual(["lab/free", "lab/dear", "lab/unpriced", "lab/unserved"]);
    // Choosing narrows by the address.
    await page.selectOption("[name=callable]", "no");
    if (!javaScriptEnabled) await page.getByRole("button", { name: "Apply" }).click();
    await expect(page).toHaveURL(/callable=no/);
    await expect.poll(() => names(page)).toHaveLength(2);
    // 43 millionths were spent; 3 x 5 + 20 x 20 they would have been.
    await page.goto(`${gateway.url}/models?compare=lab/dear,lab/free`);
    await ready();
    const compared = page.locator(".compare__table");
    await expect(compared.locator("tfoot tr")).toContainText("Everyone’s last 30 days");
    await expect(compared.locator("tfoot td")).toHaveText(["0.000415", "0.000000, the best"]);
    await choose(page, "tollgate/fill", "Compare");
    await expect(page).toHaveURL(/compare=lab\/dear,lab\/free,tollgate\/fill/);
    await expect(compared.locator("thead th")).toHaveCount(3);
    await page.getByRole("link", { name: "Take lab/free out" }).click();
    await expect(compared.locator("thead th")).toHaveCount(2);
    await compared.getByRole("link", { name: "lab/dear", exact: true }).click();
    await ready();
    await expect(page).toHaveURL(/\/models\/lab\/dear$/);
    await expect(page.locator("h1")).toHaveText("lab/dear");
    await expect(page.locator(".model-would")).toContainText(/0\.000043\s*→\s*0\.000415/);
    await expect(page.locator(".sum")).toContainText(/20 × 20\.00 \/ M/);
    await expect(page.locator("main pre").first()).toContainText('"model": "lab/dear"');
    await context.close();
  });
}

test("latency and errors are those measured here, and the chart is of the model's own calls", async ({ page, gateway, management }) => {
  const secret = await furnish(management);
  for (const words of [5, 10]) await call(gateway, secret, words);
  await call(gateway, secret, 5, "lab/unserved");
  await signIn(page, gateway);
  await open(page, gateway, "/models");
  await expect(row(page, "tollgate/fill")).toContainText(/\d+ ms\s*0\.0 % errors/);
  await expect(row(page, "tollgate/echo")).not.toContainText("errors");
  // A model is found by its page whatever its name is made of.
  await management.call("POST", "/models", { name: "lab/odd+1@x:50%,y", price: "free" });
  await open(page, gateway, "/models?q=odd");
  await row(page, "lab/odd+1@x:50%,y").getByRole("link").first().click();
  await expect(page.locator("h1")).toHaveText("lab/odd+1@x:50%,y");
  await page.reload();
  await expect(page.locator("h1")).toHaveText("lab/odd+1@x:50%,y");
  // Also when it is read anew, by the browser and not by the server.
  await hydrated(page);
  await listening(page);
  const anew = page.waitForResponse("**/fn/model-page");
  await management.call("POST", "/models", { name: "lab/another", price: "free" });
  expect((await anew).status()).toBe(200);
  await expect(page.locator("h1")).toHaveText("lab/odd+1@x:50%,y");
  await page.getByRole("link", { name: "Compare" }).click();
  await expect(page.locator(".compare__table thead th")).toContainText("lab/odd+1@x:50%,y");
  await open(page, gateway, "/models/tollgate/fill");
  const use = page.locator("section", { has: page.locator("#h-use") });
  await expect(use.locator("svg a").last()).toHaveAttribute("aria-label", /0\.000036 credits, 2 calls/);
  await use.getByText("Show data").click();
  await expect(use.locator("tfoot")).toContainText(/2\s*0\s*21\s*0\.000036/);
});

test("a user reads the catalogue, sees which models their keys may call, and changes nothing", async ({ page, gateway, management, quiet }) => {
  quiet.allow(/403|404/);
  await furnish(management);
  await gateway.createAccount("lena@example.com", "user");
  const accounts = await management.call("GET", "/accounts");
  const lena = accounts.data.find((account: { email: string }) => account.email === "lena@example.com");
  await management.call("POST", "/keys", { name: "hers", account_id: lena.id, models: ["lab/dear"] });
  await signIn(page, gateway, "lena@example.com", PASSWORD);
  await open(page, gateway, "/models");
  await expect(row(page, "lab/dear")).toContainText("your key may call it");
  await expect(row(page, "lab/free")).toContainText("none of your keys");
  await expect(page.getByRole("link", { name: "New model" })).toHaveCount(0);
  await page.locator('summary[aria-label="Actions for lab/dear"]').click();
  await expect(page.locator(".row-menu[open] .menu__item")).toHaveText(["Open", "Try it", "Compare"]);
  await open(page, gateway, "/models?callable=mine");
  expect(await names(page)).toEqual(["lab/dear"]);
  await page.goto(`${gateway.url}/models/lab/nothing`);
  await expect(page.locator("h1")).toHaveText("No such model");
});

test("a provider is tested with one tiny call, and its own words are told where it refuses", async ({ page, gateway, management }) => {
  const upstream = await Upstream.start();
  const { id } = await management.call("POST", "/providers", { name: "nordlys", kind: "openai", base_url: upstream.baseUrl });
  await management.call("POST", "/models", { name: "gpt", price: "free", routes: [{ provider_id: id, upstream_model: "gpt-real" }] });
  await signIn(page, gateway);
  await open(page, gateway, "/providers");
  await choose(page, "nordlys", "Test with a call…");
  const dialog = page.locator("dialog[open]");
  await expect(dialog).toContainText("at most 16 tokens, which the provider charges");
  await dialog.getByRole("button", { name: "Test" }).click();
  await expect(dialog.getByRole("status")).toContainText("It answers, and lists one model. gpt-real answered “Good day.”, 100 tokens in and 10 out.");
  await axe(page);
  upstream.stop();
  await dialog.getByRole("button", { name: "Test" }).click();
  await expect(dialog.getByRole("status")).toContainText("A call of gpt-real came to nothing");
});

for (const javaScriptEnabled of [true, false]) {
  test(`a model that nobody serves is answered for by its fallback, set ${javaScriptEnabled ? "with" : "without"} JavaScript`, async ({ browser, gateway, management, quiet }) => {
    const secret = await furnish(management);
    const context = await browser.newContext({ javaScriptEnabled });
    const page = await context.newPage();
    await quiet.watch(page);
    quiet.allow(/status of 400 .*\/fn\/save-model/);
    await signIn(page, gateway);
    const ready = async () => void (javaScriptEnabled && (await hydrated(page)));
    await page.goto(`${gateway.url}/models?edit=lab/unserved`);
    await ready();
    const dialog = page.locator("dialog[open]");
    const field = dialog.locator('[name="model[fallbacks]"]');
    await field.fill("lab/nobody");
    await dialog.getByRole("button", { name: "Save model" }).click();
    await expect(dialog).toContainText('There is no model "lab/nobody".');
    await expect(field).toHaveValue("lab/nobody");
    await field.fill("lab/unpriced\ntollgate/fill");
    await dialog.getByRole("button", { name: "Save model" }).click();
    await expect(dialog).toHaveCount(0);
    const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "lab/unserved", max_tokens: 5, messages: [{ role: "user", content: "one two" }] }),
    });
    expect([answer.status, answer.headers.get("x-tollgate-model")]).toEqual([200, "tollgate/fill"]);
    await page.goto(`${gateway.url}/models?q=unserved`);
    await ready();
    await expect(row(page, "lab/unserved")).toContainText("Open");
    await page.goto(`${gateway.url}/models/lab/unserved`);
    await expect(page.locator("section", { has: page.locator("#h-routes") })).toContainText("tollgate/fill answers instead");
    await page.goto(`${gateway.url}/models?edit=lab/unserved`);
    await expect(field).toHaveValue("lab/unpriced\ntollgate/fill");
    await context.close();
  });

  test(`a provider is bounded and switched off, told first what that does, ${javaScriptEnabled ? "with" : "without"} JavaScript`, async ({ browser, gateway, management, quiet }) => {
    const upstream = await Upstream.start();
    const { id } = await management.call("POST", "/providers", { name: "nordlys", kind: "openai", base_url: upstream.baseUrl });
    await management.call("POST", "/models", { name: "alone", price: "free", routes: [{ provider_id: id }] });
    await management.call("POST", "/models", { name: "backed", price: "free", routes: [{ provider_id: id }], fallbacks: ["tollgate/echo"] });
    const { secret } = await management.call("POST", "/keys", { name: "web" });
    const context = await browser.newContext({ javaScriptEnabled });
    const page = await context.newPage();
    await quiet.watch(page);
    quiet.allow(/status of 400 .*\/fn\/save-provider/);
    await signIn(page, gateway);
    const ready = async () => void (javaScriptEnabled && (await hydrated(page)));
    await page.goto(`${gateway.url}/providers?edit=${id}`);
    await ready();
    const dialog = page.locator("dialog[open]");
    await dialog.getByText("Timeouts and limits").click();
    await dialog.locator('[name="timeouts[idle_ms]"]').fill("soon");
    await dialog.getByRole("button", { name: "Save provider" }).click();
    await expect(dialog.locator('[name="timeouts[idle_ms]"]')).toHaveAttribute("aria-invalid", "true");
    await expect(dialog.locator('[name="timeouts[idle_ms]"]')).toHaveValue("soon");
    await dialog.locator('[name="timeouts[idle_ms]"]').fill("90000");
    await dialog.locator('[name="max_concurrency"]').fill("3");
    await dialog.getByRole("button", { name: "Save provider" }).click();
    await expect(dialog).toHaveCount(0);
    const saved = await management.call("GET", `/providers/${id}`);
    expect([saved.timeouts, saved.max_concurrency]).toEqual([{ connect_ms: null, first_byte_ms: null, idle_ms: 90000, total_ms: null }, 3]);
    await page.goto(`${gateway.url}/providers?disable=${id}`);
    await ready();
    await expect(dialog).toContainText("Nobody else serves alone: its calls would be refused.");
    await dialog.getByRole("button", { name: "Disable provider" }).click();
    await expect(dialog).toHaveCount(0);
    await expect(page.locator("main .ledger tbody tr", { hasText: "nordlys" })).toContainText("Off");
    const status = async (model: string) => {
      const body = JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }] });
      const headers = { authorization: `Bearer ${secret}`, "content-type": "application/json" };
      return (await fetch(`${gateway.url}/v1/chat/completions`, { method: "POST", headers, body })).status;
    };
    expect([await status("alone"), await status("backed")]).toEqual([503, 200]);
    upstream.stop();
    await context.close();
  });
}

test("the pages of models pass axe and are looked at", async ({ page, gateway, management }) => {
  test.setTimeout(120_000);
  const secret = await furnish(management);
  for (const words of [5, 10, 400]) await call(gateway, secret, words);
  await signIn(page, gateway);
  for (const [name, path] of [
    ["models", "/models"],
    ["models-compare", "/models?compare=lab/dear,lab/free,tollgate/fill"],
    ["models-none", "/models?q=nothing"],
    ["model", "/models/lab/dear"],
    ["model-used", "/models/tollgate/fill"],
    ["model-unpriced", "/models/lab/unpriced"],
  ]) {
    await open(page, gateway, path);
    await axe(page);
    await shots(page, name);
  }
});
