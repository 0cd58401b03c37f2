import { randomUUID } from 'node:crypto';

import { beforeEach, describe, expect, it } from '@jest/globals';
import { InMemorySessionStore, StoreTimeoutError } from 'nestjs-agentos';
import type { SessionOwner, SessionStore } from 'nestjs-agentos/stores';

import { CoordinatedSessionStore } from '../../../src/sessions/coordinated-session.store.js';
import { OpenSession, type AppendResult } from '../../../src/sessions/open-session.js';
import { failingStore, type FailingStore } from '../../../src/testing/failing.store.js';
import { createGate } from '../../../src/testing/gate.js';
import { componentOf, keepRun, storedRunOf } from '../../support/stored-data.js';

/** A session that a run has opened, as one of nobody or of a user. */
function opened(owner?: SessionOwner, id = 's1'): OpenSession {
  const session = { id, state: {}, metadata: {}, ...(owner == null ? {} : { userId: owner }) };
  return new OpenSession({ session, isNamed: true, component: componentOf(), owner });
}

/** The run that has opened the session settles. */
async function settle(session: OpenSession, store: SessionStore, runId = 'late'): Promise<AppendResult> {
  const settled = session.settle(session.found, 'all');
  return session.append(store, storedRunOf({ runId, sessionId: session.id }), settled);
}

