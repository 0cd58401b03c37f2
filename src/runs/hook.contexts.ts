import { copyPlainData } from '../data/copy-plain-data.js';
import type { HookInfo, PostHookContext } from '../hooks/hook.context.js';
import type { LazySignal } from '../hooks/lazy-signal.js';
import type { PlainRecord, RunContext } from '../model/run-context.js';
import type { RunInput } from '../model/run-input.js';
import type { RunOutput } from '../model/run-output.js';
import type { RunnableComponent } from '../model/runnable-component.js';
import type { Session } from '../model/session.js';
import type { RunView } from './run.view.js';
import type { RunSnapshot } from './snapshot.js';

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

  constructor(run: RunView, hook: HookInfo, signal: LazySignal) {
    super(run.component, hook, signal);
    this.runInput = run.input;
    this.runContext = run.context;
    this.runOutput = run.output;
    this.session = run.sessionData;
    this.givenMetadata = run.givenMetadata;
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
