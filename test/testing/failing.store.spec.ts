import { describe, expect, it } from '@jest/globals';
import { Agent, InMemoryEvalStore, InMemorySessionStore } from 'nestjs-agentos';
import { SessionStore } from 'nestjs-agentos/stores';
import { createTestAgentOs, failingStore } from 'nestjs-agentos/testing';

describe('failingStore()', () => {
  it('does as the wrapped store does unless a fault is set', async () => {
    const { store } = failingStore(new InMemorySessionStore());
    await store.create({ id: 's', name: 'Chat' });

    expect(store).toBeInstanceOf(SessionStore);
    expect(await store.find('s')).toMatchObject({ name: 'Chat' });
  });

  it('rejects with the error, from the beginning, so many times, or until it is healed', async () => {
    const full = new Error('The disk is full');
    const failing = failingStore(new InMemorySessionStore(), { find: full });
    await expect(failing.store.find('s')).rejects.toBe(full);

    failing.fail('find', new Error('again'), { times: 1 });
    await expect(failing.store.find('s')).rejects.toThrow('again');
    await expect(failing.store.find('s')).resolves.toBeUndefined();

    failing.fail('create');
    failing.fail('list');
    await expect(failing.store.create({ id: 's' })).rejects.toThrow('The store fails: create');
    failing.heal('create');
    expect(await failing.store.create({ id: 's' })).toBe(true);
    failing.heal();
    expect((await failing.store.list({})).total).toBe(1);
  });

  it('hangs until it is released, and does the work then', async () => {
    const failing = failingStore(new InMemorySessionStore(), { create: 'hang' });
    const created = [failing.store.create({ id: 'a' }), failing.store.create({ id: 'b' })];
    await failing.hanging('create', 2);
    expect((await failing.store.list({})).total).toBe(0);

    await failing.release('create');

    expect(await Promise.all(created)).toEqual([true, true]);
    expect(await failing.store.create({ id: 'c' })).toBe(true);
  });

  it('releases only the calls of one method if it is named, and leaves their errors to their callers', async () => {
    const failing = failingStore(new InMemoryEvalStore());
    failing.hang('find');
    failing.hang('count', { times: 1 });
    const found = failing.store.find('x');
    const counted = failing.store.count({ userId: 7 as never });

    await failing.release('count');
    await expect(counted).rejects.toThrow('The id of a user must be a text');
    expect(await failing.store.count({})).toBe(0);
    // The other one still hangs.
    await failing.hanging('find');
    await failing.release();
    expect(await found).toBeUndefined();
  });

  it('waits in called() for calls, whatever their result', async () => {
    const failing = failingStore(new InMemorySessionStore(), { find: new Error('no') });
    const called = failing.called('find', 2);
    await Promise.allSettled([failing.store.find('a'), failing.store.find('b')]);

    await called;
    await failing.called('find');
  });

  it('refuses methods that the store does not have, by name, also at run time', async () => {
    const failing = failingStore(new InMemoryEvalStore());

    // @ts-expect-error -- no such method
    expect(() => failingStore(new InMemorySessionStore(), { apend: 'hang' })).toThrow(
      /^failingStore\(\): the store has no method "apend"\. Its methods: annotate, append, create, delete, find, /,
    );
    // @ts-expect-error -- no such method
    expect(() => failing.hang('sav')).toThrow('the store has no method "sav"');
    // @ts-expect-error -- no such method
    expect(() => failing.heal('sav')).toThrow('the store has no method "sav"');
    await expect(failing.hanging('sav' as never)).rejects.toThrow('the store has no method "sav"');
    await expect(failing.called('sav' as never)).rejects.toThrow('the store has no method "sav"');
  });

  it('makes runs of an application fail and hang', async () => {
    const sessions = failingStore(new InMemorySessionStore(), { open: new Error('The database is gone') });
    const agent = new Agent({ id: 'support', engine: () => 'fine' });
    const os = await createTestAgentOs({ agents: [agent], sessionStore: sessions.store, logger: false });

    expect((await os.client.run('support', 'hi', { sessionId: 's' })).status).toBe(500);
    sessions.hang('open');
    const run = os.client.run('support', 'hi', { sessionId: 's' });
    await sessions.hanging('open');
    await sessions.release();
    expect((await run).content).toBe('fine');
    await os.close();
  });
});
