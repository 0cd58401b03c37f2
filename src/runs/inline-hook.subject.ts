import { HookTimeoutError } from '../errors/hook-timeout.error.js';
import type { HookExecution } from '../execution/hook-execution.js';
import { describedHook, type BoundHook } from '../hooks/bound-hook.js';
import { LiveHookContext, type HookInfo, type PostHookContext } from '../hooks/hook.context.js';
import { HookEdits } from '../hooks/hook.edits.js';
import type { HookSubject } from '../hooks/hook.runner.js';
import type { LazySignal } from '../hooks/lazy-signal.js';
import type { RunComponent } from './component.port.js';
import type { RunSpan } from '../telemetry/telemetry.js';
import type { FoundAnswer } from './hold/redaction.js';
import type { RunData } from './run.data.js';
import { enterScope, type RunScope } from './scope.js';

/** The options of {@link InlineHookSubject}. */
export interface InlineHookOptions {
  readonly hook: BoundHook;
  readonly component: RunComponent;
  readonly data: RunData;
  /** Of the hook's code. */
  readonly scope: RunScope;
  /** Of the run. */
  readonly span: RunSpan | undefined;
}

/** A run as the subject of an inline hook, which reads and writes the run's own data. */
export class InlineHookSubject implements HookSubject {
  readonly #hook: BoundHook;
  readonly #component: RunComponent;
  readonly #data: RunData;
  readonly #scope: RunScope;
  readonly #span: RunSpan | undefined;
  /** The answer that a post-hook finds. */
  #found: FoundAnswer | undefined;
  /** Undefined until the hook is called. */
  #edits: HookEdits | undefined;

  constructor({ hook, component, data, scope, span }: InlineHookOptions) {
    this.#hook = hook;
    this.#component = component;
    this.#data = data;
    this.#scope = scope;
    this.#span = span;
  }

  createContext(info: HookInfo, signal: LazySignal): PostHookContext {
    this.#found = this.#data.beginHook(this.#hook.phase, this.#hook.definition.isGuardrail);
    const context = new LiveHookContext(this.#data, this.#component, info, signal);
    this.#edits = new HookEdits(context);
    return context;
  }

  enter<R>(execution: HookExecution, callback: () => R): R {
    const span = this.#span;
    if (!span) return enterScope(this.#scope, callback);
    const described = describedHook(this.#hook, execution);
    return enterScope(this.#scope, () => span.runHook(described, callback));
  }

  verify({ definition, phase }: BoundHook, returned: unknown): void {
    this.#edits?.verify(definition.name, phase, returned);
  }

  /**
   * The hook has ended, and the run goes on.
   *
   * @param failure - the error of a hook that does not end its run
   */
  end(failure: Error | undefined): void {
    // A hook that failed may have written values of a wrong type before.
    if (failure) this.#edits?.undo();
    if (failure instanceof HookTimeoutError) this.#data.detach();
    const { phase, definition } = this.#hook;
    if (phase === 'post') this.#data.followPostHook(this.#found, definition.isGuardrail);
  }

  /** The hook has ended the run, or the run was stopped. */
  abandon(): void {
    this.#edits?.undo();
    // The hook may still be at work, if it was abandoned with the run or at its timeout.
    this.#data.detach();
  }
}
