// Prices: versions that begin now or later, and a list whose difference is seen before any of it is taken over.
import type { Page } from "@playwright/test";
import { axe, expect, type Gateway, hydrated, Management, shots, signIn, test } from "../gateway.ts";

async function versions(page: Page, gateway: Gateway, management: Management, ready: () => Promise<void>): Promise<void> {
  await page.goto(`${gateway.url}/models/prices?model=tollgate/fill`);
  await ready();
  const rows = page.locator("main .ledger tbody tr");
  await expect(rows).toHaveCount(1);
  await expect(page.locator("[name=price]")).toHaveValue("input 1.00\noutput 2.00");
  // What cannot be read is named, and stays written.
  await page.fill("[name=price]", "input 1");
  await page.getByRole("button", { name: "Add version" }).click();
  await expect(page.locator("main")).toContainText("priced together");
  await page.fill("[name=price]", "input 1\noutput 3\nabove 200000 input 2 output 6");
  await page.getByRole("button", { name: "Add version" }).click();
  await expect(rows).toHaveCount(2);
  await expect(rows.first()).toContainText("In force");
  await expect(rows.first()).toContainText("above 200000 input 2.00 output 6.00");
  const listed = await management.call("GET", "/models/tollgate/fill/prices");
  expect(listed.data[0].price).toEqual({ input: "1.00", output: "3.00", tiers: [{ above: 200000, input: "2.00", output: "6.00" }] });
}

async function lists(page: Page, gateway: Gateway, management: Management, ready: () => Promise<void>): Promise<void> {
  await management.call("POST", "/models", { name: "gpt-4o", price: { input: "5", output: "15" } });
  await page.goto(`${gateway.url}/models/prices`);
  await ready();
  await page.fill("[name=search]", "gpt-4o");
  await page.getByRole("button", { name: "Show the difference" }).click();
  const row = page.locator("main .ledger tr", { has: page.locator('input[value="gpt-4o"]') });
  await expect(row).toContainText("input 5.00");
  await expect(row).toContainText("cached_input 1.25");
  expect((await management.call("GET", "/models/gpt-4o")).price.input).toBe("5.00");
  await page.getByRole("button", { name: "Take over what is ticked" }).click();
  await expect(page.locator(".toasts")).toContainText("Prices taken over: 1.");
  expect((await management.call("GET", "/models/gpt-4o")).price.input).toBe("2.50");
}

async function fill(page: Page, gateway: Gateway, ready: () => Promise<void>): Promise<void> {
  await page.goto(`${gateway.url}/models?new=1`);
  await ready();
  await page.fill("[name=known]", "gpt-4o-mini");
  await page.getByRole("button", { name: "Fill in the rest" }).click();
  await ready();
  await expect(page.locator('[name="model[name]"]')).toHaveValue("gpt-4o-mini");
  await expect(page.locator('[name="model[input]"]')).toHaveValue("0.15");
}

test("prices have versions, and are taken over from a list that was seen", async ({ page, gateway, management, quiet }) => {
  quiet.allow(/status of 400 .*\/fn\/add-price/);
  await signIn(page, gateway);
  const ready = () => hydrated(page);
  await versions(page, gateway, management, ready);
  await lists(page, gateway, management, ready);
  await axe(page);
  await shots(page, "prices");
  await fill(page, gateway, ready);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });
  test("prices have versions, and are taken over from a list that was seen", async ({ page, gateway, management }) => {
    await signIn(page, gateway);
    const ready = async () => {};
    await versions(page, gateway, management, ready);
    await lists(page, gateway, management, ready);
    await fill(page, gateway, ready);
  });
});
