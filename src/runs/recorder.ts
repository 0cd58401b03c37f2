import { PlainDataError } from '../data/plain-data.error.js';
import { copyPlainData } from '../data/copy-plain-data.js';
import { toError } from '../data/to-error.js';
import { forLog, quoted } from '../errors/log.text.js';
import type { RunEvent } from '../model/run-event.js';
import type { RunSnapshot } from '../model/run-snapshot.js';
import type { EvalStore, Evaluation } from '../sessions/eval.store.js';
import type { CoordinatedSessionStore } from '../sessions/coordinated-session.store.js';
import type { AppendResult, SettledSession, StoredChanges } from '../sessions/open-session.js';
import type { SessionOwner, StoredRun, StoreWithin } from '../sessions/session.store.js';
import { copyWithout, logLeftOut } from '../sessions/storable.js';
import { TimeLimitedEvalStore } from '../sessions/time-limited-eval.store.js';
import type { RunEnvironment } from './environment.js';
import type { HeldRun } from './hold/held.run.js';
import {
  disclosedEvaluation,
  disclosedRun,
  disclosedSession,
  inputWithoutFileContents,
  withoutFileContents,
  withoutTexts,
} from './hold/redaction.js';
import type { RunData } from './run.data.js';
import type { RunView } from './run.view.js';
import { currentScope } from './scope.js';

/** The end of a run, as far as it is stored. */
export interface RecordedEnd {
  /** The events that were delivered, except the last. */
  readonly shown: readonly RunEvent[];
  /** The run's last event; undefined if its events have no reader. */
  readonly last: RunEvent | undefined;
  /** Of the error with which the run has ended. */
  readonly errorCode: string | undefined;
  /** The session data that the run stores. */
  readonly changes: StoredChanges;
  /** Its own guardrails have passed the answer as it was. */
  readonly hasPassed: boolean;
}

/** The data of a settled run that waits to be stored. */
interface SettledData {
  readonly end: RecordedEnd;
  readonly snapshot: RunSnapshot;
  readonly session: SettledSession;
}

type Append = (data: SettledData | Error) => Promise<void> | undefined;

/** The options of {@link Recorder}. */
export interface RecorderOptions {
  readonly run: RunView;
  readonly data: RunData;
  /** The run, if guardrails hold it. */
  readonly held: HeldRun | undefined;
  readonly environment: RunEnvironment;
  /** Whether the run is stored in its session. */
  readonly isStored: boolean;
}

/**
 * Records a run: makes its snapshot, stores it in its session and saves the evaluations of judges, as soon as the
 * guardrails that hold the run let it.
 */
export class Recorder {
  readonly #run: RunView;
  readonly #data: RunData;
  readonly #held: HeldRun | undefined;
  readonly #environment: RunEnvironment;
  #isStored: boolean;
  #snapshot: RunSnapshot | Error | undefined;
  #hasLeftSession = false;
  /** The call of {@link storeWith} is at work, and resolves to whether the run still has to be stored. */
  #attempt: Promise<boolean> | undefined;

  constructor({ run, data, held, environment, isStored }: RecorderOptions) {
    this.#run = run;
    this.#data = data;
    this.#held = held;
    this.#environment = environment;
    this.#isStored = isStored;
  }

