import { Agent, step, Team, Workflow, type AgentOsExtras, type AgentOsOptions } from 'nestjs-agentos';
import { createGate, type Gate } from 'nestjs-agentos/testing';

import { startApp, type Adapter, type TestApp } from './test-app.js';

/** The gates of a run. */
export interface Gates {
  /** Opened when it has sent its first piece. */
  readonly reached: Gate;
  /** Lets it go on. */
  readonly goOn: Gate;
}

/** An application whose runs wait after their first piece. */
export interface WaitingRuns extends TestApp, Gates {
  /** How many runs have begun. */
  count(): number;
}

/**
 * Starts an application with an agent that waits after its first piece, a team that asks it, and a workflow of it.
 *
 * @param others - agents that use the same gates
 */
export async function startWaitingRuns(
  adapter: Adapter,
  options: Partial<AgentOsExtras & AgentOsOptions> = {},
  others: (gates: Gates) => readonly Agent[] = () => [],
): Promise<WaitingRuns> {
  const gates = { reached: createGate(), goOn: createGate() };
  const { reached, goOn } = gates;
  let runs = 0;
  const teller = new Agent({
    id: 'teller',
    engine: async function* ({ signal }) {
      runs += 1;
      yield 'one ';
      reached.open();
      await Promise.race([
        goOn.opened,
        new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
        ),
      ]);
      yield 'two';
    },
  });
  const other = new Agent({ id: 'other', engine: () => 'never' });
  const crew = new Team({
    id: 'crew',
    members: [teller],
    engine: ({ delegate, input }) => delegate('teller', input),
  });
  const flow = new Workflow({ id: 'flow', steps: [step('tell', teller)] });
  const agentOs = { agents: [teller, other, ...others(gates)], teams: [crew], workflows: [flow], ...options };
  const app = await startApp({ adapter, agentOs });
  return { ...app, ...gates, count: () => runs };
}
