import { lastObjectInText } from '../model/json-in-text.js';
import type { RunOutput } from '../model/run-output.js';

/** The verdict of a judge. */
export interface Verdict {
  readonly passed: boolean;
  readonly score?: number;
  readonly reason: string;
}

/**
 * Reads a judge's answer: its structured data, else the last JSON object in its text. Numbers and truth values may
 * stand in quotes.
 *
 * @throws TypeError if the answer is no verdict: then the judge has failed
 */
export function readVerdict(
  { data, content }: RunOutput,
  scoring: 'numeric' | 'binary',
  threshold: number,
): Verdict {
  const verdict = data ?? lastObjectInText(content);
  if (typeof verdict !== 'object' || verdict === null) throw unreadable(content, scoring);
  const { score: givenScore, passed: givenPassed, reason } = verdict as Readonly<Record<string, unknown>>;
  if (typeof reason !== 'string') throw unreadable(content, scoring);
  if (scoring === 'binary') {
    const passed = toTruth(givenPassed);
    if (passed === undefined) throw unreadable(content, scoring);
    return { passed, reason };
  }
  const score = toScore(givenScore);
  if (!(score >= 1 && score <= 10)) throw unreadable(content, scoring);
  return { passed: score >= threshold, score, reason };
}

function toTruth(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  const word = typeof value === 'string' ? value.trim().toLowerCase() : '';
  return word === 'true' ? true : word === 'false' ? false : undefined;
}

/** Reads a score such as 8, "8" or "8/10"; NaN if it is none. */
function toScore(value: unknown): number {
  if (typeof value === 'number') return value;
  const digits =
    typeof value === 'string' ? /^\s*(\d{1,2}(?:\.\d{1,9})?)\s*(?:\/\s*10\s*)?$/.exec(value) : null;
  return Number(digits?.[1] ?? Number.NaN);
}

function unreadable(content: string, scoring: 'numeric' | 'binary'): TypeError {
  const answer = JSON.stringify(content.slice(0, 200));
  const expected = scoring === 'binary' ? '"passed": true or false' : '"score": 1 to 10';
  return new TypeError(`The judge gave no verdict: ${answer}; expected { ${expected}, "reason": "…" }.`);
}
