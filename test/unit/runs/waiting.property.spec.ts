import { inspect } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  Agent,
  defineGuardrail,
  defineHook,
  InMemorySessionStore,
  InputCheckError,
  OutputCheckError,
  type PostHookContext,
  type PreHookContext,
} from 'nestjs-agentos';
import type { EngineYield } from 'nestjs-agentos/engine';
import { SessionStore } from 'nestjs-agentos/stores';

import { createTestAgentOs, fixedClock, type TestAgentOs } from 'nestjs-agentos/testing';

import { InProcessHookExecutor } from '../../../src/execution/in-process-hook.executor.js';
import { RecordingLogger } from '../../support/recording-logger.js';

/** The parts of a run that either answer at once or give a promise. */
interface Waits {
  readonly engine: boolean;
  readonly hooks: boolean;
  readonly store: boolean;
  readonly executor: boolean;
}

type HookAction = 'nothing' | 'edit' | 'fail' | 'reject';

/** The work of a run and its hooks. */
interface Plan {
  readonly answer: 'text' | 'output' | 'pieces' | 'nothing' | 'error';
  /** Of the hooks in the order of {@link HOOKS}. */
  readonly hooks: readonly HookAction[];
  readonly isStreamed: boolean;
  readonly isNamed: boolean;
}

const HOOKS = ['preInline', 'preBackground', 'postInline', 'guardrail', 'firstAfter', 'secondAfter'] as const;
const NOTHING_WAITS: Waits = { engine: false, hooks: false, store: false, executor: false };

const log = new RecordingLogger();
let os: TestAgentOs;
let plan: Plan;
let waits = NOTHING_WAITS;
/** The copies and data that hooks have been given, as text. */
let seen: string[] = [];
let prefix = '';
let ids = 0;

class Store extends InMemorySessionStore {
  override async open(
    ...call: Parameters<InMemorySessionStore['open']>
  ): ReturnType<InMemorySessionStore['open']> {
    if (waits.store) await turn();
    return super.open(...call);
  }

  override append(...call: Parameters<InMemorySessionStore['append']>): Promise<boolean> {
    return waits.store ? turn().then(() => super.append(...call)) : super.append(...call);
  }
}

class Executor extends InProcessHookExecutor {
  override accept(batch: Parameters<InProcessHookExecutor['accept']>[0]): Promise<void> | undefined {
    const accepted = super.accept(batch);
    return waits.executor ? turn().then(() => accepted) : accepted;
  }
}

const store = new Store();

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function maybeLater<T>(isLater: boolean, work: () => T): T | Promise<T> {
  return isLater ? turn().then(work) : work();
}

function answer(): EngineYield | Iterable<EngineYield> {
  switch (plan.answer) {
    case 'text':
      return 'A text.';
    case 'output':
      return {
        content: 'An output.',
        metrics: { inputTokens: 1, outputTokens: 2 },
        metadata: { source: { pages: [1, 2] } },
        tools: [{ id: 'call', name: 'look', arguments: { at: 'it' }, result: 'seen', failed: false }],
      };
    case 'pieces':
      return [{ type: 'text', text: 'Two ' } as const, 'pieces.'];
    case 'nothing':
      return '';
    case 'error':
      throw new Error('The engine is broken.');
    default:
      return plan.answer satisfies never;
  }
}

const agent = new Agent({
  id: 'subject',
  engine: ({ context }) =>
    maybeLater(waits.engine, () => {
      context.sessionState['visits'] = Number(context.sessionState['visits'] ?? 0) + 1;
      return answer();
    }) as never,
  preHooks: [hook('preInline', false), hook('preBackground', true)],
  postHooks: [
    hook('postInline', false),
    hook('guardrail', false),
    hook('firstAfter', true, { on: ['completed', 'rejected', 'failed'] }),
    hook('secondAfter', true),
  ],
});

function hook(
  name: (typeof HOOKS)[number],
  runInBackground: boolean,
  options: object = {},
): ReturnType<typeof defineHook> {
  const isPre = name.startsWith('pre');
  const call = (context: PreHookContext): void | Promise<void> =>
    maybeLater(waits.hooks, () => act(name, isPre, context as PostHookContext));
  if (name === 'guardrail') return defineGuardrail(call, { name }) as never;
  return defineHook(call, { name, ...options, ...(runInBackground ? { runInBackground } : {}) }) as never;
}

