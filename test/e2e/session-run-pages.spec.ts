import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { drizzle } from 'drizzle-orm/pglite';
import { Agent, InMemorySessionStore, Workflow } from 'nestjs-agentos';
import type { SessionStore } from 'nestjs-agentos/stores';
import { migrate, SqlSessionStore } from 'nestjs-agentos/sql';

import { createPglite } from '../support/pglite.js';
import { componentOf, keepRun, storedRunOf } from '../support/stored-data.js';
import { ADAPTERS, closeApps, startApp, type Adapter } from '../support/test-app.js';

afterEach(closeApps);

const MIB = 1024 * 1024;
const helper = new Agent({ id: 'helper', engine: ({ input }) => input });

interface Page {
  readonly ids: string[];
  readonly next: string | undefined;
  readonly size: number;
}

async function readPage(url: string): Promise<Page> {
  const reply = await fetch(url);
  const text = await reply.text();
  expect([reply.status, reply.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
  const link = reply.headers.get('link') ?? undefined;
  return {
    ids: (JSON.parse(text) as { run_id: string }[]).map(({ run_id }) => run_id),
    next: link && /^<([^>]+)>; rel="next"$/.exec(link)?.[1],
    size: Buffer.byteLength(text),
  };
}

/** All pages from the latest on, as a client reads them that follows the links. */
async function readPages(url: string, path: string): Promise<Page[]> {
  const pages: Page[] = [];
  for (let next: string | undefined = path; next !== undefined; next = pages.at(-1)?.next)
    pages.push(await readPage(new URL(next, url).href));
  return pages;
}

const idsUpTo = (count: number, prefix = 'r'): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

async function serve(sessionStore: SessionStore, adapter: Adapter = 'express', prefix = ''): Promise<string> {
  const flow = new Workflow({ id: 'flow', steps: [helper] });
  const http = prefix === '' ? {} : { prefix };
  const { url } = await startApp({
    adapter,
    agentOs: { agents: [helper], workflows: [flow], sessionStore, http },
  });
  return url;
}

async function keepRuns(store: SessionStore, sessionId: string, count: number, content = 'x'): Promise<void> {
  for (const runId of idsUpTo(count, `${sessionId}-`))
    await keepRun(store, storedRunOf({ sessionId, runId, content, messages: [], tools: [] }));
}

const client = await createPglite();

describe.each(ADAPTERS)('The runs of a session on %s', (adapter) => {
  it('are the latest 100, with a link to the runs before them, down to the first', async () => {
    const store = new InMemorySessionStore({ maxRunsPerSession: 1_000 });
    await keepRuns(store, 's', 205);
    const url = await serve(store, adapter, 'os');
    const ids = idsUpTo(205, 's-');
    for (const path of ['/os/sessions/s/runs', '/os/agents/helper/runs?session_id=s']) {
      const pages = await readPages(url, path);
      expect(pages.map((page) => page.ids)).toEqual([ids.slice(105), ids.slice(5, 105), ids.slice(0, 5)]);
      expect(pages[0]?.next?.startsWith(path.split('?')[0] ?? '')).toBe(true);
    }
  });

  it('are as many as the client asks for, with the other filters of its query kept', async () => {
    const store = new InMemorySessionStore();
    await keepRuns(store, 's', 5);
    const url = await serve(store, adapter);
    const pages = await readPages(url, '/sessions/s/runs?limit=2&type=agent&created_after=1');
    expect(pages.map(({ ids }) => ids)).toEqual([['s-3', 's-4'], ['s-1', 's-2'], ['s-0']]);
    expect(pages[0]?.next).toBe('/sessions/s/runs?limit=2&type=agent&created_after=1&before=s-3');
    expect(await readPages(url, '/sessions/s/runs?limit=5')).toMatchObject([{ next: undefined }]);
    expect(await readPages(url, '/sessions/s/runs?before=gone')).toMatchObject([
      { ids: [], next: undefined },
    ]);
    for (const query of ['limit=0', 'limit=1001', 'limit=x', `before=${'x'.repeat(256)}`])
      expect((await fetch(`${url}/sessions/s/runs?${query}`)).status).toBe(422);
  });
});

describe('The runs of a session', () => {
  it('of a workflow are counted without those of its steps', async () => {
    const store = new InMemorySessionStore();
    const sessionId = 'w';
    const component = componentOf('flow', 'workflow');
    await store.create({ id: sessionId, component });
    for (const runId of idsUpTo(3)) {
      for (const step of idsUpTo(4, `${runId}-step`))
        await keepRun(store, storedRunOf({ sessionId, runId: step, parentRunId: runId }));
      await keepRun(store, storedRunOf({ sessionId, runId, component }));
    }
    const pages = await readPages(await serve(store), '/sessions/w/runs?limit=2');
    expect(pages.map(({ ids }) => ids)).toEqual([['r1', 'r2'], ['r0']]);
  });

  it('include a run larger than a page, which has a page of its own', async () => {
    const store = new InMemorySessionStore();
    await keepRuns(store, 'huge', 2, 'x'.repeat(17 * MIB));
    const pages = await readPages(await serve(store), '/agents/helper/runs?session_id=huge');
    expect(pages.map(({ ids }) => ids)).toEqual([['huge-1'], ['huge-0']]);
  });

  describe('in PostgreSQL', () => {
    const database = drizzle({ client });
    const store = new SqlSessionStore(database);
    beforeAll(() => migrate(database), 60_000);
    afterAll(() => client.close());

    it('have 16 MiB at most, and no more is read than fits', async () => {
      await keepRuns(store, 'large', 20, 'x'.repeat(MIB));
      const url = await serve(store);

      const large = await readPages(url, '/sessions/large/runs');
      expect(large.flatMap(({ ids }) => ids).sort()).toEqual(idsUpTo(20, 'large-').sort());
      expect(large.length).toBeGreaterThan(1);
      for (const { size } of large) expect(size).toBeLessThanOrEqual(16 * MIB);
    });

    it('are bounded in the details of the session, too', async () => {
      const message = { id: 'm', role: 'assistant', content: 'x'.repeat(MIB), createdAt: 1 } as const;
      for (const runId of idsUpTo(20, 'q'))
        await keepRun(store, storedRunOf({ sessionId: 'quoted', runId, messages: [message], tools: [] }));
      const url = await serve(store);
      const text = await (await fetch(`${url}/sessions/quoted`)).text();
      const { chat_history: history } = JSON.parse(text) as { chat_history: unknown[] };
      expect(Buffer.byteLength(text)).toBeLessThan(17 * MIB);
      expect(history.length).toBeGreaterThanOrEqual(15);
      expect(history.length).toBeLessThan(17);
    });
  });
});
