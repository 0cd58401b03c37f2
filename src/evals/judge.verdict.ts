import type { RunOutput } from '../model/run-output.js';

/** What a judge said. */
export interface Verdict {
  readonly passed: boolean;
  readonly score?: number;
  readonly reason: string;
}

/**
 * Reads a judge's answer: its structured data, else the JSON object in its text.
 *
 * @throws TypeError if it is no verdict: a judge that cannot be understood has not judged
 */
export function readVerdict(
  { data, content }: RunOutput,
  scoring: 'numeric' | 'binary',
  threshold: number,
): Verdict {
  const verdict = data ?? parse(content);
  if (typeof verdict !== 'object' || verdict === null) throw unreadable(content);
  const { score, passed, reason } = verdict as Partial<Verdict>;
  if (typeof reason !== 'string') throw unreadable(content);
  if (scoring === 'binary') {
    if (typeof passed !== 'boolean') throw unreadable(content);
    return { passed, reason };
  }
  if (typeof score !== 'number' || !(score >= 1 && score <= 10)) throw unreadable(content);
  return { passed: score >= threshold, score, reason };
}

/** Models like to put JSON into a code block, or to say something before it. */
function parse(content: string): unknown {
  const from = content.indexOf('{');
  const to = content.lastIndexOf('}');
  try {
    return JSON.parse(content.slice(from, to + 1)) as unknown;
  } catch {
    return undefined;
  }
}

function unreadable(content: string): TypeError {
  return new TypeError(`The judge gave no verdict: ${JSON.stringify(content.slice(0, 200))}.`);
}
