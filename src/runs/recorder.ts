import { PlainDataError } from '../data/plain-data.error.js';
import { copyPlainData } from '../data/copy-plain-data.js';
import type { PlainRecord } from '../model/run-context.js';
import type { RunEvent } from '../model/run-event.js';
import type { EvalStore, Evaluation } from '../sessions/eval.store.js';
import type { SessionOwner, StoredRun } from '../sessions/session.store.js';
import { copyWithout, logLeftOut } from '../sessions/storable.js';
import { TimeLimitedEvalStore } from '../sessions/time-limited-eval.store.js';
import { inputWithoutFileContents, withdrawnOutput, withoutFileContents } from './hold/redaction.js';
import type { RunView } from './run.view.js';
import { currentScope } from './scope.js';
import type { RunSnapshot } from '../model/run-snapshot.js';

/**
 * The run as it is stored: data that is not plain is left out and named in the log, so that the turn is not lost.
 *
 * @param name - of the run, for the log
 */
export function copyStorable(data: RunSnapshot, name: string): RunSnapshot {
  const { copy, leftOut } = copyWithout(data, 'run');
  logLeftOut(() => name, leftOut);
  return copy;
}

/** @throws PlainDataError if the run holds something that cannot be copied */
export function copySnapshot({ runInput, runContext, runOutput, session }: RunSnapshot): RunSnapshot {
  return {
    runInput: copyPlainData(runInput, 'runInput'),
    runContext: copyPlainData(runContext, 'runContext'),
    runOutput: copyPlainData(runOutput, 'runOutput'),
    session: copyPlainData(session, 'session'),
  };
}

/** A settled run that is to be stored. */
export interface SettledRun {
  readonly run: RunView;
  readonly snapshot: RunSnapshot;
  /** The metadata from the caller of the root run: an engine may have put answers into the metadata of its parts. */
  readonly callerMetadata: Readonly<PlainRecord>;
  /** The events that were delivered, except the last. */
  readonly shown: readonly RunEvent[];
  /** The run's last event; undefined if its events have no reader. */
  readonly last: RunEvent | undefined;
  /** Of the error with which the run has ended. */
  readonly errorCode: string | undefined;
}

/** A settled run as it is stored: without the bytes of files, and without its answer if it was withdrawn. */
export function toStoredRun({
  run,
  snapshot,
  callerMetadata,
  shown,
  last,
  errorCode,
}: SettledRun): StoredRun {
  const { isWithdrawn } = run;
  const { sessionState } = snapshot.runContext;
  const { runId, parentRunId } = run.context;
  const whole = withoutFileContents(snapshot.runOutput);
  const output = isWithdrawn ? withdrawnOutput(whole, callerMetadata) : whole;
  const isInputHidden = run.endedBeforeExecution || isWithdrawn;
  return {
    runId,
    ...(parentRunId === undefined ? {} : { parentRunId }),
    component: run.identity,
    input: isInputHidden ? { content: '' } : inputWithoutFileContents(snapshot.runInput),
    output,
    sessionState: isWithdrawn ? {} : sessionState,
    events: last && !isWithdrawn ? storedEvents(shown, last, { output, sessionState }) : [],
    ...(isWithdrawn || errorCode === undefined ? {} : { errorCode }),
    ...(isWithdrawn ? { isWithdrawn } : {}),
  };
}

/** Saves a judge's evaluation of a run. Called in the judge's hook, inline or in the background. */
export async function recordEvaluation(given: EvalStore, evaluation: Evaluation): Promise<void> {
  const { run, origin, hook } = currentScope();
  const store = hook ? TimeLimitedEvalStore.of(given, hook.environment.storeCalls) : given;
  if (run) return run.recordEvaluation(store, evaluation);
  const { owner, isWithdrawn = false } = origin ?? {};
  await saveEvaluation(store, evaluation, { owner, isSeen: !isWithdrawn });
}

/** Saves an evaluation: with its texts if the run that it quotes was seen by clients, else with the score alone. */
export function saveEvaluation(
  store: EvalStore,
  evaluation: Evaluation,
  { owner, isSeen }: { readonly owner: SessionOwner | undefined; readonly isSeen: boolean },
): Promise<void> {
  const owned = owner === undefined ? evaluation : withOwner(evaluation, owner);
  return store.save(isSeen ? owned : { ...owned, input: '', output: '', reason: '' });
}

/** Sets the user that the host has named, or none for the application: the judged run does not know them. */
function withOwner({ userId: _, ...evaluation }: Evaluation, owner: SessionOwner): Evaluation {
  return owner === null ? evaluation : { ...evaluation, userId: owner };
}

type RunAtEnd = Pick<StoredRun, 'output' | 'sessionState'>;

function storedEvents(shown: readonly RunEvent[], last: RunEvent, end: RunAtEnd): RunEvent[] {
  return [...shown.map(copyEvent), isEnd(last) ? endingOf(last, end) : copyEvent(last)];
}

/** The last event shares the output that is stored: the run's own data may still change. */
function endingOf(last: EndEvent, { output, sessionState }: RunAtEnd): EndEvent {
  return last.type === 'run-completed' ? { ...last, output, sessionState } : { ...last, output };
}

type EndEvent = Extract<RunEvent, { readonly type: 'run-completed' | 'run-cancelled' }>;

function isEnd(event: RunEvent): event is EndEvent {
  return event.type === 'run-completed' || event.type === 'run-cancelled';
}

/** The additional data of a rejection may not be plain data: then the event is stored without it. */
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
