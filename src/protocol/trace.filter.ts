import { BadRequestException } from '@nestjs/common';
import { z } from 'zod';

import { isRecord } from '../data/is-record.js';
import { showValue } from '../model/show-value.js';
import { isArray } from './json.values.js';
import { isTime } from './request.fields.js';
import type { TraceSessionsQuery, TracesQuery } from './requests.js';
import { named } from './schema.js';
import { TRACE_STATUSES, type TraceFacts } from './traces.js';

type Key = keyof TraceFacts;
type Value = string | number;

/** The types of fields, with the operators that compare them. */
const OPERATORS = {
  enum: ['EQ', 'NEQ', 'IN'],
  string: ['EQ', 'NEQ', 'CONTAINS', 'STARTSWITH', 'IN'],
  number: ['EQ', 'NEQ', 'GT', 'GTE', 'LT', 'LTE'],
  datetime: ['GT', 'GTE', 'LT', 'LTE'],
} as const;
type FieldType = keyof typeof OPERATORS;
type Operator = (typeof OPERATORS)[FieldType][number];

/** The fields of a trace that a filter may name, in the order in which pages show them. */
const FIELDS = {
  status: { label: 'Status', type: 'enum' },
  user_id: { label: 'User ID', type: 'string' },
  agent_id: { label: 'Agent ID', type: 'string' },
  team_id: { label: 'Team ID', type: 'string' },
  workflow_id: { label: 'Workflow ID', type: 'string' },
  session_id: { label: 'Session ID', type: 'string' },
  run_id: { label: 'Run ID', type: 'string' },
  name: { label: 'Trace Name', type: 'string' },
  trace_id: { label: 'Trace ID', type: 'string' },
  duration_ms: { label: 'Duration (ms)', type: 'number' },
  start_time: { label: 'Start Time', type: 'datetime' },
  end_time: { label: 'End Time', type: 'datetime' },
  created_at: { label: 'Created At', type: 'datetime' },
} as const satisfies Readonly<Record<Key, { readonly label: string; readonly type: FieldType }>>;

const LOGICAL_OPERATORS = ['AND', 'OR', 'NOT'] as const;

/** The nesting of a filter, and the number of its comparisons: each trace is compared with all of them. */
const MAX_DEPTH = 10;
const MAX_COMPARISONS = 100;

/** The answer of `GET /traces/filter-schema`. */
export const WireTraceFilterSchema = named(
  'TraceFilterSchema',
  'The fields that a filter of traces may compare, and the operators for each.',
  z.object({
    fields: z.array(
      z.object({
        key: z.string(),
        label: z.string(),
        type: z.string(),
        operators: z.array(z.string()),
        values: z.array(z.string()).nullable().describe('The values of an enum.'),
      }),
    ),
    logical_operators: z.array(z.string()),
  }),
);

export const TRACE_FILTER_SCHEMA: z.infer<typeof WireTraceFilterSchema> = {
  fields: Object.entries(FIELDS).map(([key, { label, type }]) => ({
    key,
    label,
    type,
    operators: [...OPERATORS[type]],
    values: type === 'enum' ? [...TRACE_STATUSES] : null,
  })),
  // `NOT` combines nothing: pages offer these between comparisons.
  logical_operators: ['AND', 'OR'],
};

/** Whether a filter accepts a trace; undefined if it compares a field that the trace does not have, as in SQL. */
type Match = (trace: TraceFacts) => boolean | undefined;

/** Whether a trace is wanted. */
export type TraceFilter = (trace: TraceFacts) => boolean;

/**
 * The filter that a client has sent, such as `{ "op": "EQ", "key": "status", "value": "OK" }`. Without one, or with an
 * empty one, all traces are wanted.
 *
 * @throws BadRequestException if it is not a filter of the protocol, or compares fields or values that traces do not have
 */
export function toTraceFilter(expression: unknown): TraceFilter {
  if (expression === undefined || (isRecord(expression) && Object.keys(expression).length === 0))
    return () => true;
  const match = new FilterReader().read(expression);
  return (trace) => match(trace) === true;
}

/** The filter of the query of `GET /traces`. */
export function filterOfTraces({ start_time: from, end_time: to, ...query }: TracesQuery): TraceFilter {
  const since = from === undefined ? -Infinity : Date.parse(from);
  const until = to === undefined ? Infinity : Date.parse(to);
  return (trace) =>
    EQUAL.every((key) => query[key] === undefined || query[key] === trace[key]) &&
    trace.start_time >= since &&
    trace.end_time <= until;
}

/** The filter of the query of `GET /trace_session_stats`: its times are both those at which traces began. */
export function filterOfTraceSessions({ end_time: to, ...query }: TraceSessionsQuery): TraceFilter {
  const isWanted = filterOfTraces(query);
  const until = to === undefined ? Infinity : Date.parse(to);
  return (trace) => isWanted(trace) && trace.created_at <= until;
}

const EQUAL = ['run_id', 'session_id', 'agent_id', 'team_id', 'workflow_id', 'status'] as const;

/** Reads the expressions of one filter. */
class FilterReader {
  #comparisons = 0;

