import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Agent, AgentOsConfigurationError, AgentRunError, Team } from 'nestjs-agentos';
import type { LeaderRequest } from 'nestjs-agentos/engine';
import { createGate } from 'nestjs-agentos/testing';

import { namesOf, runJson, runSse } from '../support/http-client.js';
import { closeApps, startApp } from '../support/test-app.js';

// Direct runs log to the console what they do not tell their callers.
beforeAll(() => Logger.overrideLogger(false));
afterAll(() => Logger.overrideLogger(true));
afterEach(closeApps);

const billing = new Agent({ id: 'billing', name: 'Billing', engine: ({ input }) => `Invoice for ${input}` });
const shipping = new Agent({
  id: 'shipping',
  name: 'Shipping',
  engine: ({ input }) => `Parcel for ${input}`,
});
const broken = new Agent({
  id: 'broken',
  engine: () => {
    throw new Error('the secret of the broken member');
  },
});

describe('A team that coordinates', () => {
  it('answers with the text that its leader makes of the delegated work', async () => {
    const team = new Team({
      id: 'desk',
      members: [billing, shipping],
      engine: async ({ input, delegate }) =>
        `${await delegate('billing', input)}; ${await delegate('shipping', input)}`,
    });

    const output = await team.run('Ann');

    expect(output.content).toBe('Invoice for Ann; Parcel for Ann');
    expect(
      output.memberResponses.map(({ component, content, parentRunId }) => [
        component.id,
        content,
        parentRunId,
      ]),
    ).toEqual([
      ['billing', 'Invoice for Ann', output.runId],
      ['shipping', 'Parcel for Ann', output.runId],
    ]);
  });

  it('names its members when the leader delegates to one that does not exist', async () => {
    const team = new Team({
      id: 'desk',
      members: [billing],
      engine: ({ delegate }) => delegate('sales', 'x'),
    });

    await expect(team.run('Ann')).rejects.toThrow(
      'Team "desk" has no member "sales". Its members: "billing".',
    );
  });

  it('fails with the error of a member that its leader does not catch, and may catch it', async () => {
    const strict = new Team({
      id: 'strict',
      members: [broken],
      engine: ({ delegate }) => delegate('broken', 'x'),
    });
    const lenient = new Team({
      id: 'lenient',
      members: [broken],
      engine: ({ delegate }) =>
        delegate('broken', 'x').catch((error: unknown) => (error as AgentRunError).publicMessage),
    });

    await expect(strict.run('Ann')).rejects.toBeInstanceOf(AgentRunError);
    await expect(lenient.run('Ann')).resolves.toMatchObject({
      content: 'The run failed.',
      memberResponses: [{ status: 'ERROR', content: 'The run failed.' }],
    });
  });
});

describe('A team that routes', () => {
  const engine = ({ input, delegate }: LeaderRequest): Promise<string> => delegate(input, 'Ann');

  it('answers with the one member that its leader has chosen, and shows no text of the leader', async () => {
    const chatty = new Team({
      id: 'chatty',
      mode: 'route',
      members: [billing, shipping],
      engine: async function* ({ input, delegate }) {
        yield 'Let me see… ';
        await delegate(input, 'Ann');
        yield 'Done.';
      },
    });
    const { url } = await startApp({ agentOs: { teams: [chatty] } });

    const { body } = await runJson(url, '/teams/chatty', 'shipping');
    const frames = await runSse(url, '/teams/chatty', 'billing');

    expect(body['content']).toBe('Parcel for Ann');
    expect(namesOf(frames)).toEqual([
      'TeamRunStarted',
      'RunStarted',
      'RunContent',
      'RunContentCompleted',
      'RunCompleted',
      'TeamRunContent',
      'TeamRunContentCompleted',
      'TeamRunCompleted',
    ]);
    expect(JSON.stringify(frames)).not.toContain('Let me see');
  });

  it('lets its leader correct a wrong member id, which has decided nothing', async () => {
    const members = [billing, shipping];
    const team = new Team({
      id: 'forgiving',
      mode: 'route',
      members,
      engine: ({ delegate }) => delegate('biling', 'Ann').catch(() => delegate('billing', 'Ann')),
    });

    await expect(team.run('x')).resolves.toMatchObject({ content: 'Invoice for Ann' });
  });

  it('takes structured data from the member and none from its leader', async () => {
    const structured = new Agent({
      id: 'structured',
      engine: () => ({ content: '{"a":1}', data: { a: 1 } }),
    });
    const team = new Team({
      id: 'team',
      mode: 'route',
      members: [billing, structured],
      engine: async function* ({ input, delegate }) {
        await delegate(input, 'Ann');
        yield { type: 'data', data: { of: 'the leader' } };
      },
    });

    expect((await team.run('billing')).data).toBeUndefined();
    expect((await team.run('structured')).data).toEqual({ a: 1 });
  });

  it('fails if its leader delegates to no member, or to two', async () => {
    const members = [billing, shipping];
    const idle = new Team({ id: 'idle', mode: 'route', members, engine: () => 'I do it myself' });
    const greedy = new Team({
      id: 'greedy',
      mode: 'route',
      members,
      engine: async (request) =>
        `${await engine({ ...request, input: 'billing' })}${await engine({ ...request, input: 'shipping' })}`,
    });

    await expect(idle.run('x')).rejects.toThrow(
      `Team "idle" has mode 'route', but its leader did not delegate to a member.`,
    );
    await expect(greedy.run('x')).rejects.toThrow(
      `Team "greedy" has mode 'route' and has already delegated to "billing"`,
    );
  });
});

