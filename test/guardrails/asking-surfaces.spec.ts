import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Agent,
  parallel,
  step,
  Team,
  Workflow,
  type HookFunction,
  type PreHookContext,
} from 'nestjs-agentos';
import type { EngineYield } from 'nestjs-agentos/engine';
import { modelGuardrail, moderationGuardrail, type AskingGuardrailOptions } from 'nestjs-agentos/guardrails';

import { closeApps, startApp, type TestApp } from '../support/test-app.js';
import { uploadOf } from '../support/upload-form.js';
import { userId } from '../support/users.js';

/** What model and endpoint refuse, wherever they read it. */
const BAD = '66600666';
const TRANSPORTS = ['json', 'sse', 'background'] as const;
const KINDS = ['model', 'moderation'] as const;

let moderation: Server;
/** Texts that model and endpoint have been asked about. */
let looked: string[] = [];

const verdictOn = (texts: string): boolean => {
  looked.push(texts);
  return !texts.includes(BAD);
};

function guardrail(
  kind: (typeof KINDS)[number],
  options: AskingGuardrailOptions = {},
): HookFunction<PreHookContext> {
  if (kind === 'model') {
    const engine = ({ input }: { readonly input: string }): string =>
      JSON.stringify({ allowed: verdictOn(input), reason: 'read' });
    return modelGuardrail({ engine, policy: 'Nothing bad.', ...options });
  }
  const { port } = moderation.address() as AddressInfo;
  return moderationGuardrail({ baseURL: `http://127.0.0.1:${port}/v1`, ...options });
}

/** Questions that hold it in one place only. */
const QUESTIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'the question': { message: `say ${BAD}` },
  'a text of metadata': { metadata: JSON.stringify({ note: { deep: [BAD] } }) },
  'a number of metadata': { metadata: JSON.stringify({ note: Number(BAD) }) },
  'a key of metadata': { metadata: JSON.stringify({ [BAD]: true }) },
  dependencies: { dependencies: JSON.stringify({ deep: [{ note: BAD }] }) },
  'session state': { session_state: JSON.stringify({ note: BAD }) },
};

/** Answers that hold it in one place only. */
const ANSWERS: Readonly<Record<string, EngineYield>> = {
  'the answer': { content: BAD },
  'the reasoning': { content: 'fine', reasoning: `thinking of ${BAD}` },
  'the title of a source': {
    content: 'fine',
    sources: [{ kind: 'url', id: '1', url: 'https://example.com', title: BAD }],
  },
  'the address of a source': {
    content: 'fine',
    sources: [{ kind: 'url', id: '1', url: `https://example.com/${BAD}` }],
  },
  'the text of a source': {
    content: 'fine',
    sources: [{ kind: 'document', id: '1', title: 'Book', excerpt: BAD }],
  },
  'the name of a file': {
    content: 'fine',
    files: [{ id: '1', kind: 'image', name: `${BAD}.png`, content: 'iVBORw0KGgo=' }],
  },
  'the text of a file': {
    content: 'fine',
    files: [{ id: '1', kind: 'file', mediaType: 'text/plain', content: btoa(BAD) }],
  },
  'a number of data': { content: 'fine', data: { n: Number(BAD) } },
  'a key of data': { content: 'fine', data: { [BAD]: true } },
  metadata: { content: 'fine', metadata: { note: { n: Number(BAD) } } },
  'a number of tool arguments': {
    content: 'fine',
    tools: [{ id: '1', name: 'pay', arguments: { n: Number(BAD) } }],
  },
  'a key of tool arguments': { content: 'fine', tools: [{ id: '1', name: 'pay', arguments: { [BAD]: 1 } }] },
  'a tool result': { content: 'fine', tools: [{ id: '1', name: 'pay', arguments: {}, result: `n ${BAD}` }] },
};

/** What engines behind a guardrail of the input have been asked. */
let asked: string[] = [];
const listen = ({ input }: { readonly input: string }): string => {
  asked.push(input);
  return 'fine';
};
const answer = ({ input }: { readonly input: string }): EngineYield => ANSWERS[input] ?? 'fine';

