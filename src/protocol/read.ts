import { UnprocessableEntityException } from '@nestjs/common';
import type { z } from 'zod';

import { MAX_ECHO, MAX_PROBLEMS, type WireFieldProblem, type WireValidationError } from './errors.js';
import { isShallow } from './json.values.js';

/** The fields of a request by name: texts, or any JSON values if they came as JSON. */
export type Fields = ReadonlyMap<string, unknown>;

/** The place of a value in a request. */
export type Place = readonly [part: 'body' | 'query', ...path: (string | number)[]];

/** The error of a field that is required and not there. */
export const MISSING = { type: 'missing', msg: 'Field required' } as const;

/** The error of a field, with the value as it was sent. */
interface RequestProblem extends Omit<WireFieldProblem, 'loc'> {
  readonly loc: Place;
}

/** Pydantic's types of errors for values that are not of the type that zod expects. */
const TYPE_PROBLEMS: Readonly<Record<string, string>> = {
  array: 'list_type',
  boolean: 'bool_parsing',
  int: 'int_parsing',
  number: 'int_parsing',
  string: 'string_type',
};

/**
 * Reads a part of a request.
 *
 * @param ignored - fields of the schema that the client may not send: nothing looks at them
 * @throws UnprocessableEntityException with one error for each field that is wrong
 */
export function read<S extends z.ZodObject>(
  schema: S,
  fields: Fields,
  place: Place,
  ignored: readonly string[] = [],
): z.output<S> {
  const problems = new RequestProblems();
  const value = problems.read(schema, fields, place, ignored);
  if (value === undefined) throw problems.toException();
  return value;
}

/** The errors in the fields of a request, as a client sees them. */
export class RequestProblems {
  readonly #all: WireFieldProblem[] = [];

  add(problem: RequestProblem): void {
    if (this.#all.length >= MAX_PROBLEMS) return;
    this.#all.push({ ...problem, loc: [...problem.loc], input: echoOf(problem.input) });
  }

  /**
   * Reads the fields of a schema. Null and empty texts are missing fields: forms send empty fields. Other fields are
   * ignored.
   *
   * @returns undefined if a field is wrong: the errors of all wrong fields are then among these
   */
  read<S extends z.ZodObject>(
    schema: S,
    fields: Fields,
    place: Place,
    ignored: readonly string[] = [],
  ): z.output<S> | undefined {
    const given: Record<string, unknown> = {};
    for (const name of Object.keys(schema.shape)) {
      const value = fields.get(name);
      if (value !== undefined && value !== null && value !== '' && !ignored.includes(name))
        given[name] = value;
    }
    const result = schema.safeParse(given);
    if (result.success) return result.data;
    const wrong = new Set<string>();
    for (const issue of result.error.issues) {
      const name = String(issue.path[0]);
      // The first error of a field says enough.
      if (wrong.has(name)) continue;
      wrong.add(name);
      const problem = name in given ? { type: typeOf(issue), msg: issue.message } : MISSING;
      this.add({ ...problem, loc: [...place, name], input: fields.get(name) ?? null });
    }
    return undefined;
  }

  /** @throws UnprocessableEntityException if there are any errors */
  finish(): void {
    if (this.#all.length > 0) throw this.toException();
  }

  /** The exception that refuses the request with these errors. */
  toException(): UnprocessableEntityException {
    const body: WireValidationError = { detail: this.#all };
    return new UnprocessableEntityException(body);
  }
}

/** Pydantic's type of a zod issue. The message is that of the schema: zod's own depend on the host's locale. */
function typeOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'custom') return String(issue.params?.['type'] ?? 'value_error');
  if (issue.code === 'invalid_value') return 'enum';
  if (issue.code === 'invalid_type') return TYPE_PROBLEMS[issue.expected] ?? 'value_error';
  return issue.code === 'too_big' && issue.origin === 'string' ? 'string_too_long' : 'value_error';
}

/** A value as an error may show it: long texts are cut, large or deep values are left out. */
function echoOf(value: unknown): unknown {
  if (typeof value === 'string') return value.length > MAX_ECHO ? `${value.slice(0, MAX_ECHO)}…` : value;
  return roomAfter(value, MAX_ECHO) >= 0 && isShallow(value) ? value : null;
}

/**
 * The room that is left once a value takes its part of it; below zero if the value is too large. The walk stops when
 * the room is used up: as JSON the value could be longer than the longest possible string.
 */
function roomAfter(value: unknown, room: number): number {
  if (typeof value === 'string') return room - value.length - 2;
  if (typeof value !== 'object' || value === null) return room - String(value).length;
  let left = room - 2;
  for (const [key, item] of Object.entries(value)) {
    if (left < 0) break;
    left = roomAfter(item, left - (Array.isArray(value) ? 1 : key.length + 4));
  }
  return left;
}
