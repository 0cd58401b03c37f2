import { Injectable } from '@nestjs/common';

import { AgentOsService } from './agent-os.service.js';
import { AgentOsLogger } from './errors/agent-os.logger.js';
import { reasonOf } from './errors/log.text.js';
import type { HookTotals } from './execution/hook.executions.js';

/** The numbers of background hooks above which {@link HookHealthIndicator.check} answers `down`. Default: no limits. */
export interface HookHealthLimits {
  /** Hooks that wait. */
  readonly maxWaiting?: number;
  /** Milliseconds that a hook waits. */
  readonly maxOldestWaiting?: number;
  /** Hooks that have failed or timed out and are remembered. */
  readonly maxFailed?: number;
  /** Hooks that a durable executor could not store, of this process. */
  readonly maxVolatile?: number;
  /** Milliseconds that the ledger may take to answer. Default 2,000. */
  readonly timeout?: number;
}

/** The health of background hooks: numbers, and the reasons for `down`. */
export interface HookHealth {
  readonly status: 'up' | 'down';
  readonly waiting?: number;
  readonly running?: number;
  readonly failed?: number;
  readonly volatile?: number;
  /** Milliseconds; absent if no hook waits. */
  readonly oldestWaiting?: number;
  /** One sentence for each reason. */
  readonly message?: string;
}

const DEFAULT_TIMEOUT = 2_000;

/**
 * A health indicator for background hooks. Its answer is that of an indicator of `@nestjs/terminus`, which this package does
 * not need: `status`, and numbers without content.
 *
 * @example
 * ```ts
 * @Controller('health')
 * export class HealthController {
 *   constructor(
 *     private readonly health: HealthCheckService,
 *     private readonly hooks: HookHealthIndicator,
 *   ) {}
 *
 *   @Get()
 *   @HealthCheck()
 *   check(): Promise<HealthCheckResult> {
 *     return this.health.check([() => this.hooks.check('hooks', { maxOldestWaiting: 60_000 })]);
 *   }
 * }
 * ```
 */
@Injectable()
export class HookHealthIndicator {
  readonly #logger = new AgentOsLogger();

  constructor(private readonly agentOs: AgentOsService) {}

  /**
   * Compares the numbers of background hooks with limits. Never rejects: if the ledger cannot be read, the answer is `down`,
   * and the log has the reason.
   *
   * @param key - under which the answer stands
   */
  async check<K extends string>(key: K, limits: HookHealthLimits = {}): Promise<Record<K, HookHealth>> {
    return { [key]: await this.#check(limits) } as Record<K, HookHealth>;
  }

  async #check({ timeout = DEFAULT_TIMEOUT, ...limits }: HookHealthLimits): Promise<HookHealth> {
    try {
      const totals = await this.#totalsWithin(timeout);
      const { waiting, running, failed, volatile, oldestWaiting } = totals;
      const numbers = {
        waiting,
        running,
        failed,
        volatile,
        ...(oldestWaiting === undefined ? {} : { oldestWaiting }),
      };
      const problems = problemsOf(totals, limits);
      if (problems.length === 0) return { status: 'up', ...numbers };
      return { status: 'down', ...numbers, message: problems.join(' ') };
    } catch (thrown) {
      this.#logger.error(`The health of background hooks is unknown: ${reasonOf(thrown)}`);
      return { status: 'down', message: 'The ledger of background hooks cannot be read.' };
    }
  }

  async #totalsWithin(timeout: number): Promise<HookTotals> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const isLate = (): void => reject(new Error(`The ledger did not answer within ${timeout} ms.`));
      timer = setTimeout(isLate, timeout);
    });
    try {
      return await Promise.race([this.agentOs.executions.totals({ mode: 'background' }), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function problemsOf(totals: HookTotals, limits: Omit<HookHealthLimits, 'timeout'>): string[] {
  const { waiting, failed, volatile, oldestWaiting = 0 } = totals;
  const { maxWaiting, maxOldestWaiting, maxFailed, maxVolatile } = limits;
  const problems: string[] = [];
  const compare = (quantity: string, value: number, limit = Infinity): void => {
    if (value > limit) problems.push(`${quantity}: ${value}, at most ${limit}.`);
  };
  compare('Waiting hooks', waiting, maxWaiting);
  compare('Milliseconds that the oldest one waits', oldestWaiting, maxOldestWaiting);
  compare('Failed hooks', failed, maxFailed);
  compare('Volatile hooks', volatile, maxVolatile);
  return problems;
}
