import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type {
  Evaluation,
  EvalStore,
  RecordChanges,
  RunStatus,
  SessionChanges,
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
      it('are new and empty if nobody has stored them', async () => {
        const id = newId();

        await expect(stores.sessions.open({ id, userId: 'ann' })).resolves.toEqual({
          id,
          userId: 'ann',
          state: {},
          metadata: {},
        });
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

        await expect(stores.sessions.open({ id })).resolves.toEqual({
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

        const { state } = await stores.sessions.open({ id });
        expect(state).toEqual({ a: 1, b: 20, d: 4 });
      });

      it('lose nothing when many runs of one session are appended at once', async () => {
        const id = newId();
        const runs = Array.from({ length: 40 }, () => runOf(id));

        await Promise.all(
          runs.map((run, index) => stores.sessions.append({ id }, run, setState({ [`key${index}`]: index }))),
        );

        const { state } = await stores.sessions.open({ id });
        expect(Object.keys(state)).toHaveLength(40);
        expect((await stores.sessions.runs(id)).map(({ runId }) => runId).sort()).toEqual(
          runs.map(({ runId }) => runId).sort(),
        );
      });

      it('hand out copies', async () => {
        const id = newId();
        await stores.sessions.append({ id }, runOf(id), setState({ list: [1] }));

        const session = await stores.sessions.open({ id });
        (session.state['list'] as number[]).push(2);
        const [run] = await stores.sessions.runs(id);
        (run as { output: { content: string } }).output.content = 'changed';

        expect((await stores.sessions.open({ id })).state).toEqual({ list: [1] });
        expect((await stores.sessions.runs(id))[0]?.output.content).toBe('answer');
      });
    });

    describe('runs', () => {
      it('can be narrowed by component, status and number, none included', async () => {
        const id = newId();
        const [first, other, failed, last] = [
          runOf(id),
          runOf(id, 'other'),
          runOf(id, 'agent', 'ERROR'),
          runOf(id),
        ];
        for (const run of [first, other, failed, last]) await stores.sessions.append({ id }, run, UNCHANGED);
        const idsOf = async (filter: StoredRunFilter): Promise<string[]> =>
          (await stores.sessions.runs(id, filter)).map(({ runId }) => runId);

        expect(await idsOf({ componentId: 'other' })).toEqual([other.runId]);
        expect(await idsOf({ componentId: 'agent', status: 'COMPLETED' })).toEqual([first.runId, last.runId]);
        expect(await idsOf({ status: 'COMPLETED', limit: 1 })).toEqual([last.runId]);
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

let nextRun = 0;

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
    messages: [{ role: 'user', content: 'question', createdAt: 1 }],
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
