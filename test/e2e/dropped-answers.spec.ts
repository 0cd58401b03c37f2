import { HttpAgent, type Message } from '@ag-ui/client';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Agent, InMemorySessionStore, Team } from 'nestjs-agentos';
import type { EngineRequest, LeaderRequest } from 'nestjs-agentos/engine';
import type { StoredRunFilter } from 'nestjs-agentos/stores';
import { failingStore } from 'nestjs-agentos/testing';

import { question as agUiQuestion } from '../support/ag-ui-client.js';
import { inBackground } from '../support/background-hook.js';
import { question as chatQuestion, readChat, sendChat, textOf } from '../support/chat-client.js';
import { closeApps, startApp, type TestApp } from '../support/test-app.js';

/** Counts the runs that are read. */
class CountingStore extends InMemorySessionStore {
  read = 0;

  override async runs(
    ...[sessionId, filter]: [string, StoredRunFilter?]
  ): ReturnType<InMemorySessionStore['runs']> {
    const runs = await super.runs(sessionId, filter);
    this.read += runs.length;
    return runs;
  }
}

/** The messages of each request to an engine: the history, and the question. */
let asked: string[] = [];
let hooksRun = 0;
const remember = ({ messages }: EngineRequest): string => {
  const texts = messages.map(({ content }) => content);
  asked.push(texts.join(' | '));
  if (texts.at(-1) === 'break') throw new Error('It broke.');
  return `re: ${texts.at(-1) ?? ''}`;
};
const helper = new Agent({
  id: 'helper',
  engine: remember,
  postHooks: [inBackground('count', () => void (hooksRun += 1))],
});
/** Does not remember, so that its runs cost no reading. */
const forgetful = new Agent({ id: 'forgetful', engine: remember, historyRuns: 0 });
const desk = new Team({
  id: 'desk',
  members: [new Agent({ id: 'member', engine: () => 'From the member.' })],
  engine: async ({ messages, delegate, input }: LeaderRequest) => {
    asked.push(messages.map(({ content }) => content).join(' | '));
    await delegate('member', input);
    return `re: ${input}`;
  },
});

const counting = new CountingStore();
const sessions = failingStore(counting);
let app: TestApp;
beforeAll(async () => {
  app = await startApp({
    agentOs: { agents: [helper, forgetful], teams: [desk], sessionStore: sessions.store },
  });
});
afterAll(closeApps);
afterEach(() => {
  sessions.heal();
  [asked, hooksRun] = [[], 0];
});

let threads = 0;
function newAgent(path = '/agents/helper', threadId = `edited-thread-${++threads}`): HttpAgent {
  return new HttpAgent({ url: `${app.url}${path}/ag-ui`, headers: { connection: 'close' }, threadId });
}

/** Asks as a page does: its messages so far, and the question. */
async function ask(agent: HttpAgent, text: string): Promise<Message> {
  const asks = agUiQuestion(text);
  agent.addMessage(asks);
  await agent.runAgent();
  return asks;
}

/** Takes away this message and all after it, as a page does whose user edits it. */
function dropFrom(agent: HttpAgent, { id }: Message): void {
  const index = agent.messages.findIndex((message) => message.id === id);
  agent.setMessages(agent.messages.slice(0, index));
}

const runsOf = (threadId: string): ReturnType<CountingStore['runs']> => counting.runs(threadId);

