import { afterEach, describe, expect, it } from '@jest/globals';
import { InMemoryEvalStore, InMemorySessionStore } from 'nestjs-agentos';
import type { SessionFilter } from 'nestjs-agentos/stores';

import { evaluationOf } from '../support/stored-data.js';
import { closeApps, startApp } from '../support/test-app.js';

afterEach(closeApps);

const MIB = 1024 * 1024;
const COUNT = 20;

interface Page {
  readonly data: readonly Readonly<Record<string, unknown>>[];
  readonly meta: object;
}

async function read(url: string): Promise<{ page: Page; size: number }> {
  const response = await fetch(url);
  const text = await response.text();
  expect(response.status).toBe(200);
  return { page: JSON.parse(text) as Page, size: Buffer.byteLength(text) };
}

const idOf = (index: number): string => `s${String(index).padStart(4, '0')}`;

describe('A page of large entries', () => {
  it('of GET /sessions keeps every session in its place, and at most 16 MiB', async () => {
    const sessionStore = new InMemorySessionStore();
    for (let index = 0; index < COUNT; index++) {
      const large = 'x'.repeat(index === 1 ? 1 : 2 * MIB);
      await sessionStore.create({
        id: idOf(index),
        name: `n${index}`,
        state: { large },
        metadata: { index },
      });
    }
    const { url } = await startApp({ agentOs: { sessionStore } });
    const query = 'sort_by=name&sort_order=asc';
    const { page, size } = await read(`${url}/sessions?limit=50&${query}`);
    expect(size).toBeLessThan(17 * MIB);
    expect(page.meta).toMatchObject({ page: 1, limit: 50, total_pages: 1, total_count: COUNT });
    expect(new Set(page.data.map(({ session_id }) => session_id)).size).toBe(COUNT);
    const cut = page.data.filter(({ truncated }) => truncated === true);
    expect(cut).toHaveLength(12);
    for (const session of cut) {
      expect(session).toMatchObject({ session_name: expect.stringMatching(/^n/), session_state: {} });
      expect(session).not.toHaveProperty('metadata');
    }
    const { page: one } = await read(`${url}/sessions?limit=5&page=4&${query}`);
    expect(one.data.every((session) => !('truncated' in session))).toBe(true);
  });

  it('of GET /eval-runs keeps every evaluation in its place, with the beginnings of its texts', async () => {
    const evalStore = new InMemoryEvalStore();
    for (let index = 0; index < COUNT; index++) {
      await evalStore.save(
        evaluationOf({ id: idOf(index), input: 'question', output: 'x'.repeat(2 * MIB), createdAt: index }),
      );
    }
    const { url } = await startApp({ agentOs: { evalStore } });
    const { page, size } = await read(`${url}/eval-runs?limit=50`);
    expect(size).toBeLessThan(17 * MIB);
    expect(page.data.map(({ id }) => id)).toEqual(
      Array.from({ length: COUNT }, (_, i) => idOf(COUNT - 1 - i)),
    );
    const cut = page.data.filter(({ truncated }) => truncated === true);
    expect(cut).toHaveLength(COUNT - 7);
    expect(cut[0]).toMatchObject({
      eval_data: { results: [{ input: 'question', output: `${'x'.repeat(280)}…` }] },
    });
  });

  it('is read from the store in parts, and contains exactly the requested entries', async () => {
    const asked: SessionFilter[] = [];
    class Counting extends InMemorySessionStore {
      override list(
        ...[filter = {}]: Parameters<InMemorySessionStore['list']>
      ): ReturnType<InMemorySessionStore['list']> {
        asked.push(filter);
        return super.list(filter);
      }
    }
    const sessionStore = new Counting({ maxSessions: 1_000 });
    for (let index = 0; index < 480; index++)
      await sessionStore.create({ id: idOf(index), name: idOf(index) });
    const { url } = await startApp({ agentOs: { sessionStore } });
    const { page } = await read(`${url}/sessions?limit=230&page=2&sort_by=name&sort_order=asc`);
    expect(page.data.map(({ session_id }) => session_id)).toEqual(
      Array.from({ length: 230 }, (_, i) => idOf(230 + i)),
    );
    expect(asked.map(({ limit, offset }) => [limit, offset])).toEqual([
      [100, 230],
      [100, 330],
      [30, 430],
    ]);
    expect(page.meta).toMatchObject({ page: 2, total_pages: 3, total_count: 480 });
  });
});