  read(expression: unknown, depth = 0): Match {
    if (depth > MAX_DEPTH) throw invalid(`it is nested more than ${MAX_DEPTH} deep`);
    if (!isRecord(expression)) throw invalid(`expected an object with "op", got ${showValue(expression)}`);
    const { op } = expression;
    switch (op) {
      case 'AND':
        return all(this.#conditions(expression, depth));
      case 'OR':
        return not(all(this.#conditions(expression, depth).map(not)));
      case 'NOT':
        return not(this.read(expression['condition'], depth + 1));
      default:
        return this.#comparison(expression);
    }
  }

  #conditions({ op, conditions }: Readonly<Record<string, unknown>>, depth: number): Match[] {
    if (!isArray(conditions) || conditions.length === 0)
      throw invalid(`${String(op)} needs "conditions", a list that is not empty`);
    return conditions.map((condition) => this.read(condition, depth + 1));
  }

  #comparison({ op, key, value, values }: Readonly<Record<string, unknown>>): Match {
    this.#comparisons += 1;
    if (this.#comparisons > MAX_COMPARISONS) throw invalid(`it has more than ${MAX_COMPARISONS} comparisons`);
    const operator = operatorOf(op);
    const field = keyOf(key);
    const { type } = FIELDS[field];
    const possible: readonly Operator[] = OPERATORS[type];
    if (!possible.includes(operator))
      throw invalid(`${operator} does not compare ${field}: use ${possible.join(', ')}`);
    const isWanted =
      operator === 'IN'
        ? isAmong(operandsOf(field, type, values))
        : COMPARISONS[operator](operandOf(field, type, value));
    return (trace) => {
      const found = trace[field];
      return found === undefined ? undefined : isWanted(found);
    };
  }
}

type Comparison = (operand: Value) => (found: Value) => boolean;

const COMPARISONS = {
  EQ: (operand) => (found) => found === operand,
  NEQ: (operand) => (found) => found !== operand,
  GT: (operand) => (found) => found > operand,
  GTE: (operand) => (found) => found >= operand,
  LT: (operand) => (found) => found < operand,
  LTE: (operand) => (found) => found <= operand,
  CONTAINS: (operand) => {
    const part = lower(operand);
    return (found) => lower(found).includes(part);
  },
  STARTSWITH: (operand) => {
    const start = lower(operand);
    return (found) => lower(found).startsWith(start);
  },
} as const satisfies Readonly<Record<Exclude<Operator, 'IN'>, Comparison>>;

function isAmong(operands: readonly Value[]): (found: Value) => boolean {
  const wanted = new Set(operands);
  return (found) => wanted.has(found);
}

function lower(value: Value): string {
  return String(value).toLowerCase();
}

function all(matches: readonly Match[]): Match {
  return (trace) => {
    let isUnknown = false;
    for (const match of matches) {
      const matched = match(trace);
      if (matched === false) return false;
      isUnknown ||= matched === undefined;
    }
    return isUnknown ? undefined : true;
  };
}

function not(match: Match): Match {
  return (trace) => {
    const matched = match(trace);
    return matched === undefined ? undefined : !matched;
  };
}

function operatorOf(op: unknown): Operator {
  const known = [...new Set(Object.values(OPERATORS).flat())];
  const found = known.find((name) => name === op);
  if (found !== undefined) return found;
  throw invalid(`${showValue(op)} is no operator: use ${[...known, ...LOGICAL_OPERATORS].join(', ')}`);
}

function keyOf(key: unknown): Key {
  const known = Object.keys(FIELDS) as Key[];
  const found = known.find((name) => name === key);
  if (found === undefined) throw invalid(`traces have no field ${showValue(key)}: use ${known.join(', ')}`);
  return found;
}

function operandsOf(key: Key, type: FieldType, values: unknown): Value[] {
  if (!isArray(values)) throw invalid(`IN needs "values", a list of the wanted ${key}`);
  return values.map((value) => operandOf(key, type, value));
}

function operandOf(key: Key, type: FieldType, value: unknown): Value {
  const operand = OPERANDS[type](value);
  if (operand === undefined)
    throw invalid(`${key} is compared with ${WANTED[type]}, not ${showValue(value)}`);
  return operand;
}

/** The operand that a client's value is, in the form in which facts are. */
const OPERANDS: Readonly<Record<FieldType, (value: unknown) => Value | undefined>> = {
  enum: (value) =>
    isText(value) ? TRACE_STATUSES.find((status) => status === value.toUpperCase()) : undefined,
  string: (value) => (isText(value) ? value : undefined),
  // Pages may send the text of an input field.
  number: (value) => {
    const number = isText(value) && value.trim() !== '' ? Number(value) : value;
    return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
  },
  datetime: (value) => (isText(value) && isTime(value) ? Date.parse(value) : undefined),
};

const WANTED: Readonly<Record<FieldType, string>> = {
  enum: TRACE_STATUSES.join(' or '),
  string: 'a text',
  number: 'a number',
  datetime: 'a time in ISO 8601, such as 2026-01-31T12:00:00Z',
};

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function invalid(problem: string): BadRequestException {
  return new BadRequestException(`Invalid filter expression: ${problem}.`);
}
