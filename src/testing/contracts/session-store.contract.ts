import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';

import type { ComponentKind } from '../../model/component-identity.js';
import type { RunStatus } from '../../model/run-output.js';
import type { RecordChanges, SessionChanges } from '../../sessions/session.changes.js';
import type {
  SessionFilter,
  SessionPage,
  SessionStore,
  StoredRun,
  StoredRunFilter,
} from '../../sessions/session.store.js';
import {
  ANY_DATE,
  ANY_NUMBER,
  asked,
  assertEqual,
  assertIncludes,
  assertLacks,
  assertLength,
  assertMatches,
  assertRejects,
  assertSame,
  assertTrue,
  NO_USER_ID,
} from './assertions.js';
import { ContractCases, type ContractCase } from './contract.case.js';

/** Time limit in milliseconds for a case that stores much data. */
const SLOW = 60_000;

const NOTHING: RecordChanges = { set: {}, removed: [] };
const UNCHANGED: SessionChanges = { state: NOTHING, metadata: NOTHING };

const setState = (set: Record<string, unknown>, removed: string[] = []): SessionChanges => ({
  ...UNCHANGED,
  state: { set, removed },
});

/**
 * The contract of {@link SessionStore} as cases for any test runner; this package's stores pass them. The cases leave
 * sessions behind, under unique ids.
 *
 * @param createStore - called once, by the first case; the caller closes its resources when all cases have run
 * @example
 * ```ts
 * describe('RedisSessionStore', () => {
 *   for (const { name, run } of sessionStoreContract(() => new RedisSessionStore(client))) it(name, run);
 * });
 * ```
 */
export function sessionStoreContract(
  createStore: () => SessionStore | Promise<SessionStore>,
): readonly ContractCase[] {
  const cases = new ContractCases(createStore);
  addSessionCases(cases);
  addListCases(cases);
  addRunCases(cases);
  addAnnotationCases(cases);
  return cases.list;
}

