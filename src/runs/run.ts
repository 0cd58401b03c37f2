import { withRunOutput, type AgentRunError } from '../errors/agent-run.error.js';
import { RunCancelledError, type HooksNotStoredError, RunShutDownError } from '../errors/run.errors.js';
import { forLog, reasonOf } from '../errors/log.text.js';
import type { HookExecution, HookPosition } from '../execution/hook-execution.js';
import type { BoundHook } from '../hooks/bound-hook.js';
import type { ComponentHooks } from '../hooks/hook.registry.js';
import { millisecondsSince } from '../model/clock.js';
import { identityOf, type ComponentIdentity } from '../model/component-identity.js';
import { newId } from '../model/ids.js';
import type { RunActivity } from '../model/run-activity.js';
import type { RunContext } from '../model/run-context.js';
import type { RunEvent, RunEventBody, StepPosition } from '../model/run-event.js';
import type { RunInput } from '../model/run-input.js';
import type { RunOrigin } from '../model/run-origin.js';
import type { RunOutcome, RunOutput } from '../model/run-output.js';
import type { RunOptions } from '../model/runnable-component.js';
import type { EvalStore, Evaluation } from '../sessions/eval.store.js';
import { openSessionFor, type OpenSession, type StoredChanges } from '../sessions/open-session.js';
import type { SessionOwner } from '../sessions/session.store.js';
import type { HookSpans, RunSpan, RunWork } from '../telemetry/telemetry.js';
import { ActivityLog } from './activity.log.js';
import { Attempt, type AttemptedRun, type PartRequest } from './attempt.js';
import { Cancellation } from './cancellation.js';
import type { RunComponent } from './component.port.js';
import { directEnvironment, type RunEnvironment } from './environment.js';
import { EventFeed, type EventFeedOptions, type RunEventSink } from './hold/event.feed.js';
import { HeldRun } from './hold/held.run.js';
import { checkRunOptions, modelOf, newContext, newOutput, RunData, toRunInput } from './run.data.js';
import { InlineHookSubject } from './inline-hook.subject.js';
import { inheritedOwner, namesOwnSession } from '../sessions/session.source.js';
import {
  finalEventOf,
  isUnlogged,
  outcomeOf,
  piecesOf,
  reportRunFailure,
  statusOf,
  toRunError,
} from './outcome.js';
import { createExecution } from './background/outbox.js';
import { isUndisclosed } from './hold/redaction.js';
import { Recorder, type RecordedEnd } from './recorder.js';
import type { RunEnd, RunHandle, RunPhase, RunWait, TimeLimit } from './run.view.js';
import { currentScope, enterScope, type HookScope, type RunScope, type ScopedRun } from './scope.js';
import { SessionView } from '../sessions/session.view.js';
import { userOf } from '../sessions/user-id.js';
import type { RunSnapshot } from '../model/run-snapshot.js';
import { inTurn } from './sequence.js';
import { RunTree } from './tree.js';

/** The component to run, its input and its options. */
export interface RunRequest {
  readonly component: RunComponent;
  readonly input: string | RunInput;
  readonly options?: RunOptions;
  /** Who conducts the run if it starts a tree. Default: the environment of the calling code, else a direct run. */
  readonly environment?: RunEnvironment;
  readonly step?: StepPosition;
  /** A reader of the run's events and of those below it. */
  readonly sink?: RunEventSink;
  /** Whether the run is stored in its session. Default: unless a hook has started it and has named no session. */
  readonly isStored?: boolean;
  /** The user who must own the run's session, if it exists. Default: any owner. */
  readonly owner?: SessionOwner;
  /** Whether the run finishes or is cancelled when its client leaves. Default: the environment's setting. */
  readonly onDisconnect?: 'finish' | 'cancel';
}

type RunState =
  | { readonly phase: 'pre' }
  | { readonly phase: 'executing'; readonly attempt: Attempt }
  | { readonly phase: 'post' }
  | { readonly phase: 'settled'; readonly outcome: RunOutcome; readonly last: RunPhase };

