import { inspect } from 'node:util';

import { Body, Controller, Post } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  Agent,
  AgentOsService,
  type PlainRecord,
  type PostHookContext,
  type PreHookContext,
  type RunOutput,
  type ToolExecution,
} from 'nestjs-agentos';
import { SessionStore } from 'nestjs-agentos/stores';
import { createGate, type Gate } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import { runJson, runSse } from '../support/http-client.js';
import { mutate, MUTATIONS, type Mutation } from '../support/mutations.js';
import { ADAPTERS, closeApps, startApp, type TestApp } from '../support/test-app.js';

const VANDALS = 4;
/** What each vandal does to everything it can reach. */
let plans: readonly (readonly Mutation[])[];
/** What each vandal has found. */
let views: string[];
/** What vandals were given: none of them ever lets go of it. */
let loot: object[][];
/** What the user's controller passed to `run()` and got from it, and how that looked then. */
let kept: { readonly value: object; readonly before: string }[];
let jam: Gate;

afterEach(async () => {
  jam.open();
  await closeApps();
});

function vandal(index: number): (context: PreHookContext) => void {
  return (context) => {
    // A background pre-hook is called with all that a post-hook gets.
    const { runInput, runContext, runOutput, session, component } = context as PostHookContext;
    const given = { runInput, runContext, runOutput, session, component };
    views.push(show(given));
    loot.push(Object.values(given));
    for (const mutation of plans[index] ?? []) for (const objects of loot) mutate(objects, mutation);
  };
}

const writer = new Agent({
  id: 'writer',
  engine: ({ messages, context: { sessionState } }) => {
    const visit = Number(sessionState['visit'] ?? 0) + 1;
    Object.assign(sessionState, stateOf(visit));
    const content = answerOf(
      visit,
      messages.map((message) => message.content),
    );
    return { content, metadata: engineMetadata(), tools: [toolCall()] };
  },
  preHooks: [inBackground('first', vandal(0)), inBackground('second', vandal(1))],
  postHooks: [inBackground('third', vandal(2)), inBackground('fourth', vandal(3))],
});
/** A definition is no copy, but nothing about it can be changed. */
const DEFINITION = show(writer);

/** Its background hook ends when the test lets it: until then one run is pending. */
const jammer = new Agent({
  id: 'jammer',
  engine: () => 'done',
  postHooks: [inBackground('jam', () => jam.opened)],
});

@Controller('keep')
class KeepController {
  constructor(private readonly agentOs: AgentOsService) {}

  @Post()
  async keep(@Body('sessionId') sessionId: string): Promise<void> {
    const metadata = { caller: { list: [1, { two: 2 }] } };
    kept.push({ value: metadata, before: show(metadata) });
    const output = await this.agentOs.run('writer', 'hello', { sessionId, metadata });
    kept.push({ value: output, before: show(output) });
  }
}

describe.each(ADAPTERS)('Isolation on %s', (adapter) => {
  it.each([
    { when: 'after the response', isJammed: false },
    { when: 'before the response, because too much is pending', isJammed: true },
  ])(
    'G11: nothing a background hook does to its copies is visible to response, session, later hooks or runs, $when',
    async ({ isJammed }) => {
      jam = createGate();
      const app = await startApp({
        adapter,
        agentOs: { agents: [writer, jammer], ...(isJammed ? { maxPending: 1 } : {}) },
        controllers: [KeepController],
      });
      if (isJammed) await app.agentOs.run('jammer', 'hello');
      const untilVandalsAreDone = isJammed ? async () => undefined : () => app.agentOs.drain();
      let sessions = 0;
      await fc.assert(
        fc.asyncProperty(fc.tuple(MUTATIONS, MUTATIONS, MUTATIONS, MUTATIONS), async (sample) => {
          [plans, views, loot, kept] = [sample, [], [], []];
          await expectNoTrace(app, `session ${sessions++}`, untilVandalsAreDone);
        }),
        { numRuns: 25, interruptAfterTimeLimit: 10_000 },
      );
    },
    30_000,
  );
});

/** Runs three times in one session: as JSON, from a user's controller, as a stream of events. */
async function expectNoTrace(
  { app, url }: TestApp,
  sessionId: string,
  untilVandalsAreDone: () => Promise<void>,
): Promise<void> {
  const { body } = await runJson(url, '/agents/writer', 'hello', { session_id: sessionId });
  await untilVandalsAreDone();
  const form = new URLSearchParams({ sessionId });
  await fetch(`${url}/keep`, { method: 'POST', body: form, headers: { connection: 'close' } });
  await untilVandalsAreDone();
  const frames = await runSse(url, '/agents/writer', 'hello', { session_id: sessionId });
  await untilVandalsAreDone();

  const answers = expectedAnswers();
  const metadata = engineMetadata();
  expect(body).toMatchObject(asJson({ content: answers[0], metadata, session_state: stateOf(1) }));
  expect(frames.at(-1)?.data).toMatchObject(asJson({ content: answers[2], metadata }));
  expect(kept.map(({ value }) => show(value))).toEqual(kept.map(({ before }) => before));
  expect(kept[1]?.value).toMatchObject({ content: answers[1], metadata, tools: [toolCall()] });

  const sessions = app.get(SessionStore);
  const stored = (await sessions.runs(sessionId)).map(({ output }) => output);
  expect(stored.map(({ content, tools }) => ({ content, tools }))).toEqual(
    answers.map((content) => ({ content, tools: [toolCall()] })),
  );
  const state = (await sessions.open(sessionId))?.state;
  expect(show(state)).toBe(show(stateOf(3)));
  expect(show(writer)).toBe(DEFINITION);
  expect(views).toEqual(stored.flatMap((output) => Array<unknown>(VANDALS).fill(viewOf(output))));
}

/** A view that shows the run as it was stored; all vandals of the run must have found the same. */
function viewOf(output: RunOutput): unknown {
  const view = views.find((found) => found.includes(output.runId));
  return view?.includes(`runOutput: ${show(output)}`) ? view : `a view of ${show(output)}`;
}

function stateOf(visit: number): PlainRecord {
  return {
    visit,
    basket: new Map([['apples', { count: visit }]]),
    tags: new Set([{ name: 'new' }]),
    since: new Date(1_000),
    picture: Buffer.from('picture'),
  };
}

function engineMetadata(): PlainRecord {
  return { model: { name: 'one', versions: [1, { minor: 2 }] } };
}

function toolCall(): ToolExecution {
  return { id: '1', name: 'look', arguments: { where: ['here', { deep: 'down' }] }, result: 'found' };
}

/** An answer that tells all that the run knows of those before it. */
function answerOf(visit: number, heard: readonly string[]): string {
  return `answer ${visit} to ${heard.join(', ')}`;
}

function expectedAnswers(): string[] {
  const said: string[] = [];
  return [1, 2, 3].map((visit) => {
    said.push('hello');
    const answer = answerOf(visit, said);
    said.push(answer);
    return answer;
  });
}

/** As a response shows it: sets as arrays, bytes as base64. */
function asJson(value: object): object {
  const text = JSON.stringify(value, function (this: Record<string, unknown>, key: string, item: unknown) {
    const original = this[key];
    if (Buffer.isBuffer(original)) return original.toString('base64');
    return original instanceof Set ? [...(original as Set<unknown>)] : item;
  });
  return JSON.parse(text) as object;
}

function show(value: unknown): string {
  return inspect(value, {
    depth: Infinity,
    compact: true,
    breakLength: Infinity,
    sorted: true,
    getters: true,
  });
}
