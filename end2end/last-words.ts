// What failed and why, at the very end: whoever sees only the last lines of a long run sees that.
import { stripVTControlCharacters } from "node:util";
import type { FullResult, Reporter, TestCase, TestResult } from "@playwright/test/reporter";

/** Lines of each error: its message and where it was thrown. */
const LINES = 24;

/** What `stateOf` in `gateway.ts` says of a page that answers nothing, not even where it is. */
export const HANGS = "does not answer";

/** A browser that hangs may do so once in a run, if the test passes with another. Whatever else failed once has failed. */
const FORGIVEN = 1;

export default class LastWords implements Reporter {
  private readonly said: string[] = [];
  private hung = 0;
  private failed = 0;

  onTestEnd(test: TestCase, { status, duration, errors, annotations }: TestResult): void {
    if (status === test.expectedStatus || status === "skipped") return;
    const page = annotations.find(({ type }) => type === "page")?.description ?? "";
    page.includes(HANGS) ? this.hung++ : this.failed++;
    const why = errors.flatMap(({ message, snippet, location }) =>
      [message, snippet, location && `at ${location.file}:${location.line}`].filter(Boolean).join("\n").split("\n").slice(0, LINES),
    );
    this.said.push([`${test.titlePath().filter(Boolean).join(" › ")} (${status} after ${duration} ms)`, ...why, `The page: ${page}`].join("\n  "));
  }

  async onEnd({ status }: FullResult): Promise<{ status: FullResult["status"] }> {
    for (const said of this.said) console.log(`\nFAILED ${stripVTControlCharacters(said)}`);
    return { status: this.failed > 0 || this.hung > FORGIVEN ? "failed" : status };
  }

  printsToStdio(): boolean {
    return false;
  }
}
