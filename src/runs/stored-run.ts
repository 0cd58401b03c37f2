import { PlainDataError } from '../errors/plain-data.error.js';
import { copyPlainData } from '../execution/copy-plain-data.js';
import type { PlainRecord } from '../model/run-context.js';
import { copyWithout } from '../sessions/storable.js';
import type { RunEvent } from '../model/run-event.js';
import type { RunInput } from '../model/run-input.js';
import type { RunOutput } from '../model/run-output.js';
import type { StoredRun } from '../sessions/session.store.js';
import type { ActiveRun } from './active-run.js';
import { copyToKeep } from './lenient-copy.js';
import type { RunSnapshot } from './run.snapshot.js';

/** A settled run that is to be remembered. */
export interface SettledRun {
  readonly run: ActiveRun;
  readonly snapshot: RunSnapshot | Error;
  /** The events that it has shown, but for the last. */
  readonly shown: readonly RunEvent[];
  /** The run's last event, which nobody has read yet; undefined if nobody reads its events. */
  readonly last: RunEvent | undefined;
}

/** A settled run as it is remembered. */
export function toStoredRun(settled: SettledRun, snapshot: RunSnapshot): StoredRun {
  const { run, shown, last } = settled;
  const { isWithdrawn } = run;
  const { sessionState } = snapshot.runContext;
  const { runId, parentRunId } = run.context;
  const whole = withoutFileContents(snapshot.runOutput);
  const output = isWithdrawn ? withoutAnswer(whole, run) : whole;
  return {
    runId,
    ...(parentRunId === undefined ? {} : { parentRunId }),
    component: run.identity,
    // What a guardrail has refused, or has not seen, is not for keeping.
    input: run.phase === 'pre' || isWithdrawn ? { content: '' } : inputWithoutFileContents(snapshot.runInput),
    output,
    sessionState: isWithdrawn ? {} : sessionState,
    events: last && !isWithdrawn ? storedEvents(shown, last, { output, sessionState }) : [],
    ...(isWithdrawn ? { isWithdrawn } : {}),
  };
}

/** What the run was asked goes too: it may be what another run has answered. */
function withoutAnswer({ data: _, input: __, ...output }: RunOutput, run: ActiveRun): RunOutput {
  const work = { messages: [], tools: [], memberResponses: [], stepResults: [] };
  return { ...output, ...work, content: '', metadata: copyToKeep(metadataOfCaller(run)) };
}

/** An engine above may have put what it has answered into the metadata of the runs that it has started. */
function metadataOfCaller({ parent, given }: ActiveRun): Readonly<PlainRecord> {
  return parent ? metadataOfCaller(parent) : given.metadata;
}

function storedEvents(shown: readonly RunEvent[], last: RunEvent, end: RunAtEnd): RunEvent[] {
  return [...shown.map(copyEvent), isEnd(last) ? endingOf(last, end) : copyEvent(last)];
}

type RunAtEnd = Pick<StoredRun, 'output' | 'sessionState'>;

/** The output is stored once, and a store may know what it has seen already. The run's own data may change still. */
function endingOf(last: RunEnd, { output, sessionState }: RunAtEnd): RunEnd {
  return last.type === 'run-completed' ? { ...last, output, sessionState } : { ...last, output };
}

type RunEnd = Extract<RunEvent, { readonly type: 'run-completed' | 'run-cancelled' }>;

function isEnd(event: RunEvent): event is RunEnd {
  return event.type === 'run-completed' || event.type === 'run-cancelled';
}

/** What a hook has said of a rejection may be no plain data: the run is worth remembering without it. */
function copyEvent(event: RunEvent): RunEvent {
  try {
    const copy = copyPlainData(event, 'event');
    return isEnd(copy) ? { ...copy, output: withoutFileContents(copy.output) } : copy;
  } catch (thrown) {
    if (!(thrown instanceof PlainDataError)) throw thrown;
    if (event.type !== 'run-error') return copyWithout(event, 'event').copy;
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
