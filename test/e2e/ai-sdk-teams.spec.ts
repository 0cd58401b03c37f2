import { afterEach, describe, expect, it } from '@jest/globals';
import { tool } from 'ai';
import { Agent, InputCheckError, Team, type RunEvent, type TeamOptions } from 'nestjs-agentos';
import { aiSdk, DELEGATE_TOOL, type AiSdkOptions } from 'nestjs-agentos/ai-sdk';
import { z } from 'zod';

import { inBackground } from '../support/background-hook.js';
import { runJson, runSse } from '../support/http-client.js';
import { calls, closeOpenAiServers, OpenAiServer, says, type ScriptStep } from '../support/openai-server.js';
import { closeApps, startApp, type TestApp } from '../support/test-app.js';

afterEach(closeApps);
afterEach(closeOpenAiServers);

const billing = new Agent({
  id: 'billing',
  name: 'Billing',
  description: 'Knows invoices.',
  engine: ({ input }) => `The invoice for "${input}" is paid.`,
});
const shipping = new Agent({
  id: 'shipping',
  engine: ({ input }) => {
    if (input.includes('rejected')) throw new InputCheckError('Shipping does not answer that.');
    throw new Error('secret address of the warehouse');
  },
});

const delegates = (member_id: string, task: string): ScriptStep =>
  calls([{ name: DELEGATE_TOOL, arguments: { member_id, task } }]);

interface ServedTeam extends TestApp {
  readonly leader: OpenAiServer;
}

/** Serves the team `desk`, whose leader's provider answers from a script. */
async function startTeam(
  script: readonly ScriptStep[],
  { engine, ...team }: Partial<Omit<TeamOptions, 'engine'>> & { engine?: Partial<AiSdkOptions> } = {},
): Promise<ServedTeam> {
  const leader = await OpenAiServer.start(...script);
  const desk = new Team({
    id: 'desk',
    members: [billing, shipping],
    ...team,
    engine: aiSdk({ model: leader.model, ...engine }),
  });
  return { ...(await startApp({ agentOs: { teams: [desk] } })), leader };
}

