import { Injectable } from '@nestjs/common';
import type { Observable } from 'rxjs';

import { AgentOsRuntime } from './agent-os.runtime.js';
import { Component } from './components/component.js';
import { ComponentNotFoundError } from './errors/component-not-found.error.js';
import { copyPlainData, isPlainRecord } from './data/copy-plain-data.js';
import { isRecord } from './data/is-record.js';
import { toError } from './data/to-error.js';
import type { HookExecution } from './execution/hook-execution.js';
import type { ManagedHookExecutions } from './execution/managed-hook.executions.js';
import type { HookListing } from './hooks/hook.listing.js';
import { identityOf } from './model/component-identity.js';
import type { RunEvent } from './model/run-event.js';
import type { RunInput } from './model/run-input.js';
import type { RunOutput } from './model/run-output.js';
import type { RunnableComponent, RunOptions } from './model/runnable-component.js';
import { showValue } from './model/show-value.js';
import { describeRun, type RunInFlight } from './runs/in-flight-runs.js';
import { isId } from './protocol/request.fields.js';
import { checkRunOptions } from './runs/run.data.js';
import { currentScope } from './runs/scope.js';
import { run, streamRun } from './runs/start.js';

/**
 * Runs components from your own code: controllers, gateways, message handlers, jobs. Hooks run as over HTTP; in a
 * handler, background hooks wait for its response.
 *
 * @example
 * ```ts
 * @Controller()
 * export class AskController {
 *   constructor(private readonly agentOs: AgentOsService) {}
 *
 *   @Post('ask')
 *   async ask(@Body('question') question: string): Promise<string> {
 *     const { content } = await this.agentOs.run('support', question);
 *     return content;
 *   }
 * }
 * ```
 */
@Injectable()
export class AgentOsService {
  constructor(private readonly runtime: AgentOsRuntime) {}

