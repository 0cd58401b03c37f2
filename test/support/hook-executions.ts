import type { AgentOsService, HookExecution } from 'nestjs-agentos';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** A record of a hook execution as a run makes it, not yet in a ledger. */
export function createExecution(overrides: Partial<HookExecution> = {}): Writable<HookExecution> {
  const { runId = 'run', phase = 'post', hook = 'hook' } = overrides;
  return {
    id: `${runId}:${phase}:${hook}`,
    hook,
    phase,
    mode: 'background',
    component: { kind: 'agent', id: 'support', name: 'Support' },
    position: 'root',
    attachedBy: 'component',
    runId,
    state: 'scheduled',
    attempts: 0,
    scheduledAt: 1_000,
    ...overrides,
  };
}

/** How many executions have not ended. */
export async function openExecutions({ executions }: Pick<AgentOsService, 'executions'>): Promise<number> {
  return (await executions.counts()).open;
}
