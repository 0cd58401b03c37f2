import { randomUUID } from 'node:crypto';

import type { Evaluation, EvaluationFilter, EvalStore } from '../../sessions/eval.store.js';
import {
  ANY_NUMBER,
  asked,
  assertEqual,
  assertLength,
  assertMatches,
  assertRejects,
  assertSame,
  NO_USER_ID,
} from './assertions.js';
import { ContractCases, type ContractCase } from './contract.case.js';

/**
 * The contract of {@link EvalStore} as cases for any test runner; this package's stores pass them. The cases leave
 * evaluations behind, under unique ids.
 *
 * @param createStore - called once, by the first case; the caller closes its resources when all cases have run
 * @example
 * ```ts
 * for (const { name, run } of evalStoreContract(() => new RedisEvalStore(client))) it(name, run);
 * ```
 */
export function evalStoreContract(
  createStore: () => EvalStore | Promise<EvalStore>,
): readonly ContractCase[] {
  const cases = new ContractCases(createStore);
  cases.add(
    'Evaluations come back whole, the newest first, narrowed by run, session, component, name and number',
    async (store) => {
      const sessionId = newId();
      const [older, newer, other] = [
        evaluationOf(sessionId, 1),
        evaluationOf(sessionId, 2),
        evaluationOf(newId(), 3),
      ];
      for (const evaluation of [older, newer, other]) await store.save(evaluation);

      assertEqual(await store.list({ sessionId }), [newer, older]);
      assertEqual(await store.list({ sessionId, limit: 1 }), [newer]);
      assertEqual(await store.list({ runId: older.runId }), [older]);
      assertLength(await store.list({ componentId: 'agent', name: 'judge', sessionId }), 2);
      assertEqual(await store.list({ componentId: 'nobody' }), []);
    },
  );

  cases.add('Evaluations are counted, sorted and paged', async (store) => {
    const sessionId = newId();
    const own = [1, 2, 3].map((time) => ({
      ...evaluationOf(sessionId, time),
      name: `judge ${4 - time}`,
    }));
    for (const evaluation of own) await store.save(evaluation);
    const namesOf = async (filter: EvaluationFilter): Promise<string[]> =>
      (await store.list({ sessionId, ...filter })).map((evaluation) => evaluation.name);

    assertSame(await store.count({ sessionId }), 3);
    assertSame(await store.count({ sessionId, name: 'judge 1' }), 1);
    assertEqual(await namesOf({ limit: 2, offset: 1 }), ['judge 2', 'judge 3']);
    assertEqual(await namesOf({ sortOrder: 'asc' }), ['judge 3', 'judge 2', 'judge 1']);
    assertEqual(await namesOf({ sortBy: 'name', sortOrder: 'asc' }), ['judge 1', 'judge 2', 'judge 3']);
    await store.rename(own[0]?.id ?? '', 'judge 3');
    assertSame((await namesOf({ sortBy: 'updatedAt' }))[0], 'judge 3');
  });

  cases.add('Evaluations are narrowed by owner, kind of component and model', async (store) => {
    const sessionId = newId();
    const plain = evaluationOf(sessionId, 1);
    const full: Evaluation = {
      ...evaluationOf(sessionId, 2),
      userId: 'ann',
      component: { kind: 'team', id: 'desk', name: 'Desk' },
      model: { id: 'mini', provider: 'lab', name: 'Mini' },
    };
    for (const evaluation of [plain, full]) await store.save(evaluation);
    const find = (filter: EvaluationFilter): Promise<readonly Evaluation[]> =>
      store.list({ sessionId, ...filter });

    assertEqual(await find({ userId: 'ann' }), [full]);
    assertEqual(await find({ userId: null }), [plain]);
    assertEqual(await find({ componentKind: 'team' }), [full]);
    assertEqual(await find({ modelId: 'mini' }), [full]);
    assertSame(await store.count({ sessionId, userId: 'bob' }), 0);
  });

  cases.add('Evaluations are found, renamed and deleted by their id', async (store) => {
    const [kept, gone] = [evaluationOf(newId(), 1), evaluationOf(newId(), 2)];
    for (const evaluation of [kept, gone]) await store.save(evaluation);

    const renamed = await store.rename(kept.id, 'new name');
    await store.delete([gone.id, 'nobody']);
    await store.delete([]);

    assertEqual(renamed, { ...kept, name: 'new name', updatedAt: ANY_NUMBER });
    assertEqual(await store.find(kept.id), renamed);
    assertSame(await store.find(gone.id), undefined);
    assertSame(await store.rename(gone.id, 'x'), undefined);
  });

  cases.add('Evaluations are renamed for their owner only, if one is given', async (store) => {
    const [nobodys, anns] = [
      evaluationOf(newId(), 1),
      { ...evaluationOf(newId(), 2), userId: 'ann' },
    ] as const;
    for (const evaluation of [nobodys, anns]) await store.save(evaluation);

    assertSame(await store.rename(anns.id, 'x', 'bob'), undefined);
    assertSame(await store.rename(anns.id, 'x', null), undefined);
    assertSame(await store.rename(nobodys.id, 'x', 'ann'), undefined);
    assertEqual(await store.find(anns.id), anns);
    assertEqual(await store.find(nobodys.id), nobodys);
    assertMatches(await store.rename(anns.id, 'hers', 'ann'), { name: 'hers' });
    assertMatches(await store.rename(nobodys.id, 'free', null), { name: 'free' });
  });

  cases.add(
    'Evaluations refuse a user id that is not a text, because it would merge users',
    async (store) => {
      const userId = Promise.resolve('ann') as never;
      const evaluation = { ...evaluationOf(newId(), 1), userId };

      for (const ask of [
        () => store.save(evaluation),
        () => store.list({ userId }),
        () => store.count({ userId }),
        () => store.rename('x', 'y', userId),
        () => store.delete(['x'], userId),
      ]) {
        await assertRejects(asked(ask), NO_USER_ID);
      }
      assertSame(await store.find(evaluation.id), undefined);
    },
  );

  cases.add('Evaluations are deleted for their owner only, if one is given', async (store) => {
    const kept = [
      evaluationOf(newId(), 1),
      { ...evaluationOf(newId(), 2), userId: 'ann' },
      { ...evaluationOf(newId(), 3), userId: 'bob' },
    ] as const;
    const [nobodys, anns, bobs] = kept;
    const ids = kept.map(({ id }) => id);
    const left = async (): Promise<Evaluation[]> => {
      const found = await Promise.all(ids.map((id) => store.find(id)));
      return found.flatMap((evaluation) => evaluation ?? []);
    };
    for (const evaluation of kept) await store.save(evaluation);

    await store.delete(ids, 'eve');
    assertEqual(await left(), kept);
    await store.delete(ids, 'ann');
    assertEqual(await left(), [nobodys, bobs]);
    await store.delete([anns.id, nobodys.id], null);
    assertEqual(await left(), [bobs]);
    await store.delete(ids);
    assertEqual(await left(), []);
  });

  cases.add('Evaluations take any text, and hand out copies', async (store) => {
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
    await store.save(saved);
    const broken = {
      ...evaluationOf(newId(), 2),
      component: { kind: 'agent', id: 'agent', name: 'A\0gent' },
      model: { id: 'm\0', provider: '\ud800', name: 'M\0' },
      input: 'zero\0byte',
      reason: '\0',
    } as const;
    await store.save(broken);

    const [found] = await store.list({ componentId: "o'hara", sessionId: saved.sessionId });
    assertSame(JSON.stringify(found) === JSON.stringify({ ...found, ...saved }), true);
    for (const copy of [found, await store.find(saved.id)])
      (copy as { component: { name: string } }).component.name = 'changed';
    assertEqual((await store.find(saved.id))?.component, component);
    assertSame(await store.count({ name: '100_%' }), 0);
    assertMatches(await store.find(broken.id), {
      component: { name: 'Agent' },
      model: { id: 'm', provider: '\ufffd', name: 'M' },
      input: 'zerobyte',
      reason: '',
    });
    assertSame((await store.rename(broken.id, 'a\0b\udc00'))?.name, 'ab\ufffd');
  });

  cases.add('Evaluations are all kept when many are saved at once', async (store) => {
    const sessionId = newId();

    await Promise.all(Array.from({ length: 40 }, (_, time) => store.save(evaluationOf(sessionId, time))));

    assertLength(await store.list({ sessionId }), 40);
  });
  return cases.list;
}

function newId(): string {
  return randomUUID();
}

function evaluationOf(sessionId: string, time: number): Evaluation {
  const id = `evaluation-${newId()}`;
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