  /**
   * Runs a component, registered or not. Called inside a run, it becomes a part of that run. Several runs may be
   * started together and awaited one after the other: an early rejection does not end the process.
   *
   * @throws ComponentNotFoundError if no component with this id is registered
   * @throws TooManyRunsError if as many runs are in flight as `maxRuns` allows
   * @throws AgentRunError if the run does not complete; it is an `HttpException` and carries the output so far
   */
  run(
    idOrComponent: string | Component,
    input: string | RunInput,
    options: RunOptions = {},
  ): Promise<RunOutput> {
    // Not an async function: it would return a different promise than the run's, whose rejection is handled.
    try {
      const { environment } = this.runtime;
      return run({ component: this.#find(idOrComponent), input, options, environment });
    } catch (thrown) {
      return Promise.reject(toError(thrown));
    }
  }

  /**
   * Runs a component and yields its events; the run starts with the first read. A run that does not complete ends
   * with a `run-error` or `run-cancelled` event. A reader that stops early counts as a disconnected client: see
   * `onDisconnect`.
   *
   * @throws ComponentNotFoundError if no component with this id is registered
   * @throws TooManyRunsError with the first read, if as many runs are in flight as `maxRuns` allows
   */
  stream(
    idOrComponent: string | Component,
    input: string | RunInput,
    options: RunOptions = {},
  ): AsyncGenerator<RunEvent, void, void> {
    const { environment } = this.runtime;
    return streamRun({ component: this.#find(idOrComponent), input, options, environment });
  }

  /**
   * A registered component for direct runs: all hooks inline, class references resolved from the container.
   *
   * @throws ComponentNotFoundError if there is none
   */
  get(id: string): RunnableComponent {
    const component = this.#find(id);
    const environment = this.runtime.directEnvironment;
    return {
      ...identityOf(component),
      run: (input, options = {}) => run({ component, input, options, environment }),
    };
  }

  /**
   * Adds a component while the application runs.
   *
   * @throws AgentOsConfigurationError if its id is taken or one of its hooks cannot be bound
   */
  register(component: Component): void {
    this.runtime.register(component);
  }

  /**
   * Cancels a run, nested ones included.
   *
   * @returns false if no run with this id is in flight
   */
  cancel(runId: string): boolean {
    const run = this.runtime.inFlight.get(runId);
    run?.cancel(`Run ${runId} was cancelled`);
    return run !== undefined;
  }

  /**
   * Adds metadata to a stored run: the summary, tags or scores that a background hook has made. Keys that the run has
   * already are replaced; calls for one run are applied in their order, and of two processes that set the same key, the
   * last one wins. Nothing that was answered changes: neither the content, the messages and the status of the run nor its
   * events. Routes and SQL show the metadata as `metadata` of the run. A run that is being stored is waited for.
   *
   * @param annotation - `metadata`: plain data by name
   * @param options - `userId`: the user who must own the session of the run. Default: any user, or none
   * @returns false if no such run is stored here: the run is unknown, was not stored, or was deleted with its session;
   *   its session belongs to another user than `userId`; or guardrails have withdrawn its answer
   * @throws RunNotStoredError if the run has not ended or guardrails hold it, such as in an inline hook of the run
   * @throws PlainDataError if `metadata` is not plain data
   * @throws TypeError if `metadata` is not an object, or the user id is no text
   * @throws StoreTimeoutError if the store takes longer than `storeTimeout`
   * @example
   * ```ts
   * @Hook({ runInBackground: true })
   * async tag({ runOutput }: PostHookContext): Promise<void> {
   *   await this.agentOs.annotate(runOutput.runId, { metadata: { tags: await this.tagsOf(runOutput.content) } });
   * }
   * ```
   */
  async annotate(
    runId: string,
    { metadata }: Required<Pick<RunOptions, 'metadata'>>,
    options: Pick<RunOptions, 'userId'> = {},
  ): Promise<boolean> {
    checkRunOptions(options);
    if (!isRecord(metadata) || !isPlainRecord(metadata)) {
      throw new TypeError(`Expected metadata of an annotation to be an object, got ${showValue(metadata)}.`);
    }
    if (!isId(runId)) return false;
    return this.runtime.sessions.annotate(runId, copyPlainData(metadata, 'metadata'), options.userId);
  }

  /**
   * Resolves when the background hooks of all runs that have settled by now have ended, except those of the caller's
   * own request, which wait for its response. Does not stop new ones: for tests, and for platforms that freeze a
   * process.
   *
   * @throws Error inside a background hook, which would wait for itself
   */
  async drain(): Promise<void> {
    const { response, hook, run: current } = currentScope();
    if (hook?.isBackground || current?.isOfBackgroundHook) {
      throw new Error(
        'drain() was called in a background hook, which would wait for itself. Call it elsewhere.',
      );
    }
    await this.runtime.executor.drain((batch) => response !== undefined && batch.response === response);
  }

  /**
   * Deletes the stored data of a user: sessions with their runs, evaluations, and the data of background hooks, also that of
   * failed ones; hooks that wait are dropped with the reason `deleted`, and those that run may finish. The ledger keeps its
   * ids and states.
   *
   * @returns the ids of the deleted sessions
   * @throws the error of a store that cannot be reached: call it again
   */
  deleteUserData(userId: string): Promise<readonly string[]> {
    return this.runtime.deleteUserData(userId);
  }

  /** The runs in flight, oldest first, including parts of other runs and runs of hooks. */
  listRuns(): RunInFlight[] {
    return this.runtime.inFlight.all().map(describeRun);
  }

  /**
   * The ledger of hook executions. Failed background hooks can be retried, those that wait can be cancelled.
   *
   * @example `const failed = await agentOs.executions.list({ runId, state: 'failed' });`
   */
  get executions(): ManagedHookExecutions {
    return this.runtime.executions;
  }

  /** Every change of state of a hook execution, as it happens. */
  get hookEvents(): Observable<HookExecution> {
    return this.runtime.ledger.changes;
  }

  /** Every hook, where it is attached, its mode and why. */
  listHooks(): HookListing[] {
    return this.runtime.listHooks();
  }

  #find(idOrComponent: string | Component): Component {
    if (idOrComponent instanceof Component) return idOrComponent;
    if (typeof idOrComponent !== 'string') {
      throw new TypeError(`Expected the id of a component, or a component, got ${describe(idOrComponent)}.`);
    }
    const component = this.runtime.components.get(idOrComponent);
    if (!component) throw new ComponentNotFoundError(idOrComponent);
    return component;
  }
}

function describe(value: unknown): string {
  if (typeof value === 'function')
    return `the ${value.name === '' ? 'function' : `class or function ${value.name}`}`;
  return showValue(value);
}