/** Whether a promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  await new Promise((resolve) => setImmediate(resolve));
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
}

async function runIdsIn(store: SessionStore): Promise<string[]> {
  return (await store.runs('s1')).map(({ runId }) => runId);
}

describe('The deletion of a session that runs have open', () => {
  let failing: FailingStore<InMemorySessionStore>;
  let store: CoordinatedSessionStore;
  beforeEach(() => {
    failing = failingStore(new InMemorySessionStore());
    store = new CoordinatedSessionStore(failing.store);
  });

  function enter(session: OpenSession, runId: string = randomUUID()): OpenSession {
    store.enter(runId, session);
    return session;
  }

  it('waits for the runs that are being stored, and deletes them, too', async () => {
    const [one, other] = [enter(opened()), enter(opened())];
    failing.hang('append');
    const storing = [settle(one, store, 'r1'), settle(other, store, 'r2')];
    await failing.hanging('append', 2);

    const deleting = store.delete(['s1']);

    expect(await isSettled(deleting)).toBe(false);
    await failing.release();
    expect(await Promise.all(storing)).toEqual(['stored', 'stored']);
    expect(await deleting).toEqual(['s1']);
    expect([await store.find('s1'), await runIdsIn(store)]).toEqual([undefined, []]);
  });

  it('waits for a run whose storing fails as well, and does not fail with it', async () => {
    const broken = createGate();
    class Broken extends InMemorySessionStore {
      override async append(): Promise<boolean> {
        await broken.opened;
        throw new Error('The store is broken.');
      }
    }
    store = new CoordinatedSessionStore(new Broken());
    await store.create({ id: 's1' });
    const storing = settle(enter(opened()), store);
    const deleting = store.delete(['s1']);
    expect(await isSettled(deleting)).toBe(false);

    broken.open();

    await expect(storing).rejects.toThrow('The store is broken.');
    expect(await deleting).toEqual(['s1']);
  });

  it.each([
    ['was there before', ['r1']],
    ['has its first run in flight', []],
  ])('keeps later runs from recreating the session if it %s', async (_, before) => {
    for (const runId of before) await keepRun(store, storedRunOf({ runId, sessionId: 's1' }));
    const session = enter(opened());
    session.continueFrom(await store.open('s1'), true);

    expect(await store.delete(['s1'])).toEqual(before.length > 0 ? ['s1'] : []);

    expect(await settle(session, store)).toBe('deleted');
    expect(await store.find('s1')).toBeUndefined();
  });

  it('holds a run that settles meanwhile until the result of the deletion is known', async () => {
    await store.create({ id: 's1' });
    const session = enter(opened());
    failing.hang('delete');
    const deleting = store.delete(['s1']);
    await failing.hanging('delete');

    const storing = settle(session, store);

    expect(await isSettled(storing)).toBe(false);
    await failing.release();
    expect([await deleting, await storing]).toEqual([['s1'], 'deleted']);
  });

  it('loses no run if it fails, unless the session was deleted before', async () => {
    failing.fail('delete', new Error('The store is broken.'));
    const session = enter(opened());
    await expect(store.delete(['s1'])).rejects.toThrow('The store is broken.');
    expect(await settle(session, store, 'r1')).toBe('stored');

    failing.heal();
    await store.delete(['s1']);
    failing.fail('delete', new Error('The store is broken.'));
    await expect(store.delete(['s1'])).rejects.toThrow('The store is broken.');

    expect(await settle(session, store, 'r2')).toBe('deleted');
  });

  it('loses no run if it takes too long, except those that settle after it has ended late', async () => {
    const late = createGate();
    class Late extends InMemorySessionStore {
      override delete(...call: Parameters<SessionStore['delete']>): Promise<readonly string[]> {
        const working = late.opened.then(() => super.delete(...call));
        return Promise.reject(new StoreTimeoutError('SessionStore.delete', 10, working));
      }
    }
    store = new CoordinatedSessionStore(new Late());
    const session = enter(opened());
    await expect(store.delete(['s1'])).rejects.toThrow(StoreTimeoutError);
    expect(await settle(session, store, 'r1')).toBe('stored');

    late.open();
    await isSettled(late.opened);

    expect(await settle(session, store, 'r2')).toBe('deleted');
    expect(await store.find('s1')).toBeUndefined();
  });

  it('loses no run if it takes too long and fails late', async () => {
    class Broken extends InMemorySessionStore {
      override delete(): Promise<readonly string[]> {
        const failing = Promise.reject(new Error('The store is broken.'));
        return Promise.reject(new StoreTimeoutError('SessionStore.delete', 10, failing));
      }
    }
    store = new CoordinatedSessionStore(new Broken());
    const session = enter(opened());
    await expect(store.delete(['s1'])).rejects.toThrow(StoreTimeoutError);

    expect(await settle(session, store)).toBe('stored');
  });

  it.each<[string, SessionOwner | undefined, SessionOwner | undefined, AppendResult]>([
    ['of a user by this user', 'ann', 'ann', 'deleted'],
    ['of a user by another one', 'ann', 'bob', 'stored'],
    ['of a user by nobody', 'ann', null, 'stored'],
    ['of a user by the application, whosever it is', 'ann', undefined, 'deleted'],
    ['of nobody by nobody', null, null, 'deleted'],
    ['of nobody by a user', null, 'bob', 'stored'],
    ['of which no owner is known by a user', undefined, 'bob', 'stored'],
  ])('applies to runs in the session %s', async (_, owner, by, expected) => {
    const session = enter(opened(owner));

    await store.delete(['s1'], by);

    expect(await settle(session, store)).toBe(expected);
  });

  it('applies to the named sessions only', async () => {
    const [one, other] = [enter(opened()), enter(opened(undefined, 's2'))];

    await store.delete(['s1', 's3']);

    expect([await settle(one, store), await settle(other, store)]).toEqual(['deleted', 'stored']);
  });

  it('waits for an earlier deletion', async () => {
    await store.create({ id: 's1' });
    enter(opened());
    failing.hang('delete');
    const first = store.delete(['s1']);
    await failing.hanging('delete');
    failing.heal();

    const second = store.delete(['s1']);

    expect(await isSettled(second)).toBe(false);
    await failing.release();
    expect([await first, await second]).toEqual([['s1'], []]);
  });

  it('applies as long as one of several runs has the session open', async () => {
    const session = enter(enter(opened(), 'r1'), 'r2');
    store.leave('r1');
    await store.delete(['s1']);
    expect(await settle(session, store)).toBe('deleted');

    const left = enter(opened(), 'r3');
    store.leave('r3');
    await store.delete(['s1']);
    expect(await settle(left, store)).toBe('stored');
  });
});
