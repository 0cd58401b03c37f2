import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { InMemoryEvalStore, InMemorySessionStore } from 'nestjs-agentos';
import type { SessionStore } from 'nestjs-agentos/stores';

import { RecordingLogger } from '../../support/recording-logger.js';
import { evaluationOf, keepRun, storedRunOf } from '../../support/stored-data.js';

const NOTHING = { set: {}, removed: [] };

function keep(store: SessionStore, sessionId: string, runId = sessionId): Promise<void> {
  return keepRun(store, storedRunOf({ sessionId, runId }));
}

const KIB = 1_024;

/** Keeps a run whose answer has so many bytes. */
function keepLarge(store: SessionStore, sessionId: string, runId: string, bytes: number): Promise<void> {
  return keepRun(store, storedRunOf({ sessionId, runId, content: 'x'.repeat(bytes) }));
}

async function runIdsOf(store: SessionStore, sessionId: string): Promise<string[]> {
  return (await store.runs(sessionId)).map(({ runId }) => runId);
}

async function idsOf(store: SessionStore): Promise<string[]> {
  const { sessions } = await store.list({ limit: 1_000 });
  return sessions.map(({ id }) => id).sort();
}

let log: RecordingLogger;
beforeEach(() => {
  log = new RecordingLogger();
  Logger.overrideLogger(log);
});
afterEach(() => Logger.overrideLogger(new RecordingLogger()));

