// Every page of the console in one table, and a gateway on which they have something to show.
import type { Page } from "@playwright/test";
import { test as base, Gateway, Management, signIn } from "./gateway.ts";
import { Upstream } from "./upstream.ts";

/** A page: how people call it, and where it is; `:token`, `:group` and `:rule` stand for one of them. */
export interface Place {
  name: string;
  path: string;
  /** For whoever is signed out. */
  isOutside?: true;
}

export const PAGES: Place[] = [
  { name: "Sign in", path: "/sign-in", isOutside: true },
  { name: "Dashboard", path: "/" },
  { name: "Logs", path: "/logs" },
  { name: "Tokens", path: "/tokens" },
  { name: "One token", path: "/tokens/:token" },
  { name: "Groups", path: "/groups" },
  { name: "One group", path: "/groups/:group" },
  { name: "Quota rules", path: "/rules" },
  { name: "New rule", path: "/rules/new" },
  { name: "One rule", path: "/rules/:rule" },
  { name: "Models", path: "/models" },
  { name: "Prices", path: "/models/prices?model=tollgate/echo" },
  { name: "One model", path: "/models/tollgate/echo" },
  { name: "Playground", path: "/playground" },
  { name: "Providers", path: "/providers" },
  { name: "Profile", path: "/profile" },
  { name: "Find", path: "/find" },
];

/** What is open over a page. */
export const DIALOGS: Place[] = [
  { name: "New token", path: "/tokens?new=1" },
  { name: "Edit a token", path: "/tokens?edit=:token" },
  { name: "Revoke a token", path: "/tokens?revoke=:token" },
  { name: "One call", path: "/logs?call=:call" },
  { name: "New group", path: "/groups?new=1" },
  { name: "New model", path: "/models?new=1" },
  { name: "Models side by side", path: "/models?compare=gpt-4o,claude-sonnet,tollgate/echo" },
  { name: "New provider", path: "/providers?new=1" },
];

/** A gateway of a team at work, its admin, and one of each thing: the first token is in the first group and under the first rule. */
export class House {
  private constructor(
    readonly gateway: Gateway,
    private readonly upstream: Upstream,
    private readonly one: Map<string, string>,
  ) {}

  static async build(): Promise<House> {
    const upstream = await Upstream.start();
    const gateway = await Gateway.start();
    const one = await furnish(gateway, await Management.of(gateway), upstream);
    return new House(gateway, upstream, one);
  }

  url(place: Place): string {
    return this.gateway.url + place.path.replace(/:(token|group|rule|call)\b/g, (_, kind: string) => this.one.get(kind) ?? "");
  }

  async leave(): Promise<void> {
    await this.gateway.discard();
    this.upstream.stop();
  }
}

/** One house for all tests of a file: they only look. The cookies are its admin's. */
export const test = base.extend<{}, { house: House; cookies: Awaited<ReturnType<typeof signedIn>> }>({
  house: [
    async ({}, use) => {
      const house = await House.build();
      await use(house);
      await house.leave();
    },
    { scope: "worker", timeout: 120_000 },
  ],
  cookies: [
    async ({ browser, house }, use) => {
      const page = await browser.newPage();
      const cookies = await signedIn(page, house);
      await page.context().close();
      await use(cookies);
    },
    { scope: "worker" },
  ],
});

async function signedIn(page: Page, house: House) {
  await signIn(page, house.gateway);
  return page.context().cookies();
}

const LONGEST = "a-name-as-long-as-names-may-be-without-a-space-".repeat(5).slice(0, 200);
const TEAMS = ["Search", "Support chat", "Data platform", "Mobile", "Research", "Back office"];
const MODELS = ["gpt-4o", "gpt-4o-mini", "claude-sonnet", "claude-haiku", "gemini-pro", "mistral-large", "deepseek/chat"];

const GROUP_QUOTAS = [
  { tokens: 5_000_000, credits: "250.00", period: "monthly" },
  { tokens: null, credits: "0.005", period: "daily" },
  { tokens: 1_000, credits: null, period: "never" },
  { tokens: 100_000_000_000_000, credits: "1000000000.00", period: "weekly" },
  null,
];