interface RunInit {
  readonly component: RunComponent;
  readonly position: HookPosition;
  readonly hooks: ComponentHooks;
  readonly tree: RunTree;
  readonly parent: Run | undefined;
  readonly input: RunInput;
  readonly options: RunOptions;
  readonly sink: RunEventSink | undefined;
  readonly step: StepPosition | undefined;
  readonly isStored: boolean;
  readonly owner: SessionOwner | undefined;
  readonly origin: RunOrigin | undefined;
  readonly isOfHook: boolean;
}

/**
 * One execution of a component, from its start until it has settled:
 * `pre → executing (one attempt after another) → post → settled`. All other code sees it as a `RunView`.
 */
export class Run implements RunHandle, ScopedRun, AttemptedRun {
  readonly runId = newId();
  readonly component: RunComponent;
  readonly identity: ComponentIdentity;
  readonly position: HookPosition;
  readonly parent: Run | undefined;
  readonly session: OpenSession;
  readonly namedUserId: string | undefined;
  readonly #step: StepPosition | undefined;
  readonly startedAt = performance.now();
  readonly timeLimit: TimeLimit;
  readonly #cancellation = new Cancellation();
  /** Ends the settled run's waits for its store. */
  #storing: Cancellation | undefined;
  readonly #hooks: ComponentHooks;
  readonly #tree: RunTree;
  readonly #options: RunOptions;
  readonly #isStored: boolean;
  /** Started by a hook of the run above, not by its engine. */
  readonly #isOfHook: boolean;
  /** The number of workflows around the run's own. */
  readonly #nestedDepth: number;
  readonly #feed: EventFeed;
  /** The run, if output guardrails hold it: its own, or those of a run above. */
  readonly #held: HeldRun | undefined;
  readonly #recorder: Recorder;
  readonly #activities = new ActivityLog();
  /** Background hooks that were collected already. */
  #collected: Set<BoundHook> | undefined;
  #parts: Run[] = [];
  #state: RunState = { phase: 'pre' };
  readonly #data: RunData;
  /** A run above has taken over this run's changes to the session's name and metadata, and stores them. */
  #isSessionMerged = false;
  #isDiscarded: boolean;
  #isShutDown = false;
  #shownAt = this.startedAt;
  #inlineHook: string | undefined;
  #span: RunSpan | undefined;
  #settled: Promise<RunEnd> | undefined;

  /**
   * Starts a run: as a part of the run that the calling code belongs to, else as the root of a new tree.
   *
   * @throws AgentOsConfigurationError if a hook of the component cannot be bound
   * @throws TooManyRunsError if it would be one run more than `maxRuns`
   * @throws TypeError if the input is neither a text nor `{ content }`, or the id of the user or session no string
   */
  static start(request: RunRequest): Run {
    return Run.#start(request, undefined);
  }

