import { BadRequestException } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';

import { TRACE_FILTER_SCHEMA, toTraceFilter } from '../../../src/protocol/trace.filter.js';
import type { TraceFacts } from '../../../src/protocol/traces.js';

const NOON = Date.parse('2026-01-31T12:00:00Z');

const SUPPORT: TraceFacts = {
  trace_id: 'r1',
  run_id: 'r1',
  session_id: 's1',
  user_id: 'Ann',
  agent_id: 'support',
  name: 'Support',
  status: 'OK',
  duration_ms: 1_500,
  start_time: NOON,
  end_time: NOON + 1_500,
  created_at: NOON,
};
const FLOW: TraceFacts = {
  ...SUPPORT,
  trace_id: 'r2',
  run_id: 'r2',
  session_id: 's2',
  user_id: undefined,
  agent_id: undefined,
  workflow_id: 'flow',
  name: 'Flow 100%',
  status: 'ERROR',
  duration_ms: 20,
  start_time: NOON + 60_000,
  end_time: NOON + 60_020,
  created_at: NOON + 60_000,
};

const namesFor = (filter: unknown): string[] =>
  [SUPPORT, FLOW].filter(toTraceFilter(filter)).map(({ name }) => name);
const compare = (op: string, key: string, value: unknown): object => ({ op, key, value });
const OK = compare('EQ', 'status', 'OK');

describe('A filter of traces', () => {
  it.each([
    [OK, ['Support']],
    [compare('EQ', 'status', 'error'), ['Flow 100%']],
    [compare('NEQ', 'status', 'OK'), ['Flow 100%']],
    [{ op: 'IN', key: 'status', values: ['OK', 'ERROR'] }, ['Support', 'Flow 100%']],
    [{ op: 'IN', key: 'run_id', values: ['r2', 'r3'] }, ['Flow 100%']],
    [{ op: 'IN', key: 'run_id', values: [] }, []],
    [compare('EQ', 'user_id', 'ann'), []],
    [compare('CONTAINS', 'user_id', 'NN'), ['Support']],
    [compare('STARTSWITH', 'name', 'flow'), ['Flow 100%']],
    [compare('STARTSWITH', 'name', 'low'), []],
    [compare('CONTAINS', 'name', '%'), ['Flow 100%']],
    [compare('GT', 'duration_ms', 20), ['Support']],
    [compare('GTE', 'duration_ms', '20'), ['Support', 'Flow 100%']],
    [compare('LT', 'duration_ms', 20.5), ['Flow 100%']],
    [compare('LTE', 'duration_ms', 20), ['Flow 100%']],
    [compare('GTE', 'start_time', '2026-01-31T13:01:00+01:00'), ['Flow 100%']],
    [compare('GT', 'start_time', '2026-01-31T12:01:00Z'), []],
    [compare('LT', 'end_time', '2026-01-31T12:01:00Z'), ['Support']],
    [compare('LTE', 'created_at', '2026-01-31T12:00:00.000Z'), ['Support']],
    [{ op: 'AND', conditions: [OK, compare('GT', 'duration_ms', 1_000)] }, ['Support']],
    [{ op: 'AND', conditions: [OK, compare('GT', 'duration_ms', 2_000)] }, []],
    [{ op: 'OR', conditions: [OK, compare('LT', 'duration_ms', 100)] }, ['Support', 'Flow 100%']],
    [{ op: 'NOT', condition: OK }, ['Flow 100%']],
    [{}, ['Support', 'Flow 100%']],
    [undefined, ['Support', 'Flow 100%']],
  ])('%j selects %j', (filter, names) => {
    expect(namesFor(filter)).toEqual(names);
  });

  it('neither accepts nor rejects a trace by a field that it does not have, as a database would', () => {
    const other = compare('NEQ', 'user_id', 'bob');
    const same = compare('EQ', 'user_id', 'bob');
    expect(namesFor(other)).toEqual(['Support']);
    expect(namesFor({ op: 'NOT', condition: same })).toEqual(['Support']);
    expect(namesFor({ op: 'OR', conditions: [same, compare('EQ', 'workflow_id', 'flow')] })).toEqual([
      'Flow 100%',
    ]);
    expect(namesFor({ op: 'NOT', condition: { op: 'AND', conditions: [same, OK] } })).toEqual([
      'Support',
      'Flow 100%',
    ]);
  });

  const nested = (depth: number): object => (depth === 0 ? OK : { op: 'NOT', condition: nested(depth - 1) });

  it.each<[string, unknown]>([
    ['expected an object with "op", got an array', [OK]],
    ['expected an object with "op", got "OK"', 'OK'],
    [
      '"LIKE" is no operator: use EQ, NEQ, IN, CONTAINS, STARTSWITH, GT, GTE, LT, LTE, AND, OR, NOT',
      compare('LIKE', 'name', 'x'),
    ],
    ['undefined is no operator', { key: 'name', value: 'x' }],
    ['traces have no field "input": use status, user_id', compare('CONTAINS', 'input', 'x')],
    ['traces have no field "toString"', compare('EQ', 'toString', 'x')],
    ['GT does not compare user_id: use EQ, NEQ, CONTAINS, STARTSWITH, IN', compare('GT', 'user_id', 'a')],
    [
      'EQ does not compare start_time: use GT, GTE, LT, LTE',
      compare('EQ', 'start_time', '2026-01-31T12:00:00Z'),
    ],
    ['start_time is compared with a time in ISO 8601', compare('GT', 'start_time', 'yesterday')],
    ['duration_ms is compared with a number, not "long"', compare('GT', 'duration_ms', 'long')],
    ['duration_ms is compared with a number, not ""', compare('GT', 'duration_ms', '')],
    ['status is compared with OK or ERROR, not "UNSET"', compare('EQ', 'status', 'UNSET')],
    ['status is compared with OK or ERROR, not an object', compare('EQ', 'status', { toString: 1 })],
    ['user_id is compared with a text, not null', compare('EQ', 'user_id', null)],
    ['IN needs "values", a list of the wanted user_id', compare('IN', 'user_id', 'ann')],
    ['user_id is compared with a text, not 1', { op: 'IN', key: 'user_id', values: ['ann', 1] }],
    ['AND needs "conditions", a list that is not empty', { op: 'AND', conditions: [] }],
    ['OR needs "conditions"', { op: 'OR', conditions: OK }],
    ['expected an object with "op", got undefined', { op: 'NOT' }],
    ['it is nested more than 10 deep', nested(11)],
    ['it has more than 100 comparisons', { op: 'OR', conditions: Array.from({ length: 101 }, () => OK) }],
  ])('is refused with the words "%s"', (words, filter) => {
    expect(() => toTraceFilter(filter)).toThrow(BadRequestException);
    expect(() => toTraceFilter(filter)).toThrow(`Invalid filter expression: ${words}`);
  });

  it('may be as deep and as long as the limits', () => {
    expect(namesFor(nested(10))).toEqual(['Support']);
    expect(namesFor({ op: 'OR', conditions: Array.from({ length: 100 }, () => OK) })).toEqual(['Support']);
  });

  it('may use every operator that the schema names for a field', () => {
    const values: Readonly<Record<string, unknown>> = {
      enum: 'OK',
      string: 'x',
      number: 1,
      datetime: '2026-01-31T12:00:00Z',
    };
    for (const { key, type, operators } of TRACE_FILTER_SCHEMA.fields)
      for (const op of operators) {
        const value = values[type];
        expect(() => toTraceFilter({ op, key, value, values: [value] })).not.toThrow();
      }
  });
});