function componentsOf(kind: (typeof KINDS)[number]) {
  const guard = guardrail(kind);
  const before = { preHooks: [guard] };
  const after = { postHooks: [guard] };
  const listening = new Agent({ id: `listening-${kind}`, engine: listen });
  const answering = new Agent({ id: `answering-${kind}`, engine: answer });
  return {
    agents: [
      new Agent({ id: `before-agents-${kind}`, engine: listen, ...before }),
      new Agent({ id: `after-agents-${kind}`, engine: answer, ...after }),
      new Agent({ id: `strict-${kind}`, engine: listen, preHooks: [guardrail(kind, { opaque: 'refuse' })] }),
      new Agent({
        id: `ignoring-${kind}`,
        engine: listen,
        preHooks: [guardrail(kind, { ignore: ['files', 'metadata', 'dependencies', 'sessionState'] })],
      }),
    ],
    teams: [
      new Team({
        id: `before-teams-${kind}`,
        members: [listening],
        mode: 'broadcast',
        engine: listen,
        ...before,
      }),
      new Team({
        id: `after-teams-${kind}`,
        members: [answering],
        engine: async ({ delegate, input }) => (await delegate(`answering-${kind}`, input), 'fine'),
        ...after,
      }),
    ],
    workflows: [
      new Workflow({ id: `before-workflows-${kind}`, steps: [step('ask', listening)], ...before }),
      new Workflow({
        id: `after-workflows-${kind}`,
        steps: [
          parallel('both', [step('answer', answering), step('other', () => 'fine')]),
          step('last', () => 'fine'),
        ],
        ...after,
      }),
      new Workflow({
        id: `failing-${kind}`,
        steps: [
          step('fails', () => Promise.reject(new Error(BAD)), { onError: 'continue' }),
          step('last', () => 'fine'),
        ],
        ...after,
      }),
    ],
  };
}

let app: TestApp;
let sessions = 0;

beforeAll(async () => {
  moderation = createServer((request, response) => {
    void json(request).then((body) => {
      const { input } = body as { readonly input: readonly string[] };
      const results = input.map((text) => ({
        flagged: !verdictOn(text),
        categories: {},
        category_scores: {},
      }));
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ results }));
    });
  });
  await new Promise<void>((resolve) => moderation.listen(0, '127.0.0.1', resolve));
  const [model, moderated] = [componentsOf('model'), componentsOf('moderation')];
  app = await startApp({
    agentOs: {
      agents: [...model.agents, ...moderated.agents],
      teams: [...model.teams, ...moderated.teams],
      workflows: [...model.workflows, ...moderated.workflows],
      http: { userId, acceptClientContext: true },
    },
  });
});
afterAll(closeApps);
afterAll(() => {
  moderation.closeAllConnections();
  moderation.close();
});

type Files = Parameters<typeof uploadOf>[0];

/** Runs a component, and reads all that a client may read of it afterwards. */
async function runAndRead(
  path: string,
  transport: (typeof TRANSPORTS)[number],
  fields: Readonly<Record<string, string>>,
  files: Files = [],
): Promise<string> {
  [asked, looked] = [[], []];
  const id = `s${++sessions}`;
  const headers = { 'x-user': 'ann' };
  const form = uploadOf(files, { message: 'hello', ...fields });
  form.set('session_id', id);
  form.set('stream', String(transport === 'sse'));
  if (transport === 'background') form.set('background', 'true');
  const response = await fetch(`${app.url}${path}/runs`, { method: 'POST', body: form, headers });
  let shown = await response.text();
  if (transport === 'background') {
    const { run_id: runId } = JSON.parse(shown) as { readonly run_id: string };
    // Ends when the run does.
    const resumed = await fetch(`${app.url}${path}/runs/${runId}/resume`, {
      method: 'POST',
      headers,
      body: new FormData(),
    });
    shown += await resumed.text();
  }
  await app.agentOs.drain();
  const stored = await fetch(`${app.url}/sessions/${id}/runs`, { headers });
  return [shown, await stored.text()].join('\n');
}

const CASES = KINDS.flatMap((kind) =>
  ['agents', 'teams', 'workflows'].flatMap((list) =>
    TRANSPORTS.map((transport) => [`${kind}Guardrail`, list, transport, kind] as const),
  ),
);