function addSessionCases(cases: ContractCases<SessionStore>): void {
  cases.add('Sessions do not exist before they are stored', async (store) => {
    const id = newId();

    assertSame(await store.open(id), undefined);
    assertEqual(await store.runs(id), []);
  });

  cases.add('Sessions keep state, metadata, name and user, whatever plain data they hold', async (store) => {
    const id = newId();
    const state = {
      count: 1,
      at: new Date(0),
      seen: new Map([['a', new Set([1])]]),
      none: null,
      bytes: new Uint8Array([1, 2]),
    };
    const metadata = {
      set: { tags: ['x'], nested: { deep: [{ __proto__x: "Robert'); --" }] } },
      removed: [],
    };

    await store.append({ id, userId: 'ann' }, runOf(id), {
      name: 'Chat',
      state: { set: state, removed: [] },
      metadata,
    });

    assertEqual(await store.open(id), {
      id,
      userId: 'ann',
      name: 'Chat',
      state,
      metadata: metadata.set,
    });
  });

  cases.add('Sessions keep any text, number and key exactly, and the order of keys', async (store) => {
    const [appended, created, updated] = [newId(), newId(), newId()];
    const exact = exactData();

    const run = runWith(appended, {
      input: { content: exact.texts.join(' ') },
      output: { metadata: exact, data: exact, content: '\0 \ud800' },
      sessionState: exact,
    });
    await store.append({ id: appended }, run, setState(exact));
    await store.create({ id: created, state: exact, metadata: exact });
    await store.create({ id: updated });
    await store.update(updated, { ...setState(exact), summary: exact });

    const [stored] = await store.runs(appended);
    assertExact(stored, run);
    for (const id of [appended, created, updated]) {
      assertExact((await store.open(id))?.state, exact);
      assertExact((await store.find(id))?.state, exact);
    }
    assertExact((await store.open(created))?.metadata, exact);
    assertExact((await store.find(updated))?.summary, exact);
  });

  cases.add('Sessions keep the order of the keys of state when they change', async (store) => {
    const id = newId();
    await store.create({ id, state: { zebra: 1, b: 2, aa: 3 } });
    await store.append({ id }, runOf(id), setState({ late: 4, b: { y: 1, x: 2 } }, ['zebra']));
    await store.update(id, setState({ aa: 5, zebra: 6, a: 7 }));

    assertExact((await store.open(id))?.state, { b: { y: 1, x: 2 }, aa: 5, late: 4, zebra: 6, a: 7 });
  });

  cases.add('Sessions change only the keys that a run has changed', async (store) => {
    const id = newId();
    await store.append({ id }, runOf(id), setState({ a: 1, b: 2, c: 3 }));

    await store.append({ id }, runOf(id), setState({ b: 20, d: 4 }, ['c']));

    const { state = {} } = (await store.open(id)) ?? {};
    assertEqual(state, { a: 1, b: 20, d: 4 });
  });

  cases.add('Sessions lose nothing when many runs of one session are appended at once', async (store) => {
    const id = newId();
    const runs = Array.from({ length: 40 }, () => runOf(id));

    await Promise.all(
      runs.map((run, index) => store.append({ id }, run, setState({ [`key${index}`]: index }))),
    );

    const { state = {} } = (await store.open(id)) ?? {};
    assertLength(Object.keys(state), 40);
    assertEqual(
      (await store.runs(id)).map(({ runId }) => runId).sort(),
      runs.map(({ runId }) => runId).sort(),
    );
  });

  cases.add(
    'Sessions keep a turn without values that cannot be stored, and without the earlier values of these keys',
    async (store) => {
      const id = newId();
      const cyclic: Record<string, unknown> = { fine: 1 };
      cyclic['itself'] = cyclic;
      const bad = {
        big: 123n,
        call: () => 1,
        symbol: Symbol('s'),
        instance: new URL('http://localhost'),
        throwing: Object.defineProperty({ a: 1 }, 'b', {
          enumerable: true,
          get: () => {
            throw new Error('no');
          },
        }),
        cyclic,
        nested: { list: [1, 2n, { deep: new Map([['k', 3n]]) }], set: new Set([1, 4n]) },
        ['long '.repeat(200)]: 1,
        ['\0'.repeat(101)]: 1,
        numbers: [-0, NaN, Infinity, 1e300],
        date: new Date(NaN),
        absent: undefined,
      };
      const kept = {
        throwing: { a: 1 },
        cyclic: { fine: 1 },
        nested: { list: [1, { deep: new Map() }], set: new Set([1]) },
        numbers: [-0, NaN, Infinity, 1e300],
        date: ANY_DATE,
        absent: undefined,
      };
      await store.append({ id }, runOf(id), setState({ big: 1, other: 2 }));

      const run = runWith(id, {
        sessionState: bad,
        output: { metadata: bad, metrics: { inputTokens: 1e20, outputTokens: 5 } },
      });
      assertSame(await store.append({ id }, run, setState(bad)), true);

      assertEqual((await store.open(id))?.state, { ...kept, other: 2 });
      const [, stored] = await store.runs(id);
      assertMatches(stored?.output.metadata, kept);
      assertEqual((await store.find(id))?.usage, [{ outputTokens: 5 }]);

      const others = { created: newId(), updated: newId() };
      await store.create({ id: others.created, state: bad, metadata: bad });
      await store.create({ id: others.updated });
      const changes = { set: bad, removed: [] };
      await store.update(others.updated, { state: changes, metadata: changes, summary: bad });
      for (const other of Object.values(others))
        assertMatches(await store.find(other), { state: kept, metadata: kept });
    },
  );

  cases.add('Sessions hand out copies', async (store) => {
    const id = newId();
    await store.append({ id }, runOf(id), setState({ list: [1] }));

    const session = await store.open(id);
    (session?.state['list'] as number[]).push(2);
    const [run] = await store.runs(id);
    (run as { output: { content: string } }).output.content = 'changed';

    assertEqual((await store.open(id))?.state, { list: [1] });
    assertSame((await store.runs(id))[0]?.output.content, 'answer');
  });

  cases.add(
    'Sessions are found with their user, their component, and the usage of their runs for each model',
    async (store) => {
      const id = newId();
      const [mini, large] = [
        { id: 'mini', provider: 'lab' },
        { id: 'large', provider: 'lab', name: 'Large' },
      ];
      const desk = { kind: 'team', id: 'desk', name: 'Desk' } as const;
      const used = (tokens: number): RunDetails['output'] => ({
        metrics: { inputTokens: tokens, outputTokens: 1, totalTokens: tokens + 1 },
      });
      const init = { id, userId: 'ann', component: desk };
      const member = runWith(id, {
        parentRunId: 'leader',
        input: { content: 'a task' },
        output: { ...used(10), model: mini },
      });
      await store.append(init, member, UNCHANGED);
      await store.append(
        init,
        runWith(id, {
          component: desk,
          input: { content: 'Hello 👋' },
          output: { ...used(20), model: large },
        }),
        setState({ a: 1 }),
      );
      await store.append(
        { id, userId: 'bob', component: { kind: 'agent', id: 'other', name: 'Other' } },
        runWith(id, { input: { content: 'later' }, output: { ...used(5), model: mini } }),
        UNCHANGED,
      );
      await store.append({ id }, runOf(id), UNCHANGED);

      const found = await store.find(id);

      assertEqual(found, {
        id,
        userId: 'ann',
        kind: 'team',
        component: desk,
        firstInput: 'Hello 👋',
        state: { a: 1 },
        metadata: {},
        usage: [
          { model: mini, inputTokens: 15, outputTokens: 2, totalTokens: 17 },
          { model: large, inputTokens: 20, outputTokens: 1, totalTokens: 21 },
        ],
        createdAt: ANY_NUMBER,
        updatedAt: ANY_NUMBER,
      });
      assertTrue(Number(found?.updatedAt) >= (found?.createdAt ?? Infinity), 'a time that is not earlier');
      assertSame(await store.find(newId()), undefined);
    },
  );

  cases.add(
    'Sessions count reported tokens in whole numbers, under the latest name of a model',
    async (store) => {
      const id = newId();
      const reported: readonly StoredRun['output']['metrics'][] = [
        { inputTokens: 0, totalTokens: 0 },
        { inputTokens: 1.6, outputTokens: 0, reasoningTokens: 3 },
        { inputTokens: NaN, totalTokens: 4, cacheReadTokens: 3_000_000_000 },
        { duration: 7 },
      ];
      for (const [index, metrics] of reported.entries()) {
        const model = { id: 'mini', provider: 'lab', name: `Name ${index}` };
        await store.append({ id }, runWith(id, { output: { metrics, model } }), UNCHANGED);
      }
      const other = { id: 'mini', provider: 'elsewhere' };
      const output = { metrics: { outputTokens: 1 }, model: other };
      await store.append({ id }, runWith(id, { output }), UNCHANGED);

      assertEqual((await store.find(id))?.usage, [
        {
          model: { id: 'mini', provider: 'lab', name: 'Name 2' },
          inputTokens: 2,
          outputTokens: 0,
          totalTokens: 4,
          reasoningTokens: 3,
          cacheReadTokens: 3_000_000_000,
        },
        { model: other, outputTokens: 1 },
      ]);
    },
  );

  cases.add('Sessions belong to the first known component, by its kind, id and name', async (store) => {
    const id = newId();
    const desk = { kind: 'team', id: 'desk', name: 'Desk', description: 'Answers.' } as const;
    await store.create({ id });
    await store.append({ id }, runOf(id), UNCHANGED);
    assertLacks(await store.find(id), 'component');

    for (const component of [desk, { ...desk, id: 'other' }])
      await store.append({ id, component }, runOf(id), UNCHANGED);

    const { kind, id: componentId, name: componentName } = desk;
    const component = { kind, id: componentId, name: componentName };
    assertEqual((await store.find(id))?.component, component);
  });

  cases.add('Sessions keep an input of a megabyte, and are found by a part of it', async (store) => {
    const id = newId();
    const content = `${'long 👋 '.repeat(110_000)}${id}`;
    await store.append({ id }, runWith(id, { input: { content } }), UNCHANGED);

    const { sessions, total } = await store.list({ name: `👋 ${id}` });

    assertEqual([sessions[0]?.id, total], [id, 1]);
    assertSame(sessions[0]?.firstInput === content, true);
    assertSame((await store.runs(id))[0]?.input.content === content, true);
  });

  cases.add(
    'Sessions take many thousands of keys at once, and give them back',
    async (store) => {
      const id = newId();
      // In one statement, five parameters each: more than the 65,535 that PostgreSQL takes.
      const keys = Array.from({ length: 14_000 }, (_, index) => `key ${index}`);
      await store.create({ id, state: Object.fromEntries(keys.map((key) => [key, 1])) });
      const { state = {} } = (await store.open(id)) ?? {};
      assertLength(Object.keys(state), 14_000);

      await store.update(id, setState({ last: true }, keys));
      await store.delete(keys);

      assertEqual((await store.find(id))?.state, { last: true });
    },
    SLOW,
  );

  cases.add('Sessions give their runs page by page, by number and by size', async (store) => {
    const [id, other] = [newId(), newId()];
    const letters = ['a', 'b', 'c', 'd', 'e'];
    const contents = letters.map((letter) => letter.repeat(100_000));
    const appended = contents.map((content) => runWith(id, { input: { content } }));
    for (const run of appended) await store.append({ id }, run, UNCHANGED);
    await store.append({ id: other }, runOf(other), UNCHANGED);
    const ids = appended.map(({ runId }) => runId);
    const page = async (filter: StoredRunFilter): Promise<string[]> =>
      (await store.runs(id, filter)).map(({ input }) => input.content[0] ?? '');

    assertEqual(await page({ limit: 2 }), ['d', 'e']);
    assertEqual(await page({ limit: 2, before: ids[3] ?? '' }), ['b', 'c']);
    assertEqual(await page({ before: ids[1] ?? '' }), ['a']);
    assertEqual(await page({ before: ids[0] ?? '' }), []);
    assertEqual(await page({ before: 'unknown' }), []);
    assertEqual(await store.runs(other, { before: ids[4] ?? '' }), []);
    assertEqual(await page({ maxSize: 250_000 }), ['d', 'e']);
    assertEqual(await page({ maxSize: 250_000, before: ids[3] ?? '' }), ['b', 'c']);
    assertEqual(await page({ maxSize: 10_000_000 }), letters);
    assertEqual(await page({ maxSize: 10_000_000, limit: 1 }), ['e']);
    // A page always has at least one run.
    assertEqual(await page({ maxSize: 1 }), ['e']);
    assertEqual(await page({ maxSize: 1, before: ids[4] ?? '', statuses: ['COMPLETED'] }), ['d']);
  });

  cases.add('Sessions do not take a refused input as their first input', async (store) => {
    const id = newId();
    await store.append({ id }, runWith(id, { input: { content: '' } }), UNCHANGED);
    assertLacks(await store.find(id), 'firstInput');
    const refused = runWith(id, { input: { content: '' }, isWithdrawn: true });
    await store.append({ id }, refused, UNCHANGED);
    assertMatches(await store.find(id), { isInputWithheld: true });
    const { sessions } = await store.list({ name: '[message withheld]' });
    assertIncludes(
      sessions.map((session) => session.id),
      id,
    );
    await store.append({ id }, runWith(id, { input: { content: 'zero\0byte' } }), UNCHANGED);
    assertSame((await store.find(id))?.firstInput?.replace('\0', ''), 'zerobyte');
    assertSame((await store.runs(id)).at(-1)?.input.content, 'zero\0byte');
    assertSame((await store.find(id))?.isInputWithheld ?? false, false);
  });

  cases.add('Sessions are created empty, once', async (store) => {
    const id = newId();
    const component = { kind: 'workflow', id: 'flow', name: 'Flow' } as const;
    const session = {
      id,
      userId: 'ann',
      component,
      name: 'New',
      state: { a: new Date(1) },
      metadata: { b: 2 },
    };

    const created = await Promise.all([1, 2, 3].map(() => store.create(session)));

    assertEqual(created.sort(), [false, false, true]);
    assertMatches(await store.find(id), { ...session, usage: [] });
    assertEqual(await store.runs(id), []);
    assertSame(await store.create({ id, name: 'Other' }), false);
    assertSame((await store.open(id))?.name, 'New');
  });

  cases.add(
    'Sessions have the kind that they were created with, until a component runs in them',
    async (store) => {
      const [team, plain] = [newId(), newId()];
      const userId = `kinds-${team}`;
      await store.create({ id: team, userId, kind: 'team' });
      await store.create({ id: plain, userId });
      const idsOf = async (kind: ComponentKind): Promise<string[]> =>
        (await store.list({ userId, kind })).sessions.map(({ id }) => id);

      assertEqual(
        [await idsOf('agent'), await idsOf('team'), await idsOf('workflow')],
        [[plain], [team], []],
      );
      assertSame((await store.find(team))?.kind, 'team');

      const component = { kind: 'workflow', id: 'flow', name: 'Flow' } as const;
      await store.append({ id: team, userId, component }, runOf(team), UNCHANGED);
      await store.append({ id: team, isKnown: true }, runOf(team), UNCHANGED);
      assertMatches(await store.find(team), { kind: 'workflow', component });
      assertEqual(await idsOf('workflow'), [team]);
    },
  );

  cases.add('Sessions are updated key by key, if they exist', async (store) => {
    const id = newId();
    await store.create({ id, state: { a: 1, b: 2 }, metadata: { c: 3 } });
    const before = await store.find(id);

    const updated = await store.update(id, {
      name: 'Renamed',
      summary: { topic: 'tests' },
      state: { set: { b: 20, d: [4] }, removed: ['a'] },
      metadata: NOTHING,
    });

    const after = await store.find(id);
    assertSame(updated, true);
    assertEqual(after, {
      ...before,
      name: 'Renamed',
      summary: { topic: 'tests' },
      state: { b: 20, d: [4] },
      updatedAt: ANY_NUMBER,
    });
    assertTrue(Number(after?.updatedAt) >= (before?.updatedAt ?? Infinity), 'a time that is not earlier');
    assertSame(await store.update(newId(), UNCHANGED), false);
  });

  for (const given of ["Robert'); DROP TABLE agent_os_sessions; --", '100 % _ \\ " 👋', ' '])
    cases.add(`sessions take any text as a name: ${given}`, async (store) => {
      const id = newId();
      await store.create({ id, name: 'first' });
      await store.append({ id }, runOf(id), { ...UNCHANGED, name: 'second' });
      assertSame((await store.find(id))?.name, 'second');

      await store.update(id, { ...UNCHANGED, name: given });

      assertSame((await store.find(id))?.name, given);
      assertIncludes((await store.list({ name: given, limit: 1_000 })).sessions, { id });
    });

  cases.add('Sessions have the time of their latest change', async (store) => {
    const id = newId();
    const times: number[] = [];
    const note = async (): Promise<void> => {
      const { createdAt, updatedAt } = (await store.find(id)) ?? {};
      times.push(createdAt ?? NaN, updatedAt ?? NaN);
      await anotherMillisecond();
    };
    await store.create({ id });
    await note();
    await store.update(id, UNCHANGED);
    await note();
    await store.append({ id }, runOf(id), UNCHANGED);
    await note();

    const [created, first, , second, , third] = times as [number, number, number, number, number, number];
    assertEqual(
      times.filter((_, index) => index % 2 === 0),
      [created, created, created],
    );
    assertEqual(
      [first, second, third].map((time) => time > created),
      [false, true, true],
    );
    assertTrue(Number(third) > second, 'a later time');
  });

  cases.add('Sessions lose nothing when runs and updates come at once', async (store) => {
    const id = newId();
    await store.create({ id });
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => [
        store.append(
          { id },
          runWith(id, { output: { metrics: { inputTokens: 1 } } }),
          setState({ [`run${index}`]: 1 }),
        ),
        store.update(id, setState({ [`update${index}`]: 1 })),
      ]).flat(),
    );
    const found = await store.find(id);
    assertLength(Object.keys(found?.state ?? {}), 40);
    assertEqual(found?.usage, [{ inputTokens: 20 }]);
  });

  cases.add(
    'Sessions are deleted with their runs, any number at once, and unknown ids are ignored',
    async (store) => {
      const [first, second, third] = [newId(), newId(), newId()];
      for (const id of [first, second, third]) await store.append({ id }, runOf(id), setState({ a: 1 }));

      assertEqual([...(await store.delete([first, third, newId()]))].sort(), [first, third].sort());
      assertEqual(await store.delete([]), []);

      const found = await Promise.all([first, second, third].map((id) => store.find(id)));
      assertEqual(
        found.map((session) => session?.id),
        [undefined, second, undefined],
      );
      assertEqual(await store.runs(first), []);
      assertSame(await store.open(third), undefined);
    },
  );

  for (const [title, userId, owner, isAdded] of [
    ['A user adds a run to a session of her own', 'ann', 'ann', true],
    ['A user adds no run to the session of another user', 'ann', 'bob', false],
    ['A user adds no run to a session without a user', undefined, 'bob', false],
    ['A run without a user is added to a session without a user', undefined, null, true],
    ['A run without a user is not added to the session of a user', 'ann', null, false],
  ] as const)
    cases.add(`${title}, if the owner is given`, async (store) => {
      const id = newId();
      await store.create({ id, ...(userId === undefined ? {} : { userId }), state: { a: 1 } });
      for (const isKnown of [false, true]) {
        const session = { id, owner, isKnown, ...(owner === null ? {} : { userId: owner }) };
        assertSame(await store.append(session, runOf(id), setState({ a: 2 })), isAdded);
      }
      assertLength(await store.runs(id), isAdded ? 2 : 0);
      assertMatches(await store.find(id), { state: { a: isAdded ? 2 : 1 } });
      assertSame((await store.find(id))?.userId, userId);
    });

  cases.add('Sessions take runs of any user if no owner is given', async (store) => {
    const id = newId();
    await store.create({ id, userId: 'ann' });
    assertSame(await store.append({ id, userId: 'bob' }, runOf(id), UNCHANGED), true);
    assertMatches(await store.find(id), { userId: 'ann' });
  });

  cases.add('A session that two users begin at the same time belongs to one of them', async (store) => {
    const id = newId();
    const users = ['ann', 'bob', 'ann', 'bob'];
    const added = await Promise.all(
      users.map((userId) =>
        store.append({ id, userId, owner: userId }, runOf(id), setState({ [userId]: 1 })),
      ),
    );
    const owner = (await store.find(id))?.userId ?? '';
    assertEqual(
      added,
      users.map((user) => user === owner),
    );
    assertLength(await store.runs(id), 2);
    assertEqual((await store.open(id))?.state, { [owner]: 1 });
  });

  cases.add('Sessions stay deleted for runs that began before the deletion', async (store) => {
    const id = newId();
    await store.create({ id });
    await store.delete([id]);
    assertSame(await store.append({ id, isKnown: true }, runOf(id), UNCHANGED), false);
    assertSame(await store.find(id), undefined);
    assertSame(await store.append({ id }, runOf(id), UNCHANGED), true);
    assertSame(await store.append({ id, isKnown: true }, runOf(id), UNCHANGED), true);
    assertLength(await store.runs(id), 2);
  });

  for (const [userId, owner, isThere] of [
    ['ann', 'ann', true],
    ['ann', 'bob', false],
    ['ann', null, false],
    [undefined, null, true],
    [undefined, 'ann', false],
  ] as const)
    cases.add(`sessions of ${userId} are there for the owner ${owner}: ${isThere}`, async (store) => {
      const id = newId();
      await store.append({ id, ...(userId === undefined ? {} : { userId }) }, runOf(id), UNCHANGED);
      assertSame((await store.find(id, owner))?.id, isThere ? id : undefined);
      assertLength(await store.runs(id, { owner }), isThere ? 1 : 0);
      assertSame(await store.update(id, setState({ a: 1 }), owner), isThere);
      assertEqual((await store.open(id))?.state, isThere ? { a: 1 } : {});
      assertEqual(await store.delete([id], owner), isThere ? [id] : []);
      assertSame((await store.find(id))?.id, isThere ? undefined : id);
    });

  cases.add('Sessions keep runs that have written keys with zero bytes', async (store) => {
    const id = newId();
    const changes = setState({ 'a\0b': 1, ab: 2, c: 3 });
    assertSame(await store.append({ id }, runOf(id), changes), true);
    assertEqual((await store.open(id))?.state, { 'a\0b': 1, ab: 2, c: 3 });
    assertSame(await store.append({ id }, runOf(id), setState({ ab: 4 }, ['a\0b', 'c\0'])), true);
    assertEqual((await store.open(id))?.state, { ab: 4, c: 3 });
    assertLength(await store.runs(id), 2);
  });

  cases.add(
    'Sessions keep names and first inputs without zero bytes, and without unpaired surrogates',
    async (store) => {
      const mark = newId();
      const [bad, good] = [`a\0b\ud800c 👋 ${mark}`, `ab\ufffdc 👋 ${mark}`];
      const [created, appended, first] = [newId(), newId(), newId()];
      await store.create({ id: created, name: bad });
      await store.append({ id: appended }, runOf(appended), { ...UNCHANGED, name: bad });
      await store.append({ id: first }, runWith(first, { input: { content: bad } }), UNCHANGED);

      for (const id of [created, appended]) assertSame((await store.find(id))?.name, good);
      assertSame((await store.open(created))?.name, good);
      assertSame((await store.find(first))?.firstInput, good);
      assertSame((await store.runs(first))[0]?.input.content, bad);
      const { sessions } = await store.list({ name: bad, limit: 100 });
      assertEqual(sessions.map(({ id }) => id).sort(), [created, appended, first].sort());
      await store.update(created, { ...UNCHANGED, name: '\0' });
      assertSame((await store.find(created))?.name, '');
    },
  );

  cases.add(
    'Sessions keep runs whose model or component has a name that databases do not accept',
    async (store) => {
      const id = newId();
      const component = { kind: 'agent', id: 'agent', name: 'A\0gent \ud800' } as const;
      const output = { model: { id: 'm\0', provider: 'p\udfff', name: 'M\0' }, metrics: { inputTokens: 1 } };
      const run = runWith(id, { component, output, errorCode: 'zero\0byte' });

      await store.append({ id, component }, run, UNCHANGED);

      assertEqual(await store.runs(id), [run]);
      assertMatches(await store.find(id), {
        component: { name: 'Agent \ufffd' },
        usage: [{ model: { id: 'm', provider: 'p\ufffd', name: 'M' }, inputTokens: 1 }],
      });
    },
  );

  cases.add('Sessions hand out copies of their data', async (store) => {
    const id = newId();
    await store.create({ id, state: { list: [1] } });
    const found = await store.find(id);
    (found?.state['list'] as number[]).push(2);
    const page = await store.list({ limit: 1_000 });
    (page.sessions.find((session) => session.id === id)?.state['list'] as number[]).push(3);
    assertEqual((await store.find(id))?.state, { list: [1] });
  });

  cases.add('Sessions refuse a user id that is not a text, because it would merge users', async (store) => {
    const userId = Promise.resolve('ann') as never;
    const id = newId();

    for (const ask of [
      () => store.create({ id, userId }),
      () => store.find(id, userId),
      () => store.list({ userId }),
      () => store.runs(id, { owner: userId }),
      () => store.update(id, UNCHANGED, userId),
      () => store.annotate(id, {}, userId),
      () => store.delete([id], userId),
    ]) {
      await assertRejects(asked(ask), NO_USER_ID);
    }
    assertSame(await store.find(id), undefined);
  });
}

