import { isDeepStrictEqual } from 'node:util';

import type { Message } from '../../model/message.js';
import type { PlainRecord } from '../../model/run-context.js';
import type { RunFile, RunInput } from '../../model/run-input.js';
import type { RunOutcome, RunOutput, StepOutput } from '../../model/run-output.js';
import type { Session } from '../../model/session.js';
import type { Evaluation } from '../../sessions/eval.store.js';
import type { SettledSession } from '../../sessions/open-session.js';
import type { StoredRun } from '../../sessions/session.store.js';
import { toJsonValue } from '../../data/to-json-value.js';
import { copyToCompare, copyToKeep } from '../../data/lenient-copy.js';

/** The fields of an output that tell how its answer came about. They may quote the answer. */
const WORK = ['tools', 'memberResponses', 'stepResults'] as const;

/** The parts of an answer besides its text, which only some answers have. They may quote the text, and each other. */
const EXTRAS = ['reasoning', 'sources', 'files'] as const;

/** The fields of an output that only some outputs have. */
const OPTIONAL = ['data', ...EXTRAS] as const;

type Answer = Pick<RunOutput, 'content' | 'data'>;
type Work = Pick<RunOutput, (typeof WORK)[number] | (typeof EXTRAS)[number]>;
type Conversation = Pick<RunOutput, 'messages'>;

/** The answer as a post-hook found it. */
export interface FoundAnswer extends Answer, Work, Conversation {
  readonly metadata: Readonly<PlainRecord>;
  readonly session: Pick<Session, 'name' | 'metadata'>;
}

/** How a post-hook changed the answer; a guardrail that changes it masks it. */
export type AnswerEdit = 'none' | 'edited' | 'masked';

/**
 * Remembers the answer before a post-hook sees it.
 *
 * @throws PlainDataError if the hook is a guardrail and could change something in place that cannot be compared
 */
export function findAnswer(output: RunOutput, session: Session, isGuardrail: boolean): FoundAnswer {
  const { content, data, metadata, messages, tools, memberResponses, stepResults } = output;
  const answer = { content, data, messages, tools, memberResponses, stepResults, ...extrasOf(output) };
  const kept = {
    metadata: copyToKeep(metadata),
    session: { name: session.name, metadata: copyToKeep(session.metadata) },
  };
  // A guardrail may mask the data behind the answer in place.
  if (isGuardrail) return { ...copyToCompare(answer, 'runOutput'), ...kept };
  return { ...answer, data: copyToKeep(data), ...kept };
}

/**
 * A post-hook may change the answer as `content` or as `data`; the other field is adapted. A change by a guardrail
 * masks the answer: the fields that it did not change may quote the masked text, so they are dropped.
 *
 * @param givenMetadata - the metadata before the engine has added to it
 * @returns the output as it is from now on
 */
export function followEdit(
  output: RunOutput,
  found: FoundAnswer,
  isGuardrail: boolean,
  givenMetadata: Readonly<PlainRecord>,
): { readonly output: RunOutput; readonly edit: AnswerEdit } {
  const isAnswerChanged = !hasSameAnswer(output, found);
  const aligned = isAnswerChanged ? alignAnswer(output, found) : output;
  if (!isGuardrail) return { output: aligned, edit: isAnswerChanged ? 'edited' : 'none' };
  if (!isAnswerChanged && hasSameWork(output, found)) return { output, edit: 'none' };
  const masked = {
    ...withoutUnchangedExtras(aligned, found),
    memberResponses: maskMembers(output.memberResponses, found.memberResponses),
    stepResults: maskSteps(output.stepResults, found.stepResults),
    ...unchangedWork(output, found),
    metadata: isSame(output.metadata, found.metadata) ? copyToKeep(givenMetadata) : output.metadata,
  };
  return { output: masked, edit: 'masked' };
}

/** Whether a value has not changed. `found` is a copy, in which records of any prototype have become ordinary ones. */
export function isSame(now: unknown, found: unknown): boolean {
  return isDeepStrictEqual(now, found) || isDeepStrictEqual(copyToKeep(now), found);
}