describe('A model that leads a team that coordinates', () => {
  it('asks members through a tool whose description names them, and writes the answer from their answers', async () => {
    const { url, leader } = await startTeam([delegates('billing', 'invoice 7'), says('It is paid.')]);
    const { body } = await runJson(url, '/teams/desk', 'Is invoice 7 paid?');
    const answer = 'The invoice for "invoice 7" is paid.';
    expect(body).toMatchObject({
      status: 'COMPLETED',
      content: 'It is paid.',
      tools: [
        { tool_name: DELEGATE_TOOL, tool_args: { member_id: 'billing', task: 'invoice 7' }, result: answer },
      ],
      member_responses: [{ agent_id: 'billing', parent_run_id: body.run_id, content: answer }],
    });
    expect(leader.messages(1).at(-1)).toEqual(['tool', answer]);
    const [offered] = leader.requests[0]?.body.tools ?? [];
    expect(offered?.function).toMatchObject({
      name: DELEGATE_TOOL,
      description: expect.stringContaining('billing (agent, Billing, Knows invoices.); shipping (agent)'),
      parameters: { properties: { member_id: { enum: ['billing', 'shipping'] }, task: { type: 'string' } } },
    });
  });

  it('streams the events of its tool calls and of the members', async () => {
    const { url } = await startTeam([delegates('billing', '7'), says('Paid.')]);
    const frames = await runSse(url, '/teams/desk', 'Is it paid?');
    expect(frames.map(({ event }) => event).filter((event) => !event.includes('Content'))).toEqual([
      'TeamRunStarted',
      'TeamModelRequestStarted',
      'TeamToolCallStarted',
      'RunStarted',
      'RunCompleted',
      'TeamToolCallCompleted',
      'TeamModelRequestCompleted',
      'TeamModelRequestStarted',
      'TeamModelRequestCompleted',
      'TeamRunCompleted',
    ]);
    const { data } = frames.find(({ event }) => event === 'TeamToolCallCompleted') ?? {};
    const member = frames.find(({ event }) => event === 'RunStarted')?.data;
    expect(data?.['tool']).toMatchObject({ child_run_id: member?.['run_id'] });
  });

  it('gets the public message of a failed member, and may ask another', async () => {
    const seen: unknown[] = [];
    const script = [
      delegates('shipping', 'broken'),
      delegates('shipping', 'rejected'),
      delegates('billing', '7'),
      says('Billing knew it.'),
    ];
    const { agentOs, leader } = await startTeam(script, {
      postHooks: [inBackground('watch', ({ runOutput }) => void seen.push(runOutput.status))],
    });
    const { content, tools, memberResponses } = await agentOs.run('desk', 'Hi');
    expect([content, ...tools.map(({ failed, result }) => [failed, result])]).toEqual([
      'Billing knew it.',
      [true, 'The run failed.'],
      [true, 'Shipping does not answer that.'],
      [false, 'The invoice for "7" is paid.'],
    ]);
    expect(memberResponses.map(({ status }) => status)).toEqual(['ERROR', 'ERROR', 'COMPLETED']);
    expect(leader.messages(1).at(-1)).toEqual(['tool', expect.stringMatching(/The run failed\.$/)]);
    await agentOs.drain();
    expect(seen).toEqual(['COMPLETED']);
  });

  it('gets the list of members when it asks an unknown one, or gives no task', async () => {
    const script = [delegates('sales', 'x'), delegates('billing', ' \n'), says('I cannot.')];
    const { agentOs, leader } = await startTeam(script);
    const { tools, memberResponses } = await agentOs.run('desk', 'Hi');
    expect([tools.map(({ failed }) => failed), memberResponses]).toEqual([[true, true], []]);
    const told = leader.requests.slice(1).map(({ body }) => String(body.messages.at(-1)?.content));
    expect(told[0]).toContain('There is no member "sales". The members: billing, shipping.');
    expect(told[1]).toContain('Expected task to be a text that is not empty.');
  });

  it('is stopped with its members when the run is cancelled', async () => {
    const caller = new AbortController();
    const slow = new Agent({
      id: 'slow',
      engine: ({ signal }) => {
        caller.abort();
        return new Promise<string>((_, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason)),
        );
      },
    });
    const { agentOs, log } = await startTeam([delegates('slow', 'x')], { members: [slow] });
    const events: RunEvent[] = [];
    for await (const event of agentOs.stream('desk', 'Hi', { signal: caller.signal })) events.push(event);
    expect(events.map(({ type }) => type)).not.toContain('tool-call-failed');
    expect(events.at(-1)).toMatchObject({
      type: 'run-cancelled',
      output: { memberResponses: [{ status: 'CANCELLED' }] },
    });
    expect(log.messages('error')).toEqual([]);
  });

  it('keeps its own tools beside the one for members', async () => {
    const clock = tool({ inputSchema: z.object({}), execute: () => '12:00' });
    const script = [
      calls([
        { name: 'clock', arguments: {} },
        { name: DELEGATE_TOOL, arguments: { member_id: 'billing', task: '7' } },
      ]),
      says('ok'),
    ];
    const { agentOs } = await startTeam(script, { engine: { tools: { clock } } });
    const { tools } = await agentOs.run('desk', 'Hi');
    expect(tools.map(({ name, failed }) => [name, failed])).toEqual([
      ['clock', false],
      [DELEGATE_TOOL, false],
    ]);
  });
});

describe('A model that leads a team that routes', () => {
  it('must choose a member, and is not asked again once the member has answered', async () => {
    const { agentOs, leader } = await startTeam([delegates('billing', '7')], { mode: 'route' });
    const { content } = await agentOs.run('desk', 'Is it paid?');
    expect(content).toBe('The invoice for "7" is paid.');
    expect(leader.requests[0]?.body.tool_choice).toBe('required');
  });

  it('may try again after a call that reached no member', async () => {
    const script = [delegates('sales', 'x'), delegates('billing', '7')];
    const { agentOs } = await startTeam(script, { mode: 'route' });
    expect((await agentOs.run('desk', 'Hi')).content).toBe('The invoice for "7" is paid.');
  });

  it('fails with the error of the member that it chose', async () => {
    const { url } = await startTeam([delegates('shipping', 'rejected')], { mode: 'route' });
    const { status, body } = await runJson(url, '/teams/desk', 'Hi');
    expect([status, body.content]).toEqual([400, 'Shipping does not answer that.']);
  });
});

describe('A model that leads a team that broadcasts', () => {
  it('combines the answers into one, and has no member left to ask', async () => {
    const { agentOs, leader } = await startTeam([says('Paid.')], { mode: 'broadcast', members: [billing] });
    expect((await agentOs.run('desk', 'invoice 7')).content).toBe('Paid.');
    expect(leader.requests[0]?.body.tools).toBeUndefined();
    expect(leader.messages(0).at(-1)).toEqual([
      'user',
      expect.stringContaining('Billing answered:\nThe invoice for "invoice 7" is paid.'),
    ]);
  });
});
