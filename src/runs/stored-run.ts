import { PlainDataError } from '../errors/plain-data.error.js';
import { copyPlainData } from '../execution/copy-plain-data.js';
import type { RunEvent } from '../model/run-event.js';
import type { RunInput } from '../model/run-input.js';
import type { RunOutput } from '../model/run-output.js';
import type { StoredRun } from '../sessions/session.store.js';
import type { ActiveRun } from './active-run.js';
import type { RunSnapshot } from './run.snapshot.js';

/**
 * A settled run as it is remembered.
 *
 * @param last - the run's last event, which nobody has read yet
 */
export function toStoredRun(run: ActiveRun, snapshot: RunSnapshot, last: RunEvent): StoredRun {
  const { runId, parentRunId } = run.context;
  const output = withoutFileContents(snapshot.runOutput);
  return {
    runId,
    ...(parentRunId === undefined ? {} : { parentRunId }),
    component: run.identity,
    // What a guardrail has refused, or has not seen, is not for keeping.
    input: run.phase === 'pre' ? { content: '' } : inputWithoutFileContents(snapshot.runInput),
    output,
    sessionState: snapshot.runContext.sessionState,
    events: run.events.isObserved ? storedEvents(run, last, output) : [],
  };
}

function storedEvents({ events }: ActiveRun, last: RunEvent, output: RunOutput): RunEvent[] {
  // The output is stored once: a store may know what it has seen already.
  const ending = 'output' in last && 'sessionState' in last ? { ...last, output } : copyEvent(last);
  return [...events.shown.map(copyEvent), ending];
}

/** What a hook has said of a rejection may be no plain data: the run is worth remembering without it. */
function copyEvent(event: RunEvent): RunEvent {
  try {
    const copy = copyPlainData(event, 'event');
    return copy.type === 'run-completed' ? { ...copy, output: withoutFileContents(copy.output) } : copy;
  } catch (thrown) {
    if (!(thrown instanceof PlainDataError) || event.type !== 'run-error') throw thrown;
    const { additionalData: _, ...others } = event;
    return copyPlainData(others, 'event');
  }
}

/** Files may be large, and a session may be long: what they were is kept, not what was in them. */
function withoutFileContents(output: RunOutput): RunOutput {
  const { input, memberResponses } = output;
  return {
    ...output,
    ...(input ? { input: inputWithoutFileContents(input) } : {}),
    memberResponses: memberResponses.map(withoutFileContents),
  };
}

function inputWithoutFileContents({ content, files }: RunInput): RunInput {
  return files ? { content, files: files.map(({ content: _, ...file }) => file) } : { content };
}
