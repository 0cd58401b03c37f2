import { setImmediate as nextTurn } from 'node:timers/promises';

import {
  Controller,
  HttpException,
  InternalServerErrorException,
  Post,
  ServiceUnavailableException,
} from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  AgentOsService,
  defineGuardrail,
  InputCheckError,
  OutputCheckError,
  Team,
  type PostHookContext,
  type PreHookContext,
  type RunOutcome,
} from 'nestjs-agentos';
import type { EngineRequest } from 'nestjs-agentos/engine';
import { createGate } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import { raise } from '../support/raise.js';
import { ask, DOMAIN_SURFACES } from '../support/surfaces.js';
import { ADAPTERS, closeApps, startApp } from '../support/test-app.js';

const OUTCOMES: readonly RunOutcome[] = ['completed', 'rejected', 'failed', 'cancelled'];

/** What a client may ask for, and how the run ends then. */
const ENDINGS = [
  { wish: 'an answer', outcome: 'completed', status: 'COMPLETED', httpStatus: 200 },
  { wish: 'a rejected input', outcome: 'rejected', status: 'ERROR', httpStatus: 400 },
  { wish: 'a rejected answer', outcome: 'rejected', status: 'ERROR', httpStatus: 400 },
  { wish: 'a teapot', outcome: 'rejected', status: 'ERROR', httpStatus: 418 },
  { wish: 'a failing engine', outcome: 'failed', status: 'ERROR', httpStatus: 500 },
  { wish: 'a failing guardrail', outcome: 'failed', status: 'ERROR', httpStatus: 500 },
  { wish: 'a closed shop', outcome: 'failed', status: 'ERROR', httpStatus: 503 },
  { wish: 'a cancelled run', outcome: 'cancelled', status: 'CANCELLED', httpStatus: 200 },
] as const;

afterEach(closeApps);

describe.each(DOMAIN_SURFACES)('Run outcomes ($adapter, $transport)', ({ adapter, transport }) => {
  it.each(ENDINGS)(
    'G7: a hook is matched against the outcome of the run: $wish is $outcome, status $status',
    async ({ wish, outcome, status, httpStatus }) => {
      const released: string[] = [];
      const record = ({ hook, runOutput }: PostHookContext): void => {
        released.push(`${hook.name}: ${runOutput.status}`);
      };
      const agent = new Agent({
        id: 'moody',
        engine: (request) => grant(request, agentOs),
        preHooks: [defineGuardrail(checkInput)],
        postHooks: [
          defineGuardrail(checkOutput),
          inBackground('by default', record),
          ...OUTCOMES.map((on) => inBackground(`on ${on}`, record, { on: [on] })),
          inBackground('always', record, { on: OUTCOMES }),
        ],
      });
      const { agentOs, url } = await startApp({ adapter, agentOs: { agents: [agent] } });

      const answer = await ask(url, '/agents/moody', wish, transport);
      await agentOs.drain();

      expect(answer.status).toBe(transport === 'json' ? httpStatus : 200);
      const expected = [...(outcome === 'completed' ? ['by default'] : []), `on ${outcome}`, 'always'];
      expect(released).toEqual(expected.map((name) => `${name}: ${status}`));
      const skipped = await agentOs.executions.list({ state: 'skipped' });
      expect(skipped.map(({ reason }) => reason)).toEqual(Array(6 - expected.length).fill('outcome'));
    },
  );

  it('G7: `Agent({ retries })` repeats only the engine: pre-hooks run once, a failed attempt releases nothing', async () => {
    const steps: string[] = [];
    const retrying = createGate();
    const member = new Agent({
      id: 'member',
      engine: async ({ input }) => {
        if (input === 'straggler') await retrying.opened;
        return input;
      },
      postHooks: [inBackground('report', ({ runOutput }) => void steps.push(`report ${runOutput.content}`))],
    });
    let attempt = 0;
    const team = new Team({
      id: 'team',
      members: [member],
      retries: 1,
      preHooks: [() => void steps.push('pre-hook')],
      engine: async ({ delegate }) => {
        attempt += 1;
        steps.push(`attempt ${attempt}`);
        if (attempt === 1) {
          // Nobody waits for it, and it ends after its attempt has failed.
          delegate('member', 'straggler').catch(() => undefined);
          await delegate('member', 'first');
          throw new Error('The first attempt fails.');
        }
        retrying.open();
        await nextTurn();
        return delegate('member', 'second');
      },
      postHooks: [inBackground('sum up', () => void steps.push('sum up'))],
    });
    const { agentOs, url } = await startApp({ adapter, agentOs: { teams: [team] } });

    const { body } = await ask(url, '/teams/team', 'hello', transport);
    await agentOs.drain();

    expect(body['content']).toBe('second');
    expect(steps).toEqual(['pre-hook', 'attempt 1', 'attempt 2', 'report second', 'sum up']);
    const reports = (await agentOs.executions.list({ hook: 'report' })).map(({ state, reason }) => [
      state,
      reason,
    ]);
    expect(reports).toEqual([
      ['succeeded', undefined],
      ['skipped', 'outcome'],
    ]);
  });
});

