import { Injectable } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  AgentOsService,
  defineHook,
  Hook,
  hookRef,
  Team,
  Workflow,
  type HookFunction,
  type PreHookContext,
} from 'nestjs-agentos';

import { inBackground } from '../support/background-hook.js';
import { runJson } from '../support/http-client.js';
import { closeApps, startApp } from '../support/test-app.js';

const steps: string[] = [];
const named = (name: string): HookFunction<PreHookContext> =>
  defineHook(({ component }: PreHookContext) => void steps.push(`${name} of ${component.id}`), { name });

afterEach(async () => {
  await closeApps();
  steps.length = 0;
});

@Injectable()
class Audit {
  @Hook(true)
  record({ component }: PreHookContext): void {
    steps.push(`audit of ${component.id}`);
  }
}

/** Starts other runs, as a judge or a summary does. */
@Injectable()
class Evaluation {
  constructor(private readonly agentOs: AgentOsService) {}

  @Hook(false)
  async inline(): Promise<void> {
    await this.#judge();
  }

  @Hook(true)
  async background(): Promise<void> {
    await this.#judge();
  }

  async #judge(): Promise<void> {
    await this.agentOs.run('jury', 'how good was it?');
    await jury.run('and now?');
  }
}

const billing = new Agent({
  id: 'billing',
  engine: () => 'an invoice',
  preHooks: [named('own pre')],
  postHooks: [named('own post')],
});
const desk = new Team({
  id: 'desk',
  members: [billing],
  engine: ({ input, delegate }) => delegate('billing', input),
  preHooks: [named('own pre')],
  postHooks: [named('own post')],
});
const triage = new Workflow({ id: 'triage', steps: [billing, desk] });
const juror = new Agent({ id: 'juror', engine: () => 'good', postHooks: [named('own')] });
const jury = new Team({
  id: 'jury',
  members: [juror],
  engine: ({ input, delegate }) => delegate('juror', input),
});

describe('Hooks of the module', () => {
  it('run for root runs only, around the hooks of the component', async () => {
    const { url } = await startApp({
      agentOs: { teams: [desk], workflows: [triage], preHooks: [named('pre')], postHooks: [named('post')] },
    });

    await runJson(url, '/teams/desk', 'hello');
    await runJson(url, '/workflows/triage', 'hello');

    const ofBilling = ['own pre of billing', 'own post of billing'];
    const ofDesk = ['own pre of desk', ...ofBilling, 'own post of desk'];
    expect(steps).toEqual([
      ...['pre of desk', ...ofDesk, 'post of desk'],
      ...['pre of triage', ...ofBilling, ...ofDesk, 'post of triage'],
    ]);
  });

  it('run for members and steps too, if the reference says members: true', async () => {
    const postHooks = [hookRef(named('post'), { members: true })];
    const { url } = await startApp({ agentOs: { workflows: [triage], postHooks } });

    await runJson(url, '/workflows/triage', 'hello');

    const ofBilling = ['own pre of billing', 'own post of billing', 'post of billing'];
    expect(steps).toEqual([
      ...ofBilling,
      ...['own pre of desk', ...ofBilling, 'own post of desk', 'post of desk', 'post of triage'],
    ]);
  });

  it.each(['inline', 'background'] as const)(
    'never run for runs that hooks start (%s), nor for their members: a judge is not judged',
    async (method) => {
      const support = new Agent({
        id: 'support',
        engine: () => 'the answer',
        postHooks: [hookRef(Evaluation, method)],
      });
      const { url, agentOs } = await startApp({
        agentOs: {
          agents: [support],
          teams: [jury],
          preHooks: [hookRef(Audit, 'record', { members: true })],
          postHooks: [inBackground('root', ({ component }) => void steps.push(`root of ${component.id}`))],
        },
        providers: [Audit, Evaluation],
      });

      await runJson(url, '/agents/support', 'hello');
      await agentOs.drain();

      expect([...steps].sort()).toEqual([
        ...['audit of support', 'own of juror', 'own of juror', 'root of support'],
      ]);
    },
  );

  it('run once, in the place of the component, if the component lists them itself', async () => {
    const count = named('count');
    const support = new Agent({
      id: 'support',
      engine: () => 'the answer',
      postHooks: [count, named('other'), Audit],
    });
    const { url, agentOs } = await startApp({
      agentOs: {
        agents: [support],
        postHooks: [hookRef(Audit, 'record', { members: true }), count, named('of the module')],
      },
      providers: [Audit],
    });

    await runJson(url, '/agents/support', 'hello');
    await agentOs.drain();

    expect(steps).toEqual([
      ...['count of support', 'other of support', 'of the module of support', 'audit of support'],
    ]);
    expect(await agentOs.executions.list()).toHaveLength(4);
  });
});
