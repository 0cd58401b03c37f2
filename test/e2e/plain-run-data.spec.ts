import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  PlainDataError,
  type HookFailure,
  type PostHookContext,
  type PreHookContext,
  type RunContext,
} from 'nestjs-agentos';
import type { EngineOutput } from 'nestjs-agentos/engine';

import { inBackground } from '../support/background-hook.js';
import { post } from '../support/http-client.js';
import { ask, DOMAIN_SURFACES } from '../support/surfaces.js';
import { closeApps, startApp } from '../support/test-app.js';

let seen: PostHookContext[];

beforeEach(() => {
  seen = [];
});
afterEach(closeApps);

const watchBefore = inBackground<PreHookContext>('watchBefore', (context) => {
  // A background pre-hook is called with all that a post-hook gets.
  seen.push(context as PostHookContext);
});
const watchAfter = inBackground('watchAfter', (context) => seen.push(context));

class Client {}

/** Values that JSON leaves out or can write, so that they may stand where a response shows them. */
const NOT_PLAIN: readonly { value: unknown; found: string }[] = [
  { value: () => 'shared', found: 'a function' },
  { value: Symbol('shared'), found: 'a symbol' },
  { value: new Client(), found: 'an instance of Client' },
  { value: new (class extends Map {})(), found: 'an instance of an unknown class' },
  { value: new URL('http://localhost'), found: 'an instance of URL' },
  { value: new Error('shared'), found: 'an instance of Error' },
  { value: new WeakMap(), found: 'an instance of WeakMap' },
  { value: Promise.resolve(), found: 'an instance of Promise' },
];

/** Where such a value may come to stand, and who puts it there. */
interface Place {
  readonly path: string;
  readonly engine?: (context: RunContext, client: unknown) => EngineOutput | undefined;
  readonly preHook?: (context: PreHookContext, client: unknown) => void;
  readonly postHook?: (context: PostHookContext, client: unknown) => void;
}
const PLACES: readonly Place[] = [
  {
    path: 'runContext.metadata.client',
    engine: (_context, client) => ({ content: 'the answer', metadata: { client } }),
  },
  {
    path: 'runContext.sessionState.client',
    engine: ({ sessionState }, client) => void (sessionState['client'] = client),
  },
  {
    path: 'runContext.dependencies.client',
    preHook: ({ runContext }, client) => Object.assign(runContext.dependencies, { client }),
  },
  {
    path: 'runOutput.tools[0].arguments.client',
    engine: (_context, client) => ({
      content: 'the answer',
      tools: [{ id: '1', name: 'call', arguments: { client } }],
    }),
  },
  {
    path: 'runOutput.metadata.client',
    postHook: ({ runOutput }, client) => (runOutput.metadata = { client }),
  },
  {
    path: 'session.metadata.client',
    postHook: ({ session }, client) => Object.assign(session.metadata, { client }),
  },
];

