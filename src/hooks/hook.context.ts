import { copyPlainData } from '../data/copy-plain-data.js';
import type { HookMode, HookPhase } from '../execution/hook-execution.js';
import type { PlainRecord, RunContext } from '../model/run-context.js';
import type { RunInput } from '../model/run-input.js';
import type { RunOutput } from '../model/run-output.js';
import type { RunSnapshot } from '../model/run-snapshot.js';
import type { RunnableComponent } from '../model/runnable-component.js';
import type { Session } from '../model/session.js';
import type { LazySignal } from './lazy-signal.js';

/** Which execution of a hook this is. */
export interface HookInfo {
  readonly name: string;
  readonly phase: HookPhase;
  /** The same for every attempt, so it can serve as an idempotency key. */
  readonly executionId: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly mode: HookMode;
  /**
   * Background only: whether the response carried the run's result to its last byte. False if the client left early
   * or the response outlived `releaseAfter`; undefined if there was no response.
   */
  readonly delivered?: boolean;
}

/**
 * The argument of a pre-hook. Inline: the run's own data, which it may change. In the background: deep copies of the
 * finished run's data. Destructure it; do not spread it.
 */
export interface PreHookContext {
  /** The input; final once the inline pre-hooks have run, and frozen for post-hooks. In the background a copy. */
  readonly runInput: RunInput;
  readonly runContext: RunContext;
  readonly session: Session;
  /** The component the hook is attached to: an immutable definition, never a copy. */
  readonly component: RunnableComponent;
  /** `component`, if it is an agent. */
  readonly agent?: RunnableComponent;
  /** `component`, if it is a team. */
  readonly team?: RunnableComponent;
  /** `component`, if it is a workflow. */
  readonly workflow?: RunnableComponent;
  /** Aborted when the hook's time is up; inline also when the run is cancelled, in the background at shutdown. */
  readonly signal: AbortSignal;
  readonly hook: HookInfo;
}

/** The argument of a post-hook: the context of a pre-hook, and the output. */
export interface PostHookContext extends PreHookContext {
  /** The output of the run; in the background with its final status and metrics. */
  readonly runOutput: RunOutput;
}

/** The data of a run that its inline hooks get. */
export interface LiveRunData {
  readonly input: RunInput;
  readonly context: RunContext;
  readonly output: RunOutput;
  readonly session: Session;
  readonly givenMetadata: Readonly<PlainRecord>;
}

/** The fields of a hook context besides run data. */
abstract class HookContextBase {
  readonly component: RunnableComponent;
  readonly hook: HookInfo;
  readonly #signal: LazySignal;

  constructor(component: RunnableComponent, hook: HookInfo, signal: LazySignal) {
    this.component = component;
    this.hook = hook;
    this.#signal = signal;
  }

  get signal(): AbortSignal {
    return this.#signal.signal;
  }

  get agent(): RunnableComponent | undefined {
    return this.component.kind === 'agent' ? this.component : undefined;
  }

  get team(): RunnableComponent | undefined {
    return this.component.kind === 'team' ? this.component : undefined;
  }

  get workflow(): RunnableComponent | undefined {
    return this.component.kind === 'workflow' ? this.component : undefined;
  }
}

/** The run's own data: an inline hook changes it directly. */
export class LiveHookContext extends HookContextBase implements PostHookContext {
  readonly runInput: RunInput;
  readonly runContext: RunContext;
  readonly runOutput: RunOutput;
  readonly session: Session;
  /** For the built-in guardrails: the part of `runOutput.metadata` that the engine has not written. */
  readonly givenMetadata: Readonly<PlainRecord>;

  constructor(data: LiveRunData, component: RunnableComponent, hook: HookInfo, signal: LazySignal) {
    super(component, hook, signal);
    this.runInput = data.input;
    this.runContext = data.context;
    this.runOutput = data.output;
    this.session = data.session;
    this.givenMetadata = data.givenMetadata;
  }
}

/** Copies that belong to one attempt of one hook, each made when it is first read: many hooks read only one. */
export class CopiedHookContext extends HookContextBase implements PostHookContext {
  readonly #snapshot: RunSnapshot;
  readonly #copies: { -readonly [K in keyof RunSnapshot]?: RunSnapshot[K] } = {};

  constructor(snapshot: RunSnapshot, component: RunnableComponent, hook: HookInfo, signal: LazySignal) {
    super(component, hook, signal);
    this.#snapshot = snapshot;
  }

  get runInput(): RunInput {
    return (this.#copies.runInput ??= copyPlainData(this.#snapshot.runInput, 'runInput'));
  }

  get runContext(): RunContext {
    return (this.#copies.runContext ??= copyPlainData(this.#snapshot.runContext, 'runContext'));
  }

  get runOutput(): RunOutput {
    return (this.#copies.runOutput ??= copyPlainData(this.#snapshot.runOutput, 'runOutput'));
  }

  get session(): Session {
    return (this.#copies.session ??= copyPlainData(this.#snapshot.session, 'session'));
  }
}
