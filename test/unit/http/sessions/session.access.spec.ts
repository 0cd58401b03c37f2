import { describe, expect, it } from '@jest/globals';
import { InMemorySessionStore } from 'nestjs-agentos';
import { APPLICATION } from 'nestjs-agentos/stores';

import { SessionAccess } from '../../../../src/http/sessions/session.access.js';

interface Request {
  readonly user?: string;
}

const ann: Request = { user: 'ann' };
const nobody: Request = {};
const saysWhoAsks = { http: { userId: (request: never) => (request as Request).user } };

/** Two sessions: one of Ann, one of nobody. */
async function accessOf(extras: ConstructorParameters<typeof SessionAccess>[0]): Promise<SessionAccess> {
  const store = new InMemorySessionStore();
  await store.create({ id: 'anns', userId: 'ann' });
  await store.create({ id: 'nobodys' });
  return new SessionAccess(extras, store);
}

describe('Without http.userId', () => {
  it.each([{}, { http: {} }, { http: false as const }])(
    'clients name the user themselves, with the options %j',
    async (extras) => {
      const access = await accessOf(extras);
      expect(await access.userOf(nobody, 'bob')).toBe('bob');
      expect(await access.ownerFor(nobody, 'bob')).toBe('bob');
      expect(await access.ownerFor(nobody)).toBeUndefined();
      expect(await access.maySee(nobody, { userId: 'ann' })).toBe(true);
      await expect(access.refuseForeign(nobody, 'anns')).resolves.toBeUndefined();
    },
  );
});

describe('With http.userId', () => {
  it('its result counts, and no result means no user', async () => {
    const access = await accessOf(saysWhoAsks);
    expect(await access.userOf(ann, 'bob')).toBe('ann');
    expect(await access.userOf(nobody, 'bob')).toBeUndefined();
    expect(await access.ownerFor(ann, 'bob')).toBe('ann');
    expect(await access.ownerFor(nobody, 'bob')).toBeNull();
  });

  it('no user may be called like the application', async () => {
    const access = await accessOf(saysWhoAsks);
    const application = { user: APPLICATION };
    await expect(access.ownerFor(application)).rejects.toMatchObject({
      status: 403,
      message: 'No user may be called "agent-os:application".',
    });
    await expect(access.refuseForeign(application, 'anns')).rejects.toThrow('No user may be called');
  });

  it.each<[string, Request, string, boolean]>([
    ['continues her own session', ann, 'anns', true],
    ['begins a session that does not exist', ann, 'new', true],
    ['does not continue a session without a user', ann, 'nobodys', false],
    ['does not continue the session of another user', { user: 'bob' }, 'anns', false],
    ['may be missing and continues a session without a user', nobody, 'nobodys', true],
    ['may be missing and does not continue the session of a user', nobody, 'anns', false],
  ])('the returned user %s', async (_name, request, id, isAllowed) => {
    const access = await accessOf(saysWhoAsks);
    const outcome = await access.refuseForeign(request, id).catch((thrown: unknown) => thrown);
    if (isAllowed) expect(outcome).toBeUndefined();
    else expect(outcome).toMatchObject({ status: 404, message: `Session with id '${id}' not found` });
  });
});
