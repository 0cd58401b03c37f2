import { describe, expect, it } from '@jest/globals';

import { disclosedRun, isUndisclosed, withoutTexts } from '../../../../src/runs/hold/redaction.js';
import { evaluationOf, storedRunOf } from '../../../support/stored-data.js';

const SETTLED = storedRunOf(
  { content: 'SECRET', metadata: { source: 'SECRET' }, data: { secret: true } },
  { input: { content: 'question' }, sessionState: { note: 'SECRET' }, errorCode: 'run_failed' },
);
const CALLER = { ticket: 7 };

describe('A settled run', () => {
  it('is stored as it is if its guardrails have passed it', () => {
    const stored = disclosedRun(SETTLED, { isWithdrawn: false, endedBeforeExecution: false }, CALLER);

    expect(stored).toBe(SETTLED);
  });

  it('is stored without its input if it ended before its engine was asked', () => {
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
    ['withdrawn', { isWithdrawn: true, endedBeforeExecution: false, isAside: false }, true],
    [
      'refused before its engine was asked',
      { isWithdrawn: false, endedBeforeExecution: true, isAside: false },
      true,
    ],
    [
      'started by a hook for itself',
      { isWithdrawn: false, endedBeforeExecution: false, isAside: true },
      true,
    ],
    ['none of this', { isWithdrawn: false, endedBeforeExecution: false, isAside: false }, false],
  ] as const)('that is %s: is it hidden from clients?', (_, run, expected) => {
    expect(isUndisclosed(run)).toBe(expected);
  });
});

describe('An evaluation of a run that clients do not see', () => {
  it('keeps its score and has no texts', () => {
    const evaluation = evaluationOf({ input: 'SECRET', output: 'SECRET', reason: 'SECRET' });

    expect(withoutTexts(evaluation)).toEqual({ ...evaluation, input: '', output: '', reason: '' });
  });
});
