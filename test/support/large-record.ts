import type { INestApplication } from '@nestjs/common';

import { AgentOsRuntime } from '../../src/agent-os.runtime.js';
import type { HookExecution } from '../../src/execution/hook-execution.js';

export const RUNS = 10_000;
export const EXECUTIONS = 100_000;
const HOOKS = EXECUTIONS / RUNS;
/** The executions that have ended: as many as the ledger remembers. The others wait. */
const ENDED = 10_000;
const OUTCOMES = ['completed', 'completed', 'completed', 'rejected', 'failed'] as const;

/**
 * Fills the record of runs and the ledger of an application: 10,000 settled runs and 100,000 executions, most of which
 * wait. With real runs it would take minutes.
 *
 * @returns the id of the run that has settled last
 */
export function fillRecord(app: INestApplication): string {
  const { index, ledger } = app.get(AgentOsRuntime);
  const startedAt = performance.now();
  for (let number = 0; number < RUNS; number++) {
    const runId = runIdOf(number);
    const component = { kind: 'agent', id: `agent-${number % 20}`, name: `Agent ${number % 20}` } as const;
    index.add({
      runId,
      context: {},
      session: { id: `session-${number % 500}` },
      userId: undefined,
      identity: component,
      position: 'root',
      startedAt,
      output: { metrics: {} },
      outcome: OUTCOMES[number % OUTCOMES.length],
      activities: [],
    } as never);
    for (let hook = 0; hook < HOOKS; hook++) {
      const execution: HookExecution = {
        id: `${runId}:post:hook-${hook}`,
        ...{ hook: `hook-${hook}`, phase: 'post', mode: 'background', component, position: 'root' },
        ...{ attachedBy: 'component', runId, state: 'scheduled', attempts: 0, scheduledAt: Date.now() },
      };
      ledger.schedule(execution);
      if (number * HOOKS + hook < EXECUTIONS - ENDED) continue;
      ledger.start(execution);
      ledger.end(execution, number % 7 === 0 ? 'failed' : 'succeeded', { errorName: 'TypeError' });
    }
  }
  return runIdOf(RUNS - 1);
}

function runIdOf(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}
