import { randomUUID } from 'node:crypto';

import type { AgentRunError } from '../errors/agent-run.error.js';
import { RunCancelledError, RunShutDownError } from '../errors/run.errors.js';
import { toError } from '../errors/to-error.js';
import type { BoundHook } from '../hooks/bound-hook.js';
import type { ComponentHooks, HookPosition } from '../hooks/hook.registry.js';
import type { ComponentIdentity } from '../model/component.js';
import type { RunContext } from '../model/run-context.js';
import type { StepPosition } from '../model/run-event.js';
import type { RunInput } from '../model/run-input.js';
import type { RunOutcome, RunOutput } from '../model/run-output.js';
import type { RunOptions } from '../model/runnable-component.js';
import type { Session } from '../model/session.js';
import { APPLICATION, type SessionOwner } from '../sessions/session.store.js';
import type { RunSpan } from '../telemetry/tracing.js';
import { Cancellation } from './cancellation.js';
import { takeGiven, type GivenData } from './given-data.js';
import { createContext, createOutput, identityOf, nestedDepthOf, shareSession } from './run.beginning.js';
import type { RunComponent } from './run.component.js';
import { RunEvents, type RunEventSink } from './run.events.js';
import type { Memory } from './run.memory.js';
import type { RunOrigin } from './run.origin.js';
import { takeSnapshot, type RunSnapshot } from './run.snapshot.js';
import { timeLimitOf, type RunTimeLimit } from './run.watch.js';
import type { RunTree } from './run.tree.js';
import type { SharedSession } from './shared-session.js';

/** What an {@link ActiveRun} starts with. */
export interface ActiveRunInit {
  readonly component: RunComponent;
  readonly position: HookPosition;
  readonly hooks: ComponentHooks;
  readonly tree: RunTree;
  readonly parent?: ActiveRun;
  readonly input: RunInput;
  readonly options: RunOptions;
  /** Where its events go; a child's go to its parent. */
  readonly sink?: RunEventSink;
  readonly step?: StepPosition;
  readonly isStored: boolean;
  /** Whose the run's session must be, if it exists; a run below that shares the session has the same. */
  readonly owner?: SessionOwner;
  /** The run whose background hook has started this one. */
  readonly origin?: RunOrigin;
  readonly isOfHook: boolean;
}

/** The state of one execution of a component, from its start until it has settled. */
export class ActiveRun {
  readonly runId = randomUUID();
  readonly createdAt = Math.floor(Date.now() / 1_000);
  readonly startedAt = performance.now();
  /** Of its latest event, or the latest of a run below it, in the time of `performance.now()`. */
  shownAt = this.startedAt;
  /** The name of the inline hook that is at work. */
  inlineHook: string | undefined;
  readonly timeLimit: RunTimeLimit;
  readonly cancellation = new Cancellation();
  /** Ends the waits of the settled run for the store that keeps it. */
  readonly storing = new Cancellation();
  readonly component: RunComponent;
  readonly identity: ComponentIdentity;
  readonly position: HookPosition;
  readonly hooks: ComponentHooks;
  readonly tree: RunTree;
  readonly parent: ActiveRun | undefined;
  readonly options: RunOptions;
  readonly sharedSession: SharedSession;
  input: RunInput;
  context: RunContext;
  output: RunOutput;
  readonly step: StepPosition | undefined;
  /** How many workflows stand around this run's own. */
  readonly nestedDepth: number;
  /** Remembered in its session. */
  readonly isStored: boolean;
  /** Started by a hook of the run above, not by its engine. */
  readonly isOfHook: boolean;
  readonly events: RunEvents;
  readonly children: ActiveRun[] = [];
  /** What is to be kept once this run's guardrails have passed. */
  readonly memories: Memory[] = [];
  /** Started by an attempt that failed and was repeated: nothing of it counts. */
  isDiscarded = false;
  /** A guardrail of a run above has refused or changed what the run was for: what it said is not for keeping. */
  #isWithdrawn = false;
  isShutDown = false;
  /** A post-hook has changed the answer. */
  isEdited = false;
  /** An output guardrail has changed the answer: what it was made of may quote what must not be seen. */
  isMasked = false;
  /** What the run had before the engine has added to it. */
  given: GivenData;
  /** The background hooks that are in the outbox already. */
  readonly collected = new Set<BoundHook>();
  phase: 'pre' | 'execution' | 'post' = 'pre';
  outcome: RunOutcome | undefined;
  /** Resolves when the run has settled and said so. */
  ended = Promise.resolve();
  span: RunSpan | undefined;
  #snapshot: RunSnapshot | Error | undefined;