function addListCases(cases: ContractCases<SessionStore>): void {
  const owner = `owner-${newId()}`;
  const titles = ['b 100%', 'a_b', 'B\\c', "o'clock", 'emoji 👋'];
  const titlesOf = ({ sessions }: SessionPage): (string | undefined)[] =>
    sessions.map((session) => session.name ?? session.firstInput);
  let stored: Promise<void> | undefined;
  /** The listed sessions of one owner; stored by the first case that lists them. */
  const listOf =
    (store: SessionStore) =>
    async (filter: SessionFilter): Promise<SessionPage> => {
      await (stored ??= storeAll(store));
      return store.list({ userId: owner, ...filter });
    };
  const storeAll = async (store: SessionStore): Promise<void> => {
    for (const title of titles) {
      const id = newId();
      const component = { kind: 'agent', id: `agent of ${title}`, name: 'Agent' } as const;
      if (title === 'a_b')
        await store.append(
          { id, userId: owner, component },
          runWith(id, { input: { content: title } }),
          UNCHANGED,
        );
      else await store.create({ id, userId: owner, component, name: title });
    }
    const team = { kind: 'team', id: 'desk', name: 'Desk' } as const;
    await store.create({ id: newId(), userId: owner, component: team, name: 'team talk' });
  };

  cases.add(
    'A list of sessions is narrowed by owner, kind and component, and no user counts as an owner too',
    async (store) => {
      const list = listOf(store);
      const id = newId();
      await store.create({ id, name: 'of nobody' });
      assertSame((await list({})).total, 6);
      assertEqual(titlesOf(await list({ kind: 'team' })), ['team talk']);
      assertEqual(titlesOf(await list({ componentId: 'agent of a_b' })), ['a_b']);
      assertSame((await list({ componentId: 'nobody' })).total, 0);
      const ofNobody = await store.list({ userId: null, limit: 1_000 });
      assertIncludes(
        ofNobody.sessions.map((session) => session.id),
        id,
      );
      assertEqual(
        ofNobody.sessions.filter(({ userId }) => userId !== undefined),
        [],
      );
    },
  );

  for (const [name, found] of [
    ['%', ['b 100%']],
    ['_', ['a_b']],
    ['\\', ['B\\c']],
    ["'", ["o'clock"]],
    ['👋', ['emoji 👋']],
    ['B', ['b 100%', 'a_b', 'B\\c']],
    ['nothing', []],
    ['', [...titles, 'team talk']],
  ] as const)
    cases.add(
      `a list of sessions finds a part of a name literally, in any case of letters: ${name}`,
      async (store) => {
        const list = listOf(store);
        const page = await list({ name });
        assertEqual(titlesOf(page).sort(), [...found].sort());
        assertSame(page.total, found.length);
      },
    );

  for (const sortBy of ['createdAt', 'updatedAt', 'name'] as const)
    cases.add(
      `a list of sessions is sorted by ${sortBy}, both ways, without an overlap of pages`,
      async (store) => {
        const list = listOf(store);
        const pagesOf = async (sortOrder: 'asc' | 'desc'): Promise<(string | undefined)[]> => {
          const pages = [0, 1, 2, 3].map((page) => list({ sortBy, sortOrder, limit: 2, offset: page * 2 }));
          return (await Promise.all(pages)).flatMap(titlesOf);
        };
        const [up, down] = [await pagesOf('asc'), await pagesOf('desc')];
        assertLength(up, 6);
        assertSame(new Set(up).size, 6);
        assertEqual(down, [...up].reverse());
        if (sortBy === 'name') assertEqual(up, [...up].sort());
      },
    );

  cases.add('A list of sessions has an order even among sessions of the same name', async (store) => {
    const twins = `twins-${owner}`;
    const made = Array.from({ length: 8 }, (_, index) => `${(index * 3) % 8}-${newId()}`);
    for (const id of made) await store.create({ id, userId: twins, name: 'Twin' });
    const idsBy = async (sortOrder: 'asc' | 'desc'): Promise<string[]> => {
      const filter = { userId: twins, sortBy: 'name', sortOrder, limit: 3 } as const;
      const pages = [0, 3, 6].map((offset) => store.list({ ...filter, offset }));
      return (await Promise.all(pages)).flatMap(({ sessions }) => sessions.map(({ id }) => id));
    };

    assertEqual(await idsBy('asc'), [...made].sort());
    assertEqual(await idsBy('desc'), [...made].sort().reverse());
  });

  cases.add('A list of sessions begins with the newest, twenty of them', async (store) => {
    const many = `many-${owner}`;
    for (let index = 0; index < 21; index++) await store.create({ id: newId(), userId: many });
    const page = await store.list({ userId: many });
    assertEqual([page.sessions.length, page.total], [20, 21]);
    const times = page.sessions.map(({ createdAt }) => createdAt);
    assertEqual(
      times,
      [...times].sort((left, right) => right - left),
    );
  });

  cases.add('A list of sessions has the same sessions as find()', async (store) => {
    const list = listOf(store);
    const { sessions } = await list({ limit: 1_000 });
    const found = await Promise.all(sessions.map(({ id }) => store.find(id)));
    assertEqual(sessions, found);
  });
}

