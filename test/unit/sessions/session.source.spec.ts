import { describe, expect, it } from '@jest/globals';

import {
  inheritedOwner,
  namesOwnSession,
  type SessionSource,
  type SessionUser,
} from '../../../src/sessions/session.source.js';
import { APPLICATION, type SessionOwner } from '../../../src/sessions/session.store.js';

function run(id: string, owner: SessionOwner | undefined, parent?: SessionUser): SessionUser {
  return { session: { id, owner }, parent };
}

/** Code inside of a run of Ada's, which is below a run of nobody's in another session. */
const BELOW: SessionSource = { parent: run('inner', 'ada', run('outer', null)), origin: undefined };
const AFTER: SessionSource = { parent: undefined, origin: { sessionId: 'settled', owner: 'ada' } };
const ALONE: SessionSource = { parent: undefined, origin: undefined };

describe('The required owner of the session of a run that application code starts', () => {
  it.each([
    ['is that of the run above if it names no session', BELOW, {}, 'ada'],
    ['is that of the run above if it names no session, but another user', BELOW, { userId: 'bob' }, 'ada'],
    ['stays that of a session of the run above', BELOW, { sessionId: 'inner', userId: 'bob' }, 'ada'],
    ['is the user whom it names for a session of its own', BELOW, { sessionId: 'own', userId: 'bob' }, 'bob'],
    ['is the application for a session of its own without a user', BELOW, { sessionId: 'own' }, APPLICATION],
    ['is that of the settled run inside a background hook', AFTER, {}, 'ada'],
    ['stays that of the settled run for its session', AFTER, { sessionId: 'settled', userId: 'bob' }, 'ada'],
    ['is the application for another session in a background hook', AFTER, { sessionId: 'own' }, APPLICATION],
    ['is open if nobody has named a user', ALONE, { sessionId: 'own', userId: 'bob' }, undefined],
  ] as const)('%s', (_, source, options, expected) => {
    expect(inheritedOwner(options, source)).toBe(expected);
  });
});

describe('A run that a hook starts', () => {
  it.each([
    ['has a session of its own if no run above it has the one that it names', { sessionId: 'own' }, true],
    ['has the session of the run above if it names none', {}, false],
    ['has the session of a run further above if it names that', { sessionId: 'outer' }, false],
  ] as const)('%s', (_, options, expected) => {
    expect(namesOwnSession(options, BELOW)).toBe(expected);
  });
});