  /** Copies of the settled run's data, made once; the error if it holds something that cannot be copied. */
  get snapshot(): RunSnapshot | Error {
    return (this.#snapshot ??= attempted(() => copySnapshot(dataOf(this.#data))));
  }

  /** The run has its session open from now on. */
  enterSession(): void {
    this.#environment.sessions?.enter(this.#run.runId, this.#run.session);
  }

  /** The run is stored, or will not be: a deletion of its session waits for it no longer. */
  leaveSession(): void {
    if (this.#hasLeftSession) return;
    this.#hasLeftSession = true;
    this.#environment.sessions?.leave(this.#run.runId);
  }

  /** The run is not stored in its session. */
  omit(): void {
    this.#isStored = false;
  }

  /**
   * Stores the settled run and the data held for its guardrails, or hands both to the hold above. Does nothing if
   * {@link storeWith} has stored them.
   */
  store(end: RecordedEnd): Promise<void> | undefined {
    const attempt = this.#attempt;
    if (!attempt) return this.#store(end);
    // A run that must not be stored does not wait: the attempt may hang, and has failed for its caller.
    if (!this.#isStored) {
      void attempt.then(() => this.leaveSession());
      return undefined;
    }
    return attempt.then((isLeft) => (isLeft ? this.#store(end) : undefined));
  }

  /**
   * Stores the settled root run before {@link store} does, and `within` in the same transaction.
   *
   * @returns whether both are stored; if not, `within` was not called
   * @throws the error of `within`: the run is not stored, and is left to {@link store}
   */
  async storeWith(end: RecordedEnd, within: StoreWithin | undefined): Promise<boolean> {
    if (!this.#canStore) return false;
    const call = new WithinCall(within);
    const attempt = Promise.resolve(this.#write(end, (data) => this.#append(data, call)));
    this.#attempt = attempt.then(() => call.failure !== undefined);
    await attempt;
    if (call.failure) throw call.failure.thrown;
    return call.isCommitted;
  }

  #store(end: RecordedEnd): Promise<void> | undefined {
    if (!this.#canStore) this.leaveSession();
    return this.#write(end, (data) => this.#append(data));
  }

  get #canStore(): boolean {
    return this.#isStored && this.#environment.sessions !== undefined;
  }

  #write(end: RecordedEnd, append: Append): Promise<void> | undefined {
    const isStored = this.#canStore;
    if (this.#held) return this.#writeThrough(this.#held, end, isStored ? append : undefined);
    return isStored ? append(this.#settledData(end)) : undefined;
  }

  /** Saves a judge's evaluation of the run, once the guardrails that hold the run have passed. */
  async recordEvaluation(store: EvalStore, evaluation: Evaluation): Promise<void> {
    const { isAside, session } = this.#run;
    const { owner } = session;
    const held = this.#held;
    this.#environment.telemetry.evaluated(isAside || held ? withoutTexts(evaluation) : evaluation);
    if (isAside) return saveEvaluation(store, withoutTexts(evaluation), owner);
    // Nothing holds the run: save now, and let an error of the store fail the judge.
    if (!held) return saveEvaluation(store, evaluation, owner);
    await held.take(async () => {
      try {
        await saveEvaluation(store, disclosedEvaluation(evaluation, this.#run), owner);
      } catch (thrown) {
        this.#logError(`The evaluation of run ${this.#run.runId} could not be saved`, thrown);
      }
    });
  }

  async #writeThrough(held: HeldRun, end: RecordedEnd, append: Append | undefined): Promise<void> {
    if (append) {
      // Copied now: held events of the run may still be shown, and its data may still change.
      const data = this.#settledData({ ...end, shown: [...end.shown] });
      await held.take(async () => append(data));
    }
    await held.ownHold?.settle(end.hasPassed);
  }

  #settledData(end: RecordedEnd): SettledData | Error {
    const snapshot = this.#storableSnapshot();
    if (snapshot instanceof Error) return snapshot;
    return { end, snapshot, session: this.#run.session.settle(snapshot.session, end.changes) };
  }

  /** Data that is not plain is left out and named in the log, so that the turn is not lost. */
  #storableSnapshot(): RunSnapshot | Error {
    const { snapshot } = this;
    if (!(snapshot instanceof Error)) return snapshot;
    return attempted(() => {
      const { runId, session } = this.#run;
      const { copy, leftOut } = copyWithout(dataOf(this.#data), 'run');
      logLeftOut(() => `Run ${runId} of session ${quoted(session.id)}`, leftOut);
      return copy;
    });
  }

  /**
   * Stores the run; at once if the store can.
   *
   * @param call - of the function that stores more in the same transaction; if it fails, the run is stored later
   */
  #append(data: SettledData | Error, call?: WithinCall): Promise<void> | undefined {
    const { sessions } = this.#environment;
    if (!sessions) return undefined;
    sessions.beginStoring(this.#run.runId);
    const end = (result: AppendResult): void => this.#endAppend(result, call);
    const fail = (thrown: unknown): void => this.#failAppend(thrown, call);
    try {
      const appending = this.#appendTo(sessions, data, call);
      if (typeof appending !== 'string') return appending.then(end).catch(fail);
      end(appending);
    } catch (thrown) {
      fail(thrown);
    }
    return undefined;
  }

  #appendTo(
    sessions: CoordinatedSessionStore,
    data: SettledData | Error,
    call: WithinCall | undefined,
  ): Promise<AppendResult> | AppendResult {
    if (data instanceof Error) throw data;
    const stored = disclosedSession(data.session, this.#run);
    const within = sessions.client && call?.within;
    return this.#run.session.append(sessions, this.#toStoredRun(data), stored, within);
  }

  #endAppend(result: AppendResult, call: WithinCall | undefined): void {
    const { runId, session } = this.#run;
    if (result === 'stored') call?.commit();
    if (result === 'refused')
      this.#environment.logger.warn(
        `Run ${runId} was not stored: its session ${quoted(session.id)} is gone, or another's.`,
      );
    if (!call?.failure) this.leaveSession();
  }

  #failAppend(thrown: unknown, call: WithinCall | undefined): void {
    if (call?.failure) return;
    const { runId, session } = this.#run;
    this.#logError(`Run ${runId} could not be stored in session ${quoted(session.id)}`, thrown);
    this.leaveSession();
  }

  /** The run as it is stored: without the bytes of files, and with the texts that clients may see. */
  #toStoredRun({ snapshot, end }: SettledData): StoredRun {
    const { shown, last, errorCode } = end;
    const { runContext, runInput, runOutput } = snapshot;
    const { sessionState } = runContext;
    const { runId, parentRunId } = this.#run.context;
    const output = withoutFileContents(runOutput);
    const whole: StoredRun = {
      runId,
      ...(parentRunId === undefined ? {} : { parentRunId }),
      component: this.#run.identity,
      input: inputWithoutFileContents(runInput),
      output,
      sessionState,
      events: last ? storedEvents(shown, last, { output, sessionState }) : [],
      ...(errorCode === undefined ? {} : { errorCode }),
    };
    return disclosedRun(whole, this.#run, this.#data.callerMetadata);
  }

  #logError(what: string, thrown: unknown): void {
    const { reason, stack } = forLog(thrown);
    this.#environment.logger.error(`${what}: ${reason}`, stack);
  }
}

/** The call of a function that stores more in the transaction of a run. */
class WithinCall {
  /** Undefined if nothing more is to be stored. */
  readonly within: StoreWithin | undefined;
  #failure: { readonly thrown: unknown } | undefined;
  #isDone = false;
  #isCommitted = false;

  constructor(within: StoreWithin | undefined) {
    this.within = within && ((connection) => this.#run(within, connection));
  }

  /** The function has failed, and with it the transaction. */
  get failure(): { readonly thrown: unknown } | undefined {
    return this.#failure;
  }

  get isCommitted(): boolean {
    return this.#isCommitted;
  }

  /** The run is stored, together with the data that the function has stored, if it was called. */
  commit(): void {
    this.#isCommitted = this.#isDone;
  }

  async #run(within: StoreWithin, connection: object): Promise<void> {
    try {
      await within(connection);
      this.#isDone = true;
    } catch (thrown) {
      this.#failure = { thrown };
      throw thrown;
    }
  }
}

/** Saves a judge's evaluation of a run. Called in the judge's hook, inline or in the background. */
export async function recordEvaluation(given: EvalStore, evaluation: Evaluation): Promise<void> {
  const { run, origin, hook } = currentScope();
  const store = hook ? TimeLimitedEvalStore.of(given, hook.environment.storeCalls) : given;
  if (run) return run.recordEvaluation(store, evaluation);
  const { owner, isWithdrawn = false } = origin ?? {};
  const disclosed = isWithdrawn ? withoutTexts(evaluation) : evaluation;
  hook?.environment.telemetry.evaluated(disclosed);
  await saveEvaluation(store, disclosed, owner);
}

/** Saves an evaluation for the user that the host has named, or none for the application: the judged run does not know them. */
function saveEvaluation(
  store: EvalStore,
  evaluation: Evaluation,
  owner: SessionOwner | undefined,
): Promise<void> {
  if (owner === undefined) return store.save(evaluation);
  const { userId: _, ...others } = evaluation;
  return store.save(owner === null ? others : { ...others, userId: owner });
}

function dataOf({ input, context, output, session }: RunData): RunSnapshot {
  return { runInput: input, runContext: context, runOutput: output, session };
}

/** @throws PlainDataError if the run holds something that cannot be copied */
function copySnapshot({ runInput, runContext, runOutput, session }: RunSnapshot): RunSnapshot {
  return {
    runInput: copyPlainData(runInput, 'runInput'),
    runContext: copyPlainData(runContext, 'runContext'),
    runOutput: copyPlainData(runOutput, 'runOutput'),
    session: copyPlainData(session, 'session'),
  };
}

function attempted(copy: () => RunSnapshot): RunSnapshot | Error {
  try {
    return copy();
  } catch (thrown) {
    return toError(thrown);
  }
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
