import { setImmediate as nextTurn } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type {
  ComponentKind,
  Evaluation,
  EvaluationFilter,
  EvalStore,
  RecordChanges,
  RunStatus,
  SessionChanges,
  SessionFilter,
  SessionPage,
  SessionStore,
  StoredRun,
  StoredRunFilter,
} from 'nestjs-agentos';

/** Stores to be tested, and what ends them. */
export interface StoresUnderTest {
  readonly sessions: SessionStore;
  readonly evals: EvalStore;
  readonly close?: () => Promise<void>;
}

/** A database starts in seconds, but not on every machine. */
const SLOW = 60_000;

const NOTHING: RecordChanges = { set: {}, removed: [] };
const UNCHANGED: SessionChanges = { state: NOTHING, metadata: NOTHING };

const setState = (set: Record<string, unknown>, removed: string[] = []): SessionChanges => ({
  ...UNCHANGED,
  state: { set, removed },
});

/** What every session store and evaluation store promises. */
export function describeStoresContract(name: string, create: () => Promise<StoresUnderTest>): void {
  describe(name, () => {
    let stores: StoresUnderTest;
    let nextId = 0;
    const newId = (): string => `${name}-${nextId++}`;

    beforeAll(async () => {
      stores = await create();
    }, SLOW);
    afterAll(() => stores.close?.(), SLOW);

    describe('sessions', () => {
      it('are not there if nobody has stored them', async () => {
        const id = newId();

        await expect(stores.sessions.open(id)).resolves.toBeUndefined();
        await expect(stores.sessions.runs(id)).resolves.toEqual([]);
      });

      it('keep state, metadata, name and user, whatever plain data they hold', async () => {
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

        await stores.sessions.append({ id, userId: 'ann' }, runOf(id), {
          name: 'Chat',
          state: { set: state, removed: [] },
          metadata,
        });

        await expect(stores.sessions.open(id)).resolves.toEqual({
          id,
          userId: 'ann',
          name: 'Chat',
          state,
          metadata: metadata.set,
        });
      });

      it('change only the keys that a run has changed', async () => {
        const id = newId();
        await stores.sessions.append({ id }, runOf(id), setState({ a: 1, b: 2, c: 3 }));

        await stores.sessions.append({ id }, runOf(id), setState({ b: 20, d: 4 }, ['c']));

        const { state = {} } = (await stores.sessions.open(id)) ?? {};
        expect(state).toEqual({ a: 1, b: 20, d: 4 });
      });

      it('lose nothing when many runs of one session are appended at once', async () => {
        const id = newId();
        const runs = Array.from({ length: 40 }, () => runOf(id));

        await Promise.all(
          runs.map((run, index) => stores.sessions.append({ id }, run, setState({ [`key${index}`]: index }))),
        );

        const { state = {} } = (await stores.sessions.open(id)) ?? {};
        expect(Object.keys(state)).toHaveLength(40);
        expect((await stores.sessions.runs(id)).map(({ runId }) => runId).sort()).toEqual(
          runs.map(({ runId }) => runId).sort(),
        );
      });

      it('keep the turn without what cannot be stored, and without the value that was there before', async () => {
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
          proto: JSON.parse('{"__proto__":{"x":1},"y":2}') as unknown,
          half: { ['key \ud800']: 1, whole: 'value \ud800' },
          ['half \udfff']: 1,
          ['long '.repeat(200)]: 1,
          numbers: [-0, NaN, Infinity, 1e300],
          date: new Date(NaN),
          absent: undefined,
        };
        const kept = {
          throwing: { a: 1 },
          cyclic: { fine: 1 },
          nested: { list: [1, { deep: new Map() }], set: new Set([1]) },
          proto: { y: 2 },
          half: { whole: 'value \ud800' },
          numbers: [-0, NaN, Infinity, 1e300],
          date: expect.any(Date),
          absent: undefined,
        };
        await stores.sessions.append({ id }, runOf(id), setState({ big: 1, other: 2 }));

        const run = runWith(id, {
          sessionState: bad,
          output: { metadata: bad, metrics: { inputTokens: 1e20, outputTokens: 5 } },
        });
        expect(await stores.sessions.append({ id }, run, setState(bad))).toBe(true);

        expect((await stores.sessions.open(id))?.state).toEqual({ ...kept, other: 2 });
        const [, stored] = await stores.sessions.runs(id);
        expect(stored?.output.metadata).toMatchObject(kept);
        expect((await stores.sessions.find(id))?.usage).toEqual([{ outputTokens: 5 }]);

        const others = { created: newId(), updated: newId() };
        await stores.sessions.create({ id: others.created, state: bad, metadata: bad });
        await stores.sessions.create({ id: others.updated });
        const changes = { set: bad, removed: [] };
        await stores.sessions.update(others.updated, { state: changes, metadata: changes, summary: bad });
        for (const other of Object.values(others))
          expect(await stores.sessions.find(other)).toMatchObject({ state: kept, metadata: kept });
      });

      it('hand out copies', async () => {
        const id = newId();
        await stores.sessions.append({ id }, runOf(id), setState({ list: [1] }));

        const session = await stores.sessions.open(id);
        (session?.state['list'] as number[]).push(2);
        const [run] = await stores.sessions.runs(id);
        (run as { output: { content: string } }).output.content = 'changed';

        expect((await stores.sessions.open(id))?.state).toEqual({ list: [1] });
        expect((await stores.sessions.runs(id))[0]?.output.content).toBe('answer');
      });

      it('are found with who has opened them, what for, and what their runs have used, model by model', async () => {
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
        await stores.sessions.append(init, member, UNCHANGED);
        await stores.sessions.append(
          init,
          runWith(id, {
            component: desk,
            input: { content: 'Hello 👋' },
            output: { ...used(20), model: large },
          }),
          setState({ a: 1 }),
        );
        await stores.sessions.append(
          { id, userId: 'bob', component: { kind: 'agent', id: 'other', name: 'Other' } },
          runWith(id, { input: { content: 'later' }, output: { ...used(5), model: mini } }),
          UNCHANGED,
        );
        await stores.sessions.append({ id }, runOf(id), UNCHANGED);

        const found = await stores.sessions.find(id);

        expect(found).toEqual({
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
          createdAt: expect.any(Number),
          updatedAt: expect.any(Number),
        });
        expect(found?.updatedAt).toBeGreaterThanOrEqual(found?.createdAt ?? Infinity);
        await expect(stores.sessions.find(newId())).resolves.toBeUndefined();
      });

      it('count what engines report in whole numbers, under the name that a model had last', async () => {
        const id = newId();
        const reported: readonly StoredRun['output']['metrics'][] = [
          { inputTokens: 0, totalTokens: 0 },
          { inputTokens: 1.6, outputTokens: 0, reasoningTokens: 3 },
          { inputTokens: NaN, totalTokens: 4, cacheReadTokens: 3_000_000_000 },
          { duration: 7 },
        ];
        for (const [index, metrics] of reported.entries()) {
          const model = { id: 'mini', provider: 'lab', name: `Name ${index}` };
          await stores.sessions.append({ id }, runWith(id, { output: { metrics, model } }), UNCHANGED);
        }
        const other = { id: 'mini', provider: 'elsewhere' };
        const output = { metrics: { outputTokens: 1 }, model: other };
        await stores.sessions.append({ id }, runWith(id, { output }), UNCHANGED);

        expect((await stores.sessions.find(id))?.usage).toEqual([
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
      });

      it('belong to the component that is known first, by its kind, id and name', async () => {
        const id = newId();
        const desk = { kind: 'team', id: 'desk', name: 'Desk', description: 'Answers.' } as const;
        await stores.sessions.create({ id });
        await stores.sessions.append({ id }, runOf(id), UNCHANGED);
        expect(await stores.sessions.find(id)).not.toHaveProperty('component');

        for (const component of [desk, { ...desk, id: 'other' }])
          await stores.sessions.append({ id, component }, runOf(id), UNCHANGED);

        const { kind, id: componentId, name: componentName } = desk;
        const component = { kind, id: componentId, name: componentName };
        expect((await stores.sessions.find(id))?.component).toEqual(component);
      });

      it('keep an input of a megabyte, and are found by a part of it', async () => {
        const id = newId();
        const content = `${'long 👋 '.repeat(110_000)}${id}`;
        await stores.sessions.append({ id }, runWith(id, { input: { content } }), UNCHANGED);

        const { sessions, total } = await stores.sessions.list({ name: `👋 ${id}` });

        expect([sessions[0]?.id, total]).toEqual([id, 1]);
        expect(sessions[0]?.firstInput === content).toBe(true);
        expect((await stores.sessions.runs(id))[0]?.input.content === content).toBe(true);
      });

      it('take many thousands of keys at once, and give them back', async () => {
        const id = newId();
        const keys = Array.from({ length: 20_000 }, (_, index) => `key ${index}`);
        await stores.sessions.create({ id, state: Object.fromEntries(keys.map((key) => [key, 1])) });
        const { state = {} } = (await stores.sessions.open(id)) ?? {};
        expect(Object.keys(state)).toHaveLength(20_000);

        await stores.sessions.update(id, setState({ last: true }, keys));
        await stores.sessions.delete(keys);

        expect((await stores.sessions.find(id))?.state).toEqual({ last: true });
      }, 60_000);

      it('give their runs page by page, by number and by size', async () => {
        const [id, other] = [newId(), newId()];
        const letters = ['a', 'b', 'c', 'd', 'e'];
        const contents = letters.map((letter) => letter.repeat(100_000));
        const appended = contents.map((content) => runWith(id, { input: { content } }));
        for (const run of appended) await stores.sessions.append({ id }, run, UNCHANGED);
        await stores.sessions.append({ id: other }, runOf(other), UNCHANGED);
        const ids = appended.map(({ runId }) => runId);
        const page = async (filter: StoredRunFilter): Promise<string[]> =>
          (await stores.sessions.runs(id, filter)).map(({ input }) => input.content[0] ?? '');

        expect(await page({ limit: 2 })).toEqual(['d', 'e']);
        expect(await page({ limit: 2, before: ids[3] ?? '' })).toEqual(['b', 'c']);
        expect(await page({ before: ids[1] ?? '' })).toEqual(['a']);
        expect(await page({ before: ids[0] ?? '' })).toEqual([]);
        expect(await page({ before: 'unknown' })).toEqual([]);
        expect(await stores.sessions.runs(other, { before: ids[4] ?? '' })).toEqual([]);
        expect(await page({ maxSize: 250_000 })).toEqual(['d', 'e']);
        expect(await page({ maxSize: 250_000, before: ids[3] ?? '' })).toEqual(['b', 'c']);
        expect(await page({ maxSize: 10_000_000 })).toEqual(letters);
        expect(await page({ maxSize: 10_000_000, limit: 1 })).toEqual(['e']);
        // A page always goes on.
        expect(await page({ maxSize: 1 })).toEqual(['e']);
        expect(await page({ maxSize: 1, before: ids[4] ?? '', status: 'COMPLETED' })).toEqual(['d']);
      });

      it('take no refused input for what they are about', async () => {
        const id = newId();
        await stores.sessions.append({ id }, runWith(id, { input: { content: '' } }), UNCHANGED);
        expect(await stores.sessions.find(id)).not.toHaveProperty('firstInput');
        const refused = runWith(id, { input: { content: '' }, isWithdrawn: true });
        await stores.sessions.append({ id }, refused, UNCHANGED);
        expect(await stores.sessions.find(id)).toMatchObject({ isInputWithheld: true });
        const { sessions } = await stores.sessions.list({ name: '[message withheld]' });
        expect(sessions.map((session) => session.id)).toContain(id);
        await stores.sessions.append({ id }, runWith(id, { input: { content: 'zero\0byte' } }), UNCHANGED);
        expect((await stores.sessions.find(id))?.firstInput?.replace('\0', '')).toBe('zerobyte');
        expect((await stores.sessions.runs(id)).at(-1)?.input.content).toBe('zero\0byte');
        expect((await stores.sessions.find(id))?.isInputWithheld ?? false).toBe(false);
      });

      it('are created empty, once', async () => {
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

        const created = await Promise.all([1, 2, 3].map(() => stores.sessions.create(session)));

        expect(created.sort()).toEqual([false, false, true]);
        expect(await stores.sessions.find(id)).toMatchObject({ ...session, usage: [] });
        expect(await stores.sessions.runs(id)).toEqual([]);
        expect(await stores.sessions.create({ id, name: 'Other' })).toBe(false);
        expect((await stores.sessions.open(id))?.name).toBe('New');
      });

      it('are of the kind that was said, until a component runs in them', async () => {
        const [team, plain] = [newId(), newId()];
        const userId = `kinds-${team}`;
        await stores.sessions.create({ id: team, userId, kind: 'team' });
        await stores.sessions.create({ id: plain, userId });
        const idsOf = async (kind: ComponentKind): Promise<string[]> =>
          (await stores.sessions.list({ userId, kind })).sessions.map(({ id }) => id);

        expect([await idsOf('agent'), await idsOf('team'), await idsOf('workflow')]).toEqual([
          [plain],
          [team],
          [],
        ]);
        expect((await stores.sessions.find(team))?.kind).toBe('team');

        const component = { kind: 'workflow', id: 'flow', name: 'Flow' } as const;
        await stores.sessions.append({ id: team, userId, component }, runOf(team), UNCHANGED);
        await stores.sessions.append({ id: team, isKnown: true }, runOf(team), UNCHANGED);
        expect(await stores.sessions.find(team)).toMatchObject({ kind: 'workflow', component });
        expect(await idsOf('workflow')).toEqual([team]);
      });

      it('are updated key by key, if they exist', async () => {
        const id = newId();
        await stores.sessions.create({ id, state: { a: 1, b: 2 }, metadata: { c: 3 } });
        const before = await stores.sessions.find(id);

        const updated = await stores.sessions.update(id, {
          name: 'Renamed',
          summary: { topic: 'tests' },
          state: { set: { b: 20, d: [4] }, removed: ['a'] },
          metadata: NOTHING,
        });

        const after = await stores.sessions.find(id);
        expect(updated).toBe(true);
        expect(after).toEqual({
          ...before,
          name: 'Renamed',
          summary: { topic: 'tests' },
          state: { b: 20, d: [4] },
          updatedAt: expect.any(Number),
        });
        expect(after?.updatedAt).toBeGreaterThanOrEqual(before?.updatedAt ?? Infinity);
        expect(await stores.sessions.update(newId(), UNCHANGED)).toBe(false);
      });

      it.each(["Robert'); DROP TABLE agent_os_sessions; --", '100 % _ \\ " 👋', ' '])(
        'take any text as a name: %s',
        async (given) => {
          const id = newId();
          await stores.sessions.create({ id, name: 'first' });
          await stores.sessions.append({ id }, runOf(id), { ...UNCHANGED, name: 'second' });
          expect((await stores.sessions.find(id))?.name).toBe('second');

          await stores.sessions.update(id, { ...UNCHANGED, name: given });

          expect((await stores.sessions.find(id))?.name).toBe(given);
          expect((await stores.sessions.list({ name: given, limit: 1_000 })).sessions).toContainEqual(
            expect.objectContaining({ id }),
          );
        },
      );

      it('say when they have changed last', async () => {
        const id = newId();
        const times: number[] = [];
        const note = async (): Promise<void> => {
          const { createdAt, updatedAt } = (await stores.sessions.find(id)) ?? {};
          times.push(createdAt ?? NaN, updatedAt ?? NaN);
          await anotherMillisecond();
        };
        await stores.sessions.create({ id });
        await note();
        await stores.sessions.update(id, UNCHANGED);
        await note();
        await stores.sessions.append({ id }, runOf(id), UNCHANGED);
        await note();

        const [created, first, , second, , third] = times as [number, number, number, number, number, number];
        expect(times.filter((_, index) => index % 2 === 0)).toEqual([created, created, created]);
        expect([first, second, third].map((time) => time > created)).toEqual([false, true, true]);
        expect(third).toBeGreaterThan(second);
      });

      it('lose nothing when runs and updates come at once', async () => {
        const id = newId();
        await stores.sessions.create({ id });
        await Promise.all(
          Array.from({ length: 20 }, (_, index) => [
            stores.sessions.append(
              { id },
              runWith(id, { output: { metrics: { inputTokens: 1 } } }),
              setState({ [`run${index}`]: 1 }),
            ),
            stores.sessions.update(id, setState({ [`update${index}`]: 1 })),
          ]).flat(),
        );
        const found = await stores.sessions.find(id);
        expect(Object.keys(found?.state ?? {})).toHaveLength(40);
        expect(found?.usage).toEqual([{ inputTokens: 20 }]);
      });

      it('are deleted with their runs, however many at once; those that are not there are no error', async () => {
        const [first, second, third] = [newId(), newId(), newId()];
        for (const id of [first, second, third])
          await stores.sessions.append({ id }, runOf(id), setState({ a: 1 }));

        expect([...(await stores.sessions.delete([first, third, newId()]))].sort()).toEqual(
          [first, third].sort(),
        );
        expect(await stores.sessions.delete([])).toEqual([]);

        const found = await Promise.all([first, second, third].map((id) => stores.sessions.find(id)));
        expect(found.map((session) => session?.id)).toEqual([undefined, second, undefined]);
        expect(await stores.sessions.runs(first)).toEqual([]);
        expect(await stores.sessions.open(third)).toBeUndefined();
      });

      it.each<[string, string | undefined, string | null, boolean]>([
        ['a user adds a run to her own', 'ann', 'ann', true],
        ['a user adds no run to that of another', 'ann', 'bob', false],
        ['a user adds no run to that of nobody', undefined, 'bob', false],
        ['nobody adds a run to that of nobody', undefined, null, true],
        ['nobody adds no run to that of a user', 'ann', null, false],
      ])('%s, if whose they must be is said', async (_title, userId, owner, isAdded) => {
        const id = newId();
        await stores.sessions.create({ id, ...(userId === undefined ? {} : { userId }), state: { a: 1 } });
        for (const isKnown of [false, true]) {
          const session = { id, owner, isKnown, ...(owner === null ? {} : { userId: owner }) };
          expect(await stores.sessions.append(session, runOf(id), setState({ a: 2 }))).toBe(isAdded);
        }
        expect(await stores.sessions.runs(id)).toHaveLength(isAdded ? 2 : 0);
        expect(await stores.sessions.find(id)).toMatchObject({ state: { a: isAdded ? 2 : 1 } });
        expect((await stores.sessions.find(id))?.userId).toBe(userId);
      });

      it('take runs of anybody if it is not said whose they must be', async () => {
        const id = newId();
        await stores.sessions.create({ id, userId: 'ann' });
        expect(await stores.sessions.append({ id, userId: 'bob' }, runOf(id), UNCHANGED)).toBe(true);
        expect(await stores.sessions.find(id)).toMatchObject({ userId: 'ann' });
      });

      it('that two users begin at the same time are those of one of them', async () => {
        const id = newId();
        const users = ['ann', 'bob', 'ann', 'bob'];
        const added = await Promise.all(
          users.map((userId) =>
            stores.sessions.append({ id, userId, owner: userId }, runOf(id), setState({ [userId]: 1 })),
          ),
        );
        const owner = (await stores.sessions.find(id))?.userId ?? '';
        expect(added).toEqual(users.map((user) => user === owner));
        expect(await stores.sessions.runs(id)).toHaveLength(2);
        expect((await stores.sessions.open(id))?.state).toEqual({ [owner]: 1 });
      });

      it('stay deleted for runs that have begun before', async () => {
        const id = newId();
        await stores.sessions.create({ id });
        await stores.sessions.delete([id]);
        expect(await stores.sessions.append({ id, isKnown: true }, runOf(id), UNCHANGED)).toBe(false);
        expect(await stores.sessions.find(id)).toBeUndefined();
        expect(await stores.sessions.append({ id }, runOf(id), UNCHANGED)).toBe(true);
        expect(await stores.sessions.append({ id, isKnown: true }, runOf(id), UNCHANGED)).toBe(true);
        expect(await stores.sessions.runs(id)).toHaveLength(2);
      });

      it.each<[string | undefined, string | null, boolean]>([
        ['ann', 'ann', true],
        ['ann', 'bob', false],
        ['ann', null, false],
        [undefined, null, true],
        [undefined, 'ann', false],
      ])('of %s are there for the owner %s: %s', async (userId, owner, isThere) => {
        const id = newId();
        await stores.sessions.append(
          { id, ...(userId === undefined ? {} : { userId }) },
          runOf(id),
          UNCHANGED,
        );
        expect((await stores.sessions.find(id, owner))?.id).toBe(isThere ? id : undefined);
        expect(await stores.sessions.runs(id, { owner })).toHaveLength(isThere ? 1 : 0);
        expect(await stores.sessions.update(id, setState({ a: 1 }), owner)).toBe(isThere);
        expect((await stores.sessions.open(id))?.state).toEqual(isThere ? { a: 1 } : {});
        expect(await stores.sessions.delete([id], owner)).toEqual(isThere ? [id] : []);
        expect((await stores.sessions.find(id))?.id).toBe(isThere ? undefined : id);
      });

      it('keep runs that have written keys with zero bytes', async () => {
        const id = newId();
        const changes = setState({ 'a\0b': 1, ab: 2, c: 3 });
        expect(await stores.sessions.append({ id }, runOf(id), changes)).toBe(true);
        expect((await stores.sessions.open(id))?.state).toMatchObject({ ab: 2, c: 3 });
        expect(await stores.sessions.append({ id }, runOf(id), setState({}, ['c\0']))).toBe(true);
        expect(await stores.sessions.runs(id)).toHaveLength(2);
      });

      it('keep names and first inputs without zero bytes, and without halves of characters', async () => {
        const [bad, good] = ['a\0b\ud800c 👋', 'ab\ufffdc 👋'];
        const [created, appended, first] = [newId(), newId(), newId()];
        await stores.sessions.create({ id: created, name: bad });
        await stores.sessions.append({ id: appended }, runOf(appended), { ...UNCHANGED, name: bad });
        await stores.sessions.append({ id: first }, runWith(first, { input: { content: bad } }), UNCHANGED);

        for (const id of [created, appended]) expect((await stores.sessions.find(id))?.name).toBe(good);
        expect((await stores.sessions.open(created))?.name).toBe(good);
        expect((await stores.sessions.find(first))?.firstInput).toBe(good);
        expect((await stores.sessions.runs(first))[0]?.input.content).toBe(bad);
        const { sessions } = await stores.sessions.list({ name: bad, limit: 100 });
        expect(sessions.map(({ id }) => id).sort()).toEqual([created, appended, first].sort());
        await stores.sessions.update(created, { ...UNCHANGED, name: '\0' });
        expect((await stores.sessions.find(created))?.name).toBe('');
      });

      it('hand out copies of what they are', async () => {
        const id = newId();
        await stores.sessions.create({ id, state: { list: [1] } });
        const found = await stores.sessions.find(id);
        (found?.state['list'] as number[]).push(2);
        const page = await stores.sessions.list({ limit: 1_000 });
        (page.sessions.find((session) => session.id === id)?.state['list'] as number[]).push(3);
        expect((await stores.sessions.find(id))?.state).toEqual({ list: [1] });
      });
    });

    describe('a list of sessions', () => {
      const owner = `owner-${name}-${Math.random()}`;
      const ids: Record<string, string> = {};
      const titles = ['b 100%', 'a_b', 'B\\c', "o'clock", 'emoji 👋'];
      const list = (filter: SessionFilter): Promise<SessionPage> =>
        stores.sessions.list({ userId: owner, ...filter });
      const titlesOf = ({ sessions }: SessionPage): (string | undefined)[] =>
        sessions.map((session) => session.name ?? session.firstInput);

      beforeAll(async () => {
        for (const title of titles) {
          const id = (ids[title] = newId());
          const component = { kind: 'agent', id: `agent of ${title}`, name: 'Agent' } as const;
          if (title === 'a_b')
            await stores.sessions.append(
              { id, userId: owner, component },
              runWith(id, { input: { content: title } }),
              UNCHANGED,
            );
          else await stores.sessions.create({ id, userId: owner, component, name: title });
        }
        const team = { kind: 'team', id: 'desk', name: 'Desk' } as const;
        await stores.sessions.create({ id: newId(), userId: owner, component: team, name: 'team talk' });
      }, SLOW);

      it('is narrowed by owner, kind and component, nobody being an owner too', async () => {
        const id = newId();
        await stores.sessions.create({ id, name: 'of nobody' });
        expect((await list({})).total).toBe(6);
        expect(titlesOf(await list({ kind: 'team' }))).toEqual(['team talk']);
        expect(titlesOf(await list({ componentId: 'agent of a_b' }))).toEqual(['a_b']);
        expect((await list({ componentId: 'nobody' })).total).toBe(0);
        const ofNobody = await stores.sessions.list({ userId: null, limit: 1_000 });
        expect(ofNobody.sessions.map((session) => session.id)).toContain(id);
        expect(ofNobody.sessions.filter(({ userId }) => userId !== undefined)).toEqual([]);
      });

      it.each([
        ['%', ['b 100%']],
        ['_', ['a_b']],
        ['\\', ['B\\c']],
        ["'", ["o'clock"]],
        ['👋', ['emoji 👋']],
        ['B', ['b 100%', 'a_b', 'B\\c']],
        ['nothing', []],
        ['', [...titles, 'team talk']],
      ])('finds a part of a name literally, in any case of letters: %s', async (name, found) => {
        const page = await list({ name });
        expect(titlesOf(page).sort()).toEqual([...found].sort());
        expect(page.total).toBe(found.length);
      });

      it.each(['createdAt', 'updatedAt', 'name'] as const)(
        'is sorted by %s, both ways, without an overlap of pages',
        async (sortBy) => {
          const pagesOf = async (sortOrder: 'asc' | 'desc'): Promise<(string | undefined)[]> => {
            const pages = [0, 1, 2, 3].map((page) => list({ sortBy, sortOrder, limit: 2, offset: page * 2 }));
            return (await Promise.all(pages)).flatMap(titlesOf);
          };
          const [up, down] = [await pagesOf('asc'), await pagesOf('desc')];
          expect(up).toHaveLength(6);
          expect(new Set(up).size).toBe(6);
          expect(down).toEqual([...up].reverse());
          if (sortBy === 'name') expect(up).toEqual([...up].sort());
        },
      );

      it('has an order even among sessions that are called alike', async () => {
        const twins = `twins-${owner}`;
        const made = Array.from({ length: 8 }, (_, index) => `${(index * 3) % 8}-${newId()}`);
        for (const id of made) await stores.sessions.create({ id, userId: twins, name: 'Twin' });
        const idsBy = async (sortOrder: 'asc' | 'desc'): Promise<string[]> => {
          const filter = { userId: twins, sortBy: 'name', sortOrder, limit: 3 } as const;
          const pages = [0, 3, 6].map((offset) => stores.sessions.list({ ...filter, offset }));
          return (await Promise.all(pages)).flatMap(({ sessions }) => sessions.map(({ id }) => id));
        };

        expect(await idsBy('asc')).toEqual([...made].sort());
        expect(await idsBy('desc')).toEqual([...made].sort().reverse());
      });

      it('begins with the newest, twenty of them', async () => {
        const many = `many-${owner}`;
        for (let index = 0; index < 21; index++) await stores.sessions.create({ id: newId(), userId: many });
        const page = await stores.sessions.list({ userId: many });
        expect([page.sessions.length, page.total]).toEqual([20, 21]);
        const times = page.sessions.map(({ createdAt }) => createdAt);
        expect(times).toEqual([...times].sort((left, right) => right - left));
      });

      it('has sessions as they are found one by one', async () => {
        const { sessions } = await list({ limit: 1_000 });
        const found = await Promise.all(sessions.map(({ id }) => stores.sessions.find(id)));
        expect(sessions).toEqual(found);
      });
    });

    describe('runs', () => {
      it('can be narrowed by id and by when they started', async () => {
        const id = newId();
        const runs = [100, 200, 300].map((createdAt) => runWith(id, { output: { createdAt } }));
        for (const run of runs) await stores.sessions.append({ id }, run, UNCHANGED);
        const timesOf = async (filter: StoredRunFilter): Promise<number[]> =>
          (await stores.sessions.runs(id, filter)).map(({ output }) => output.createdAt);

        expect(await timesOf({ runId: runs[1]?.runId ?? '' })).toEqual([200]);
        expect(await timesOf({ runId: 'nobody' })).toEqual([]);
        expect(await timesOf({ createdAfter: 200 })).toEqual([200, 300]);
        expect(await timesOf({ createdBefore: 200 })).toEqual([100, 200]);
        expect(await timesOf({ createdAfter: 101, createdBefore: 253_402_300_799 })).toEqual([200, 300]);
      });
      it('can be narrowed by component, status and number, none included', async () => {
        const id = newId();
        const [first, other, failed, last] = [
          runOf(id),
          runOf(id, 'other'),
          runOf(id, 'agent', 'ERROR'),
          runOf(id),
        ];
        const withdrawn: StoredRun = { ...runOf(id), isWithdrawn: true };
        for (const run of [first, other, failed, last, withdrawn])
          await stores.sessions.append({ id }, run, UNCHANGED);
        const idsOf = async (filter: StoredRunFilter): Promise<string[]> =>
          (await stores.sessions.runs(id, filter)).map(({ runId }) => runId);

        expect(await idsOf({ componentId: 'other' })).toEqual([other.runId]);
        const answered = { status: 'COMPLETED', isWithdrawn: false } as const;
        expect(await idsOf({ componentId: 'agent', ...answered })).toEqual([first.runId, last.runId]);
        expect(await idsOf({ ...answered, limit: 1 })).toEqual([last.runId]);
        expect(await idsOf({ isWithdrawn: true })).toEqual([withdrawn.runId]);
        expect(await idsOf({ status: 'COMPLETED', limit: 1 })).toEqual([withdrawn.runId]);
        expect(await idsOf({ limit: 0 })).toEqual([]);
      });

      it('come back whole, the oldest first, the latest ones if there is a limit', async () => {
        const id = newId();
        const runs = [runOf(id), runOf(id), runOf(id)];
        for (const run of runs) await stores.sessions.append({ id }, run, UNCHANGED);

        await expect(stores.sessions.runs(id)).resolves.toEqual(runs);
        await expect(stores.sessions.runs(id, { limit: 2 })).resolves.toEqual(runs.slice(1));
      });
    });

    describe('evaluations', () => {
      it('come back whole, the newest first, narrowed by run, session, component, name and number', async () => {
        const sessionId = newId();
        const [older, newer, other] = [
          evaluationOf(sessionId, 1),
          evaluationOf(sessionId, 2),
          evaluationOf(newId(), 3),
        ];
        for (const evaluation of [older, newer, other]) await stores.evals.save(evaluation);

        await expect(stores.evals.list({ sessionId })).resolves.toEqual([newer, older]);
        await expect(stores.evals.list({ sessionId, limit: 1 })).resolves.toEqual([newer]);
        await expect(stores.evals.list({ runId: older.runId })).resolves.toEqual([older]);
        await expect(
          stores.evals.list({ componentId: 'agent', name: 'judge', sessionId }),
        ).resolves.toHaveLength(2);
        await expect(stores.evals.list({ componentId: 'nobody' })).resolves.toEqual([]);
      });

      it('are counted, sorted and paged', async () => {
        const sessionId = newId();
        const own = [1, 2, 3].map((time) => ({
          ...evaluationOf(sessionId, time),
          name: `judge ${4 - time}`,
        }));
        for (const evaluation of own) await stores.evals.save(evaluation);
        const namesOf = async (filter: EvaluationFilter): Promise<string[]> =>
          (await stores.evals.list({ sessionId, ...filter })).map((evaluation) => evaluation.name);

        expect(await stores.evals.count({ sessionId })).toBe(3);
        expect(await stores.evals.count({ sessionId, name: 'judge 1' })).toBe(1);
        expect(await namesOf({ limit: 2, offset: 1 })).toEqual(['judge 2', 'judge 3']);
        expect(await namesOf({ sortOrder: 'asc' })).toEqual(['judge 3', 'judge 2', 'judge 1']);
        expect(await namesOf({ sortBy: 'name', sortOrder: 'asc' })).toEqual([
          'judge 1',
          'judge 2',
          'judge 3',
        ]);
        await stores.evals.rename(own[0]?.id ?? '', 'judge 3');
        expect((await namesOf({ sortBy: 'updatedAt' }))[0]).toBe('judge 3');
      });

      it('are narrowed by owner, kind of component and model', async () => {
        const sessionId = newId();
        const plain = evaluationOf(sessionId, 1);
        const full: Evaluation = {
          ...evaluationOf(sessionId, 2),
          userId: 'ann',
          component: { kind: 'team', id: 'desk', name: 'Desk' },
          model: { id: 'mini', provider: 'lab', name: 'Mini' },
        };
        for (const evaluation of [plain, full]) await stores.evals.save(evaluation);
        const find = (filter: EvaluationFilter): Promise<readonly Evaluation[]> =>
          stores.evals.list({ sessionId, ...filter });

        expect(await find({ userId: 'ann' })).toEqual([full]);
        expect(await find({ userId: null })).toEqual([plain]);
        expect(await find({ componentKind: 'team' })).toEqual([full]);
        expect(await find({ modelId: 'mini' })).toEqual([full]);
        expect(await stores.evals.count({ sessionId, userId: 'bob' })).toBe(0);
      });

      it('are found, renamed and deleted by their id', async () => {
        const [kept, gone] = [evaluationOf(newId(), 1), evaluationOf(newId(), 2)];
        for (const evaluation of [kept, gone]) await stores.evals.save(evaluation);

        const renamed = await stores.evals.rename(kept.id, 'new name');
        await stores.evals.delete([gone.id, 'nobody']);
        await stores.evals.delete([]);

        expect(renamed).toEqual({ ...kept, name: 'new name', updatedAt: expect.any(Number) });
        expect(await stores.evals.find(kept.id)).toEqual(renamed);
        expect(await stores.evals.find(gone.id)).toBeUndefined();
        expect(await stores.evals.rename(gone.id, 'x')).toBeUndefined();
      });

      it('are renamed for their owner only, if one is given', async () => {
        const [nobodys, anns] = [
          evaluationOf(newId(), 1),
          { ...evaluationOf(newId(), 2), userId: 'ann' },
        ] as const;
        for (const evaluation of [nobodys, anns]) await stores.evals.save(evaluation);

        expect(await stores.evals.rename(anns.id, 'x', 'bob')).toBeUndefined();
        expect(await stores.evals.rename(anns.id, 'x', null)).toBeUndefined();
        expect(await stores.evals.rename(nobodys.id, 'x', 'ann')).toBeUndefined();
        expect(await stores.evals.find(anns.id)).toEqual(anns);
        expect(await stores.evals.find(nobodys.id)).toEqual(nobodys);
        expect(await stores.evals.rename(anns.id, 'hers', 'ann')).toMatchObject({ name: 'hers' });
        expect(await stores.evals.rename(nobodys.id, 'free', null)).toMatchObject({ name: 'free' });
      });

      it('and sessions refuse a user id that is no text: all such users would be one', async () => {
        const userId = Promise.resolve('ann') as never;
        const id = newId();
        const evaluation = { ...evaluationOf(id, 1), userId };
        const asked = async (ask: () => unknown): Promise<unknown> => ask();

        for (const ask of [
          () => stores.evals.save(evaluation),
          () => stores.evals.list({ userId }),
          () => stores.evals.count({ userId }),
          () => stores.evals.rename('x', 'y', userId),
          () => stores.evals.delete(['x'], userId),
          () => stores.sessions.create({ id, userId }),
          () => stores.sessions.find(id, userId),
          () => stores.sessions.list({ userId }),
          () => stores.sessions.runs(id, { owner: userId }),
          () => stores.sessions.update(id, { state: NOTHING, metadata: NOTHING }, userId),
          () => stores.sessions.delete([id], userId),
        ]) {
          await expect(asked(ask)).rejects.toThrow(/^The id of a user must be a text that is not empty, got/);
        }
        expect(await stores.sessions.find(id)).toBeUndefined();
        expect(await stores.evals.find(evaluation.id)).toBeUndefined();
      });

      it('are deleted for their owner only, if one is given', async () => {
        const kept = [
          evaluationOf(newId(), 1),
          { ...evaluationOf(newId(), 2), userId: 'ann' },
          { ...evaluationOf(newId(), 3), userId: 'bob' },
        ] as const;
        const [nobodys, anns, bobs] = kept;
        const ids = kept.map(({ id }) => id);
        const left = async (): Promise<Evaluation[]> => {
          const found = await Promise.all(ids.map((id) => stores.evals.find(id)));
          return found.flatMap((evaluation) => evaluation ?? []);
        };
        for (const evaluation of kept) await stores.evals.save(evaluation);

        await stores.evals.delete(ids, 'eve');
        expect(await left()).toEqual(kept);
        await stores.evals.delete(ids, 'ann');
        expect(await left()).toEqual([nobodys, bobs]);
        await stores.evals.delete([anns.id, nobodys.id], null);
        expect(await left()).toEqual([bobs]);
        await stores.evals.delete(ids);
        expect(await left()).toEqual([]);
      });

      it('take any text, and hand out copies', async () => {
        const text = `${'100 % _ \\ " 👋 '.repeat(60_000)}'); --`;
        const component = { kind: 'agent', id: "o'hara", name: '👋' } as const;
        const saved = {
          ...evaluationOf(newId(), 1),
          component,
          input: text,
          output: text,
          reason: text,
          name: '100 %',
        };
        await stores.evals.save(saved);
        const broken = { ...evaluationOf(newId(), 2), input: 'zero\0byte', reason: '\0' };
        await stores.evals.save(broken);

        const [found] = await stores.evals.list({ componentId: "o'hara", sessionId: saved.sessionId });
        expect(JSON.stringify(found) === JSON.stringify({ ...found, ...saved })).toBe(true);
        for (const copy of [found, await stores.evals.find(saved.id)])
          (copy as { component: { name: string } }).component.name = 'changed';
        expect((await stores.evals.find(saved.id))?.component).toEqual(component);
        expect(await stores.evals.count({ name: '100_%' })).toBe(0);
        expect(await stores.evals.find(broken.id)).toMatchObject({ input: 'zerobyte', reason: '' });
        expect((await stores.evals.rename(broken.id, 'a\0b\udc00'))?.name).toBe('ab\ufffd');
      });

      it('are all kept when many are saved at once', async () => {
        const sessionId = newId();

        await Promise.all(
          Array.from({ length: 40 }, (_, time) => stores.evals.save(evaluationOf(sessionId, time))),
        );

        await expect(stores.evals.list({ sessionId })).resolves.toHaveLength(40);
      });
    });
  });
}

/** Until the clock shows another time, so that what happens next is later. */
async function anotherMillisecond(): Promise<void> {
  const now = Date.now();
  while (Date.now() <= now + 1) await nextTurn();
}

let nextRun = 0;

/** A run that differs from others in this. */
function runWith(sessionId: string, { output = {}, ...others }: RunDetails): StoredRun {
  const run = runOf(sessionId);
  return { ...run, ...others, output: { ...run.output, ...output } };
}

type RunDetails = Partial<Omit<StoredRun, 'output'>> & { readonly output?: Partial<StoredRun['output']> };

function runOf(sessionId: string, componentId = 'agent', status: RunStatus = 'COMPLETED'): StoredRun {
  const runId = `run-${process.pid}-${nextRun++}-${sessionId}`;
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

function evaluationOf(sessionId: string, time: number): Evaluation {
  const id = `evaluation-${process.pid}-${nextRun++}-${sessionId}`;
  return {
    id,
    runId: `run of ${id}`,
    sessionId,
    component: { kind: 'agent', id: 'agent', name: 'Agent' },
    name: 'judge',
    criteria: 'polite',
    scoring: 'numeric',
    passed: true,
    score: 7.5,
    threshold: 7,
    reason: 'It is.',
    input: 'question',
    output: 'answer',
    createdAt: Date.UTC(2026, 0, 1) + time,
  };
}