  static #start(request: RunRequest, parentGiven: Run | undefined): Run {
    const scope = currentScope();
    const { component, options = {}, step, sink } = request;
    checkRunOptions(options);
    const parent = parentGiven ?? joinedRun(scope, request.environment);
    const environment = parent?.environment ?? request.environment ?? surroundingEnvironment(scope);
    if (!parent && !scope.hook) environment.inFlight.admit();
    const { origin } = scope;
    const source = { parent, origin };
    const position = positionOf(parent, scope);
    const run = new Run({
      component,
      position,
      hooks: environment.hooksOf(component, position),
      tree: parent ? parent.#tree : new RunTree(environment, scope, request.onDisconnect),
      parent,
      input: toRunInput(request.input, component),
      options,
      sink,
      step,
      isStored: request.isStored ?? (scope.hook === undefined || namesOwnSession(options, source)),
      owner: request.owner ?? inheritedOwner(options, source),
      origin,
      isOfHook: scope.hook !== undefined,
    });
    if (parent) parent.#addPart(run);
    else run.#tree.setRoot(run);
    run.#settled = run.#conduct();
    return run;
  }

  private constructor(init: RunInit) {
    const { component, parent, position, hooks, options, input, origin, sink } = init;
    const { runId } = this;
    this.component = component;
    this.identity = identityOf(component);
    this.position = position;
    this.parent = parent;
    this.#step = init.step ?? (parent && parent.#step);
    this.#hooks = hooks;
    this.#tree = init.tree;
    this.timeLimit = timeLimitOf(component, parent, this.startedAt, init.tree.environment.runTimeout);
    this.#options = options;
    this.#isStored = init.isStored && (parent ? parent.#isStored : true);
    this.#isOfHook = init.isOfHook;
    this.#isDiscarded = parent ? parent.#isDiscarded : false;
    const isNestedWorkflow = component.kind === 'workflow' && this.#step !== undefined;
    this.#nestedDepth = parent ? parent.#nestedDepth + (isNestedWorkflow ? 1 : 0) : 0;
    const context = newContext({ runId, parent, options, origin });
    this.namedUserId = context.userId;
    this.session = openSessionFor({
      above: parent?.session,
      context,
      isNamed: options.sessionId !== undefined,
      component: this.identity,
      owner: init.owner,
    });
    const isShared = parent !== undefined && parent.session === this.session;
    this.#data = new RunData({
      input,
      context,
      output: newOutput({
        context,
        component,
        identity: this.identity,
        step: this.#step,
        replaces: options.replaces ?? parent?.output.replaces,
      }),
      session: isShared ? parent.#data.branchSession() : new SessionView(this.session.found),
      above: parent && parent.#data,
    });
    const held = HeldRun.of({
      runId,
      owner: this.session.owner,
      isOfHook: init.isOfHook,
      isGuarded: hooks.holdsStream,
      isDiscarded: this.#isDiscarded,
      above: parent && parent.#held,
    });
    this.#held = held;
    this.#feed = new EventFeed({
      base: eventBaseOf(context, this.identity, this.#step, this.#nestedDepth),
      sink,
      // Runs that a hook starts for itself, such as a judge, are not shown to the run's readers.
      above:
        position !== 'inside-hook' || parent?.position === 'inside-hook' ? parent && parent.#feed : undefined,
      hold: held?.ownHold,
      isHeld: held !== undefined,
      cancellation: this.#cancellation,
    });
    this.#recorder = new Recorder({
      run: this,
      data: this.#data,
      held,
      environment: this.environment,
      isStored: this.#isStored,
    });
  }

  get settled(): Promise<RunEnd> {
    return this.#settled as Promise<RunEnd>;
  }

  get isConducted(): boolean {
    return this.parent !== undefined || this.#tree.startedByHook || this.environment.kind === 'served';
  }

  get environment(): RunEnvironment {
    return this.#tree.environment;
  }

  get isOfBackgroundHook(): boolean {
    return this.#tree.isOfBackgroundHook;
  }

  get userId(): string | undefined {
    return userOf(this.session.owner, this.namedUserId);
  }

  get input(): RunInput {
    return this.#data.input;
  }

  get context(): RunContext {
    return this.#data.context;
  }

  get output(): Readonly<RunOutput> {
    return this.#data.output;
  }

  get phase(): RunPhase {
    return this.#state.phase;
  }

  get outcome(): RunOutcome | undefined {
    return this.#state.phase === 'settled' ? this.#state.outcome : undefined;
  }

  get endedBeforeExecution(): boolean {
    return this.#state.phase === 'settled' && this.#state.last === 'pre';
  }

  get isShutDown(): boolean {
    return this.#isShutDown;
  }

  get isDiscarded(): boolean {
    return this.#isDiscarded;
  }

  get isWithdrawn(): boolean {
    return this.#held?.isWithdrawn ?? false;
  }

  get isAside(): boolean {
    return this.position === 'inside-hook' && !this.#isStored;
  }

  get isRoot(): boolean {
    return this.parent === undefined && !this.#isOfHook;
  }

  get activities(): readonly RunActivity[] {
    return this.#activities.all;
  }

  get shownAt(): number {
    return this.#shownAt;
  }

  get inlineHook(): string | undefined {
    return this.#inlineHook;
  }

  get waitsFor(): RunWait {
    if (this.#feed.isReaderFull) return 'reader';
    if (this.#parts.some(({ outcome }) => outcome === undefined)) return 'member';
    if (this.#inlineHook !== undefined) return 'hook';
    return this.#state.phase === 'executing' ? 'engine' : 'store';
  }

  get backgroundHooks(): readonly HookExecution[] {
    return this.#tree.backgroundHooks;
  }

  get hookSpans(): HookSpans | undefined {
    return this.#span?.hooks;
  }

  cancel(reason: string): void {
    this.stop(new RunCancelledError(reason));
  }

  stop(error: AgentRunError): void {
    if (this.#state.phase === 'settled') this.#storing?.cancel(error);
    else this.#cancellation.cancel(error);
  }

  shutDown(): void {
    this.#isShutDown = true;
    this.stop(new RunShutDownError());
  }

  readerLeft(): void {
    const { environment } = this;
    if (environment.kind === 'served' && environment.onDisconnect === 'cancel')
      this.cancel('The reader left before the run was done.');
  }

  dropHooks(): void {
    this.#tree.dropHooks();
  }

  emit(body: RunEventBody): Promise<void> | undefined {
    this.#markShown();
    this.#activities.note(body);
    this.#span?.note(body);
    return this.#feed.emit(body);
  }

  startPart(request: PartRequest): RunHandle {
    return Run.#start(request, this);
  }

  enterWork<R>(work: RunWork, callback: () => R): R {
    return this.#span ? this.#span.enterWork(work, callback) : callback();
  }

  snapshot(): RunSnapshot | Error {
    return this.#recorder.snapshot;
  }

  recordEvaluation(store: EvalStore, evaluation: Evaluation): Promise<void> {
    return this.#recorder.recordEvaluation(store, evaluation);
  }

  // ---- from the start to the end ----

  async #conduct(): Promise<RunEnd> {
    const { inFlight, telemetry, watch } = this.environment;
    inFlight.add(this);
    this.#recorder.enterSession();
    const unlink = this.#linkCancellation();
    watch.follow(this);
    try {
      this.#span = telemetry.startRun(this);
      const error = await this.#enter(() => this.#perform());
      // The runs below were cancelled with this one. They end before it, as in any other run.
      if (this.#cancellation.reason) await Promise.all(this.#parts.map(({ settled }) => settled));
      return await this.#settle(error);
    } catch (thrown) {
      return await this.#breakOff(thrown);
    } finally {
      unlink();
      inFlight.remove(this);
    }
  }

  /** @returns the error with which the run ends, if it does not complete */
  async #perform(): Promise<AgentRunError | undefined> {
    try {
      // Steps that need not wait are synchronous: in most runs only few steps wait.
      const opening = this.#loadSession();
      if (opening) await opening;
      this.#data.openSession(this.#options.sessionState);
      const started = this.emit({ type: 'run-started', ...modelOf(this.component) });
      if (started) await started;
      if (this.#hooks.pre.length > 0) await this.#runHooks(this.#hooks.pre);
      this.#data.completeInput();
      await this.#execute();
      this.#state = { phase: 'post' };
      this.#leavePartsBehind();
      if (this.#hooks.post.length > 0) await this.#runHooks(this.#hooks.post);
      const passing = this.#pass();
      if (passing) await passing;
      return undefined;
    } catch (thrown) {
      const error = this.#toRunError(thrown);
      if (isUnlogged(error))
        this.environment.logger.error(reasonOf(error), forLog(error.cause ?? error).stack);
      reportRunFailure(this, error, this.environment);
      return error;
    }
  }

  /** The session of the run above, the stored one, or a new one. */
  #loadSession(): Promise<void> | undefined {
    const { session } = this;
    const { sessions } = this.environment;
    if (!sessions || !session.isNamed || session === this.parent?.session) return undefined;
    return this.#cancellation.race(sessions.open(session.id)).then((stored) => {
      session.continueFrom(stored, this.position === 'root');
      this.#data.useSession(session.found);
    });
  }

  /** Inline hooks run, background hooks are collected, in list order. */
  async #runHooks(hooks: readonly BoundHook[]): Promise<void> {
    for (const hook of hooks) {
      this.#cancellation.throwIfCancelled();
      if (this.#isBackground(hook)) this.#collect(hook);
      else await this.#runInline(hook);
    }
  }

  async #runInline(hook: BoundHook): Promise<void> {
    const { runner, ledger } = this.environment;
    const execution = createExecution(hook, this, 'inline');
    await this.emit({ type: `${hook.phase}-hook-started`, hook: execution.hook });
    const scope = this.#scope({ environment: this.environment, isBackground: false });
    const subject = new InlineHookSubject({
      hook,
      component: this.component,
      data: this.#data,
      scope,
      span: this.#span,
    });
    ledger.schedule(execution);
    let failure: Error | undefined;
    this.#inlineHook = execution.hook;
    try {
      failure = await runner.runInline({ hook, execution, subject }, this.#cancellation.signal);
    } catch (thrown) {
      subject.abandon();
      await this.emit(completedEvent(execution, 'The run was stopped.'));
      throw thrown;
    } finally {
      this.#inlineHook = undefined;
    }
    subject.end(failure);
    await this.emit(completedEvent(execution, failure && 'The hook failed.'));
  }

  /** The component's own work, repeated if it fails. Hooks are not repeated; a failed attempt leaves none behind. */
  async #execute(): Promise<void> {
    for (let retriesLeft = this.component.retries; ; retriesLeft--) {
      const attempt = new Attempt(this, this.#data, this.#cancellation);
      this.#state = { phase: 'executing', attempt };
      this.#cancellation.throwIfCancelled();
      this.#activities.startAttempt();
      try {
        const working = this.component.execute(attempt);
        // A wait in any case: the code that has started the run gets its handle first, and may cancel it.
        await (working && this.#cancellation.race(working));
        if (!working) this.#cancellation.throwIfCancelled();
        this.#activities.endAttempt(false);
        this.#span?.endAttempt();
        this.#data.writeMessages(attempt.conversation.messages);
        const completed = this.emit({ type: 'run-content-completed' });
        if (completed) await completed;
        return;
      } catch (thrown) {
        this.#activities.endAttempt(true);
        this.#span?.endAttempt(this.#toRunError(thrown));
        if (retriesLeft <= 0 || !this.#isWorthRetrying(thrown)) throw thrown;
        this.#discard(attempt);
      }
    }
  }

  /** Discards an attempt that is repeated, with the runs that it has started. */
  #discard(attempt: Attempt): void {
    attempt.abandon();
    this.#feed.forget(this.#treeIds());
    for (const part of this.#descendants()) part.#markDiscarded(this.#held);
    this.#tree.skipDiscarded();
    this.#held?.forgetParts();
    this.#parts = [];
    this.#data.restart();
  }

  /** The post-hooks have passed: delivers the held events. */
  #pass(): Promise<void> | undefined {
    const isEdited = this.#data.edit !== 'none';
    if (isEdited) this.#data.writeMessages([]);
    const replacement = isEdited ? piecesOf(this.output) : undefined;
    return this.#feed.pass(replacement, () => this.#treeIds());
  }

  /** Ends the run: from here on it does not change. */
  #settle(error: AgentRunError | undefined): Promise<RunEnd> | RunEnd {
    const { environment } = this;
    if (environment.kind === 'served') {
      for (const hook of this.#hooks.pre) if (this.#isBackground(hook)) this.#collect(hook);
      for (const hook of this.#hooks.post) if (this.#isBackground(hook)) this.#collect(hook);
    }
    this.#end(error);
    // Parts that settle while the hooks are being stored come too late for the guardrails.
    if (this.#held) this.#feed.forget(this.#held.settle());
    this.#mergeSession();
    const end = this.#recordedEnd(error);
    const storing = this.parent
      ? undefined
      : this.#tree.storeHooks((within) => this.#recorder.storeWith(end, within));
    return storing ? this.#concludeStored(storing, error, end) : this.#conclude(error, end);
  }

  /** A durable executor stores the hooks of the root first: they can fail it. */
  async #concludeStored(
    storing: Promise<HooksNotStoredError | undefined>,
    error: AgentRunError | undefined,
    end: RecordedEnd,
  ): Promise<RunEnd> {
    const notStored = await this.#waitForHooks(storing);
    if (!notStored) return this.#conclude(error, end);
    this.#logError(notStored.message, notStored.cause);
    if (outcomeOf(error) !== 'failed') reportRunFailure(this, notStored, this.environment);
    this.#recorder.omit();
    this.#end(notStored);
    return this.#conclude(notStored, this.#recordedEnd(notStored));
  }

  /** Described once: a session stores the same event that readers get. */
  #recordedEnd(error: AgentRunError | undefined): RecordedEnd {
    return {
      shown: this.#feed.shown,
      last: this.#feed.describe(finalEventOf(this, error)),
      errorCode: error?.code,
      changes: this.#storedChanges(),
      hasPassed: error === undefined && this.#data.edit !== 'masked',
    };
  }

  #end(error: AgentRunError | undefined): void {
    const outcome = outcomeOf(error);
    if (error) this.#refuse(outcome === 'cancelled' ? undefined : error.publicMessage);
    this.#data.end(statusOf(outcome), millisecondsSince(this.startedAt) / 1_000);
    const last = this.#state.phase === 'settled' ? this.#state.last : this.#state.phase;
    this.#state = { phase: 'settled', outcome, last };
  }

  /** A durable executor stores the hooks before the run itself is stored or told. @returns the error that fails the run */
  async #waitForHooks(
    storing: Promise<HooksNotStoredError | undefined>,
  ): Promise<HooksNotStoredError | undefined> {
    let isWaiting = true;
    let failure: HooksNotStoredError | undefined;
    const stored = storing.then((error) => {
      if (isWaiting) failure = error;
      else if (error) this.#logError('The background hooks are lost, and the run stands', error);
    });
    await this.#waitAfterEnd(stored);
    isWaiting = false;
    return failure;
  }

  /** The outcome is final: stores the run and tells its reader. */
  #conclude(error: AgentRunError | undefined, end: RecordedEnd): Promise<RunEnd> | RunEnd {
    const outcome = outcomeOf(error);
    this.#tree.recordSettled(this);
    if (this.#span) this.#endSpan(this.#span, error);
    this.#showAbove();
    const ended = (): RunEnd => {
      const { output } = this.#data;
      return error ? { outcome, output, error: withRunOutput(error, output) } : { outcome, output };
    };
    const waiting = inTurn([
      () => this.#waitAfterEnd(this.#recorder.store(end)),
      () => this.#waitAfterEnd(this.#tree.handOver()),
      () => this.#waitAfterEnd(this.#tree.forgetDeleted()),
      () => end.last && this.#deliverLast(end.last),
    ]);
    return waiting ? waiting.then(ended) : ended();
  }

  /** The span shows the run's content if the run is shown to clients, which the guardrails that hold it decide. */
  #endSpan(span: RunSpan, error: AgentRunError | undefined): void {
    span.end({ outcome: outcomeOf(error), error });
    if (!span.awaitsDisclosure) return;
    const disclose = (): void => span.disclose(!isUndisclosed(this));
    if (!this.#held) return disclose();
    void this.#held.take(() => Promise.resolve(disclose()));
  }

  /** Only a defect of this library or of a tracer leads here: the run ends anyway and releases all that it holds. */
  async #breakOff(thrown: unknown): Promise<RunEnd> {
    this.#logError(`The run ${this.runId} could not be ended`, thrown);
    const last = this.#state.phase === 'settled' ? this.#state.last : this.#state.phase;
    this.#state = { phase: 'settled', outcome: 'failed', last };
    this.#held?.settle();
    this.#recorder.leaveSession();
    await this.#tree.handOver();
    const { output } = this.#data;
    return { outcome: 'failed', output, error: withRunOutput(toRunError(this, thrown), output) };
  }

  // ---- steps of the conduct ----

  /**
   * Waits for a store or an executor, unless cancellation, the time limit or shutdown ends the wait. A run that was
   * cancelled already waits only a little: its caller wants to go on.
   */
  #waitAfterEnd(pending: Promise<void> | undefined): Promise<void> | undefined {
    if (!pending) return undefined;
    const waiting = (this.#storing ??= new Cancellation());
    const { reason } = this.#cancellation;
    if (!reason) return waiting.settled(pending);
    const { deadlines } = this.environment;
    const deadline = deadlines.set(CANCELLED_WAIT, () => waiting.cancel(reason));
    return waiting.settled(pending).finally(() => deadlines.clear(deadline));
  }

  /** The run is cancelled with the run above it, and by its caller's signal. */
  #linkCancellation(): () => void {
    const unlinkParent =
      this.parent && this.parent.#cancellation.onCancel(() => this.cancel('The run above it was cancelled.'));
    const { signal } = this.#options;
    if (!signal) return () => unlinkParent?.();
    const onAbort = (): void => this.cancel('The caller aborted the run.');
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    return () => {
      unlinkParent?.();
      signal.removeEventListener('abort', onAbort);
    };
  }

  #enter<R>(callback: () => R): R {
    return enterScope(this.#scope(), () => (this.#span ? this.#span.enter(callback) : callback()));
  }

  /** @param hook - the code that is running is an inline hook of the run */
  #scope(hook?: HookScope): RunScope {
    const { response } = this.#tree;
    const scope: RunScope = response ? { response, run: this } : { run: this };
    return hook ? { ...scope, hook } : scope;
  }

  #toRunError(thrown: unknown): AgentRunError {
    return this.#cancellation.reason ?? toRunError(this, thrown);
  }

  /** A verdict is final; any other error may not occur again. */
  #isWorthRetrying(thrown: unknown): boolean {
    if (this.#cancellation.reason) return false;
    return RETRIED.includes(toRunError(this, thrown).code);
  }

  #isBackground(hook: BoundHook): boolean {
    const { environment } = this;
    return environment.kind === 'served' && environment.modeOf(hook) === 'background';
  }

  #collect(hook: BoundHook): void {
    if (this.#isDiscarded || this.#collected?.has(hook)) return;
    (this.#collected ??= new Set()).add(hook);
    this.#tree.collect(hook, this);
  }

  /** The run did not complete: removes the data that guardrails have refused or not seen. */
  #refuse(shown: string | undefined): void {
    const { phase } = this.#state;
    const isHeld = this.#held !== undefined;
    this.#data.refuse({ shown, isHeld, isPre: phase === 'pre', isPost: phase === 'post' });
    this.#feed.refuse(this.#treeIds());
    this.#held?.refuse();
  }

  /** Adds the output to that of the run above, where guardrails look, unless the attempt was repeated. */
  #showAbove(): void {
    const { parent } = this;
    if (!parent || this.#isDiscarded || parent.phase !== 'executing') return;
    if (this.position === 'inside-hook' && parent.position !== 'inside-hook') return;
    parent.#data.addMember(this.#data);
  }

  /** Merges the run's changes to the session's name and metadata into the next run above that has not settled. */
  #mergeSession(): void {
    if (this.isWithdrawn || this.#isDiscarded) return;
    for (let above = this.parent; above?.session === this.session; above = above.parent) {
      if (above.outcome !== undefined) continue;
      this.#data.mergeSessionInto(above.#data);
      this.#isSessionMerged = true;
      return;
    }
  }

  /** The session data that the run stores. */
  #storedChanges(): StoredChanges {
    if (this.parent?.session !== this.session) return 'all';
    // The run above has settled before: it does not store the later changes of this run.
    return this.#isSessionMerged ? 'state' : this.#data.begunSession;
  }

  /** The answer is final even if the event is not delivered: a reader that fails now has read all but the end. */
  async #deliverLast(last: RunEvent): Promise<void> {
    try {
      await this.#feed.end(last);
    } catch (thrown) {
      this.#logError(`The last event of run ${this.runId} could not be delivered`, thrown);
    }
  }

  #logError(what: string, thrown: unknown): void {
    const { reason, stack } = forLog(thrown);
    this.environment.logger.error(`${what}: ${reason}`, stack);
  }

  /** An event of the run, or of a run below it, shows that it is at work. */
  #markShown(): void {
    this.#shownAt = performance.now();
    if (this.parent) this.parent.#markShown();
  }

  // ---- the runs below ----

  #addPart(part: Run): void {
    if (part.#held) this.#held?.add(part.#held);
    this.#parts.push(part);
  }

  #descendants(): Run[] {
    return this.#parts.flatMap((part) => [part, ...part.#descendants()]);
  }

  /** The run and all runs below it; empty if nothing of them is held. */
  #treeIds(): ReadonlySet<string> {
    return this.#held?.treeIds ?? NONE;
  }

  /** The run has done its work, and guardrails are about to see it: without its unfinished parts, past and future. */
  #leavePartsBehind(): void {
    if (!this.#held) return;
    this.#feed.ignoreParts();
    this.#feed.forget(this.#held.beginPost());
  }

  #markDiscarded(above: HeldRun | undefined): void {
    this.#isDiscarded = true;
    this.#held?.discard(above);
    this.cancel('The attempt that started it failed and is repeated.');
  }
}

