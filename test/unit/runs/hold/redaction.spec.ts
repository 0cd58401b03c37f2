import { describe, expect, it } from '@jest/globals';

import {
  disclosedEvaluation,
  disclosedRun,
  disclosedSession,
  isUndisclosed,
  withoutTexts,
} from '../../../../src/runs/hold/redaction.js';
import { evaluationOf, storedRunOf } from '../../../support/stored-data.js';

const SETTLED = storedRunOf(
  {
    content: 'SECRET',
    metadata: { source: 'SECRET' },
    data: { secret: true },
    reasoning: 'SECRET',
    sources: [{ kind: 'document', id: '1', title: 'SECRET' }],
    files: [{ id: '2', kind: 'image', name: 'SECRET' }],
  },
  { input: { content: 'question' }, sessionState: { note: 'SECRET' }, errorCode: 'run_failed' },
);
const CALLER = { ticket: 7 };

describe('A settled run', () => {
  it('is stored unchanged if its guardrails have passed it', () => {
    const stored = disclosedRun(SETTLED, { isWithdrawn: false, endedBeforeExecution: false }, CALLER);

    expect(stored).toBe(SETTLED);
  });

  it('is stored without its input if it ended before its engine started', () => {
    const stored = disclosedRun(SETTLED, { isWithdrawn: false, endedBeforeExecution: true }, CALLER);

    expect(stored).toEqual({ ...SETTLED, input: { content: '' } });
  });

  it('is stored without any text of it if it was withdrawn, with the metadata of the caller', () => {
    const stored = disclosedRun(SETTLED, { isWithdrawn: true, endedBeforeExecution: false }, CALLER);
    const { content, messages, tools, metadata, metrics } = stored.output;

    expect(stored).toMatchObject({ isWithdrawn: true, input: { content: '' }, sessionState: {}, events: [] });
    expect([content, messages, tools, metadata]).toEqual(['', [], [], CALLER]);
    expect(metrics).toEqual(SETTLED.output.metrics);
    expect('data' in stored.output || 'input' in stored.output || 'errorCode' in stored).toBe(false);
    expect(JSON.stringify(stored)).not.toContain('SECRET');
  });

  it.each([
    [
      'is hidden from clients if it was withdrawn',
      { isWithdrawn: true, endedBeforeExecution: false, isAside: false },
      true,
    ],
    [
      'is hidden from clients if it was rejected before its engine ran',
      { isWithdrawn: false, endedBeforeExecution: true, isAside: false },
      true,
    ],
    [
      'is hidden from clients if a hook has started it for itself',
      { isWithdrawn: false, endedBeforeExecution: false, isAside: true },
      true,
    ],
    [
      'is shown to clients in all other cases',
      { isWithdrawn: false, endedBeforeExecution: false, isAside: false },
      false,
    ],
  ] as const)('%s', (_, run, expected) => {
    expect(isUndisclosed(run)).toBe(expected);
  });
});

describe('An evaluation of a held run', () => {
  const evaluation = evaluationOf({ output: 'answer' });
  const shown = { outcome: 'completed', output: { content: 'answer' }, isWithdrawn: false } as const;

  it('keeps its texts if clients may read the judged answer', () => {
    expect(disclosedEvaluation(evaluation, shown)).toEqual(evaluation);
  });

  it.each([
    ['was withdrawn', { ...shown, isWithdrawn: true }],
    ['did not complete', { ...shown, outcome: 'rejected' as const }],
    ['has another answer by now', { ...shown, output: { content: 'masked' } }],
  ])('has no texts if the run %s', (_, run) => {
    expect(disclosedEvaluation(evaluation, run)).toEqual(withoutTexts(evaluation));
  });
});

describe('The session data that a settled run stores', () => {
  const settled = { session: { id: 's1', name: 'SECRET', state: {}, metadata: {} }, changes: 'all' } as const;

  it('are all its changes', () => {
    expect(disclosedSession(settled, { isWithdrawn: false })).toBe(settled);
  });

  it('are its changes of the state alone if it was withdrawn', () => {
    expect(disclosedSession(settled, { isWithdrawn: true })).toEqual({ ...settled, changes: 'state' });
  });
});

describe('An evaluation of a run that is hidden from clients', () => {
  it('keeps its score and has no texts', () => {
    const evaluation = evaluationOf({ input: 'SECRET', output: 'SECRET', reason: 'SECRET' });

    expect(withoutTexts(evaluation)).toEqual({ ...evaluation, input: '', output: '', reason: '' });
  });
});
