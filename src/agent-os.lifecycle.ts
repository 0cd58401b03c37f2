import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { filter } from 'rxjs';

import type { AgentOsExtras } from './agent-os.options.js';
import { AgentOsRuntime } from './agent-os.runtime.js';
import { EXTRAS } from './agent-os.tokens.js';
import { aborted } from './execution/aborted.js';
import type { HookExecution } from './execution/hook-execution.js';
import type { HookListing } from './hooks/hook.listing.js';

/** Milliseconds that runs which were aborted at the deadline get to settle. */
const SETTLING_TIME = 1_000;

/** Says at the start what is worth knowing, and brings runs and hooks to an end at shutdown. */
@Injectable()
export class AgentOsLifecycle
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  readonly #dropped = new Set<HookExecution>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly runtime: AgentOsRuntime,
    @Inject(EXTRAS) private readonly extras: AgentOsExtras,
  ) {}

  onApplicationBootstrap(): void {
    const hooks = this.runtime.listHooks();
    this.#nameMovedPreHooks(hooks);
    this.#warnOfOpenRoutes();
    if (hooks.some(({ attachment }) => attachment?.mode === 'background')) this.#warnOfDeafness();
  }

  /**
   * The time starts while requests are still served: a run that never ends would keep its connection open forever.
   * The timer keeps the process alive, for a hook may wait for nothing that does, and it would end without a report.
   */
  beforeApplicationShutdown(): void {
    const { options, ledger } = this.runtime;
    this.#timer = setTimeout(() => this.runtime.endShutdown(), options.shutdownTimeout);
    ledger.changes.pipe(filter(isDropped)).subscribe((execution) => this.#dropped.add(execution));
  }

  /** Connections have closed. Runs come first, for they still add hooks; then the hooks. */
  async onApplicationShutdown(): Promise<void> {
    const { inFlight, executor, logger, options, shutdown } = this.runtime;
    if (!this.#timer) this.beforeApplicationShutdown();
    await Promise.race([inFlight.idle(), aborted(shutdown)]);
    if (inFlight.size > 0) await this.#letRunsSettle();
    await executor.stop(shutdown, () => (inFlight.size > 0 ? inFlight.idle() : undefined));
    for (const run of inFlight.all()) run.dropHooks();
    clearTimeout(this.#timer);
    if (this.#dropped.size > 0) logger.warn(reportOf([...this.#dropped], options.shutdownTimeout));
  }

  /** So that the hooks of runs that were aborted just now are known; not longer, for a run may ignore its signal. */
  async #letRunsSettle(): Promise<void> {
    const { inFlight } = this.runtime;
    let timer: NodeJS.Timeout | undefined;
    const timeIsUp = new Promise<void>((resolve) => (timer = setTimeout(resolve, SETTLING_TIME)));
    await Promise.race([inFlight.idle(), timeIsUp]);
    clearTimeout(timer);
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
      'The AgentOS routes are open: whoever reaches this server can run every component' +
        (isOpenToPages
          ? ', and so can any page of the internet in a browser that reaches it, also on localhost. ' +
            'Set http.securityKey or http.guards, and http.allowedOrigins for the pages that may ([] for none but its own).'
          : '. Set http.securityKey or http.guards.'),
    );
  }

  #warnOfDeafness(): void {
    if (process.listenerCount('SIGTERM') > 0) return;
    this.runtime.logger.warn(
      'Nothing listens to SIGTERM, so a deployment will lose background hooks that have not run. ' +
        'Call app.enableShutdownHooks() before app.listen().',
    );
  }
}

function isDropped({ state, reason }: HookExecution): boolean {
  return state === 'dropped' && reason === 'shutdown';
}

function reportOf(dropped: readonly HookExecution[], timeout: number): string {
  const list = dropped.map(({ hook, runId }) => `"${hook}" of run ${runId}`).join(', ');
  return `Shutdown did not wait longer than ${timeout} ms; these background hooks were not run to their end: ${list}.`;
}