describe('A run tree', () => {
  it.each([
    { root: 'completed', member: 'rejected', engine: () => 'I answer myself.' },
    { root: 'failed', member: 'completed', engine: () => raise(new Error('The leader fails.')) },
  ] as const)(
    'G7: a hook is matched against the outcome of the run it is attached to: $member in a tree that has $root',
    async ({ root, member, engine }) => {
      const released: string[] = [];
      const postHooks = OUTCOMES.map((on) =>
        inBackground(on, ({ component }) => void released.push(`${component.id} ${on}`), { on: [on] }),
      );
      const rejecting = defineGuardrail(() => member === 'rejected' && raise(new InputCheckError('No.')));
      const agent = new Agent({ id: 'member', engine: () => 'hi', preHooks: [rejecting], postHooks });
      const team = new Team({
        id: 'team',
        members: [agent],
        engine: ({ delegate }) => delegate('member', 'hello').then(engine, engine),
        postHooks,
      });
      const { agentOs } = await startApp({ agentOs: { teams: [team] } });

      await agentOs.run('team', 'hello').catch(() => undefined);
      await agentOs.drain();

      expect(released).toEqual([`member ${member}`, `team ${root}`]);
    },
  );
});

describe.each(ADAPTERS)("A user's own controller (%s)", (adapter) => {
  @Controller()
  class ContraryController {
    constructor(private readonly agentOs: AgentOsService) {}

    @Post('completed')
    async completed(): Promise<never> {
      await this.agentOs.run('moody', 'an answer');
      throw new InternalServerErrorException();
    }

    @Post('rejected')
    rejected(): Promise<unknown> {
      return this.agentOs.run('moody', 'a rejected input').catch(() => 'Never mind.');
    }
  }

  it.each([
    { outcome: 'completed', status: 500 },
    { outcome: 'rejected', status: 201 },
  ])(
    'G7: the HTTP status plays no part: $status after a run that has $outcome',
    async ({ outcome, status }) => {
      const released: string[] = [];
      const agent = new Agent({
        id: 'moody',
        engine: () => 'hi',
        preHooks: [defineGuardrail(checkInput)],
        postHooks: OUTCOMES.map((on) => inBackground(on, () => void released.push(on), { on: [on] })),
      });
      const { agentOs, url } = await startApp({
        adapter,
        agentOs: { agents: [agent] },
        controllers: [ContraryController],
      });

      const response = await fetch(`${url}/${outcome}`, { method: 'POST' });
      await response.text();
      await agentOs.drain();

      expect(response.status).toBe(status);
      expect(released).toEqual([outcome]);
    },
  );
});

function checkInput({ runInput }: PreHookContext): void {
  if (runInput.content === 'a rejected input') throw new InputCheckError('No.');
  if (runInput.content === 'a failing guardrail') throw new Error('The guardrail broke.');
}

function checkOutput({ runInput }: PostHookContext): void {
  if (runInput.content === 'a rejected answer') throw new OutputCheckError('No.');
}

/** An engine that ends as it is asked to. */
function grant({ input, context }: EngineRequest, agentOs: AgentOsService): string {
  if (input === 'a teapot') throw new HttpException('I am a teapot.', 418);
  if (input === 'a closed shop') throw new ServiceUnavailableException();
  if (input === 'a failing engine') throw new Error('The engine broke.');
  if (input === 'a cancelled run') agentOs.cancel(context.runId);
  return 'hi';
}
