import { isDeepStrictEqual } from 'node:util';

import type { RunOutput, StepOutput } from '../model/run-output.js';
import type { Session } from '../model/session.js';
import { toJsonValue } from '../model/to-json-value.js';
import type { ActiveRun } from './active-run.js';
import {
  followMetadata,
  restoreDependencies,
  restoreMetadata,
  restoreSessionMetadata,
  restoreSessionName,
} from './given-data.js';
import { copyToCompare, copyToKeep } from './lenient-copy.js';
import { WORK } from './run.result.js';

/** The answer as a post-hook found it. */
export interface FoundAnswer extends Pick<
  RunOutput,
  'content' | 'data' | 'messages' | (typeof WORK)[number]
> {
  readonly metadata: Readonly<RunOutput['metadata']>;
  readonly session: Pick<Session, 'name' | 'metadata'>;
}

/**
 * Remembers the answer before a post-hook sees it.
 *
 * @throws PlainDataError if the hook is a guardrail, and could change something in place without anybody seeing it
 */
export function findAnswer({ output, session }: ActiveRun, isGuardrail: boolean): FoundAnswer {
  const { content, data, metadata, messages, tools, memberResponses, stepResults } = output;
  const answer = { content, data, messages, tools, memberResponses, stepResults };
  const kept = {
    metadata: copyToKeep(metadata),
    session: { name: session.name, metadata: copyToKeep(session.metadata) },
  };
  // A guardrail may mask in place what the answer was made of.
  if (isGuardrail) return { ...copyToCompare(answer, 'runOutput'), ...kept };
  return { ...answer, data: copyToKeep(data), ...kept };
}

/**
 * A post-hook may change the answer as `content` or as `data`; the other must not go on telling the old one. A
 * guardrail that changes the output masks it, and what the answer was made of may quote what must not be seen: of
 * that only what the guardrail has changed itself stays.
 *
 * @returns whether what was shown before does not count any more
 */
export function followEdit(run: ActiveRun, found: FoundAnswer, isGuardrail: boolean): boolean {
  const { output } = run;
  const isAnswerChanged = !hasSameAnswer(output, found);
  if (isAnswerChanged) alignAnswer(output, found);
  if (!isGuardrail) return isAnswerChanged;
  followMetadata(run);
  const isChanged = isAnswerChanged || !hasSameWork(output, found);
  if (!isChanged) return false;
  maskMembers(output.memberResponses, found.memberResponses);
  output.stepResults = maskSteps(output.stepResults, found.stepResults);
  dropUnchanged(output, found);
  if (isSame(output.metadata, found.metadata)) restoreMetadata(run);
  restoreDependencies(run);
  if (run.session.name === found.session.name) restoreSessionName(run);
  if (isSame(run.session.metadata, found.session.metadata)) restoreSessionMetadata(run);
  return true;
}

/** What was found is a copy, in which records of every kind have become ordinary ones. */
function isSame(now: unknown, found: unknown): boolean {
  return isDeepStrictEqual(now, found) || isDeepStrictEqual(copyToKeep(now), found);
}

type Answer = Pick<RunOutput, 'content' | 'data'>;
type Work = Pick<RunOutput, 'messages' | (typeof WORK)[number]>;

function hasSameAnswer(now: Readonly<Answer>, found: Readonly<Answer>): boolean {
  return now.content === found.content && isSame(now.data, found.data);
}

function hasSameWork(now: Work, found: Work): boolean {
  return isSame(now.messages, found.messages) && WORK.every((work) => isSame(now[work], found[work]));
}

function alignAnswer(output: Answer, found: Readonly<Answer>): void {
  if (output.content !== found.content) {
    if (isSame(output.data, found.data)) delete output.data;
  } else if (output.data !== undefined) {
    output.content = JSON.stringify(toJsonValue(output.data));
  }
}

/** What a guardrail has changed in the answers of members masks these like the run's own. */
function maskMembers(members: readonly RunOutput[], found: readonly RunOutput[]): void {
  for (const member of members) {
    const before = found.find(({ runId }) => runId === member.runId);
    if (!before || (hasSameAnswer(member, before) && hasSameWork(member, before))) continue;
    alignAnswer(member, before);
    maskMembers(member.memberResponses, before.memberResponses);
    member.stepResults = maskSteps(member.stepResults, before.stepResults);
    if (isSame(member.messages, before.messages)) member.messages = [];
    dropUnchanged(member, before);
    if (isSame(member.metadata, before.metadata)) member.metadata = {};
  }
}

/** The content of a block quotes its steps. */
function maskSteps(steps: readonly StepOutput[], found: readonly StepOutput[]): StepOutput[] {
  return steps.map((step) => {
    const before = found.find(({ stepId }) => stepId === step.stepId);
    if (!before || isSame(step, before)) return step;
    const masked = { ...step };
    if (!hasSameAnswer(masked, before)) alignAnswer(masked, before);
    else if (step.steps) masked.content = '';
    return step.steps ? { ...masked, steps: maskSteps(step.steps, before.steps ?? []) } : masked;
  });
}

function dropUnchanged(output: Work, found: Work): void {
  for (const work of WORK) if (isSame(output[work], found[work])) output[work] = [];
}
