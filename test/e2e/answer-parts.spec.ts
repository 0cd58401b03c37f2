import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  defineGuardrail,
  defineHook,
  InMemorySessionStore,
  OutputCheckError,
  Team,
  Workflow,
  type PostHookContext,
  type RunEvent,
  type RunOutput,
} from 'nestjs-agentos';
import type { EngineYield, LeaderRequest } from 'nestjs-agentos/engine';
import { piiGuardrail } from 'nestjs-agentos/guardrails';

import { runJson, runSse, type Frame } from '../support/http-client.js';
import { closeApps, startApp, type TestApp } from '../support/test-app.js';

const PIXEL = 'iVBORw0KGgo=';
const page = { kind: 'url', id: 'page', url: 'https://example.com/returns', title: 'Returns' } as const;
const book = {
  kind: 'document',
  id: 'book',
  title: 'Handbook',
  name: 'handbook.pdf',
  excerpt: 'Thirty days.',
} as const;
const image = { id: 'image', kind: 'image', mediaType: 'image/png', content: PIXEL } as const;
const speech = { id: 'speech', kind: 'audio', mediaType: 'audio/wav', content: 'UklGRg==' } as const;
const jingle = {
  id: 'jingle',
  kind: 'audio',
  mediaType: 'audio/ogg',
  url: 'https://example.com/a.ogg',
} as const;

async function* answer(): AsyncGenerator<EngineYield> {
  yield { type: 'reasoning', text: 'They ask ' };
  yield { type: 'reasoning', text: 'about returns.' };
  yield 'Thirty days.';
  yield { type: 'source', source: page };
  yield { type: 'source', source: book };
  yield { type: 'file', file: image };
  yield { type: 'file', file: speech };
  yield { type: 'file', file: jingle };
}

const PARTS = {
  reasoning: 'They ask about returns.',
  sources: [page, book],
  files: [image, speech, jingle],
};

/** What background hooks have seen. */
let seen: Pick<RunOutput, 'reasoning' | 'sources' | 'files'>[] = [];
const look = defineHook<PostHookContext>(
  ({ runOutput: { reasoning, sources, files } }) => void seen.push({ reasoning, sources, files }),
  { name: 'look', runInBackground: true, on: ['completed', 'rejected'] },
);
const mailing = (): EngineYield => ({
  content: 'Write to us.',
  reasoning: 'Their address is ann@example.com.',
  sources: [{ ...book, excerpt: 'Write to ann@example.com.' }],
});
const edit = defineHook<PostHookContext>(
  ({ runOutput }) => {
    runOutput.content = 'Edited.';
  },
  { name: 'edit' },
);
const agree = defineGuardrail(() => undefined, { name: 'agree' });
const reject = defineGuardrail(
  () => {
    throw new OutputCheckError('No.');
  },
  { name: 'reject' },
);

let failures = 0;
const rich = new Agent({ id: 'rich', engine: answer, postHooks: [look] });
const agents = [
  rich,
  new Agent({ id: 'guarded', engine: answer, postHooks: [agree] }),
  new Agent({ id: 'rejected', engine: answer, postHooks: [reject, look] }),
  new Agent({ id: 'edited', engine: answer, postHooks: [agree, edit] }),
  new Agent({
    id: 'masked',
    engine: mailing,
    postHooks: [piiGuardrail({ strategy: 'mask', types: ['email'] })],
  }),
  new Agent({ id: 'whole', engine: (): EngineYield => ({ content: 'Thirty days.', ...PARTS }) }),
  new Agent({
    id: 'repeated',
    retries: 1,
    engine: async function* (): AsyncGenerator<EngineYield> {
      yield { type: 'reasoning', text: 'first' };
      yield { type: 'source', source: page };
      yield { type: 'file', file: image };
      if (failures++ % 2 === 0) throw new Error('once more');
      yield 'done';
    },
  }),
];

let testApp: TestApp;

beforeAll(async () => {
  testApp = await startApp({
    agentOs: {
      agents,
      teams: [
        new Team({
          id: 'desk',
          mode: 'route',
          members: [rich],
          engine: async function* ({ delegate }: LeaderRequest): AsyncGenerator<EngineYield> {
            yield { type: 'reasoning', text: 'to whom?' };
            await delegate('rich', 'hello');
          },
        }),
      ],
      workflows: [new Workflow({ id: 'flow', steps: [rich] })],
      sessionStore: new InMemorySessionStore(),
    },
  });
});
afterAll(closeApps);
beforeEach(async () => {
  await testApp.agentOs.drain();
  seen = [];
});

/** Pieces of the answer as the stream shows them, without what all events have. */
function piecesOf(frames: readonly Frame[], name = 'RunContent'): Record<string, unknown>[] {
  return frames
    .filter(({ event }) => event === name)
    .map(({ data }) =>
      Object.fromEntries(
        ['content', 'reasoning_content', 'citations', 'references', 'image', 'response_audio']
          .filter((key) => data[key] !== undefined)
          .map((key) => [key, data[key]]),
      ),
    );
}

