import type { AgentOsService } from 'nestjs-agentos';

export { createExecution } from '../../src/testing/contracts/hook.harness.js';

/** How many executions have not ended. */
export async function openExecutions({ executions }: Pick<AgentOsService, 'executions'>): Promise<number> {
  return (await executions.counts()).open;
}