describe('InMemorySessionStore', () => {
  it('forgets the least recently used session, whether a run, a creation or a change was its last use', async () => {
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

  it('does not count a read as use', async () => {
    const store = new InMemorySessionStore({ maxSessions: 2 });
    await keep(store, 'a');
    await keep(store, 'b');
    await store.find('a');
    await store.runs('a');
    await store.list();

    await keep(store, 'c');

    expect(await idsOf(store)).toEqual(['b', 'c']);
  });

  it('recreates a session that it has forgotten while a run continued, but no deleted one', async () => {
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

  it('forgets old runs, but not their usage', async () => {
    const store = new InMemorySessionStore({ maxRunsPerSession: 2 });
    for (const runId of ['r1', 'r2', 'r3']) await keep(store, 's1', runId);

    expect((await store.runs('s1')).map(({ runId }) => runId)).toEqual(['r2', 'r3']);
    expect((await store.find('s1'))?.usage).toEqual([
      expect.objectContaining({ inputTokens: 60, outputTokens: 18, totalTokens: 78 }),
    ]);
  });

  it('returns a hundred runs unless more are requested', async () => {
    const store = new InMemorySessionStore({ maxRunsPerSession: 150 });
    for (let index = 0; index < 120; index++) await keep(store, 's1', `r${index}`);

    const [latest, all] = [await store.runs('s1'), await store.runs('s1', { limit: 1_000 })];

    expect([latest.length, latest[0]?.runId, all.length]).toEqual([100, 'r20', 120]);
  });

  describe('with maxBytes', () => {
    it('forgets the least recently used sessions, and no run of the current one while others are left', async () => {
      const store = new InMemorySessionStore({ maxBytes: 100 * KIB });
      for (const id of ['a', 'b', 'c']) await keepLarge(store, id, `${id}1`, 25 * KIB);
      await store.open('a');

      await keepLarge(store, 'c', 'c2', 25 * KIB);

      expect(await idsOf(store)).toEqual(['a', 'c']);
      expect(await runIdsOf(store, 'c')).toEqual(['c1', 'c2']);
      expect(log.entries).toEqual([]);
    });

    it('forgets the oldest runs of the only session that is left, but not their usage', async () => {
      const store = new InMemorySessionStore({ maxBytes: 100 * KIB });
      await keep(store, 'other');
      for (const runId of ['r1', 'r2', 'r3', 'r4', 'r5']) await keepLarge(store, 's', runId, 30 * KIB);

      expect(await idsOf(store)).toEqual(['s']);
      expect(await runIdsOf(store, 's')).toEqual(['r3', 'r4', 'r5']);
      expect((await store.find('s'))?.usage).toEqual([expect.objectContaining({ totalTokens: 5 * 26 })]);
    });

    it('does not keep a run that is too large alone, logs this, and keeps everything else with its changes', async () => {
      const store = new InMemorySessionStore({ maxBytes: 100 * KIB });
      await keep(store, 'other');
      await keep(store, 's', 'small');

      const large = storedRunOf({ sessionId: 's', runId: 'large', content: 'x'.repeat(200 * KIB) });
      const changes = { state: { set: { step: 2 }, removed: [] }, metadata: NOTHING };
      expect(await store.append({ id: 's' }, large, changes)).toBe(true);

      expect(await idsOf(store)).toEqual(['other', 's']);
      expect(await runIdsOf(store, 's')).toEqual(['small']);
      expect(await store.find('s')).toMatchObject({ state: { step: 2 }, usage: [{ totalTokens: 52 }] });
      expect(log.messages('warn')).toEqual([
        expect.stringMatching(/^Run "large" of session "s" was not kept: .+ maxBytes is 102400\.$/),
      ]);
    });

    it('forgets a session whose state is too large alone, however it grew, and no other one', async () => {
      const store = new InMemorySessionStore({ maxBytes: 100 * KIB });
      const state = { text: 'x'.repeat(200 * KIB) };
      const changes = { state: { set: state, removed: [] }, metadata: NOTHING };
      await keep(store, 'other');
      await keep(store, 'updated');

      await store.append({ id: 'appended' }, storedRunOf({ sessionId: 'appended' }), changes);
      await store.create({ id: 'created', state });
      await store.update('updated', changes);

      expect(await idsOf(store)).toEqual(['other']);
      expect(log.messages('warn')).toHaveLength(3);
      expect(log.messages('warn')[0]).toMatch(/^Session "appended" was forgotten: /);
    });

    it('counts state, keys, bytes, maps and sets, and characters of several bytes', async () => {
      const large = [
        'ä'.repeat(60 * KIB),
        new Uint8Array(100 * KIB),
        new Map([['key', 'x'.repeat(100 * KIB)]]),
        new Set(['x'.repeat(100 * KIB)]),
        Array.from({ length: 15 * KIB }, (_, index) => index),
        new Array<number>(200_000).fill(1),
        Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`${index}`.padEnd(500, 'k'), 1])),
      ];
      for (const [index, value] of large.entries()) {
        const store = new InMemorySessionStore({ maxBytes: 100 * KIB });
        await store.create({ id: 'large', state: { value } });
        expect([index, await idsOf(store)]).toEqual([index, []]);
      }
    });

    it('no longer counts data that it has forgotten, deleted or replaced', async () => {
      const store = new InMemorySessionStore({ maxBytes: 100 * KIB, maxSessions: 2, maxRunsPerSession: 2 });
      const stateOf = (bytes: number) => ({ set: { text: 'x'.repeat(bytes) }, removed: [] });
      for (let round = 0; round < 10; round++) {
        await keepLarge(store, 'runs', `r${round}`, 10 * KIB);
        await store.create({ id: `s${round}` });
        await store.update(`s${round}`, { state: stateOf(50 * KIB), metadata: NOTHING });
        await store.update(`s${round}`, { state: stateOf(10 * KIB), metadata: NOTHING });
        if (round % 2 === 0) await store.delete([`s${round}`]);
      }

      expect(await idsOf(store)).toEqual(['runs', 's9']);
      expect(await runIdsOf(store, 'runs')).toEqual(['r8', 'r9']);
    });
  });

  it.each([
    { maxBytes: 0 },
    { maxBytes: NaN },
    { maxBytes: '1' as unknown as number },
    { maxSessions: -1 },
    { maxRunsPerSession: 1.5 },
  ])('refuses an invalid limit: %j', (limits) => {
    const [[name]] = Object.entries(limits) as [[string, unknown]];
    expect(() => new InMemorySessionStore(limits)).toThrow(
      `InMemorySessionStore: expected ${name} to be a whole number from 1 on, or Infinity, got `,
    );
  });

  it('refuses an unknown limit by name', () => {
    expect(() => new InMemorySessionStore({ maxSession: 1 } as object)).toThrow(
      'InMemorySessionStore: unknown option "maxSession". Known options: maxSessions, maxRunsPerSession, maxBytes.',
    );
    expect(() => new InMemoryEvalStore({ size: 1 } as object)).toThrow(
      'InMemoryEvalStore: unknown option "size". Known options: capacity, maxBytes.',
    );
  });

  it('accepts Infinity as a limit', async () => {
    const store = new InMemorySessionStore({ maxBytes: Infinity, maxSessions: Infinity });
    await keep(store, 'a');
    expect(await idsOf(store)).toEqual(['a']);
  });
});

describe('InMemoryEvalStore', () => {
  it('forgets the oldest evaluations beyond maxBytes, those that were renamed included', async () => {
    const store = new InMemoryEvalStore({ maxBytes: 100 * KIB });
    const reason = 'x'.repeat(30 * KIB);
    for (const id of ['e1', 'e2', 'e3', 'e4']) await store.save(evaluationOf({ id, reason }));
    expect(await store.count()).toBe(3);
    await store.delete(['e3']);

    await store.rename('e4', 'n'.repeat(40 * KIB));

    expect((await store.list()).map(({ id }) => id)).toEqual(['e4']);
  });

  it('does not keep an evaluation that is too large alone, logs this, and keeps the others', async () => {
    const store = new InMemoryEvalStore({ maxBytes: 100 * KIB });
    await store.save(evaluationOf({ id: 'small' }));

    await store.save(evaluationOf({ id: 'large', output: 'x'.repeat(200 * KIB) }));

    expect((await store.list()).map(({ id }) => id)).toEqual(['small']);
    expect(log.messages('warn')).toEqual([expect.stringMatching(/^Evaluation "large" was not kept: /)]);
  });

  it.each([{ capacity: 0 }, { maxBytes: -1 }, -1])('refuses an invalid limit: %j', (limits) => {
    expect(() => new InMemoryEvalStore(limits)).toThrow('InMemoryEvalStore: expected ');
  });

  it('forgets the oldest evaluation beyond its capacity', async () => {
    for (const store of [new InMemoryEvalStore(2), new InMemoryEvalStore({ capacity: 2 })]) {
      for (const id of ['e1', 'e2', 'e3']) await store.save(evaluationOf({ id }));

      expect([await store.count(), await store.find('e1')]).toEqual([2, undefined]);
    }
  });
});
