import type { ComponentIdentity, RunOutput } from 'nestjs-agentos';
import type { Evaluation, SessionStore, StoredRun } from 'nestjs-agentos/stores';

import type { StoredSession } from '../../src/sessions/session.store.js';

/** Epoch seconds of everything here: 2026-11-22T10:11:26Z. */
export const CREATED_AT = 1_795_342_286;

export const MODEL = { id: 'mock-1', provider: 'MockProvider', name: 'Mock' };

/** Somebody who has been asked. */
export function componentOf(id = 'helper', kind: ComponentIdentity['kind'] = 'agent'): ComponentIdentity {
  return { kind, id, name: id.toUpperCase() };
}

const TOOL = {
  id: 'call_1',
  name: 'add',
  arguments: { a: 1, b: 2 },
  result: '3',
  startedAt: CREATED_AT * 1_000,
  endedAt: CREATED_AT * 1_000 + 5,
};

/** The output of a run that has used a tool. */
export function outputOf(fields: Partial<RunOutput> = {}): RunOutput {
  const message = { id: 'm1', createdAt: CREATED_AT } as const;
  return {
    runId: 'r1',
    sessionId: 's1',
    component: componentOf(),
    content: 'Hello',
    status: 'COMPLETED',
    metrics: { inputTokens: 20, outputTokens: 6, totalTokens: 26, timeToFirstToken: 0.5, duration: 1 },
    model: MODEL,
    messages: [
      { ...message, role: 'user', content: 'hi' },
      { ...message, role: 'assistant', content: '', toolCalls: [TOOL] },
      { ...message, role: 'tool', content: '3', toolCall: TOOL },
      { ...message, role: 'assistant', content: 'Hello' },
    ],
    tools: [TOOL],
    metadata: {},
    memberResponses: [],
    stepResults: [],
    createdAt: CREATED_AT,
    ...fields,
  };
}

/** A run as stores keep it. */
export function storedRunOf(output: Partial<RunOutput> = {}, fields: Partial<StoredRun> = {}): StoredRun {
  const whole = outputOf(output);
  const { runId, parentRunId, component, sessionId, createdAt } = whole;
  return {
    runId,
    ...(parentRunId === undefined ? {} : { parentRunId }),
    component,
    input: { content: 'hi' },
    output: whole,
    sessionState: {},
    events: [{ type: 'run-started', createdAt, component, runId, sessionId, nestedDepth: 0 }],
    ...fields,
  };
}

/** A session of two runs. */
export function storedSessionOf(fields: Partial<StoredSession> = {}): StoredSession {
  return {
    id: 's1',
    kind: fields.component?.kind ?? 'agent',
    state: {},
    metadata: {},
    component: componentOf(),
    firstInput: 'hi',
    usage: [{ inputTokens: 40, outputTokens: 12, totalTokens: 52, model: MODEL }],
    createdAt: CREATED_AT * 1_000 + 789,
    updatedAt: CREATED_AT * 1_000 + 789,
    ...fields,
  };
}

/** Puts a run into its session. */
export async function keepRun(store: SessionStore, run: StoredRun): Promise<void> {
  const { sessionId, userId } = run.output;
  const nothing = { set: {}, removed: [] };
  const { component } = run;
  await store.append({ id: sessionId, component, ...(userId === undefined ? {} : { userId }) }, run, {
    state: nothing,
    metadata: nothing,
  });
}

/** What a judge has said. */
export function evaluationOf(fields: Partial<Evaluation> = {}): Evaluation {
  return {
    id: 'e1',
    runId: 'r1',
    sessionId: 's1',
    component: componentOf(),
    model: MODEL,
    name: 'politeness',
    criteria: 'It is polite.',
    scoring: 'numeric',
    passed: true,
    score: 8,
    threshold: 7,
    reason: 'It says please.',
    input: 'hi',
    output: 'Hello, please',
    createdAt: CREATED_AT * 1_000 + 123,
    ...fields,
  };
}