/** The output of a run that did not complete. */
export interface RefusedOutput {
  /** Replaces the answer; undefined: a partial answer stays, unless `isHeld`. */
  readonly shown: string | undefined;
  /** A guardrail of the run, or of a run above, had to see the answer. */
  readonly isHeld: boolean;
  /** The post-hooks had begun. */
  readonly isPost: boolean;
  /** The question; empty if the input was rejected. */
  readonly messages: Message[];
  /** The metadata before the engine has added to it. */
  readonly givenMetadata: Readonly<PlainRecord>;
  /** The run did not reach its component. */
  readonly isPre: boolean;
}

/** The output of a run that did not complete: without text that a guardrail has refused or has not seen. */
export function refusedOutput(
  { data: _, ...output }: RunOutput,
  { shown, isHeld, isPre, isPost, messages, givenMetadata }: RefusedOutput,
): RunOutput {
  const isWorkHidden = isHeld || isPost;
  return {
    ...(isWorkHidden ? withoutExtras(output) : output),
    ...(isWorkHidden ? noWork() : {}),
    ...(isWorkHidden || isPre ? { metadata: copyToKeep(givenMetadata) } : {}),
    content: shown ?? (isHeld ? '' : output.content),
    messages,
  };
}

/** How much clients may see of a run that has settled. */
export interface Disclosure {
  /** A pre-hook has rejected the input, say: it is not stored. */
  readonly endedBeforeExecution: boolean;
  /** Guardrails have refused the run or have not seen it: it is stored without its texts. */
  readonly isWithdrawn: boolean;
}

/**
 * A settled run as it is stored.
 *
 * @param callerMetadata - from the caller of the root run: an engine may have put answers into the metadata of its parts
 */
export function disclosedRun(
  stored: StoredRun,
  { endedBeforeExecution, isWithdrawn }: Disclosure,
  callerMetadata: Readonly<PlainRecord>,
): StoredRun {
  if (!isWithdrawn) return endedBeforeExecution ? { ...stored, input: { content: '' } } : stored;
  const { errorCode: _, ...others } = stored;
  return {
    ...others,
    input: { content: '' },
    output: withdrawnOutput(stored.output, callerMetadata),
    sessionState: {},
    events: [],
    isWithdrawn,
  };
}

/** Whether a settled run is no part of the conversation that clients see. `isAside`: a hook has started it for itself. */
export function isUndisclosed(run: Disclosure & { readonly isAside: boolean }): boolean {
  return run.isWithdrawn || run.endedBeforeExecution || run.isAside;
}

/** The session data that a settled run stores: those of a withdrawn run may quote its answer in name and metadata. */
export function disclosedSession(
  settled: SettledSession,
  { isWithdrawn }: Pick<Disclosure, 'isWithdrawn'>,
): SettledSession {
  return isWithdrawn ? { ...settled, changes: 'state' } : settled;
}

/** A held run that was judged, after its guardrails. */
interface JudgedRun extends Pick<Disclosure, 'isWithdrawn'> {
  readonly outcome: RunOutcome | undefined;
  readonly output: Readonly<Pick<RunOutput, 'content'>>;
}

/** An evaluation of a held run as it is saved: with its texts only if clients see the answer that was judged. */
export function disclosedEvaluation(
  evaluation: Evaluation,
  { outcome, output, isWithdrawn }: JudgedRun,
): Evaluation {
  const isShown = outcome === 'completed' && output.content === evaluation.output && !isWithdrawn;
  return isShown ? evaluation : withoutTexts(evaluation);
}

/** An evaluation of a run whose answer clients do not see: the score alone. */
export function withoutTexts(evaluation: Evaluation): Evaluation {
  return { ...evaluation, input: '', output: '', reason: '' };
}

/** The output of a run whose answer guardrails of a run above have refused or not seen: for the session. */
function withdrawnOutput(
  { data: _, input: __, ...output }: RunOutput,
  callerMetadata: Readonly<PlainRecord>,
): RunOutput {
  // The question is removed, too: it may quote the answer of another run.
  const others = withoutExtras(output);
  return { ...others, ...noWork(), messages: [], content: '', metadata: copyToKeep(callerMetadata) };
}

/** The output of a run that has not settled: a guardrail may still refuse all that it says. */
export function unsettledOutput({ data: _, input: __, ...output }: RunOutput): RunOutput {
  const others = withoutExtras(output);
  return { ...others, ...noWork(), messages: [], content: '', status: 'RUNNING', metrics: {}, metadata: {} };
}