describe('A client of AG-UI that drops answers', () => {
  it('edits its last question: the answer to the earlier one leaves the history', async () => {
    const agent = newAgent();
    await ask(agent, 'one');
    const second = await ask(agent, 'two');
    dropFrom(agent, second);
    await ask(agent, 'TWO');
    await ask(agent, 'three');
    expect(asked.slice(2)).toEqual(['one | re: one | TWO', 'one | re: one | TWO | re: TWO | three']);
    const [, replaced, replacing] = await runsOf(agent.threadId);
    expect(replacing?.output.replaces).toEqual([replaced?.runId]);
  });

  it('edits an earlier question: all answers since leave the history', async () => {
    const agent = newAgent();
    await ask(agent, 'one');
    const second = await ask(agent, 'two');
    await ask(agent, 'three');
    dropFrom(agent, second);
    await ask(agent, 'TWO');
    expect(asked.at(-1)).toBe('one | re: one | TWO');
  });

  it('asks its last question again, also after a run that has failed', async () => {
    const agent = newAgent();
    await ask(agent, 'one');
    const broken = await ask(agent, 'break');
    dropFrom(agent, broken);
    agent.addMessage(broken);
    await agent.runAgent();
    const [, first, second] = await runsOf(agent.threadId);
    expect(second?.output.replaces).toEqual([first?.runId]);
  });

  it('edits a question to a team: the runs of the members leave with the answer', async () => {
    const agent = newAgent('/teams/desk');
    await ask(agent, 'one');
    const second = await ask(agent, 'two');
    dropFrom(agent, second);
    await ask(agent, 'TWO');
    expect(asked.at(-1)).toBe('one | re: one | TWO');
    expect((await runsOf(agent.threadId)).at(-1)?.output.replaces).toHaveLength(2);
  });

  it('leaves the answer of a team alone if it has only the messages of a member', async () => {
    const agent = newAgent('/teams/desk');
    await ask(agent, 'one');
    await ask(agent, 'two');
    // It has left before the team itself has answered.
    expect(agent.messages.at(-1)).toMatchObject({ content: 're: two' });
    agent.setMessages(agent.messages.slice(0, -1));
    await ask(agent, 'three');
    expect(asked.at(-1)).toBe('one | re: one | two | re: two | three');
  });
});

describe('A client of AG-UI that drops no answers', () => {
  it('replaces nothing with its next question', async () => {
    const agent = newAgent();
    for (const text of ['one', 'two', 'three']) await ask(agent, text);
    expect(asked.at(-1)).toBe('one | re: one | two | re: two | three');
    for (const { output } of await runsOf(agent.threadId)) expect(output).not.toHaveProperty('replaces');
  });

  it('replaces nothing without the messages of its thread, as after a page was loaded', async () => {
    const agent = newAgent();
    await ask(agent, 'one');
    const loaded = newAgent('/agents/helper', agent.threadId);
    await ask(loaded, 'two');
    expect(asked.at(-1)).toBe('one | re: one | two');
  });

  it('replaces nothing if it has left before the answer to its last question came', async () => {
    const agent = newAgent();
    await ask(agent, 'one');
    await ask(agent, 'two');
    const { messages } = agent;
    agent.setMessages(messages.slice(0, -1));
    await ask(agent, 'three');
    expect(asked.at(-1)).toBe('one | re: one | two | re: two | three');
  });

  it('leaves the answers of other components in its thread alone', async () => {
    const agent = newAgent();
    await ask(agent, 'one');
    const other = newAgent('/agents/forgetful', agent.threadId);
    await ask(other, 'aside');
    await ask(agent, 'two');
    const [, aside, two] = await runsOf(agent.threadId);
    expect(aside?.component.id).toBe('forgetful');
    expect(two?.output).not.toHaveProperty('replaces');
  });

  it('does not mind answers that are not of its session', async () => {
    const [agent, foreign] = [newAgent(), newAgent()];
    await ask(foreign, 'elsewhere');
    await ask(agent, 'one');
    const loaded = newAgent('/agents/helper', agent.threadId);
    loaded.setMessages(foreign.messages);
    await ask(loaded, 'two');
    expect(asked.at(-1)).toBe('one | re: one | two');
  });
});

