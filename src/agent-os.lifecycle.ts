import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { filter } from 'rxjs';

import type { AgentOsExtras } from './agent-os.options.js';
import { AgentOsRuntime } from './agent-os.runtime.js';
import { EXTRAS } from './agent-os.tokens.js';
import { forLog } from './errors/log.text.js';
import { aborted } from './execution/aborted.js';
import type { HookExecution } from './execution/hook-execution.js';
import type { HookListing } from './hooks/hook.listing.js';
import { onFurtherServers } from './fastify.module.js';
import { HttpConnections } from './http.connections.js';

/** Milliseconds that runs aborted at the deadline get to settle. */
const SETTLING_TIME = 1_000;
/** The maximum number of components and hooks that the log names when shutdown begins to wait. */
const NAMED_AT_SHUTDOWN = 10;
/** Milliseconds that handlers get to answer after the runs have ended. */
const ANSWERING_TIME = 500;
/** Milliseconds after the deadline in which clients may still read complete answers. */
const READING_TIME = 2_000;

/** Logs notices at the start, and ends runs and hooks at shutdown. */
@Injectable()
export class AgentOsLifecycle
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  readonly #dropped = new Set<HookExecution>();
  #connections: HttpConnections | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #readingDeadline: NodeJS.Timeout | undefined;
  #answeringDeadline: NodeJS.Timeout | undefined;
  #ending: Promise<void> | undefined;

  constructor(
    private readonly runtime: AgentOsRuntime,
    private readonly host: HttpAdapterHost,
    @Inject(EXTRAS) private readonly extras: AgentOsExtras,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.runtime.startExecutor(this.extras.role ?? 'both');
    const hooks = this.runtime.listHooks();
    this.#warnOfNoComponents();
    this.#nameMovedPreHooks(hooks);
    this.#warnOfOpenRoutes();
    if (hooks.some(({ attachment }) => attachment?.mode === 'background')) this.#warnOfDeafness();
    if (this.runtime.options.closeConnections) this.#watchConnections();
  }

  /**
   * Nest calls this before it closes its server, and then waits until all connections have closed. So the deadline is
   * set now, and connections are asked to close.
   * The timer keeps the process alive: without it the process could end without a report while a hook is pending.
   */
  beforeApplicationShutdown(): void {
    if (this.#deadline) return;
    const { options, ledger } = this.runtime;
    this.#deadline = setTimeout(() => void this.#endAtDeadline(), options.shutdownTimeout);
    ledger.changes.pipe(filter(isDropped)).subscribe((execution) => this.#dropped.add(execution));
    this.#connections?.closeAfterAnswers();
    this.#announceWait();
  }

  /** Connections have closed. Ends runs first, since they still add hooks; then the hooks. */
  async onApplicationShutdown(): Promise<void> {
    this.beforeApplicationShutdown();
    await this.#end();
    // Fastify does not wait for connections of its second server; all are closed shortly after the deadline.
    await this.#connections?.allClosed();
    clearTimeout(this.#deadline);
    clearTimeout(this.#readingDeadline);
    clearTimeout(this.#answeringDeadline);
    // Hooks of requests that came after the deadline.
    this.#report();
    this.runtime.stopMeasuring();
  }

  /** Continues the shutdown at the deadline, even if Nest still waits for its server. */
  async #endAtDeadline(): Promise<void> {
    this.runtime.endShutdown();
    this.#connections?.closeUnfinished();
    this.#readingDeadline = setTimeout(() => {
      this.#connections?.closeUnread();
      this.#connections?.closeUnfinished();
    }, READING_TIME);
    try {
      await this.#end();
    } catch (thrown) {
      // The same promise rejects in onApplicationShutdown, but that may never be called.
      const { reason, stack } = forLog(thrown);
      this.runtime.logger.error(`Shutdown failed: ${reason}`, stack);
    }
    this.#answeringDeadline = setTimeout(() => this.#dropUnanswered(), ANSWERING_TIME);
  }

  #dropUnanswered(): void {
    const unanswered = this.#connections?.closeUnanswered() ?? [];
    if (unanswered.length > 0) this.runtime.logger.warn(droppedText(unanswered));
  }

  #announceWait(): void {
    const { inFlight, evaluations, ledger, logger, options } = this.runtime;
    const runs = inFlight.all().filter(({ isRoot }) => isRoot);
    const hooks = ledger.list({ limit: Infinity }).filter(isWaiting);
    const waited: string[] = [];
    const components = runs.map(({ identity }) => identity.id);
    const names = hooks.map(({ hook }) => hook);
    if (components.length > 0) waited.push(countOf(components, 'run'));
    if (evaluations.components.length > 0) waited.push(countOf(evaluations.components, 'evaluation'));
    if (names.length > 0) waited.push(countOf(names, 'background hook'));
    if (waited.length === 0) return;
    logger.log(`Shutdown waits up to ${options.shutdownTimeout} ms for ${waited.join(' and ')}.`);
  }

  /** Runs once: at the deadline, or earlier when the server has closed. */
  #end(): Promise<void> {
    return (this.#ending ??= this.#endRunsAndHooks());
  }

  async #endRunsAndHooks(): Promise<void> {
    const { inFlight, evaluations, executor, shutdown, logger, watch } = this.runtime;
    await Promise.race([this.#runsEnd(), aborted(shutdown)]);
    if (inFlight.size > 0 || evaluations.components.length > 0) await this.#letRunsSettle();
    try {
      await executor.stop(shutdown, () => (inFlight.size > 0 ? inFlight.idle() : undefined));
    } catch (thrown) {
      const { reason, stack } = forLog(thrown);
      logger.error(`Shutdown of the background hooks failed: ${reason}`, stack);
      this.#dropOpenHooks();
    }
    for (const run of inFlight.all()) run.dropHooks();
    watch.stop();
    this.#report();
  }

  /** Drops hooks that the executor has neither run nor dropped. */
  #dropOpenHooks(): void {
    const { ledger } = this.runtime;
    for (const { id } of ledger.list({ limit: Infinity }).filter(isWaiting)) {
      const execution = ledger.find(id);
      if (execution) ledger.end(execution, 'dropped', { reason: 'shutdown' });
    }
  }

  /** Resolves once nothing is in flight. The run of an evaluation ends before its judge begins. */
  async #runsEnd(): Promise<void> {
    const { inFlight, evaluations } = this.runtime;
    await evaluations.idle();
    await inFlight.idle();
  }

  /** Lets aborted runs add their hooks. The wait is bounded, since a run may ignore its signal. */
  async #letRunsSettle(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeIsUp = new Promise<void>((resolve) => (timer = setTimeout(resolve, SETTLING_TIME)));
    await Promise.race([this.#runsEnd(), timeIsUp]);
    clearTimeout(timer);
  }

  #report(): void {
    const { logger, options } = this.runtime;
    if (this.#dropped.size > 0) logger.warn(reportOf([...this.#dropped], options.shutdownTimeout));
    this.#dropped.clear();
  }

  #watchConnections(): void {
    const connections = (this.#connections = HttpConnections.of(this.#server()));
    if (connections) onFurtherServers(this.host, (server) => connections.add(server));
  }

  #server(): unknown {
    // A context without HTTP has no adapter, despite the type.
    const adapter = this.host.httpAdapter as HttpAdapterHost['httpAdapter'] | undefined;
    return adapter?.getHttpServer();
  }

  #warnOfNoComponents(): void {
    if (this.runtime.components.all().length > 0) return;
    this.runtime.logger.warn(
      'AgentOS serves no component. List agents, teams or workflows in AgentOsModule.forRoot(), or add them with ' +
        'AgentOsService.register().',
    );
  }

  #nameMovedPreHooks(hooks: readonly HookListing[]): void {
    const moved = hooks.filter(
      ({ attachment }) => attachment?.phase === 'pre' && attachment.reason === 'switch',
    );
    if (moved.length === 0) return;
    const names = [...new Set(moved.map(({ source }) => source))].join(', ');
    this.runtime.logger.warn(
      `runHooksInBackground moves these pre-hooks behind the response, so their edits and rejections no longer count: ` +
        `${names}. Mark those that change or reject input with @Guardrail() or @Hook(false).`,
    );
  }

  #warnOfOpenRoutes(): void {
    const { http } = this.extras;
    if (http === false || this.runtime.options.http.securityKey !== undefined) return;
    if (http?.guards !== undefined && http.guards.length > 0) return;
    const isOpenToPages = this.runtime.options.http.allowedOrigins === undefined;
    this.runtime.logger.warn(
      'The AgentOS routes are open: any client that reaches this server can run every component' +
        (isOpenToPages
          ? ', and so can any web page in a browser that reaches it, also on localhost. ' +
            'Set http.securityKey or http.guards, and list the pages that may in http.allowedOrigins ([] allows only pages of this server).'
          : '. Set http.securityKey or http.guards.'),
    );
  }

  #warnOfDeafness(): void {
    if (process.listenerCount('SIGTERM') > 0) return;
    this.runtime.logger.warn(
      'The application does not listen for SIGTERM, so a deployment will lose background hooks that have not run. ' +
        'Call app.enableShutdownHooks() before app.listen().',
    );
  }
}