function addRunCases(cases: ContractCases<SessionStore>): void {
  cases.add(
    'Runs are stored together with the other writes of their transaction, or not at all',
    async (store) => {
      // A store without a client is never asked to.
      if (store.client === undefined) return;
      const id = newId();
      const connections: object[] = [];
      const pass = (connection: object): Promise<void> => {
        connections.push(connection);
        return Promise.resolve();
      };
      const fail = async (connection: object): Promise<void> => {
        await pass(connection);
        throw new Error('on purpose');
      };

      await assertRejects(store.append({ id }, runOf(id), setState({ a: 1 }), fail), /on purpose/);
      assertEqual([await store.open(id), await store.runs(id)], [undefined, []]);
      assertSame(await store.append({ id, isKnown: true }, runOf(id), UNCHANGED, pass), false);
      assertLength(connections, 1);

      assertSame(await store.append({ id }, runOf(id), UNCHANGED, pass), true);
      assertLength(connections, 2);
      assertLength(await store.runs(id), 1);
    },
  );
  cases.add('Runs can be narrowed by id and by when they started', async (store) => {
    const id = newId();
    const runs = [100, 200, 300].map((createdAt) => runWith(id, { output: { createdAt } }));
    for (const run of runs) await store.append({ id }, run, UNCHANGED);
    const timesOf = async (filter: StoredRunFilter): Promise<number[]> =>
      (await store.runs(id, filter)).map(({ output }) => output.createdAt);

    assertEqual(await timesOf({ runId: runs[1]?.runId ?? '' }), [200]);
    assertEqual(await timesOf({ runId: 'nobody' }), []);
    assertEqual(await timesOf({ createdAfter: 200 }), [200, 300]);
    assertEqual(await timesOf({ createdBefore: 200 }), [100, 200]);
    assertEqual(await timesOf({ createdAfter: 101, createdBefore: 253_402_300_799 }), [200, 300]);
  });
  cases.add('Runs can be narrowed by component, status and number, including zero', async (store) => {
    const id = newId();
    const [first, other, failed, last] = [
      runOf(id),
      runOf(id, 'other'),
      runOf(id, 'agent', 'ERROR'),
      runOf(id),
    ];
    const withdrawn: StoredRun = { ...runOf(id), isWithdrawn: true };
    for (const run of [first, other, failed, last, withdrawn]) await store.append({ id }, run, UNCHANGED);
    const idsOf = async (filter: StoredRunFilter): Promise<string[]> =>
      (await store.runs(id, filter)).map(({ runId }) => runId);

    assertEqual(await idsOf({ componentId: 'other' }), [other.runId]);
    const answered = { statuses: ['COMPLETED'], isWithdrawn: false } as const;
    assertEqual(await idsOf({ componentId: 'agent', ...answered }), [first.runId, last.runId]);
    assertEqual(await idsOf({ ...answered, limit: 1 }), [last.runId]);
    assertEqual(await idsOf({ isWithdrawn: true }), [withdrawn.runId]);
    assertEqual(await idsOf({ statuses: ['COMPLETED'], limit: 1 }), [withdrawn.runId]);
    assertEqual(await idsOf({ statuses: ['CANCELLED', 'ERROR'] }), [failed.runId]);
    assertEqual(await idsOf({ statuses: ['ERROR', 'COMPLETED'], componentId: 'agent', limit: 3 }), [
      failed.runId,
      last.runId,
      withdrawn.runId,
    ]);
    assertEqual(await idsOf({ statuses: [] }), []);
    assertEqual(await idsOf({ limit: 0 }), []);
  });

  cases.add('Runs come back whole, the oldest first, the latest ones if there is a limit', async (store) => {
    const id = newId();
    const runs = [runOf(id), runOf(id), runOf(id)];
    for (const run of runs) await store.append({ id }, run, UNCHANGED);

    assertEqual(await store.runs(id), runs);
    assertEqual(await store.runs(id, { limit: 2 }), runs.slice(1));
  });
}

