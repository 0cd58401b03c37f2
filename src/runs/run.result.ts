import type { RunContext } from '../model/run-context.js';
import type { RunOutput } from '../model/run-output.js';
import type { ActiveRun } from './active-run.js';

/** The output a run starts with. */
export function createOutput({ context, component, identity, createdAt }: ActiveRun): RunOutput {
  const { runId, sessionId, parentRunId, metadata } = context;
  return {
    runId,
    ...(parentRunId === undefined ? {} : { parentRunId }),
    sessionId,
    ...userOf(context),
    component: identity,
    content: '',
    status: 'RUNNING',
    metrics: {},
    ...(component.model ? { model: component.model } : {}),
    messages: [],
    tools: [],
    metadata,
    memberResponses: [],
    stepResults: [],
    createdAt,
  };
}

/** The conversation of the run, as it now stands. */
export function writeMessages({ output, input, createdAt }: ActiveRun): void {
  output.messages = [
    { role: 'user', content: input.content, createdAt },
    { role: 'assistant', content: output.content, createdAt: Math.floor(Date.now() / 1_000) },
  ];
}

/** A failed attempt is repeated: nothing of it counts. */
export function resetOutput(run: ActiveRun): void {
  const { output, children } = run;
  run.withdrawShown();
  children.length = 0;
  Object.assign(output, { content: '', metrics: {} });
  delete output.data;
  dropWork(output);
}

/**
 * The run did not complete: what a guardrail has refused, or has not seen, leaves the output, and so does an answer
 * that is not one.
 *
 * @param shown - stands in place of the answer; left out, a partial answer stays, unless a guardrail was to see it
 */
export function withdrawContent(run: ActiveRun, shown: string | undefined): void {
  const { output, input, createdAt, phase } = run;
  delete output.data;
  if (shown !== undefined) output.content = shown;
  else if (run.isHeld) output.content = '';
  if (run.isHeld || phase === 'post') dropWork(output);
  output.messages = phase === 'pre' ? [] : [{ role: 'user', content: input.content, createdAt }];
  run.discardHeld();
}

/** The answer as a post-hook found it. */
export type FoundAnswer = Pick<RunOutput, 'content' | 'tools' | 'memberResponses' | 'stepResults'> & {
  readonly dataText: string | undefined;
};

export function findAnswer({ content, data, tools, memberResponses, stepResults }: RunOutput): FoundAnswer {
  return { content, dataText: JSON.stringify(data), tools, memberResponses, stepResults };
}

/**
 * A post-hook may change the answer as `content` or as `data`; the other must not go on telling the old one. A
 * guardrail that changes the answer masks it, and what the answer was made of may quote what must not be seen: of
 * that only what the guardrail has assigned itself stays.
 */
export function followEdit(output: RunOutput, found: FoundAnswer, isGuardrail: boolean): void {
  const dataText = JSON.stringify(output.data) as string | undefined;
  const isTextChanged = output.content !== found.content;
  const isDataChanged = dataText !== found.dataText;
  if (!isTextChanged && !isDataChanged) return;
  if (!isTextChanged && dataText !== undefined) output.content = dataText;
  if (!isDataChanged) delete output.data;
  if (!isGuardrail) return;
  for (const work of ['tools', 'memberResponses', 'stepResults'] as const) {
    if (output[work] === found[work]) output[work] = [];
  }
}

function dropWork(output: RunOutput): void {
  output.messages = [];
  output.tools = [];
  output.memberResponses = [];
  output.stepResults = [];
}

/** The user, if there is one. */
export function userOf({ userId }: RunContext): { userId?: string } {
  return userId === undefined ? {} : { userId };
}