function act(name: (typeof HOOKS)[number], isPre: boolean, context: PostHookContext): void {
  const { runInput, runContext, runOutput, session, hook: info } = context;
  seen.push(inspect({ runInput, runContext, runOutput, session, info }, { depth: null, sorted: true }));
  switch (plan.hooks[HOOKS.indexOf(name)]) {
    case 'edit':
      session.metadata[name] = { by: name };
      if (!isPre) runOutput.content += ` (${name})`;
      return;
    case 'fail':
      throw new Error(`The hook ${name} is broken.`);
    case 'reject':
      throw isPre ? new InputCheckError('Not this.') : new OutputCheckError('Not that.');
    default:
  }
}

/** @param sessionStore - default: that of the module, which answers at once */
async function start(sessionStore?: SessionStore): Promise<void> {
  os = await createTestAgentOs({
    agents: [agent],
    ...(sessionStore && { sessionStore }),
    executor: new Executor({ concurrency: 1, maxPending: 100, onOverflow: () => undefined }),
    ids: () => `${prefix}-${++ids}`,
    clock: fixedClock(),
    logger: log,
  });
}

beforeAll(() => start(store));
afterAll(() => os.close());

/** All that can be seen of a run, with its ids as if it were the only one. */
async function observe(given: Plan, waiting: Waits, name: string): Promise<string> {
  [plan, waits, seen, prefix, ids] = [given, waiting, [], name, 0];
  log.entries.length = 0;
  const fields = new URLSearchParams({ message: 'A question?', stream: String(given.isStreamed) });
  if (given.isNamed) fields.set('session_id', `${name}-session`);
  const response = await fetch(`${os.url}/agents/subject/runs`, { method: 'POST', body: fields });
  const headers = [...response.headers].filter(([header]) => !['date', 'etag'].includes(header));
  const bytes = await response.text();
  await os.agentOs.drain();
  waits = NOTHING_WAITS;
  const sessionId = given.isNamed ? `${name}-session` : /"session_id":"([^"]+)"/.exec(bytes)?.[1];
  const sessions = os.app.get(SessionStore, { strict: false });
  const stored = sessionId === undefined ? undefined : await sessions.find(sessionId);
  const runs = sessionId === undefined ? [] : await sessions.runs(sessionId);
  const executions = (await os.agentOs.executions.list({ limit: 1_000 })).filter(({ runId }) =>
    runId.startsWith(`${name}-`),
  );
  const logged = log.entries.map(({ level, message }) => `${level}: ${message}`);
  const all = { status: response.status, headers, bytes, stored, runs, executions, logged, seen };
  return inspect(all, { depth: null, sorted: true, maxStringLength: null }).replaceAll(name, 'it');
}

/** Most hooks do not end their run: otherwise few runs would complete. */
const hookActions: fc.Arbitrary<HookAction> = fc.oneof(
  { weight: 6, arbitrary: fc.constant('nothing') },
  { weight: 3, arbitrary: fc.constant('edit') },
  { weight: 1, arbitrary: fc.constantFrom('fail', 'reject') },
);
const plans: fc.Arbitrary<Plan> = fc.record({
  answer: fc.constantFrom('text', 'output', 'pieces', 'nothing', 'error'),
  hooks: fc.tuple(...HOOKS.map(() => hookActions)),
  isStreamed: fc.boolean(),
  isNamed: fc.boolean(),
});
const waiting: fc.Arbitrary<Waits> = fc.record({
  engine: fc.boolean(),
  hooks: fc.boolean(),
  store: fc.boolean(),
  executor: fc.boolean(),
});

describe('A run without any asynchronous wait', () => {
  it('answers, stores, logs and shows its hooks like one whose engine, hooks, store or executor wait', async () => {
    let count = 0;
    await fc.assert(
      fc.asyncProperty(plans, waiting, async (given, waits) => {
        const number = String(count++).padStart(4, '0');
        const atOnce = await observe(given, NOTHING_WAITS, `once${number}`);
        const later = await observe(given, waits, `late${number}`);
        expect(later).toBe(atOnce);
      }),
      { numRuns: 60 },
    );
  });

  it('answers, stores, logs and shows its hooks the same with the default store, which stores it at once', async () => {
    const given = fc.sample(plans, 40);
    const observeAll = async (): Promise<string[]> => {
      const all: string[] = [];
      for (const [index, plan] of given.entries())
        all.push(await observe(plan, NOTHING_WAITS, `default${String(index).padStart(4, '0')}`));
      return all;
    };
    const waited = await observeAll();
    await os.close();
    await start();
    expect(await observeAll()).toEqual(waited);
  });

  it('can be cancelled by the code that has started it', async () => {
    [waits, prefix, ids] = [NOTHING_WAITS, 'cancelled', 0];
    const running = os.agentOs.run(new Agent({ id: 'alone', engine: () => 'A text.' }), 'A question?');
    expect(os.agentOs.cancel('cancelled-1')).toBe(true);
    await expect(running).rejects.toThrow('cancelled');
  });
});
