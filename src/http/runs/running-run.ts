import { unsettledOutput } from '../../runs/hold/redaction.js';
import type { RunView } from '../../runs/run.view.js';
import type { StoredRun } from '../../sessions/session.store.js';

/** A run that has not settled, as clients may see it: a guardrail may still reject its text. */
export function runningRun({ context, identity, output }: RunView): StoredRun {
  const { runId, parentRunId } = context;
  return {
    runId,
    ...(parentRunId === undefined ? {} : { parentRunId }),
    component: identity,
    input: { content: '' },
    output: unsettledOutput(output),
    sessionState: {},
    events: [],
  };
}