function addAnnotationCases(cases: ContractCases<SessionStore>): void {
  cases.add(
    'Annotations add metadata to a run, and change nothing else of it or its session',
    async (store) => {
      const id = newId();
      const output = { metadata: { given: 1, kept: { deep: [new Date(1)] } } };
      const [first, second] = [runWith(id, { output }), runWith(id, { output })];
      const ended = { ...second, events: endedWith(second) };
      for (const run of [first, ended]) await store.append({ id, userId: 'ann' }, run, setState({ a: 1 }));
      const session = await store.find(id);
      await anotherMillisecond();

      assertSame(await store.annotate(second.runId, { tags: ['x'], given: 2 }), true);
      assertSame(await store.annotate(second.runId, { tags: ['y'], score: -0 }, 'ann'), true);

      const metadata = { given: 2, kept: { deep: [new Date(1)] }, tags: ['y'], score: -0 };
      assertExact(await store.runs(id), [first, { ...ended, output: { ...ended.output, metadata } }]);
      assertEqual(await store.find(id), session);
    },
  );

  cases.add(
    'Annotations keep plain data exactly, and leave out values that cannot be stored',
    async (store) => {
      const id = newId();
      const run = runWith(id, { output: { metadata: {} } });
      const exact = exactData();
      await store.append({ id }, run, UNCHANGED);

      await store.annotate(run.runId, { exact });
      await store.annotate(run.runId, { call: () => 1, ['long '.repeat(200)]: 1 });

      const [stored] = await store.runs(id);
      assertExact(stored?.output.metadata, { exact, ['long '.repeat(200)]: 1 });
      (stored?.output.metadata as Record<string, unknown>)['exact'] = 'changed';
      assertExact((await store.runs(id))[0]?.output.metadata['exact'], exact);
    },
  );

  cases.add('Annotations of one run at once lose no key', async (store) => {
    const id = newId();
    const run = runOf(id);
    await store.append({ id }, run, UNCHANGED);
    const keys = Array.from({ length: 20 }, (_, index) => `key${index}`);

    const added = await Promise.all(keys.map((key) => store.annotate(run.runId, { [key]: key })));

    assertEqual(new Set(added), new Set([true]));
    const [stored] = await store.runs(id);
    assertEqual(stored?.output.metadata, {
      at: new Date(1),
      ...Object.fromEntries(keys.map((key) => [key, key])),
    });
  });

  cases.add('Annotations of one run are applied in the order of their calls', async (store) => {
    const id = newId();
    const run = runOf(id);
    await store.append({ id }, run, UNCHANGED);

    await Promise.all(Array.from({ length: 10 }, (_, turn) => store.annotate(run.runId, { turn })));

    assertMatches((await store.runs(id))[0]?.output.metadata, { turn: 9 });
  });

  cases.add(
    'Annotations need a stored run with its answer, whose session belongs to the owner if one is given',
    async (store) => {
      const [id, ofNobody] = [newId(), newId()];
      const [run, withdrawn, other] = [runOf(id), { ...runOf(id), isWithdrawn: true }, runOf(ofNobody)];
      await store.append({ id, userId: 'ann' }, run, UNCHANGED);
      await store.append({ id, userId: 'ann' }, withdrawn, UNCHANGED);
      await store.append({ id: ofNobody }, other, UNCHANGED);
      const added = { tags: ['x'] };

      assertSame(await store.annotate(newId(), added), false);
      assertSame(await store.annotate(withdrawn.runId, added), false);
      assertSame(await store.annotate(run.runId, added, 'bob'), false);
      assertSame(await store.annotate(run.runId, added, null), false);
      assertSame(await store.annotate(other.runId, added, 'ann'), false);
      assertEqual(await store.runs(id), [run, withdrawn]);
      assertEqual(await store.runs(ofNobody), [other]);

      assertSame(await store.annotate(other.runId, added, null), true);
      await store.delete([id]);
      assertSame(await store.annotate(run.runId, added), false);
      assertEqual(await store.runs(id), []);
    },
  );

  cases.add('Annotations count for the size of a page of runs', async (store) => {
    const id = newId();
    const runs = [runOf(id), runOf(id)];
    for (const run of runs) await store.append({ id }, run, UNCHANGED);
    const idsWithin = async (maxSize: number): Promise<string[]> =>
      (await store.runs(id, { maxSize })).map(({ runId }) => runId);
    assertLength(await idsWithin(10_000), 2);

    await store.annotate(runs[1]?.runId ?? '', { summary: 'x'.repeat(10_000) });

    assertEqual(await idsWithin(10_000), [runs[1]?.runId]);
  });
}

