// What failed and why, at the very end: whoever sees only the last lines of a long run sees that.
import { stripVTControlCharacters } from "node:util";
import type { Reporter, TestCase, TestResult } from "@playwright/test/reporter";

/** Lines of each error: its message and where it was thrown. */
const LINES = 24;

export default class LastWords implements Reporter {
  private readonly failed: string[] = [];

  onTestEnd(test: TestCase, { status, duration, errors, annotations }: TestResult): void {
    if (status === test.expectedStatus || status === "skipped") return;
    const said = errors.flatMap(({ message, snippet, location }) =>
      [message, snippet, location && `at ${location.file}:${location.line}`].filter(Boolean).join("\n").split("\n").slice(0, LINES),
    );
    const seen = annotations.filter(({ type }) => type === "page").map(({ description }) => `The page: ${description}`);
    this.failed.push([`${test.titlePath().join(" › ")} (${status} after ${duration} ms)`, ...said, ...seen].join("\n  "));
  }

  onEnd(): void {
    for (const failed of this.failed) console.log(`\nFAILED ${stripVTControlCharacters(failed)}`);
  }

  printsToStdio(): boolean {
    return false;
  }
}
