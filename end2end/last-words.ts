// What failed and why, at the very end: whoever sees only the last lines of a long run sees that. And the one failure that is
// forgiven.
import { stripVTControlCharacters } from "node:util";
import type { FullResult, Reporter, TestCase, TestError, TestResult } from "@playwright/test/reporter";

/** Lines of an error's message; where it was thrown comes after them. */
const LINES = 20;

/** What `stateOf` in `gateway.ts` says of a page that answers nothing, though no script runs in it. */
export const HANGS = "does not answer";

/**
 * A browser that hangs outside every script may do so once in a run, if the test passes with another one. Whatever else failed
 * once has failed: the configuration says so itself, for reporters that forgive nothing.
 */
const FORGIVEN = 1;

export default class LastWords implements Reporter {
  private readonly said: string[] = [];
  private readonly hung: TestCase[] = [];
  private failed = 0;

  onTestEnd(test: TestCase, { status, duration, errors, annotations }: TestResult): void {
    if (status === test.expectedStatus || status === "skipped") return;
    const page = annotations.find(({ type }) => type === "page")?.description ?? "nothing is known of it";
    if (page.includes(HANGS)) this.hung.push(test);
    else this.failed++;
    const title = `${test.titlePath().filter(Boolean).join(" › ")} (${status} after ${duration} ms)`;
    this.said.push([title, ...errors.map(wordsOf), `The page: ${page}`].join("\n"));
  }

  /** What failed outside of tests, such as a file that cannot be loaded. */
  onError(error: TestError): void {
    this.failed++;
    this.said.push(wordsOf(error));
  }

  async onEnd({ status }: FullResult): Promise<{ status: FullResult["status"] }> {
    for (const said of this.said) console.log(`\nFAILED ${stripVTControlCharacters(said).replaceAll("\n", "\n  ")}`);
    const isForgiven = this.failed === 0 && this.hung.length === FORGIVEN && this.hung.every((test) => test.outcome() === "flaky");
    return { status: status === "failed" && isForgiven ? "passed" : status };
  }
}

function wordsOf({ message = "", snippet, location }: TestError): string {
  const where = location && `at ${location.file}:${location.line}`;
  return [...message.split("\n").slice(0, LINES), snippet, where].filter(Boolean).join("\n");
}
