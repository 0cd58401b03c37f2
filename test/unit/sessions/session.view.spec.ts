import { describe, expect, it } from '@jest/globals';

import { SessionView } from '../../../src/sessions/session.view.js';

const viewOf = (metadata: Record<string, unknown> = {}, name?: string): SessionView =>
  new SessionView({ id: 's', state: {}, metadata, ...(name === undefined ? {} : { name }) });

describe('A view of a session', () => {
  it('begins with the data of the run above, and shares only the state', () => {
    const above = viewOf({ a: { b: 1 } }, 'name');
    const below = above.branch();
    Object.assign(below.data.metadata['a'] as object, { b: 2 });
    below.data.name = 'other';
    below.data.state['x'] = 1;
    expect(above.data).toEqual({ id: 's', name: 'name', state: { x: 1 }, metadata: { a: { b: 1 } } });
  });

  it('returns the keys that were set, changed and removed since, and nothing else', () => {
    const above = viewOf({ kept: 1, changed: { n: 1 }, removed: 1 }, 'name');
    const below = above.branch();
    Object.assign(above.data.metadata, { kept: 2, meanwhile: true });
    above.data.name = 'meanwhile';
    Object.assign(below.data.metadata, { changed: { n: 2 }, set: true });
    delete below.data.metadata['removed'];
    below.mergeInto(above);
    expect(above.data).toMatchObject({
      name: 'meanwhile',
      metadata: { kept: 2, meanwhile: true, changed: { n: 2 }, set: true },
    });
    expect(above.data.metadata).not.toHaveProperty('removed');
  });

  it('returns copies, so that later writes into the session stay out', () => {
    const above = viewOf();
    const below = above.branch();
    const written = { b: 1 };
    below.data.metadata['a'] = written;
    below.mergeInto(above);
    written.b = 2;
    expect(above.data.metadata).toEqual({ a: { b: 1 } });
  });

  it.each([
    ['first', 'second'],
    ['second', 'first'],
  ])('beside another one: the name of the last one to settle wins, here %s, %s', (one, other) => {
    const above = viewOf();
    const views = { first: above.branch(), second: above.branch() };
    views.first.data.name = 'first';
    views.second.data.name = 'second';
    for (const name of [one, other]) views[name as keyof typeof views].mergeInto(above);
    expect(above.data.name).toBe(other);
  });

  it('ignores writes of code that still holds its data after it is detached', () => {
    const view = viewOf({ a: { b: 1 } });
    const { data } = view;
    view.detach();
    data.name = 'late';
    Object.assign(data.metadata['a'] as object, { b: 2 });
    expect(view.data).toEqual({ id: 's', state: {}, metadata: { a: { b: 1 } } });
  });

  it('is reset in place, so that hooks that hold its data see it', () => {
    const view = viewOf({ a: 1 }, 'name');
    const { data } = view;
    const { metadata } = data;
    data.name = 'other';
    metadata['b'] = 2;
    view.restoreName(view.begun);
    view.restoreMetadata(view.begun);
    expect([data.name, metadata]).toEqual(['name', { a: 1 }]);
  });

  it.each([
    ['a key called __proto__', JSON.parse('{"__proto__": {"isAdmin": true}}') as Record<string, unknown>],
    [
      'a getter that throws',
      Object.defineProperty({}, 'x', {
        enumerable: true,
        get: () => {
          throw new Error('no');
        },
      }),
    ],
  ])('returns other keys beside %s, and changes no prototype', (_name, hostile) => {
    const above = viewOf();
    const below = above.branch();
    below.data.metadata['a'] = 1;
    Object.defineProperties(below.data.metadata, Object.getOwnPropertyDescriptors(hostile));
    below.mergeInto(above);
    expect(above.data.metadata['a']).toBe(1);
    expect(Object.getPrototypeOf(above.data.metadata)).toBe(Object.prototype);
    expect(above.data.metadata['isAdmin']).toBeUndefined();
  });
});
