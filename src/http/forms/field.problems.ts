import { UnprocessableEntityException } from '@nestjs/common';

import { isShallow } from './json.values.js';

/** A field error in the protocol's shape. */
interface FieldProblem {
  readonly type: string;
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly input: unknown;
}

/** More errors help no client: a small request must not cause an answer that is many times as large. */
const MAX_PROBLEMS = 100;

/** Characters of a value that are sent back to the client. */
const MAX_ECHO = 1_000;

/** The errors in the fields of a request, as a client sees them. */
export class FieldProblems {
  readonly #all: FieldProblem[] = [];

  add(problem: FieldProblem): void {
    if (this.#all.length < MAX_PROBLEMS) this.#all.push({ ...problem, input: echoOf(problem.input) });
  }

  /** Whether a field of this name has an error, at the place of the path or deeper. */
  has(path: FieldProblem['loc'], name: string): boolean {
    return this.#all.some(({ loc }) => loc.length > path.length && loc.at(-1) === name);
  }

  /** @throws UnprocessableEntityException if there are any errors */
  finish(): void {
    if (this.#all.length > 0) throw this.toException();
  }

  /** The exception that refuses the request with these errors. */
  toException(): UnprocessableEntityException {
    return new UnprocessableEntityException({ detail: this.#all });
  }
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