describe('A team that broadcasts', () => {
  it('asks all members at once and lets its leader combine their answers', async () => {
    const bothAsked = createGate();
    let asked = 0;
    const slow = (id: string): Agent =>
      new Agent({
        id,
        engine: async ({ input }) => {
          asked += 1;
          if (asked === 2) bothAsked.open();
          await bothAsked.opened;
          return `${id} says ${input}`;
        },
      });
    const team = new Team({
      id: 'choir',
      mode: 'broadcast',
      members: [slow('alto'), slow('bass')],
      engine: ({ answers, messages }) =>
        `${answers.map(({ content }) => content).join(' & ')} | ${messages.at(-1)?.content}`,
    });

    const { content } = await team.run('la');

    expect(content).toBe(
      'alto says la & bass says la | la\n\nalto answered:\nalto says la\n\nbass answered:\nbass says la',
    );
  });

  it('keeps the metadata of its members apart', async () => {
    const member = (id: string): Agent =>
      new Agent({ id, engine: () => ({ content: id, metadata: { by: id } }) });
    const team = new Team({
      id: 'team',
      mode: 'broadcast',
      members: [member('alto'), member('bass')],
      engine: () => 'all',
    });

    const { metadata, memberResponses } = await team.run('la', { metadata: { asked: true } });

    expect(metadata).toEqual({ asked: true });
    expect(memberResponses.map((response) => response.metadata)).toEqual([
      { asked: true, by: 'alto' },
      { asked: true, by: 'bass' },
    ]);
  });

  it('names the failed member to its leader, and fails if all members failed', async () => {
    const engine = ({ answers }: LeaderRequest): string =>
      answers.map(({ memberId, content, success }) => `${memberId}:${success}:${content}`).join(' | ');
    const mixed = new Team({ id: 'mixed', mode: 'broadcast', members: [billing, broken], engine });
    const hopeless = new Team({ id: 'hopeless', mode: 'broadcast', members: [broken], engine });

    await expect(mixed.run('Ann')).resolves.toMatchObject({
      content: 'billing:true:Invoice for Ann | broken:false:The run failed.',
    });
    await expect(hopeless.run('Ann')).rejects.toBeInstanceOf(AgentRunError);
  });
});

describe('The leader of a team', () => {
  it.each(['coordinate', 'route', 'broadcast'] as const)(
    'learns of the cancellation of its run: %s',
    async (mode) => {
      const [reached, aborted] = [createGate(), createGate()];
      const team = new Team({
        id: 'desk',
        mode,
        members: [billing],
        engine: async ({ signal }) => {
          signal.addEventListener('abort', aborted.open);
          reached.open();
          await aborted.opened;
          return 'too late';
        },
      });
      const { agentOs } = await startApp({ agentOs: { teams: [team] } });
      const controller = new AbortController();
      const run = agentOs.run('desk', 'hi', { signal: controller.signal });
      await reached.opened;
      controller.abort();
      await expect(run).rejects.toMatchObject({ code: 'run_cancelled' });
      await aborted.opened;
    },
  );
});

describe('A team that is declared wrongly', () => {
  const engine = (): string => '';

  it.each([
    ['no members', { members: [] }, 'expected members to be a non-empty array'],
    [
      'a member that is not a component',
      { members: [undefined] },
      'members[0] is not an agent, team or workflow',
    ],
    ['two members with one id', { members: [billing, billing] }, 'two members have the id "billing"'],
    [
      'an unknown mode',
      { members: [billing], mode: 'vote' },
      'expected mode to be "coordinate", "route" or "broadcast", got "',
    ],
    ['an unknown option', { members: [billing], leader: engine }, 'unknown option "leader"'],
    [
      'a history of no length',
      { members: [billing], historyRuns: NaN },
      'expected historyRuns to be a whole number',
    ],
  ])('does not start with %s', (_case, options, message) => {
    const construct = (): Team => new Team({ id: 'desk', engine, ...options } as never);

    expect(construct).toThrow(AgentOsConfigurationError);
    expect(construct).toThrow(message);
  });
});
