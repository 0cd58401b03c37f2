import type { ActiveRun } from '../../runs/active-run.js';
import type { StoredRun } from '../../sessions/session.store.js';

/** A run that has not settled, as clients may see it: what it has said so far, a guardrail may still refuse. */
export function runningRun({ context, identity, output }: ActiveRun): StoredRun {
  const { runId, parentRunId } = context;
  return {
    runId,
    ...(parentRunId === undefined ? {} : { parentRunId }),
    component: identity,
    input: { content: '' },
    output: {
      ...output,
      content: '',
      status: 'RUNNING',
      metrics: {},
      messages: [],
      tools: [],
      metadata: {},
      memberResponses: [],
      stepResults: [],
      input: undefined,
      data: undefined,
    },
    sessionState: {},
    events: [],
  };
}
