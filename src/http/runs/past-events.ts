import type { RunEvent, RunEventBase, RunEventBody } from '../../model/run-event.js';
import type { StoredRun } from '../../sessions/session.store.js';

/** The stored events of a settled run; for a run without stored events, only the event of its end. */
export function eventsOf(run: StoredRun): readonly RunEvent[] {
  if (run.events.length > 0) return run.events;
  return [{ ...baseOf(run), ...endOf(run) }];
}

function baseOf({ component, output }: StoredRun): RunEventBase {
  const { createdAt, runId, parentRunId, sessionId } = output;
  const parent = parentRunId === undefined ? {} : { parentRunId };
  return { createdAt, component, runId, sessionId, ...parent, nestedDepth: 0 };
}

function endOf({ output, sessionState, runId, errorCode = 'unknown' }: StoredRun): RunEventBody {
  switch (output.status) {
    case 'COMPLETED':
      return { type: 'run-completed', output, sessionState };
    case 'CANCELLED':
      return { type: 'run-cancelled', output, reason: `Run ${runId} was cancelled` };
    case 'ERROR':
    case 'RUNNING':
      return { type: 'run-error', content: output.content, errorType: errorCode };
    default:
      return output.status satisfies never;
  }
}
