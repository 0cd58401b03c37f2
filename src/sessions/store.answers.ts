import { isRecord } from '../data/is-record.js';
import { showValue } from '../model/show-value.js';

/** The kind of result that a store method must return. */
export interface AnswerKind {
  /** Description for error messages. */
  readonly expected: string;
  readonly accepts: (answer: unknown) => boolean;
}

/**
 * The error for a result of the wrong kind: an application's own store may be written in JavaScript, or may return the
 * result of its database unchecked.
 *
 * @param name - store and method, such as `SessionStore.append`
 * @returns undefined if the result is of the right kind
 */
export function problemOf(
  name: string,
  answer: unknown,
  { expected, accepts }: AnswerKind,
): TypeError | undefined {
  if (accepts(answer)) return undefined;
  const shown =
    Array.isArray(answer) && answer.length > 0 ? `an array of ${showValue(answer[0])}` : showValue(answer);
  return new TypeError(`${name}() answered with ${shown}; expected ${expected}.`);
}

const isText = (value: unknown): boolean => typeof value === 'string';
const isListOf = (accepts: AnswerKind['accepts'], value: unknown): boolean =>
  Array.isArray(value) && value.every(accepts);

const isSession = (value: unknown): boolean =>
  isRecord(value) && isText(value['id']) && isRecord(value['state']) && isRecord(value['metadata']);
const isStoredSession = (value: unknown): boolean =>
  isSession(value) &&
  isText((value as { kind?: unknown }).kind) &&
  Array.isArray((value as { usage?: unknown }).usage);
const isRun = (value: unknown): boolean =>
  isRecord(value) &&
  isText(value['runId']) &&
  [value['component'], value['input'], value['output']].every(isRecord);
const isEvaluation = (value: unknown): boolean =>
  isRecord(value) && isText(value['id']) && isRecord(value['component']);

const orNothing =
  (accepts: AnswerKind['accepts']): AnswerKind['accepts'] =>
  (value) =>
    value === undefined || accepts(value);

/** The results of the methods of a `SessionStore`. */
export const SESSION_ANSWERS = {
  open: { expected: 'a session with id, state and metadata, or undefined', accepts: orNothing(isSession) },
  runs: {
    expected: 'an array of runs with runId, component, input and output',
    accepts: (value) => isListOf(isRun, value),
  },
  find: {
    expected: 'a session with id, state, metadata, kind and usage, or undefined',
    accepts: orNothing(isStoredSession),
  },
  list: {
    expected: '{ sessions, total }, an array of sessions and a number',
    accepts: (value) =>
      isRecord(value) && isListOf(isStoredSession, value['sessions']) && Number.isInteger(value['total']),
  },
  isDone: { expected: 'true or false', accepts: (value) => typeof value === 'boolean' },
  delete: { expected: 'an array of ids', accepts: (value) => isListOf(isText, value) },
} as const satisfies Record<string, AnswerKind>;

/** The results of the methods of an `EvalStore`. */
export const EVAL_ANSWERS = {
  list: {
    expected: 'an array of evaluations with id and component',
    accepts: (value) => isListOf(isEvaluation, value),
  },
  count: { expected: 'a number', accepts: Number.isInteger },
  one: { expected: 'an evaluation with id and component, or undefined', accepts: orNothing(isEvaluation) },
  nothing: { expected: 'nothing', accepts: () => true },
} as const satisfies Record<string, AnswerKind>;
