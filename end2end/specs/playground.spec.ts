// The playground: a real call as one of one's keys, streamed, stopped, refused, and what it cost.
import type { Page } from "@playwright/test";
import { axe, expect, type Gateway, hydrated, shots, signIn, test } from "../gateway.ts";
import { Upstream } from "../upstream.ts";

async function open(page: Page, gateway: Gateway, path: string): Promise<void> {
  await page.goto(gateway.url + path);
  await hydrated(page);
}

const answer = (page: Page) => page.locator(".play__words");
const receipt = (page: Page) => page.locator("section", { has: page.locator("#h-receipt") });
const send = (page: Page) => page.getByRole("button", { name: "Send" }).click();

test("an answer is streamed to the page, and what it cost is said at its end", async ({ page, gateway, management }) => {
  const { key } = await management.call("POST", "/keys", { name: "web", limits: { credit_quota: "1" } });
  await signIn(page, gateway);
  await open(page, gateway, `/playground?key=${key.id}&model=tollgate/echo`);
  await expect(page.locator("[name=model]")).toHaveValue("tollgate/echo");
  await expect(page.locator("main")).toContainText("Spends the token’s budget.");
  await page.fill("[name=message]", "Hello, toll keeper");
  await send(page);
  await expect(answer(page)).toHaveText("Hello, toll keeper");
  await expect(receipt(page)).toContainText("200, answered");
  await expect(receipt(page)).toContainText("0.000009000 credits");
  await expect(receipt(page)).toContainText("3 tokens");
  await axe(page);
  await shots(page, "playground");
  await receipt(page).getByRole("link", { name: "In the logs" }).click();
  await expect(page.locator("dialog.drawer")).toContainText("Tollgate console");
  // The choice of key and model is in the address.
  await open(page, gateway, `/playground?key=${key.id}`);
  await page.selectOption("[name=model]", "tollgate/fill");
  await expect(page).toHaveURL(/model=tollgate\/fill/);
});

test("a refusal is said as the API says it, with every limit", async ({ page, gateway, management, quiet }) => {
  quiet.allow(/402/);
  const { key } = await management.call("POST", "/keys", { name: "poor", limits: { credit_quota: "0.000001", rpm: 60 } });
  await signIn(page, gateway);
  await open(page, gateway, `/playground?key=${key.id}&model=tollgate/echo`);
  await page.fill("[name=message]", "Hello, toll keeper");
  await send(page);
  await expect(page.locator(".play__answer [role=alert]")).toContainText('Key "poor"');
  await expect(receipt(page)).toContainText("Refused: 402 quota_exceeded");
  await expect(receipt(page).locator(".trace__gate--shut")).toHaveCount(1);
  await axe(page);
  await shots(page, "playground-refused");
  // What is wrong with the form is said too, and nothing is sent.
  await page.fill("[name=message]", "");
  quiet.allow(/400/);
  await send(page);
  await expect(page.locator(".play__answer [role=alert]")).toContainText("Write something to be answered");
});

test("whoever stops an answer hangs up on the provider, before its first word too", async ({ page, gateway, management }) => {
  const upstream = await Upstream.start();
  const { id } = await management.call("POST", "/providers", { name: "talker", kind: "openai", base_url: upstream.baseUrl });
  for (const name of ["endless", "silence"]) {
    await management.call("POST", "/models", { name, price: { input: "1", output: "2" }, routes: [{ provider_id: id }] });
  }
  const { key } = await management.call("POST", "/keys", { name: "web" });
  await signIn(page, gateway);
  await open(page, gateway, `/playground?key=${key.id}&model=endless`);
  await page.fill("[name=message]", "Go on");
  await send(page);
  await expect(answer(page)).toContainText("word word");
  await page.getByRole("button", { name: "Stop" }).click();
  await expect(receipt(page)).toContainText("499");
  await expect.poll(() => upstream.left).toBe(1);
  const words = await answer(page).textContent();
  // What was heard is charged, and is there to read.
  const [call] = (await management.call("GET", "/logs")).data;
  expect([call.status, call.state, call.tokens.output > 0, Number(call.cost) > 0]).toEqual([499, "settled", true, true]);
  expect(await answer(page).textContent()).toBe(words);
  await page.selectOption("[name=model]", "silence");
  await send(page);
  await expect.poll(() => upstream.asked).toBe(2);
  await page.getByRole("button", { name: "Stop" }).click();
  await expect(page.locator(".play__answer [role=alert]")).toContainText("Stopped before an answer began");
  await expect.poll(() => upstream.left).toBe(2);
  await expect(page.getByRole("button", { name: "Stop" })).toHaveCount(0);
  upstream.stop();
});

test("without JavaScript the answer comes with the next page", async ({ browser, gateway, management, quiet }) => {
  const { key } = await management.call("POST", "/keys", { name: "web" });
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await quiet.watch(page);
  await signIn(page, gateway);
  await page.goto(`${gateway.url}/playground?key=${key.id}&model=tollgate/echo`);
  await page.fill("[name=message]", "Hello, toll keeper");
  await send(page);
  await expect(answer(page)).toHaveText("Hello, toll keeper");
  await expect(receipt(page)).toContainText("0.000009000 credits");
  await expect(page.locator("[name=message]")).toHaveValue("Hello, toll keeper");
  await page.fill("[name=message]", "");
  await send(page);
  await expect(page.locator("main")).toContainText("Write something to be answered");
  await context.close();
});

test("whoever has no token is led to make one", async ({ page, gateway }) => {
  await gateway.createAdmin();
  await signIn(page, gateway);
  await open(page, gateway, "/playground");
  await expect(page.locator("main")).toContainText("You have no token in use");
  await axe(page);
});