describe('A chat client that edits a question', () => {
  const chatOf = (): { id: string } => ({ id: `edited-chat-${++threads}` });
  type Sent = Parameters<typeof sendChat>[2];
  const send = async (messages: Sent, options: Parameters<typeof sendChat>[3]): Promise<string> =>
    textOf((await readChat(await sendChat(app.url, '/agents/helper', messages, options))).message);

  it('replaces the answers after the last one that it sends', async () => {
    const same = chatOf();
    const [first, second] = [chatQuestion('one'), chatQuestion('two')];
    const { message } = await readChat(await sendChat(app.url, '/agents/helper', [first], same));
    await send([first, message, second], same);
    const edited = { ...chatQuestion('TWO'), id: second.id };
    await send([first, message, edited], { ...same, messageId: second.id });
    expect(asked.at(-1)).toBe('one | re: one | TWO');
  });

  it('replaces nothing if it sends the question alone', async () => {
    const same = chatOf();
    const [first, second] = [chatQuestion('one'), chatQuestion('two')];
    await send([first], same);
    await send([second], { ...same, messageId: second.id });
    expect(asked.at(-1)).toBe('one | re: one | two');
  });

  it('replaces nothing if it does not say that the question was edited, as on a second page', async () => {
    const same = chatOf();
    const first = chatQuestion('one');
    const { message } = await readChat(await sendChat(app.url, '/agents/helper', [first], same));
    await send([first, message, chatQuestion('two')], same);
    await send([first, message, chatQuestion('three')], same);
    expect(asked.at(-1)).toBe('one | re: one | two | re: two | three');
  });
});

describe('The answers that a client has dropped', () => {
  it('are found without reading the whole session', async () => {
    const threadId = `edited-thread-${++threads}`;
    const agent = newAgent('/agents/forgetful', threadId);
    for (let count = 0; count < 20; count++)
      await app.agentOs.run('forgetful', `question ${count}`, { sessionId: threadId });
    await ask(agent, 'one');
    counting.read = 0;
    const second = await ask(agent, 'two');
    expect(counting.read).toBe(2);
    counting.read = 0;
    dropFrom(agent, second);
    await ask(agent, 'TWO');
    expect(counting.read).toBe(2);
    expect((await runsOf(threadId)).at(-1)?.output.replaces).toHaveLength(1);
  });

  it('are not looked for with the first question of a client', async () => {
    counting.read = 0;
    await ask(newAgent('/agents/forgetful'), 'one');
    expect(counting.read).toBe(0);
  });

  it('are needed by a client of AG-UI: if the store fails, no run starts, and the question can be asked again', async () => {
    const agent = newAgent();
    await ask(agent, 'one');
    const second = await ask(agent, 'two');
    await app.agentOs.drain();
    [asked, hooksRun] = [[], 0];
    dropFrom(agent, second);
    sessions.fail('runs', new Error('a secret'));
    const complaint = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    const failed = await ask(agent, 'TWO').catch((thrown: unknown) => thrown);
    complaint.mockRestore();
    expect(failed).toMatchObject({ status: 500, payload: { detail: 'Internal Server Error' } });
    expect(agent.messages.at(-1)).toMatchObject({ role: 'user', content: 'TWO' });
    await app.agentOs.drain();
    expect([asked, hooksRun]).toEqual([[], 0]);
    sessions.heal();
    expect(await runsOf(agent.threadId)).toHaveLength(2);
    await agent.runAgent();
    expect(asked).toEqual(['one | re: one | TWO']);
  });

  it('are needed by a chat client: if the store fails, no run starts, and the question can be asked again', async () => {
    const same = { id: `edited-chat-${++threads}` };
    const again = { ...same, trigger: 'regenerate-message' } as const;
    await readChat(await sendChat(app.url, '/agents/helper', [chatQuestion('one')], same));
    await app.agentOs.drain();
    [asked, hooksRun] = [[], 0];
    sessions.fail('runs', new Error('a secret'));
    await expect(sendChat(app.url, '/agents/helper', [chatQuestion('one')], again)).rejects.toThrow(
      '{"detail":"Internal Server Error"}',
    );
    await app.agentOs.drain();
    expect([asked, hooksRun]).toEqual([[], 0]);
    sessions.heal();
    expect(await runsOf(same.id)).toHaveLength(1);
    await readChat(await sendChat(app.url, '/agents/helper', [chatQuestion('one')], again));
    expect(asked).toEqual(['one']);
  });
});
