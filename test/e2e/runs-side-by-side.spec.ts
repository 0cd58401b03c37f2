import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import {
  Agent,
  AgentOsService,
  defineHook,
  parallel,
  Team,
  Workflow,
  type AgentOsOptions,
  type RunOptions,
  type RunOutput,
} from 'nestjs-agentos';
import type { EngineFunction } from 'nestjs-agentos/engine';
import { createGate, type Gate } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import { closeApps, startApp } from '../support/test-app.js';
import { recordUnhandledRejections } from '../support/unhandled-rejections.js';
import { openExecutions } from '../support/hook-executions.js';

afterEach(closeApps);

/** Runs a component in the way under test. */
type Run = (input: string, options?: RunOptions) => Promise<RunOutput>;

/** Components that run another component twice at once, and await one run after the other. */
interface Stage {
  readonly options: AgentOsOptions;
  /** Two runs are under way. */
  readonly underWay: Gate;
}

const slow = (underWay: Gate): Agent => {
  let count = 0;
  const never: EngineFunction = () => {
    count += 1;
    if (count === 2) underWay.open();
    return new Promise<string>(() => undefined);
  };
  return new Agent({ id: 'slow', engine: never });
};

const twice = async (run: Run): Promise<string> => {
  const one = run('one');
  const other = run('other');
  await one;
  await other;
  return 'done';
};

const PLACES: Readonly<Record<string, (run: Run) => AgentOsOptions>> = {
  'an engine': (run) => ({ agents: [new Agent({ id: 'asker', engine: () => twice(run) })] }),
  'a generator engine': (run) => ({
    agents: [
      new Agent({
        id: 'asker',
        engine: async function* () {
          yield 'beginning';
          yield await twice(run);
        },
      }),
    ],
  }),
  "a team's leader": (run) => ({
    teams: [
      new Team({
        id: 'asker',
        members: [new Agent({ id: 'idle', engine: () => '' })],
        engine: () => twice(run),
      }),
    ],
  }),
  'a step': (run) => ({ workflows: [new Workflow({ id: 'asker', steps: [() => twice(run)] })] }),
  'a parallel step': (run) => ({
    workflows: [
      new Workflow({
        id: 'asker',
        steps: [
          parallel('both', [
            async function ask() {
              return twice(run);
            },
            () => 'quick',
          ]),
        ],
      }),
    ],
  }),
  'an inline pre-hook': (run) => ({
    agents: [
      new Agent({
        id: 'asker',
        engine: () => '',
        preHooks: [defineHook(async () => void (await twice(run)), { name: 'asks' })],
      }),
    ],
  }),
  'an inline post-hook': (run) => ({
    agents: [
      new Agent({
        id: 'asker',
        engine: () => '',
        postHooks: [defineHook(async () => void (await twice(run)), { name: 'asks' })],
      }),
    ],
  }),
};

/** How the runs are started. */
const WAYS = {
  'component.run()': (stage: Agent) => (input: string) => stage.run(input),
  'AgentOsService.run()': (_: Agent, service: () => AgentOsService) => (input: string) =>
    service().run('slow', input),
  'AgentOsService.get().run()': (_: Agent, service: () => AgentOsService) => (input: string) =>
    service().get('slow').run(input),
} as const;

const CASES = Object.keys(PLACES).flatMap((place) => Object.keys(WAYS).map((way) => [place, way] as const));

function stageOf(place: string, way: string, service: () => AgentOsService): Stage {
  const underWay = createGate();
  const agent = slow(underWay);
  const run = WAYS[way as keyof typeof WAYS](agent, service);
  const options = PLACES[place]?.(run) ?? {};
  return { underWay, options: { ...options, agents: [agent, ...(options.agents ?? [])] } };
}

describe('Two concurrent runs', () => {
  it.each(CASES)('in %s by %s leave no rejection unhandled when they are cancelled', async (place, way) => {
    const unhandled = recordUnhandledRejections();
    const services: AgentOsService[] = [];
    const { options, underWay } = stageOf(place, way, () => services[0] as AgentOsService);
    const { agentOs } = await startApp({ agentOs: options });
    services.push(agentOs);
    const client = new AbortController();
    const running = agentOs.run('asker', 'go', { signal: client.signal }).catch((error: unknown) => error);
    await underWay.opened;

    client.abort();

    expect(await running).toMatchObject({ code: 'run_cancelled' });
    expect(await unhandled.stop()).toEqual([]);
  });

  it.each(['an engine', 'a background hook', "a host's controller"])(
    'in %s leave no rejection unhandled at shutdown',
    async (place) => {
      const unhandled = recordUnhandledRejections();
      const underWay = createGate();
      const agent = slow(underWay);
      const asks = inBackground('asks', () => twice((input) => agent.run(input)));
      const asker = new Agent({
        id: 'asker',
        engine: () => (place === 'an engine' ? twice((input) => agent.run(input)) : 'done'),
        postHooks: place === 'a background hook' ? [asks] : [],
      });

      @Controller()
      class HostController {
        constructor(private readonly service: AgentOsService) {}

        @Get('ask')
        ask(): Promise<string> {
          return twice((input) => this.service.run('slow', input));
        }
      }
      const { url, app, agentOs } = await startApp({
        agentOs: { agents: [agent, asker], shutdownTimeout: 20 },
        controllers: [HostController],
      });
      const asking =
        place === "a host's controller"
          ? fetch(`${url}/ask`)
          : agentOs.run('asker', 'go').catch(() => undefined);
      await underWay.opened;

      await Promise.all([app.close(), asking]);

      expect(await unhandled.stop()).toEqual([]);
      expect(await openExecutions(agentOs)).toBe(0);
    },
  );

  it('reject separately if one cannot start, also if it would have been a part of the other', async () => {
    const failures: unknown[] = [];
    const agent = new Agent({
      id: 'asker',
      engine: async () => {
        await agent.run(7 as never).catch((error: unknown) => failures.push(error));
        return 'done';
      },
    });
    const { agentOs } = await startApp({ agentOs: { agents: [agent] } });

    await agentOs.run('asker', 'go');

    expect(failures).toEqual([expect.any(TypeError)]);
    await expect(agentOs.run('nobody', 'go')).rejects.toMatchObject({ code: 'component_not_found' });
  });
});