  constructor({
    component,
    position,
    hooks,
    tree,
    parent,
    input,
    options,
    sink,
    step,
    isStored,
    owner,
    origin,
    isOfHook,
  }: ActiveRunInit) {
    this.component = component;
    this.identity = identityOf(component);
    this.position = position;
    this.hooks = hooks;
    this.tree = tree;
    this.parent = parent;
    this.timeLimit = timeLimitOf(this);
    this.options = options;
    this.input = input;
    this.isDiscarded = parent?.isDiscarded ?? false;
    this.isStored = isStored && (parent?.isStored ?? true);
    this.isOfHook = isOfHook;
    this.step = step ?? parent?.step;
    this.nestedDepth = nestedDepthOf(this);
    this.context = createContext(this, origin);
    this.sharedSession = shareSession(this, owner);
    this.given = takeGiven(this);
    this.output = createOutput(this);
    this.events = new RunEvents(this, sink);
  }

  get sessionId(): string {
    return this.sharedSession.id;
  }

  /** On whose behalf it runs: whom the host has named counts, not what a hook has made of it. */
  get userId(): string | undefined {
    const { owner } = this.sharedSession;
    return owner === undefined ? this.context.userId : (owner ?? undefined);
  }

  get session(): Session {
    return this.sharedSession.live;
  }

  get signal(): AbortSignal {
    return this.cancellation.signal;
  }

  /** The answer must not be seen before a guardrail of this run, or of one above it, has passed. */
  get isHeld(): boolean {
    return this.hooks.holdsStream || (this.parent?.isHeld ?? false);
  }

  get isWithdrawn(): boolean {
    return this.#isWithdrawn;
  }

  /**
   * A guardrail of a run above has refused what this run was for, or has not seen it. What the application asks about
   * that in a session of its own stays: no client reads it there.
   */
  withdraw(above: ActiveRun): void {
    const { owner } = this.sharedSession;
    if (owner !== APPLICATION || owner === above.sharedSession.owner) this.#isWithdrawn = true;
  }

  /** Cancels the run because the application can wait no longer: hooks that it would have released are dropped. */
  shutDown(): void {
    this.isShutDown = true;
    this.stop(new RunShutDownError());
  }

  /** Stops the run at its next wait. Once it has settled, its outcome stands, and it waits no longer to be stored. */
  cancel(reason: string): void {
    this.stop(new RunCancelledError(reason));
  }

  /** As {@link cancel}, but the run ends with this error. */
  stop(error: AgentRunError): void {
    (this.outcome === undefined ? this.cancellation : this.storing).cancel(error);
  }

  /** It is the first of its tree, and no hook has started it. */
  get isRoot(): boolean {
    return this.parent === undefined && !this.isOfHook;
  }

  /** An event of it, or of a run below it, tells that it is at work. */
  markShown(): void {
    this.shownAt = performance.now();
    this.parent?.markShown();
  }

  /** The runs below this one, at any depth. */
  descendants(): ActiveRun[] {
    return this.children.flatMap((child) => [child, ...child.descendants()]);
  }

  /** The settled run's copy, taken once; the error if it holds something that cannot be copied. */
  snapshot(): RunSnapshot | Error {
    if (this.#snapshot) return this.#snapshot;
    try {
      return (this.#snapshot = takeSnapshot(this));
    } catch (thrown) {
      return (this.#snapshot = toError(thrown));
    }
  }
}
