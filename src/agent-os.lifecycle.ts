import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';

import type { AgentOsExtras } from './agent-os.options.js';
import { AgentOsRuntime } from './agent-os.runtime.js';
import { EXTRAS } from './agent-os.tokens.js';
import type { HookListing } from './hooks/hook.listing.js';

interface Unrun {
  readonly hook: string;
  readonly runId: string;
}

/** Says at the start what is worth knowing, and brings runs and hooks to an end at shutdown. */
@Injectable()
export class AgentOsLifecycle
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  readonly #deadline = new AbortController();
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
    const { shutdownTimeout } = this.runtime.options;
    this.#timer = setTimeout(() => this.#abortRuns(), shutdownTimeout);
  }

  /** Connections have closed. Runs come first, for they still add hooks; then the hooks. */
  async onApplicationShutdown(): Promise<void> {
    const { inFlight, executor, logger } = this.runtime;
    if (!this.#timer) this.beforeApplicationShutdown();
    await Promise.race([inFlight.idle(), aborted(this.#deadline.signal)]);
    // Runs that were aborted just now get a turn to settle, so that their hooks are known.
    if (inFlight.size > 0) await new Promise<void>((resolve) => setImmediate(resolve));
    const dropped = await executor.stop(this.#deadline.signal);
    clearTimeout(this.#timer);
    const unrun: Unrun[] = [...dropped.map(({ execution }) => execution), ...this.#dropUnsettled()];
    if (unrun.length > 0) logger.warn(reportOf(unrun, this.runtime.options.shutdownTimeout));
  }

  #abortRuns(): void {
    for (const run of this.runtime.inFlight.all()) run.cancel('The application is shutting down.');
    this.#deadline.abort();
  }

  #dropUnsettled(): Unrun[] {
    return this.runtime.inFlight
      .all()
      .flatMap((run) => run.tree.outbox.drop().map(({ execution }) => execution));
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
    this.runtime.logger.warn(
      'The AgentOS routes are open: whoever reaches this server can run every component. Set http.securityKey or http.guards.',
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

function reportOf(unrun: readonly Unrun[], timeout: number): string {
  const list = unrun.map(({ hook, runId }) => `"${hook}" of run ${runId}`).join(', ');
  return `Shutdown did not wait longer than ${timeout} ms; these background hooks were not run to their end: ${list}.`;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
