import { beforeEach, describe, expect, it } from '@jest/globals';
import { NotFoundException } from '@nestjs/common';
import { InMemorySessionStore } from 'nestjs-agentos';
import type { SessionOwner } from 'nestjs-agentos/stores';

import { CoordinatedSessionStore } from '../../../src/sessions/coordinated-session.store.js';
import { OpenSession, type StoredChanges } from '../../../src/sessions/open-session.js';
import { failingStore, type FailingStore } from '../../../src/testing/failing.store.js';
import { componentOf, storedRunOf } from '../../support/stored-data.js';

/** The state of an open session is that of all runs that have it open, whichever of them is stored first. */
describe('The state of a session that several runs have open', () => {
  let failing: FailingStore<InMemorySessionStore>;
  let store: CoordinatedSessionStore;
  let session: OpenSession;
  beforeEach(() => {
    failing = failingStore(new InMemorySessionStore());
    store = new CoordinatedSessionStore(failing.store);
    session = new OpenSession({
      session: { id: 's1', state: {}, metadata: {} },
      isNamed: true,
      component: componentOf(),
      owner: undefined,
    });
  });

  /** A run writes into the state and settles. Returns the function that stores the run, at once or later. */
  function settle(
    runId: string,
    write: Record<string, unknown>,
    changes: StoredChanges,
  ): () => Promise<unknown> {
    const { state } = session.found;
    for (const [key, value] of Object.entries(write)) {
      if (value === undefined) delete state[key];
      else state[key] = value;
    }
    const settled = session.settle({ ...session.found, state: { ...state } }, changes);
    return async () => session.append(store, storedRunOf({ runId, sessionId: 's1' }), settled);
  }

  async function storedState(): Promise<unknown> {
    return (await store.find('s1'))?.state;
  }

  it('keeps the changes that a part makes after the root, if the part is stored while the root still waits', async () => {
    const storeRoot = settle('root', { root: 1, both: 'root' }, 'all');
    const storePart = settle('part', { part: 2, both: 'part' }, 'state');

    await storePart();
    await storeRoot();

    expect(await storedState()).toEqual({ root: 1, part: 2, both: 'part' });
  });

  it('keeps the changes that two parts make after the root, in whatever order they are stored', async () => {
    const storeRoot = settle('root', { removed: 'root' }, 'all');
    const storeFirst = settle('first', { first: 1, both: 'first' }, 'state');
    const storeSecond = settle('second', { second: 2, both: 'second', removed: undefined }, 'state');

    await storeRoot();
    await storeSecond();
    await storeFirst();

    expect(await storedState()).toEqual({ first: 1, second: 2, both: 'second' });
  });

  it('is stored with the next run if the first cannot be stored', async () => {
    const storeRoot = settle('root', { root: 1 }, 'all');
    const storePart = settle('part', { part: 2 }, 'state');

    failing.fail('append');
    await expect(storePart()).rejects.toThrow();
    failing.heal();
    await storeRoot();

    expect(await storedState()).toEqual({ root: 1, part: 2 });
  });

  it('is not stored by a part that settles before the root, which may still change it', async () => {
    const storePart = settle('part', { part: 1 }, 'state');
    await storePart();
    expect(await storedState()).toEqual({});

    await settle('root', { root: 2 }, 'all')();
    expect(await storedState()).toEqual({ part: 1, root: 2 });
  });
});

describe('A session that is stored for another owner', () => {
  const stored = { id: 's1', userId: 'ada', state: { secret: true }, metadata: {} };

  function openedFor(owner: SessionOwner | undefined): OpenSession {
    const session = { id: 's1', state: {}, metadata: {} };
    return new OpenSession({ session, isNamed: true, component: componentOf(), owner });
  }

  it('does not exist for a root run', () => {
    expect(() => openedFor('bob').continueFrom(stored, true)).toThrow("Session with id 's1' not found");
    expect(() => openedFor(null).continueFrom(stored, true)).toThrow(NotFoundException);
  });

  it('is not read by a run inside another one, which continues with an empty session', () => {
    const session = openedFor('bob');
    session.continueFrom(stored, false);

    expect(session.found).toEqual({ id: 's1', state: {}, metadata: {} });
  });

  it('is continued by its owner, and by runs that need no owner', () => {
    for (const session of [openedFor('ada'), openedFor(undefined)]) {
      session.continueFrom(stored, true);
      expect(session.found).toEqual(stored);
    }
  });
});
