import { isDeepStrictEqual } from 'node:util';

import type { RunOutput } from '../model/run-output.js';
import type { ActiveRun } from './active-run.js';
import { copyIfPlain, WORK } from './run.result.js';

/** The answer as a post-hook found it. */
export type FoundAnswer = Pick<RunOutput, 'content' | 'data' | 'metadata' | (typeof WORK)[number]>;

/** Remembers the answer before a post-hook sees it. */
export function findAnswer(output: RunOutput, isGuardrail: boolean): FoundAnswer {
  const { content, data, metadata, tools, memberResponses, stepResults } = output;
  const found = { content, data: copyIfPlain(data, 'data'), metadata, tools, memberResponses, stepResults };
  // A guardrail may mask in place what the answer was made of.
  return isGuardrail ? copyIfPlain(found, 'runOutput') : found;
}

/**
 * A post-hook may change the answer as `content` or as `data`; the other must not go on telling the old one. A
 * guardrail that changes the answer masks it, and what the answer was made of may quote what must not be seen: of
 * that only what the guardrail has changed itself stays.
 *
 * @returns whether what was shown before does not count any more
 */
export function followEdit(run: ActiveRun, found: FoundAnswer, isGuardrail: boolean): boolean {
  const { output } = run;
  const isAnswerChanged = hasOtherAnswer(output, found);
  if (isAnswerChanged) alignAnswer(output, found);
  if (!isGuardrail) return isAnswerChanged;
  const isWorkChanged = WORK.some((work) => !isDeepStrictEqual(output[work], found[work]));
  maskMembers(output.memberResponses, found.memberResponses);
  if (isAnswerChanged) {
    dropUnchanged(output, found);
    if (isDeepStrictEqual(output.metadata, found.metadata)) output.metadata = { ...run.givenMetadata };
  }
  return isAnswerChanged || isWorkChanged;
}

function hasOtherAnswer(output: RunOutput, found: Pick<RunOutput, 'content' | 'data'>): boolean {
  return output.content !== found.content || !isDeepStrictEqual(output.data, found.data);
}

function alignAnswer(output: RunOutput, found: FoundAnswer): void {
  if (output.content !== found.content) {
    if (isDeepStrictEqual(output.data, found.data)) delete output.data;
  } else if (output.data !== undefined) {
    output.content = JSON.stringify(output.data);
  }
}

/** What a guardrail has changed in the answers of members masks these like the run's own. */
function maskMembers(members: readonly RunOutput[], found: readonly RunOutput[]): void {
  for (const member of members) {
    const before = found.find(({ runId }) => runId === member.runId);
    if (!before) continue;
    maskMembers(member.memberResponses, before.memberResponses);
    if (!hasOtherAnswer(member, before)) continue;
    if (isDeepStrictEqual(member.messages, before.messages)) member.messages = [];
    dropUnchanged(member, before);
  }
}

function dropUnchanged(output: RunOutput, found: Pick<RunOutput, (typeof WORK)[number]>): void {
  for (const work of WORK) if (isDeepStrictEqual(output[work], found[work])) output[work] = [];
}
