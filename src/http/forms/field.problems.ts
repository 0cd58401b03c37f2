import { UnprocessableEntityException } from '@nestjs/common';

import { isShallow } from './json.values.js';

/** What is wrong with a field, in the protocol's shape. */
interface FieldProblem {
  readonly type: string;
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly input: unknown;
}

/** Nobody mends more at once: a small request must not bring about an answer that is many times as large. */
const MAX_PROBLEMS = 100;

/** Characters of a value that are sent back to whoever has sent it. */
const MAX_ECHO = 1_000;

/** What is wrong with the fields of a request, as far as a client is told. */
export class FieldProblems {
  readonly #all: FieldProblem[] = [];

  add(problem: FieldProblem): void {
    if (this.#all.length < MAX_PROBLEMS) this.#all.push({ ...problem, input: echoOf(problem.input) });
  }

  /** Whether there is one with a field of this name, not further out than the path leads. */
  has(path: FieldProblem['loc'], name: string): boolean {
    return this.#all.some(({ loc }) => loc.length > path.length && loc.at(-1) === name);
  }

  /** @throws UnprocessableEntityException if there are any */
  finish(): void {
    if (this.#all.length > 0) throw this.toException();
  }

  /** The refusal of the request, for what is wrong with it. */
  toException(): UnprocessableEntityException {
    return new UnprocessableEntityException({ detail: this.#all });
  }
}

/** A value as an error may show it: a long text is cut, and what is large or deep is left out. */
function echoOf(value: unknown): unknown {
  if (typeof value === 'string') return value.length > MAX_ECHO ? `${value.slice(0, MAX_ECHO)}…` : value;
  return roomAfter(value, MAX_ECHO) >= 0 && isShallow(value) ? value : null;
}

/**
 * How much of the room is left once a value stands in it; below zero if it is too large. Only as much of the value is
 * looked at as there is room for: as JSON it could be longer than any text may be.
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