const RULES = [
  {
    name: "Office hours",
    description: "For whatever runs beside people: nobody is there to notice a loop at night.",
    quota: { credits: "50.00", period: "daily" },
    hours: { timezone: "Europe/Berlin", weekdays: ["mon", "tue", "wed", "thu", "fri"], ranges: ["08:00-12:00", "13:00-20:00"] },
  },
  { name: "Nights", quota: null, hours: { timezone: "Asia/Shanghai", weekdays: ["sat", "sun"], ranges: ["22:00-06:00"] } },
  { name: "Fifty a week", quota: { credits: "50.00", period: "weekly" }, hours: null },
  { name: "A millionth", quota: { credits: "0.000001", period: "monthly" }, hours: null, timezone: "UTC+8" },
  { name: "Switched off", enabled: false, quota: { credits: "1000000000.00", period: "monthly" }, hours: null },
  { name: LONGEST, quota: null, hours: null },
];

const LIMITS = [
  { rpm: 600, tpm: 2_000_000, rpd: 50_000, token_quota: { max: 1_000_000, reset: "weekly" }, monthly_spend: "200.00" },
  {},
  { monthly_spend: "0.001", rpm: 60 },
  { credit_quota: "0.000020" },
  { monthly_tokens: 999_999_999_999_999, max_tokens_per_request: 4096, max_cost_per_request: "0.50" },
  { token_quota: { max: 40, reset: "daily" }, tpm: 200_000 },
];

const KEYS = 36;
/** Calls of each of the first keys; some are refused, since some of the budgets are tiny. */
const CALLS = [24, 12, 8, 6, 5, 4, 3, 2, 1];

/** Writes it all through the doors that programs use, and tells one of each kind. */
async function furnish(gateway: Gateway, management: Management, upstream: Upstream): Promise<Map<string, string>> {
  const create = (path: string, body: object) => management.call("POST", path, body);
  const groups: string[] = [];
  for (const [at, name] of [...TEAMS, LONGEST].entries()) {
    groups.push((await create("/groups", { name, quota: GROUP_QUOTAS[at % GROUP_QUOTAS.length], timezone: "Europe/Berlin" })).id);
  }
  const rules: string[] = [];
  for (const rule of RULES) rules.push((await create("/rules", rule)).id);
  const provider = { name: "nordlys", kind: "openai", base_url: upstream.baseUrl, credentials: ["sk-upstream-0123456789"] };
  const { id: provider_id } = await create("/providers", provider);
  await create("/providers", { ...provider, name: "unused and switched off", enabled: false });
  for (const name of [...MODELS, `vendor/${LONGEST}`.slice(0, 100)]) {
    const routes = [{ provider_id, upstream_model: "gpt-real", weight: 1, priority: 0 }];
    await create("/models", { name, price: { input: "2.50", output: "10.00" }, context_length: 128_000, routes });
  }

  const secrets: string[] = [];
  let first = "";
  for (let at = 0; at < KEYS; at++) {
    const name = at === 5 ? LONGEST : `${TEAMS[at % TEAMS.length].toLowerCase().replace(" ", "-")}-${at}`;
    const group_id = at % 4 === 3 ? null : groups[at % groups.length];
    const rule_id = at % 3 === 0 ? rules[2 + (at % 4)] : null;
    const expires_at = at % 5 === 4 ? new Date(Date.now() + at * 86_400_000).toISOString() : null;
    const made = await create("/keys", { name, group_id, rule_id, expires_at, limits: LIMITS[at % LIMITS.length] });
    first ||= made.key.id;
    if (at % 9 === 8) await management.call("PATCH", `/keys/${made.key.id}`, { status: "disabled" });
    if (at % 12 === 11) await management.call("DELETE", `/keys/${made.key.id}`);
    secrets.push(made.secret);
  }

  let call = "";
  for (const [at, count] of CALLS.entries()) {
    for (let time = 0; time < count; time++) {
      const model = time % 3 === 0 ? "tollgate/echo" : MODELS[(at + time) % MODELS.length];
      const reply = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${secrets[at]}`, "content-type": "application/json" },
        body: JSON.stringify({ model, messages: [{ role: "user", content: "hello there" }] }),
      });
      await reply.arrayBuffer();
      call ||= reply.headers.get("x-request-id") ?? "";
    }
  }
  // Only now, so that what was called does not depend on the hour.
  await management.call("PATCH", `/keys/${first}`, { rule_id: rules[0] });
  return new Map([["token", first], ["group", groups[0]], ["rule", rules[0]], ["call", call]]);
}