/** The events of a run, the last of which shows its output. */
function endedWith({ output, sessionState, events }: StoredRun): StoredRun['events'] {
  const { runId, sessionId, component } = output;
  const base = { createdAt: 1, component, runId, sessionId, nestedDepth: 0 };
  return [...events, { ...base, type: 'run-completed', output, sessionState }];
}

/** Data that databases, JSON or careless copies change. */
function exactData() {
  return {
    texts: ['zero \0 byte', 'half \ud800', '\udfff', '\\u0000', 'é 👋 " \\ \n'],
    zebra: { y: 1, x: { second: [2], first: [1] } },
    apple: [{ b: 1, a: 2 }],
    'a\0b': { 'c\0d': 'nul' },
    'a\ufffdb': 'no nul',
    ab: 'neither',
    'half \ud800': { '\udfff': 1, '\udffe': 2 },
    'back\\slash': 'one',
    'back\\\\slash': 'two',
    '\\u0000': 'six characters',
    '': 'no key',
    ...(JSON.parse(
      '{"__proto__":{"__proto__":null,"isAdmin":true},"constructor":{"prototype":1}}',
    ) as object),
    numbers: [-0, 0, NaN, Infinity, -Infinity, 1e300, 5e-324, 0.1, 9_007_199_254_740_992],
    zero: -0,
    nothing: { gone: undefined, none: null, list: [undefined, null] },
    dates: [new Date(0), new Date(NaN)],
    map: new Map<unknown, unknown>([
      [{ b: 1, a: 2 }, new Set(['\0', -0])],
      ['key', new Map([[new Date(1), undefined]])],
    ]),
    bytes: [new Uint8Array([0, 255]), new Float64Array([-0, NaN]), new BigInt64Array([-1n])],
    7: 'a number comes first',
  };
}

