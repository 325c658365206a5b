// How goals are printed: a line each, as in `end2end/figures`.
import type { FullResult, Reporter, TestCase, TestError, TestResult } from "@playwright/test/reporter";

export interface Goal {
  what: string;
  measured: number;
  unit: string;
  goal: number;
  /** Scores want to be high, times low. */
  isScore?: boolean;
  note?: string;
}

export function print({ what, measured, unit, goal, isScore, note }: Goal): void {
  const figure = (value: number) => [value.toLocaleString("en", { maximumFractionDigits: 4 }), unit].filter(Boolean).join(" ");
  const verdict = (isScore ? measured >= goal : measured <= goal) ? "ok" : "OVER";
  const rest = note ? `${verdict} (${note})` : verdict;
  console.log(`${what.padEnd(52)} ${figure(measured).padStart(12)}   goal ${figure(goal).padEnd(10)} ${rest}`);
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function spread(values: number[]): string {
  return `median of ${values.length}: ${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)}`;
}

/** Nothing but the lines, and what could not be measured. */
export default class Lines implements Reporter {
  private readonly unmeasured: string[] = [];
  private over = 0;

  onStdOut(chunk: string | Buffer): void {
    this.over += `${chunk}`.match(/ OVER\b/g)?.length ?? 0;
    process.stdout.write(chunk);
  }

  onStdErr(chunk: string | Buffer): void {
    process.stderr.write(chunk);
  }

  onError(error: TestError): void {
    console.log(error.message);
  }

  onTestEnd(test: TestCase, result: TestResult): void {
    if (result.status === "passed") return;
    this.unmeasured.push(test.title);
    console.log(`${test.title} could not be measured:\n${result.errors.map((error) => error.message).join("\n")}`);
  }

  onEnd(result: FullResult): void {
    const missing = this.unmeasured.length ? ` Not measured: ${this.unmeasured.join(", ")}.` : "";
    if (result.status !== "interrupted") console.log(`\n${this.over || "None"} over the goal.${missing}`);
  }
}