/** Files may be large, and a session may be long: names and types of files are stored, their content is not. */
export function withoutFileContents(output: RunOutput): RunOutput {
  const { input, files, memberResponses } = output;
  return {
    ...output,
    ...(input ? { input: inputWithoutFileContents(input) } : {}),
    ...(files ? { files: files.map(withoutContent) } : {}),
    memberResponses: memberResponses.map(withoutFileContents),
  };
}

/** An input whose files have no content. */
export function inputWithoutFileContents({ content, files }: RunInput): RunInput {
  return files ? { content, files: files.map(withoutContent) } : { content };
}

function withoutContent({ content: _, ...file }: RunFile): RunFile {
  return file;
}

/** Removes the optional fields from the output that `replacement` does not have: a failed attempt, say, has written them. */
export function dropOptional(output: RunOutput, replacement?: RunOutput): void {
  for (const field of OPTIONAL) if (!replacement || !(field in replacement)) delete output[field];
}

/** The output before an attempt: empty lists, so that nothing of a failed attempt stays. */
export function noWork(): Pick<Work, (typeof WORK)[number]> {
  return { tools: [], memberResponses: [], stepResults: [] };
}

function hasSameAnswer(now: Readonly<Answer>, found: Readonly<Answer>): boolean {
  return now.content === found.content && isSame(now.data, found.data);
}

function hasSameWork(now: Work & Conversation, found: Work & Conversation): boolean {
  return (
    isSame(now.messages, found.messages) &&
    [...WORK, ...EXTRAS].every((work) => isSame(now[work], found[work]))
  );
}

function extrasOf({ reasoning, sources, files }: RunOutput): Pick<RunOutput, (typeof EXTRAS)[number]> {
  return {
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(sources ? { sources } : {}),
    ...(files ? { files } : {}),
  };
}

function withoutExtras({ reasoning: _, sources: __, files: ___, ...output }: RunOutput): RunOutput {
  return output;
}

/** The answer was masked: the parts that the guardrail has not changed may quote the masked text. */
function withoutUnchangedExtras(output: RunOutput, found: Work): RunOutput {
  const left = { ...output };
  for (const extra of EXTRAS) if (isSame(output[extra], found[extra])) delete left[extra];
  return left;
}

function alignAnswer<T extends Answer>(now: T, found: Readonly<Answer>): T {
  if (now.content === found.content) {
    return now.data === undefined ? now : { ...now, content: JSON.stringify(toJsonValue(now.data)) };
  }
  if (!isSame(now.data, found.data)) return now;
  const aligned = { ...now };
  delete aligned.data;
  return aligned;
}

/** Masks the answers of members that a guardrail has changed, like the run's own. */
function maskMembers(members: readonly RunOutput[], found: readonly RunOutput[]): RunOutput[] {
  return members.map((member) => {
    const before = found.find(({ runId }) => runId === member.runId);
    if (!before || (hasSameAnswer(member, before) && hasSameWork(member, before))) return member;
    return {
      ...withoutUnchangedExtras(alignAnswer(member, before), before),
      memberResponses: maskMembers(member.memberResponses, before.memberResponses),
      stepResults: maskSteps(member.stepResults, before.stepResults),
      messages: isSame(member.messages, before.messages) ? [] : member.messages,
      ...unchangedWork(member, before),
      metadata: isSame(member.metadata, before.metadata) ? {} : member.metadata,
    };
  });
}

/** The content of a block quotes its steps. */
function maskSteps(steps: readonly StepOutput[], found: readonly StepOutput[]): StepOutput[] {
  return steps.map((step) => {
    const before = found.find(({ stepId }) => stepId === step.stepId);
    if (!before || isSame(step, before)) return step;
    const isAnswerChanged = !hasSameAnswer(step, before);
    const masked = isAnswerChanged ? alignAnswer(step, before) : step.steps ? { ...step, content: '' } : step;
    return step.steps ? { ...masked, steps: maskSteps(step.steps, before.steps ?? []) } : masked;
  });
}

/** Empty lists in place of unchanged fields. */
function unchangedWork(output: Work, found: Work): Partial<ReturnType<typeof noWork>> {
  return Object.fromEntries(
    WORK.filter((work) => isSame(output[work], found[work])).map((work) => [work, []]),
  );
}