const IMAGE = { id: 'image', url: `data:image/png;base64,${PIXEL}`, mime_type: 'image/png' };
const SPEECH = { id: 'speech', url: 'data:audio/wav;base64,UklGRg==', mime_type: 'audio/wav' };
const JINGLE = { id: 'jingle', url: 'https://example.com/a.ogg', mime_type: 'audio/ogg' };
const URLS = [{ url: page.url, title: 'Returns' }];
const DOCUMENTS = [{ document_title: 'Handbook', cited_text: 'Thirty days.', file_name: 'handbook.pdf' }];
const REFERENCES = [
  {
    query: '',
    references: [{ name: 'Handbook', content: 'Thirty days.', meta_data: { file_name: 'handbook.pdf' } }],
  },
];
/** The parts of the answer in an output of the protocol. */
const SHOWN = {
  content: 'Thirty days.',
  reasoning_content: PARTS.reasoning,
  citations: { urls: URLS, documents: DOCUMENTS },
  references: REFERENCES,
  images: [IMAGE],
  audio: [JINGLE],
  response_audio: SPEECH,
};

describe('The reasoning, the sources and the files of an answer', () => {
  it.each(['rich', 'guarded'])(
    'are streamed as pieces of content, and stand in the last event: %s',
    async (id) => {
      const frames = await runSse(testApp.url, `/agents/${id}`, 'hello');
      const pieces = piecesOf(frames);
      const reasoning = pieces.map((piece) => piece['reasoning_content']).join('');

      expect(reasoning).toBe(PARTS.reasoning);
      expect(pieces.filter((piece) => piece['reasoning_content'] === '')).toEqual([
        { content: 'Thirty days.', reasoning_content: '' },
        { content: '', reasoning_content: '', citations: { urls: URLS } },
        { content: '', reasoning_content: '', citations: { documents: DOCUMENTS }, references: REFERENCES },
        { content: '', reasoning_content: '', image: IMAGE },
        { content: '', reasoning_content: '', response_audio: SPEECH },
        { content: '', reasoning_content: '', response_audio: JINGLE },
      ]);
      expect(frames.at(-1)?.data).toMatchObject({ ...SHOWN, extra_data: { references: REFERENCES } });
    },
  );

  it.each(['rich', 'guarded', 'whole'])('stand in the output: %s', async (id) => {
    const { body } = await runJson(testApp.url, `/agents/${id}`, 'hello');
    expect(body).toMatchObject(SHOWN);
  });

  it('are left out of the answers that have none', async () => {
    const { body } = await runJson(testApp.url, '/workflows/flow', 'hello');
    expect(body).not.toHaveProperty('reasoning_content');
    expect(body).toMatchObject({ step_executor_runs: [SHOWN] });
  });

  it('are the answer of a team that routes to the member, and not those of its leader', async () => {
    const frames = await runSse(testApp.url, '/teams/desk', 'hello');
    const texts = piecesOf(frames, 'TeamRunContent').map((piece) => piece['reasoning_content']);
    expect(texts.join('')).toBe(PARTS.reasoning);
    expect(frames.at(-1)?.data).toMatchObject(SHOWN);
  });

  it('are stored in the session, files without their content', async () => {
    await runJson(testApp.url, '/agents/rich', 'hello', { session_id: 'stored' });
    const [stored] = (await (await fetch(`${testApp.url}/sessions/stored/runs`)).json()) as unknown[];
    expect(stored).toMatchObject({
      reasoning_content: PARTS.reasoning,
      citations: { urls: URLS, documents: DOCUMENTS },
      references: REFERENCES,
      images: [],
      audio: [JINGLE],
    });
    expect(JSON.stringify(stored)).not.toContain(PIXEL);
  });

  it('are seen by background hooks', async () => {
    await runJson(testApp.url, '/agents/rich', 'hello');
    await testApp.agentOs.drain();
    expect(seen).toEqual([PARTS]);
  });

  it('are events of a run for its own application', async () => {
    const events: RunEvent[] = [];
    for await (const event of testApp.agentOs.stream('rich', 'hello')) events.push(event);
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['run-reasoning', 'run-content', 'run-source', 'run-file']),
    );
  });

  it('are gone if a guardrail rejects the answer', async () => {
    const { status, body } = await runJson(testApp.url, '/agents/rejected', 'hello', { session_id: 'no' });
    expect(status).toBe(400);
    for (const key of ['reasoning_content', 'citations', 'images', 'response_audio'])
      expect(body).not.toHaveProperty(key);
    const stored = await (await fetch(`${testApp.url}/sessions/no/runs`)).text();
    expect(stored).not.toMatch(/They ask|Handbook|example\.com/);
    await testApp.agentOs.drain();
    expect(seen).toEqual([{}]);
  });

  it('are streamed after an edit of a held answer, in the order of an answer', async () => {
    const frames = await runSse(testApp.url, '/agents/edited', 'hello');
    const pieces = piecesOf(frames);
    expect(pieces.map((piece) => piece['content'] || piece['reasoning_content'])).toEqual(
      [PARTS.reasoning, 'Edited.', undefined, undefined, undefined, undefined, undefined].map(
        (text) => text ?? '',
      ),
    );
  });

  it.each(['sse', 'json'])(
    'are masked like the answer, where a guardrail masks them: %s',
    async (transport) => {
      const shown =
        transport === 'sse'
          ? JSON.stringify(await runSse(testApp.url, '/agents/masked', 'hello'))
          : JSON.stringify((await runJson(testApp.url, '/agents/masked', 'hello')).body);
      expect(shown).not.toContain('ann@example.com');
      expect(shown).toContain('Their address is [EMAIL].');
      expect(shown).toContain('Write to [EMAIL].');
    },
  );

  it('of a failed attempt are not part of the answer of the next one', async () => {
    const { body } = await runJson(testApp.url, '/agents/repeated', 'hello');
    expect(body).toMatchObject({ content: 'done', reasoning_content: 'first', images: [IMAGE] });
    expect(body['citations']).toEqual({ urls: URLS });
  });
});
