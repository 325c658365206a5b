// A binary on an empty folder: it says where to go, and serves all that the browser needs.
import { axe, expect, hydrated, shots, test } from "../gateway.ts";

test("the first start prints a set-up link that opens", async ({ gateway, page }) => {
  await page.goto(gateway.setupLink);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await hydrated(page);
  await axe(page);
  await shots(page, "setup");
});

test("assets are compressed, typed and kept for ever", async ({ gateway }) => {
  const html = await (await fetch(gateway.setupLink)).text();
  const types = { js: "text/javascript; charset=utf-8", wasm: "application/wasm", css: "text/css; charset=utf-8" };
  for (const [ending, type] of Object.entries(types)) {
    const path = new RegExp(`/pkg/tollgate\\.[0-9a-f]{16}\\.${ending}`).exec(html)?.[0];
    expect(path, `the page names its ${ending}`).toBeTruthy();
    const reply = await fetch(gateway.url + path, { headers: { "accept-encoding": "br" } });
    expect(reply.status).toBe(200);
    expect(reply.headers.get("content-type")).toBe(type);
    expect(reply.headers.get("content-encoding")).toBe("br");
    expect(reply.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(reply.headers.get("x-content-type-options")).toBe("nosniff");
  }
  const icon = await fetch(`${gateway.url}/favicon-light.png`);
  expect(icon.headers.get("cache-control")).toBe("public, max-age=3600");
});

test("a gateway that was killed starts again on its data", async ({ gateway }) => {
  await gateway.createAdmin();
  await gateway.kill9();
  await gateway.restart();
  expect(await gateway.managementToken()).toMatch(/^tg-mgmt-/);
});