describe.each(DOMAIN_SURFACES)('Run data on $adapter over $transport', ({ adapter, transport }) => {
  it.each(PLACES)(
    'G10: a value that is not plain data fails the hooks of its run, and only those: $path',
    async (place) => {
      const failures: string[] = [];
      let value: unknown;
      const agent = new Agent({
        id: 'agent',
        engine: ({ context }) => place.engine?.(context, value) ?? 'the answer',
        preHooks: [watchBefore, (context) => void place.preHook?.(context, value)],
        postHooks: [watchAfter, (context) => void place.postHook?.(context, value)],
      });
      const { agentOs, url } = await startApp({
        adapter,
        agentOs: { agents: [agent], onHookError: (failure) => void failures.push(describeFailure(failure)) },
      });
      const answers: unknown[] = [];
      const values = [...NOT_PLAIN.map((entry) => entry.value), 'plain'];
      for (value of values) {
        const { status, body } = await ask(url, '/agents/agent', 'hello', transport);
        answers.push([status, body['content']]);
      }
      await agentOs.drain();
      expect(failures).toEqual(
        NOT_PLAIN.flatMap(({ found }) => [
          `watchBefore: ${place.path} is ${found}`,
          `watchAfter: ${place.path} is ${found}`,
        ]),
      );
      expect(seen.map(({ runOutput }) => runOutput.content)).toEqual(['the answer', 'the answer']);
      expect(answers).toEqual(values.map(() => [200, 'the answer']));
    },
  );

  it('G10: a run that holds a value that is not plain data is stored without it', async () => {
    let visits = 0;
    const agent = new Agent({
      id: 'agent',
      engine: ({ context }) => {
        visits += 1;
        context.sessionState['visits'] = visits;
        if (visits === 2) context.sessionState['client'] = () => 'shared';
        return 'the answer';
      },
      preHooks: [({ session }) => void states.push({ ...session.state })],
    });
    const states: object[] = [];
    const { log, url } = await startApp({ adapter, agentOs: { agents: [agent] } });
    const fields = { message: 'hello', session_id: 'one', stream: String(transport === 'sse') };
    for (let run = 1; run <= 3; run++) await (await post(url, '/agents/agent', fields)).text();
    expect(states).toEqual([{}, { visits: 1 }, { visits: 2 }]);
    expect(log.messages('error')).toEqual([]);
    expect(log.messages('warn').filter((message) => message.startsWith('Run '))).toEqual([
      expect.stringMatching(/^Run .* of session "one" was stored without .*"run\.session\.state\.client"/),
    ]);
  });

  it('G10: a hook gets Date, Map, Set, Buffer and typed arrays as copies', async () => {
    const given = builtIns();
    const spoil = inBackground('spoil', ({ runContext, runOutput }) => {
      for (const { metadata } of [runContext, runOutput]) spoilBuiltIns(metadata as BuiltIns);
    });
    const agent = new Agent({
      id: 'agent',
      engine: () => ({ content: 'the answer', metadata: given }),
      postHooks: [spoil, watchAfter],
    });
    const { agentOs, url } = await startApp({ adapter, agentOs: { agents: [agent] } });
    await ask(url, '/agents/agent', 'hello', transport);
    await agentOs.drain();
    const copies = seen.flatMap(({ runContext, runOutput }) => [runContext.metadata, runOutput.metadata]);
    expect([given, ...copies]).toStrictEqual([builtIns(), builtIns(), builtIns()]);
  });
});

function describeFailure({ error, execution }: HookFailure): string {
  return error instanceof PlainDataError
    ? `${execution.hook}: ${error.path} is ${error.found}`
    : `${execution.hook}: ${error.message}`;
}

type BuiltIns = ReturnType<typeof builtIns>;

function builtIns() {
  return {
    date: new Date(0),
    map: new Map([['key', { inside: 'map' }]]),
    set: new Set([{ inside: 'set' }]),
    buffer: Buffer.from('bytes'),
    floats: new Float64Array([1, 2]),
  };
}

function spoilBuiltIns({ date, map, set, buffer, floats }: BuiltIns): void {
  date.setTime(1);
  for (const item of [...map.values(), ...set]) item.inside = 'spoilt';
  map.clear();
  set.clear();
  buffer.fill(0);
  floats.fill(0);
}

const circular: Record<string, unknown> = {};
circular['self'] = circular;

describe.each(DOMAIN_SURFACES)(
  'Data that JSON cannot represent ($adapter, $transport)',
  ({ adapter, transport }) => {
    it.each([
      ['a big integer', 1n],
      ['a circular object', circular],
      ['a function', () => 'shared'],
      ['an instance', new Client()],
    ])('G10: data with %s fail the hooks and not the response', async (_what, value) => {
      const agent = new Agent({
        id: 'agent',
        engine: () => ({ content: 'the answer', metadata: { value } }),
        postHooks: [watchAfter],
      });
      const { url, agentOs } = await startApp({ adapter, agentOs: { agents: [agent] } });

      const { status, body } = await ask(url, '/agents/agent', 'hello', transport);
      await agentOs.drain();

      expect([status, body['content']]).toEqual([200, 'the answer']);
      expect(await agentOs.executions.list()).toMatchObject([
        { state: 'failed', errorName: 'PlainDataError' },
      ]);
    });
  },
);
