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
export function resetOutput({ output, children }: ActiveRun): void {
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