const NONE: ReadonlySet<string> = new Set();

/** Milliseconds that a cancelled run waits to be stored. */
const CANCELLED_WAIT = 500;

/** Codes of errors after which another attempt may succeed. */
const RETRIED: readonly string[] = ['run_failed', 'step_failed', 'provider_error', 'run_timeout'];

/**
 * How long a run may take: as long as its component says, else as long as the run above it, else as long as the
 * environment says.
 */
function timeLimitOf(
  { timeout }: RunComponent,
  parent: Run | undefined,
  startedAt: number,
  runTimeout: number,
): TimeLimit {
  if (timeout === undefined && parent) return parent.timeLimit;
  const limit = timeout ?? runTimeout;
  return { endsAt: startedAt + limit, timeout: limit };
}

/** A run that has settled takes no more parts, and AgentOS does not join a run that it does not conduct. */
function joinedRun({ run }: RunScope, environment: RunEnvironment | undefined): Run | undefined {
  if (!(run instanceof Run) || run.outcome !== undefined) return undefined;
  return environment?.kind !== 'served' || environment === run.environment ? run : undefined;
}

function surroundingEnvironment({ run, hook }: RunScope): RunEnvironment {
  return run?.environment ?? hook?.environment ?? directEnvironment();
}

function positionOf(parent: Run | undefined, { hook, run }: RunScope): HookPosition {
  if (hook || (parent ?? run)?.position === 'inside-hook') return 'inside-hook';
  return parent ? 'member' : 'root';
}

/** The fields that all events of a run have. */
function eventBaseOf(
  { runId, parentRunId, sessionId }: RunContext,
  component: ComponentIdentity,
  step: StepPosition | undefined,
  nestedDepth: number,
): EventFeedOptions['base'] {
  return {
    component,
    runId,
    ...(parentRunId === undefined ? {} : { parentRunId }),
    sessionId,
    ...(step ? { step } : {}),
    nestedDepth,
  };
}

/** The texts are fixed: an error's own message may hold data that clients must not see. */
function completedEvent({ phase, hook }: HookExecution, error: string | undefined): RunEventBody {
  return { type: `${phase}-hook-completed`, hook, ...(error === undefined ? {} : { error }) };
}