/** Both contain the same data, including undefined fields, with keys in the same order. */
function assertExact(actual: unknown, expected: unknown): void {
  assertEqual(actual, expected);
  assertEqual(keysIn(actual), keysIn(expected));
}

/** The keys of all records in a value, in their order. */
function keysIn(value: unknown): readonly unknown[] {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [];
  if (Symbol.iterator in value) return [...(value as Iterable<unknown>)].map(keysIn);
  return Object.entries(value).flatMap(([key, item]) => [key, keysIn(item)]);
}

/** Waits until the clock shows another time, so that later steps have a later time. */
async function anotherMillisecond(): Promise<void> {
  const now = Date.now();
  while (Date.now() <= now + 1) await nextTurn();
}

function newId(): string {
  return randomUUID();
}

/** A run with these details. */
function runWith(sessionId: string, { output = {}, ...others }: RunDetails): StoredRun {
  const run = runOf(sessionId);
  return { ...run, ...others, output: { ...run.output, ...output } };
}

type RunDetails = Partial<Omit<StoredRun, 'output'>> & { readonly output?: Partial<StoredRun['output']> };

function runOf(sessionId: string, componentId = 'agent', status: RunStatus = 'COMPLETED'): StoredRun {
  const runId = `run-${newId()}`;
  const component = { kind: 'agent', id: componentId, name: 'Agent' } as const;
  const output = {
    runId,
    sessionId,
    component,
    content: 'answer',
    status,
    metrics: { duration: 0.5 },
    messages: [{ id: 'm1', role: 'user', content: 'question', createdAt: 1 }],
    tools: [],
    metadata: { at: new Date(1) },
    memberResponses: [],
    stepResults: [],
    createdAt: 1,
  } as const;
  return {
    runId,
    component,
    input: { content: 'question' },
    output: output as unknown as StoredRun['output'],
    sessionState: { visits: 1 },
    events: [{ type: 'run-started', createdAt: 1, component, runId, sessionId, nestedDepth: 0 }],
  };
}