function isDropped({ state, reason }: HookExecution): boolean {
  return state === 'dropped' && reason === 'shutdown';
}

/** Not inline hooks: shutdown waits for their run. */
function isWaiting({ mode, endedAt }: HookExecution): boolean {
  return mode === 'background' && endedAt === undefined;
}

/** Such as `3 background hooks ("notify": 2, "audit": 1)`. */
function countOf(names: readonly string[], noun: string): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const list = [...counts].slice(0, NAMED_AT_SHUTDOWN).map(([name, count]) => `"${name}": ${count}`);
  if (counts.size > NAMED_AT_SHUTDOWN) list.push('…');
  return `${names.length} ${noun}${names.length === 1 ? '' : 's'}${list.length > 0 ? ` (${list.join(', ')})` : ''}`;
}

function reportOf(dropped: readonly HookExecution[], timeout: number): string {
  const list = dropped.map(({ hook, runId }) => `"${hook}" of run ${runId}`).join(', ');
  return `Shutdown ended after ${timeout} ms; these background hooks did not finish: ${list}.`;
}

function droppedText(requests: readonly string[]): string {
  return (
    `Shutdown closed the connections of handlers that have not answered: ${requests.join(', ')}. ` +
    'Make these handlers end when their request is aborted.'
  );
}
