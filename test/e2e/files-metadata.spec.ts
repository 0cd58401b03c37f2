import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent, type AgentOsOptions, type RunFile } from 'nestjs-agentos';
import { piiGuardrail } from 'nestjs-agentos/guardrails';

import { postBody } from '../support/http-client.js';
import { ADAPTERS, closeApps, startApp } from '../support/test-app.js';
import { uploadOf } from '../support/upload-form.js';

afterEach(closeApps);

const FILES = [
  { name: 'a.txt', type: 'text/plain', content: 'first' },
  { name: 'b.txt', type: 'text/plain', content: 'second' },
];

describe.each(ADAPTERS)('The metadata of uploads on %s', (adapter) => {
  async function start(
    options: Partial<AgentOsOptions> = {},
  ): Promise<{ url: string; seen: (RunFile['metadata'] | undefined)[] }> {
    const seen: (RunFile['metadata'] | undefined)[] = [];
    const reader = new Agent({
      id: 'reader',
      engine: ({ files }) => {
        seen.push(...files.map(({ metadata }) => metadata));
        return 'read';
      },
    });
    const { url } = await startApp({ adapter, agentOs: { agents: [reader], ...options } });
    return { url, seen };
  }
  const ask = (url: string, metadata: string, files = FILES): Promise<Response> =>
    postBody(url, '/agents/reader', uploadOf(files, { session_id: 's1', files_metadata: metadata }));

  it.each([
    ['[{"title":"A"},{"title":"B","pages":[1,2]}]', [{ title: 'A' }, { title: 'B', pages: [1, 2] }]],
    ['[{},{"title":"B"},{"title":"C"}]', [undefined, { title: 'B' }]],
    ['[{"title":"A"}]', [{ title: 'A' }, undefined]],
    ['[]', [undefined, undefined]],
    ['', [undefined, undefined]],
  ])('belongs to them by position: %s', async (metadata, expected) => {
    const { url, seen } = await start();
    expect((await ask(url, metadata)).status).toBe(200);
    expect(seen).toEqual(expected);
  });

  it('is stored with the run', async () => {
    const { url } = await start();
    await ask(url, '[{"title":"A"}]');
    const [run] = (await (await fetch(`${url}/sessions/s1/runs`)).json()) as { input_media: unknown }[];
    expect(run?.input_media).toMatchObject({
      files: [{ filename: 'a.txt', metadata: { title: 'A' } }, { filename: 'b.txt' }],
    });
  });

  it.each(['no', '{}', '[1]', '[null]', '"[]"'])(
    'is refused if it is no array of objects: %s',
    async (given) => {
      const { url, seen } = await start();
      const response = await ask(url, given);
      expect([response.status, await response.json()]).toMatchObject([
        422,
        { detail: [{ type: 'json_invalid', loc: ['body', 'files_metadata'] }] },
      ]);
      expect(seen).toEqual([]);
    },
  );

  it('is inspected by guardrails with the files', async () => {
    const { url, seen } = await start({ preHooks: [piiGuardrail({ strategy: 'mask', types: ['email'] })] });
    await ask(url, '[{"author":"ann@example.com"}]');
    expect(JSON.stringify(seen)).not.toContain('ann@example.com');
    expect(seen[0]).toHaveProperty('author');
  });
});
