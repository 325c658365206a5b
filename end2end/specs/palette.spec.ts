// Find or do: the palette over any page, and the same as a page without JavaScript.
import { axe, expect, hydrated, Management, shots, signIn, test } from "../gateway.ts";

test("a few letters find a key, and Enter opens it, however fast one types", async ({ page, gateway, management }) => {
  const web = (await management.call("POST", "/keys", { name: "production-web" })).key.id;
  await management.call("POST", "/keys", { name: "web-staging" });
  await signIn(page, gateway);
  await hydrated(page);
  await page.keyboard.press("Control+k");
  await expect(page.locator(".palette__field")).toBeFocused();
  await expect(page.getByRole("option", { name: "Quota rules" }).first()).toBeVisible();
  await page.keyboard.type("production");
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname === `/tokens/${web}`);
  await expect(page.locator("dialog:modal")).toHaveCount(0);

  // Arrow keys choose among several; what begins with the letters comes first.
  await page.keyboard.press("Control+k");
  await expect(page.locator(".palette__field")).toBeFocused();
  await page.keyboard.type("web");
  await expect(page.locator(".palette [role=option]").first()).toContainText("web-staging");
  await page.keyboard.press("ArrowDown");
  await expect(page.locator(".palette [aria-selected=true]")).toContainText("production-web");
  await expect(page.locator(".palette__field")).toHaveAttribute("aria-activedescendant", "found-1");
  await axe(page);
  await shots(page, "palette");

  // Escape puts it away, and the focus is where it was; the next time it is empty again.
  await page.keyboard.press("Escape");
  await expect(page.locator("dialog:modal")).toHaveCount(0);
  await page.locator(".index__search").click();
  await expect(page.locator(".palette__field")).toHaveValue("");
});

test("a verb before a name leads to where that is done", async ({ page, gateway, management }) => {
  const key = (await management.call("POST", "/keys", { name: "production-web" })).key.id;
  await signIn(page, gateway);
  await hydrated(page);
  await page.keyboard.press("Control+k");
  await expect(page.locator(".palette__field")).toBeFocused();
  await page.keyboard.type("revoke prod");
  await expect(page.locator(".palette [role=option]").first()).toContainText("Revoke production-web");
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname === "/tokens" && url.searchParams.get("revoke") === key);
  await expect(page.locator("dialog:modal")).toContainText("Revoke production-web?");
  // One thing at a time: a dialog is not covered by the palette.
  await page.keyboard.press("Control+k");
  await expect(page.locator(".palette[open]")).toHaveCount(0);
});

test("nobody finds what is another's, or what only admins may do", async ({ page, gateway, management }) => {
  await management.call("POST", "/keys", { name: "the-admins-own" });
  await gateway.createAccount("user@example.com", "user");
  const user = new Management(gateway, await gateway.managementToken("user@example.com"));
  await user.call("POST", "/keys", { name: "the-users-own" });
  await signIn(page, gateway, "user@example.com");
  await page.goto(`${gateway.url}/find?q=own`);
  await expect(page.locator("main")).toContainText("the-users-own");
  await expect(page.locator("main")).not.toContainText("the-admins-own");
  await page.goto(`${gateway.url}/find?q=provider`);
  await expect(page.locator("main")).not.toContainText("New provider");
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("it is a page with links", async ({ page, gateway, management }) => {
    const rule = (await management.call("POST", "/rules", { name: "Office hours" })).id;
    await signIn(page, gateway);
    await page.locator(".index__search").click();
    await page.fill("[name=q]", "office");
    await page.locator("[name=q]").press("Enter");
    await page.waitForURL((url) => url.pathname === "/find" && url.searchParams.get("q") === "office");
    await page.getByRole("link", { name: "Office hours" }).click();
    await page.waitForURL((url) => url.pathname === `/rules/${rule}`);
  });
});
