import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  defineGuardrail,
  Team,
  Workflow,
  parallel,
  step,
  type HookFunction,
  type PostHookContext,
  type RunOutput,
} from 'nestjs-agentos';

import { ask, TRANSPORTS } from '../support/surfaces.js';
import { closeApps, startApp } from '../support/test-app.js';
import { readText } from '../support/users.js';

afterEach(closeApps);

const SECRET = 'the launch code';

function guardrail(change: (output: RunOutput) => unknown): HookFunction<PostHookContext> {
  return defineGuardrail<PostHookContext>(({ runOutput }) => void change(runOutput), { name: 'mask' });
}

/** Replaces the secret in place, in every record and list below a value. */
function maskInPlace(value: unknown, seen = new Set<unknown>()): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || seen.has(value)) return;
  seen.add(value);
  for (const [key, item] of Object.entries(value)) {
    if (typeof item === 'string') Object.assign(value, { [key]: item.replaceAll(SECRET, '***') });
    else maskInPlace(item, seen);
  }
}

/** What is not plain data, but can be told apart from a change beside it. */
const cycle: Record<string, unknown> = {};
cycle['self'] = cycle;
const ODD: readonly (readonly [string, () => unknown])[] = [
  ['plain data', () => 1],
  ['a function', () => () => SECRET],
  ['a big integer', () => 10n],
  ['a symbol', () => Symbol('s')],
  ['a cycle', () => cycle],
  ['a map of a subclass', () => new (class Registry extends Map {})()],
  ['a record without a prototype', () => Object.assign(Object.create(null) as object, { a: 1 })],
  ['a getter', () => Object.defineProperty({}, 'x', { enumerable: true, get: () => ({ a: 1 }) })],
];

/** What nobody can see a change of. */
class Report {
  readonly #text = SECRET;
  read(): string {
    return this.#text;
  }
}
const OPAQUE: readonly (readonly [string, () => unknown])[] = [
  ['an instance of a class', () => new Report()],
  ['a promise', () => Promise.resolve(SECRET)],
  [
    'a getter that throws',
    () =>
      Object.defineProperty({}, 'x', {
        enumerable: true,
        get: () => {
          throw new Error('closed');
        },
      }),
  ],
];

/** A team whose member, tools and answer tell the secret, with something odd among its data. */
function desk(odd: unknown, mask: HookFunction<PostHookContext>): Team {
  const member = new Agent({
    id: 'member',
    engine: () => ({ content: SECRET, data: { quote: SECRET }, metadata: { quote: SECRET } }),
  });
  return new Team({
    id: 'desk',
    members: [member],
    postHooks: [mask],
    engine: async function* ({ delegate }) {
      yield { type: 'tool-call', id: 'c', name: 'look', arguments: { query: SECRET, odd } } as const;
      yield { type: 'tool-result', id: 'c', result: SECRET } as const;
      await delegate('member', 'go');
      yield { content: 'fine', metadata: { odd, quote: SECRET } };
    },
  });
}

interface Seen {
  readonly status: number;
  readonly answer: string;
  readonly stored: string;
  readonly log: string;
}

async function run(component: Team | Workflow, transport: 'json' | 'sse'): Promise<Seen> {
  const agentOs = component instanceof Team ? { teams: [component] } : { workflows: [component] };
  const { url, log } = await startApp({ agentOs });
  const { status, text } = await ask(url, `/${component.kind}s/${component.id}`, 'hi', transport, {
    session_id: 's',
  });
  const paths = ['/sessions/s/runs', '/sessions/s'];
  const stored = await Promise.all(paths.map((path) => readText(url, path)));
  return { status, answer: text, stored: stored.join(), log: JSON.stringify(log) };
}

describe.each(TRANSPORTS)('A text that a guardrail masks in place, answered as %s,', (transport) => {
  it.each(ODD)('is masked everywhere if the output holds %s', async (_name, odd) => {
    const { status, answer, stored } = await run(
      desk(
        odd(),
        guardrail((output) => maskInPlace(output)),
      ),
      transport,
    );
    expect(status).toBe(200);
    expect(answer).toContain('fine');
    expect(answer).not.toContain(SECRET);
    expect(stored).not.toContain(SECRET);
  });

  it.each(ODD)(
    'is masked no further than the guardrail has changed it if the output holds %s',
    async (_name, odd) => {
      const { status, answer } = await run(
        desk(
          odd(),
          guardrail(() => undefined),
        ),
        transport,
      );
      expect(status).toBe(200);
      expect(answer).toContain(SECRET);
    },
  );

  it.each(OPAQUE)(
    'fails the run if the output holds %s: a change of it would not be noticed',
    async (_name, odd) => {
      const { status, answer, stored } = await run(
        desk(
          odd(),
          guardrail((output) => maskInPlace(output)),
        ),
        transport,
      );
      expect(status).toBe(transport === 'json' ? 500 : 200);
      expect(answer).toContain('guardrail_failed');
      expect(answer).not.toContain(SECRET);
      expect(stored).not.toContain(SECRET);
    },
  );

  it.each<[string, (output: RunOutput) => unknown]>([
    [
      'arguments and results of tools',
      ({ tools }) => tools.forEach((tool) => Object.assign(tool, { arguments: {}, result: '***' })),
    ],
    ['contents of members', ({ memberResponses }) => memberResponses.forEach((it) => (it.content = '***'))],
    ['data of members', ({ memberResponses }) => memberResponses.forEach((it) => (it.data = {}))],
    ['messages', ({ messages }) => messages.forEach((message) => Object.assign(message, { content: '***' }))],
    ['lists that it replaces', (output) => Object.assign(output, { tools: [], memberResponses: [] })],
    [
      'members that it replaces',
      (output) => (output.memberResponses = output.memberResponses.map((it) => ({ ...it, content: '***' }))),
    ],
  ])('removes unchanged data beside it: %s', async (_name, change) => {
    const { status, answer, stored } = await run(desk(1, guardrail(change)), transport);
    expect(status).toBe(200);
    expect(answer).not.toContain(SECRET);
    expect(stored).not.toContain(SECRET);
  });

  it('is masked in the steps of blocks, whose content quotes them', async () => {
    const tell = new Agent({ id: 'tell', engine: () => ({ content: SECRET, data: { quote: SECRET } }) });
    const mask = guardrail(({ stepResults }) => {
      const inner = stepResults[0]?.steps?.[0];
      if (inner) Object.assign(inner, { content: '***' });
    });
    const flow = new Workflow({
      id: 'flow',
      steps: [parallel('both', [step('tell', tell), step('other', () => 'fine')]), step('end', () => 'done')],
      postHooks: [mask],
    });
    const { status, answer, stored } = await run(flow, transport);
    expect(status).toBe(200);
    expect(answer).toContain('done');
    expect(answer).not.toContain(SECRET);
    expect(stored).not.toContain(SECRET);
  });
});

describe('A guardrail whose changes cannot be followed', () => {
  it('is named in the log, with the path to the data that it may have changed', async () => {
    const { log } = await run(
      desk(
        new Report(),
        guardrail(() => undefined),
      ),
      'json',
    );
    expect(log).toContain('runOutput');
    expect(log).toContain('arguments.odd');
  });
});