describe.each(CASES)('%s of %s (%s)', (_, list, transport, kind) => {
  it('among the pre-hooks inspects every part of the form', async () => {
    for (const [place, fields] of Object.entries(QUESTIONS)) {
      const all = await runAndRead(`/${list}/before-${list}-${kind}`, transport, fields);
      expect([place, asked, all.includes('The input is not allowed.')]).toEqual([place, [], true]);
    }
    for (const file of [
      { name: 'a.csv', type: 'text/csv', content: `Ann,${BAD}` },
      { name: 'a.bin', type: 'application/x-unknown', content: `Ann,${BAD}` },
      { name: `${BAD}.csv`, type: 'text/csv', content: 'Ann' },
    ].slice(list === 'agents' ? 0 : 2)) {
      const all = await runAndRead(`/${list}/before-${list}-${kind}`, transport, {}, [file]);
      expect([file.name, asked.length]).toEqual([file.name, 0]);
      expect(all).not.toContain('fine');
    }
    const all = await runAndRead(`/${list}/before-${list}-${kind}`, transport, { metadata: '{"a":1}' });
    expect(asked.length).toBeGreaterThan(0);
    expect(all).toContain('fine');
  });

  it('among the post-hooks inspects every part of the answer', async () => {
    for (const place of Object.keys(ANSWERS)) {
      const all = await runAndRead(`/${list}/after-${list}-${kind}`, transport, { message: place });
      expect([place, all.includes(BAD), all.includes('The answer is not allowed.')]).toEqual([
        place,
        false,
        true,
      ]);
    }
    // What the caller has given is no part of the answer.
    const all = await runAndRead(`/${list}/after-${list}-${kind}`, transport, {
      metadata: JSON.stringify({ note: BAD }),
    });
    expect(all).not.toContain('The answer is not allowed.');
  });
});

describe.each(KINDS)('A guardrail that asks a service (%s)', (kind) => {
  it('inspects the error of a failed step', async () => {
    const all = await runAndRead(`/workflows/failing-${kind}`, 'json', {});
    expect(looked.join()).toContain('fails');
    expect(all).not.toContain(BAD);
  });

  it('rejects data that it cannot inspect, if its options say so', async () => {
    const picture = { name: 'a.png', type: 'image/png', content: '\x89PNG\r\n\x1a\n\0\0' };
    expect(await runAndRead(`/agents/strict-${kind}`, 'json', {}, [picture])).toContain(
      'The input contains data that cannot be inspected.',
    );
    expect(await runAndRead(`/agents/strict-${kind}`, 'json', {})).toContain('fine');
    expect(await runAndRead(`/agents/before-agents-${kind}`, 'json', {}, [picture])).toContain('fine');
  });

  it('does not hand over data that its options ignore', async () => {
    const { metadata = '' } = QUESTIONS['a text of metadata'] ?? {};
    const file = { name: 'a.csv', type: 'text/csv', content: BAD };
    const fields = { metadata, dependencies: metadata, session_state: metadata };
    expect(await runAndRead(`/agents/ignoring-${kind}`, 'json', fields, [file])).toContain('fine');
    expect(looked.join()).toContain('hello');
    expect(looked.join()).not.toContain(BAD);
  });

  it('hands over each text once, and counts it once', async () => {
    const postHooks = [guardrail(kind, { maxLength: 2_000 })];
    const repeating = new Agent({ id: 'repeating', engine: () => 'word '.repeat(300), postHooks });
    looked = [];
    expect((await repeating.run('Hi')).content).toHaveLength(1_500);
    expect(looked.join().split('word '.repeat(300))).toHaveLength(2);
  });

  it('rejects more than maxLength in numbers and keys', async () => {
    const preHooks = [guardrail(kind, { maxLength: 100 })];
    const guarded = new Agent({ id: 'guarded', engine: () => 'fine', preHooks });
    const metadata = { n: Array.from({ length: 100 }, (_, index) => index) };
    await expect(guarded.run('hi', { metadata })).rejects.toMatchObject({
      message: 'The input is longer than the 100 characters that can be checked.',
    });
  });

  it('refuses an unknown option by name', () => {
    expect(() => guardrail(kind, { opague: 'refuse' } as never)).toThrow('unknown option "opague"');
  });

  it('hands over invisible characters, which models read', async () => {
    const preHooks = [guardrail(kind)];
    const guarded = new Agent({ id: 'guarded', engine: () => 'fine', preHooks });
    const hidden = Array.from('hidden', (letter) =>
      String.fromCodePoint(0xe0000 + letter.charCodeAt(0)),
    ).join('');
    looked = [];
    await guarded.run(hidden);
    expect(looked.join()).toContain(hidden);
  });
});
