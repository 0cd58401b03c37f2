import { describe, expect, it } from '@jest/globals';
import { InMemoryEvalStore, InMemorySessionStore, type SessionStore } from 'nestjs-agentos';

import { evaluationOf, keepRun, storedRunOf } from '../../support/stored-data.js';

const NOTHING = { set: {}, removed: [] };

function keep(store: SessionStore, sessionId: string, runId = sessionId): Promise<void> {
  return keepRun(store, storedRunOf({ sessionId, runId }));
}

async function idsOf(store: SessionStore): Promise<string[]> {
  const { sessions } = await store.list({ limit: 1_000 });
  return sessions.map(({ id }) => id).sort();
}

describe('InMemorySessionStore', () => {
  it('forgets the session used least recently, whether a run, a creation or a change was its last use', async () => {
    const store = new InMemorySessionStore({ maxSessions: 3 });
    await keep(store, 'a');
    await store.create({ id: 'b' });
    await keep(store, 'c');
    await keep(store, 'a', 'a2');
    await store.update('b', { state: NOTHING, metadata: NOTHING });

    await store.create({ id: 'd' });

    expect(await idsOf(store)).toEqual(['a', 'b', 'd']);
  });

  it('keeps a session in which a run has begun', async () => {
    const store = new InMemorySessionStore({ maxSessions: 2 });
    await keep(store, 'a');
    await keep(store, 'b');
    await store.open('a');

    await keep(store, 'c');

    expect(await idsOf(store)).toEqual(['a', 'c']);
  });

  it('does not count reading as use', async () => {
    const store = new InMemorySessionStore({ maxSessions: 2 });
    await keep(store, 'a');
    await keep(store, 'b');
    await store.find('a');
    await store.runs('a');
    await store.list();

    await keep(store, 'c');

    expect(await idsOf(store)).toEqual(['b', 'c']);
  });

  it('begins a session anew that it has forgotten while a run went on, but none that was deleted', async () => {
    const store = new InMemorySessionStore({ maxSessions: 1 });
    const run = storedRunOf({ sessionId: 'a', runId: 'late' });
    const changes = { state: NOTHING, metadata: NOTHING };
    await keep(store, 'a');
    await keep(store, 'b');
    expect(await store.append({ id: 'a', isKnown: true }, run, changes)).toBe(true);
    expect(await idsOf(store)).toEqual(['a']);

    expect(await store.delete(['a', 'b'])).toEqual(['a']);
    expect(await store.append({ id: 'a', isKnown: true }, run, changes)).toBe(false);
    expect(await idsOf(store)).toEqual([]);
  });

  it('forgets old runs, but not what they have used', async () => {
    const store = new InMemorySessionStore({ maxRunsPerSession: 2 });
    for (const runId of ['r1', 'r2', 'r3']) await keep(store, 's1', runId);

    expect((await store.runs('s1')).map(({ runId }) => runId)).toEqual(['r2', 'r3']);
    expect((await store.find('s1'))?.usage).toEqual([
      expect.objectContaining({ inputTokens: 60, outputTokens: 18, totalTokens: 78 }),
    ]);
  });

  it('reads a hundred runs unless more are asked for', async () => {
    const store = new InMemorySessionStore({ maxRunsPerSession: 150 });
    for (let index = 0; index < 120; index++) await keep(store, 's1', `r${index}`);

    const [latest, all] = [await store.runs('s1'), await store.runs('s1', { limit: 1_000 })];

    expect([latest.length, latest[0]?.runId, all.length]).toEqual([100, 'r20', 120]);
  });
});

describe('InMemoryEvalStore', () => {
  it('forgets the oldest evaluation beyond its capacity', async () => {
    const store = new InMemoryEvalStore(2);
    for (const id of ['e1', 'e2', 'e3']) await store.save(evaluationOf({ id }));

    expect([await store.count(), await store.find('e1')]).toEqual([2, undefined]);
  });
});
