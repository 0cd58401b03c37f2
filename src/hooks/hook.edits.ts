import { isRecord } from '../data/is-record.js';
import type { HookPhase } from '../execution/hook-execution.js';
import type { PostHookContext } from './hook.context.js';
import { USAGE_FIELDS } from '../model/run-usage.js';

/** A wrong value: its path and its fault. */
interface Problem {
  readonly path: string;
  readonly value: unknown;
  readonly expected: string;
}

/** The required type of a value. Members hold members and steps hold steps, so each function gets its depth. */
interface Kind {
  readonly findProblem: (value: unknown, path: string, depth: number) => Problem | undefined;
  /** @returns a function that undoes later changes of the value and returns it */
  readonly remember: (value: unknown, depth: number) => () => unknown;
}

/** Records inside of records, deeper than any team: most likely a cycle. */
const MAX_DEPTH = 100;
/** Characters of the path to a record that is too deep. */
const MAX_PATH = 100;

function plain(expected: string, isRight: (value: unknown) => boolean): Kind {
  return {
    findProblem: (value, path) => (isRight(value) ? undefined : { path, value, expected }),
    remember: (value) => () => value,
  };
}

function optional({ findProblem, remember }: Kind): Kind {
  return {
    findProblem: (value, path, depth) => (value === undefined ? undefined : findProblem(value, path, depth)),
    remember,
  };
}

function listOf(element: () => Kind): Kind {
  return {
    findProblem: (value, path, depth) => {
      if (!Array.isArray(value)) return { path, value, expected: 'an array' };
      for (const [index, item] of value.entries()) {
        const problem = element().findProblem(item, `${path}[${String(index)}]`, depth);
        if (problem) return problem;
      }
      return undefined;
    },
    remember: (value, depth) => {
      if (!Array.isArray(value)) return () => value;
      const list: unknown[] = value;
      const items = list.map((item) => element().remember(item, depth));
      return () => {
        const before = items.map((restore) => restore());
        const isSame = before.length === list.length && before.every((item, index) => item === list[index]);
        if (!isSame) list.splice(0, list.length, ...before);
        return list;
      };
    },
  };
}

function recordOf(kinds: Readonly<Record<string, Kind>>): Kind {
  return {
    findProblem: (value, path, depth) => {
      if (!isRecord(value)) return { path, value, expected: 'an object' };
      if (depth > MAX_DEPTH) {
        const expected = `nested at most ${MAX_DEPTH} levels deep, without cycles`;
        return { path: `${path.slice(0, MAX_PATH)}…`, value, expected };
      }
      for (const [key, kind] of Object.entries(kinds)) {
        const problem = kind.findProblem(value[key], `${path}.${key}`, depth + 1);
        if (problem) return problem;
      }
      return undefined;
    },
    remember: (value, depth) => {
      if (!isRecord(value) || depth > MAX_DEPTH) return () => value;
      const fields = Object.entries(kinds).map(([key, kind]) => ({
        key,
        restore: kind.remember(value[key], depth + 1),
      }));
      return () => {
        for (const { key, restore } of fields) write(value, key, restore());
        return value;
      };
    },
  };
}

const TEXT = plain('a text', (value) => typeof value === 'string');
const OPTIONAL_TEXT: Kind = plain('a text or undefined', (value) =>
  ['string', 'undefined'].includes(typeof value),
);
const OPTIONAL_NUMBER = optional(plain('a finite number', Number.isFinite));
const RECORD = recordOf({});
const USAGE = recordOf({
  ...Object.fromEntries(USAGE_FIELDS.map((field) => [field, OPTIONAL_NUMBER])),
  finishReason: OPTIONAL_TEXT,
  timeToFirstToken: OPTIONAL_NUMBER,
  duration: OPTIONAL_NUMBER,
});
const FILE = recordOf({
  id: TEXT,
  kind: TEXT,
  name: OPTIONAL_TEXT,
  mediaType: OPTIONAL_TEXT,
  content: OPTIONAL_TEXT,
  url: OPTIONAL_TEXT,
  metadata: optional(RECORD),
});
const TOOL = recordOf({
  id: TEXT,
  name: TEXT,
  arguments: RECORD,
  result: OPTIONAL_TEXT,
  startedAt: OPTIONAL_NUMBER,
  endedAt: OPTIONAL_NUMBER,
  childRunId: OPTIONAL_TEXT,
});
const MESSAGE = recordOf({
  id: TEXT,
  role: TEXT,
  content: TEXT,
  createdAt: OPTIONAL_NUMBER,
  toolCalls: optional(listOf(() => TOOL)),
  toolCall: optional(TOOL),
  metrics: optional(USAGE),
});
const STEP: Kind = recordOf({
  stepId: TEXT,
  stepName: TEXT,
  type: TEXT,
  content: TEXT,
  error: OPTIONAL_TEXT,
  metrics: optional(USAGE),
  steps: optional(listOf(() => STEP)),
});
const SOURCE = recordOf({
  kind: TEXT,
  id: TEXT,
  url: OPTIONAL_TEXT,
  title: OPTIONAL_TEXT,
  excerpt: OPTIONAL_TEXT,
  mediaType: OPTIONAL_TEXT,
  name: OPTIONAL_TEXT,
});
const ANSWER = {
  content: TEXT,
  reasoning: OPTIONAL_TEXT,
  sources: optional(listOf(() => SOURCE)),
  files: optional(listOf(() => FILE)),
  messages: listOf(() => MESSAGE),
  tools: listOf(() => TOOL),
  memberResponses: listOf(() => MEMBER),
  stepResults: listOf(() => STEP),
  metadata: RECORD,
  metrics: USAGE,
};
const MEMBER: Kind = recordOf({
  runId: TEXT,
  sessionId: TEXT,
  status: TEXT,
  component: recordOf({ kind: TEXT, id: TEXT, name: TEXT }),
  ...ANSWER,
});

/** The parts of a context, with the fields that an inline hook could write something else into. */
const FIELDS = {
  runInput: { content: TEXT, files: optional(listOf(() => FILE)) },
  runOutput: ANSWER,
  runContext: { metadata: RECORD, dependencies: RECORD, sessionState: RECORD },
  session: { state: RECORD, metadata: RECORD, name: OPTIONAL_TEXT },
} as const satisfies Partial<Record<keyof PostHookContext, Readonly<Record<string, Kind>>>>;

/** The fields that identify a run, and those that only AgentOS writes. */
const READ_ONLY: Readonly<Record<string, readonly string[]>> = {
  runOutput: [
    'runId',
    'parentRunId',
    'sessionId',
    'userId',
    'component',
    'stepId',
    'replaces',
    'status',
    'createdAt',
  ],
  runContext: ['runId', 'parentRunId', 'sessionId'],
  session: ['id'],
};

/** Records that the run shares with others: a record in their place would be seen by one of them only. */
const SHARED: ReadonlySet<string> = new Set([
  'runContext.metadata',
  'runContext.dependencies',
  'runContext.sessionState',
  'session.state',
  'session.metadata',
]);

type Part = Record<string, unknown>;

interface Field {
  readonly key: string;
  readonly part: Part;
  /** The present fault of the field. */
  readonly findFault: () => string | undefined;
  /** @returns the earlier value, with later changes undone */
  readonly restore: () => unknown;
}

/**
 * Checks that the values written by an inline hook have the required types: the type checker does not see every hook,
 * and a number in place of the answer would reach the client.
 */
export class HookEdits {
  readonly #context: PostHookContext;
  readonly #parts: Readonly<Record<string, unknown>>;
  readonly #fields: readonly Field[];

  /** @param context - before the hook is called with it */
  constructor(context: PostHookContext) {
    this.#context = context;
    const { runInput, runOutput, runContext, session } = context;
    this.#parts = { runInput, runOutput, runContext, session };
    this.#fields = Object.entries(FIELDS).flatMap(([name, kinds]) => {
      const part = this.#parts[name] as Part;
      return [
        ...Object.entries(kinds).map(([key, kind]: [string, Kind]) => watched(name, part, key, kind)),
        ...(READ_ONLY[name] ?? []).map((key) => readOnly(name, part, key)),
      ];
    });
  }

  /** @throws TypeError if the hook has written or returned values that would be ignored or break the run */
  verify(hook: string, phase: HookPhase, returned: unknown): void {
    const undone = this.undo();
    if (undone !== undefined) throw new TypeError(`Hook "${hook}" ${undone}`);
    const replaced = Object.entries(this.#parts).find(
      ([name, part]) => Reflect.get(this.#context, name) !== part,
    );
    if (replaced) {
      const [name] = replaced;
      throw new TypeError(
        `Hook "${hook}" replaced ${name} of its context, which has no effect. Write into its fields, such as ${name}.${firstFieldOf(name)}.`,
      );
    }
    const part = this.#returnedPart(phase, returned);
    if (part === undefined) return;
    throw new TypeError(
      `Hook "${hook}" returned ${part}, which has no effect. Write into the fields of the object in its context, and return nothing.`,
    );
  }

  /**
   * Restores fields that hold a value of a wrong type, or that must not be replaced.
   *
   * @returns the fault of the first of them
   */
  undo(): string | undefined {
    let first: string | undefined;
    for (const { key, part, findFault, restore } of this.#fields) {
      const fault = findFault();
      if (fault === undefined) continue;
      write(part, key, restore());
      first ??= fault;
    }
    return first;
  }

  /** Ordinary return values of arrow functions are ignored; a returned context, or a part of one, is a fault. */
  #returnedPart(phase: HookPhase, returned: unknown): string | undefined {
    if (!isRecord(returned)) return undefined;
    if (
      Object.is(returned, this.#context) ||
      Object.keys(FIELDS).some((name) => Object.hasOwn(returned, name))
    )
      return 'a context';
    for (const [name, part] of Object.entries(this.#parts)) if (returned === part) return `its ${name}`;
    const has = (...keys: readonly string[]): boolean => keys.every((key) => Object.hasOwn(returned, key));
    if (has('content', 'status', 'metrics', 'messages')) return 'a run output';
    const isInput = phase === 'pre' && typeof returned['content'] === 'string';
    const hasOnlyInput = Object.keys(returned).every((key) => key in FIELDS.runInput);
    return isInput && hasOnlyInput ? 'a run input' : undefined;
  }
}

function watched(name: string, part: Part, key: string, kind: Kind): Field {
  const path = `${name}.${key}`;
  const before = part[key];
  // A value that was wrong before is not the fault of this hook.
  const isJudged = kind.findProblem(before, path, 0) === undefined;
  const findFault = (): string | undefined => {
    const value = part[key];
    const problem = isJudged ? kind.findProblem(value, path, 0) : undefined;
    if (problem) return `set ${problem.path} to ${show(problem.value)}; it must be ${problem.expected}.`;
    if (value === before || !SHARED.has(path)) return undefined;
    return `replaced ${path}, which the run shares with other code. Write into it instead of replacing it.`;
  };
  return { key, part, findFault, restore: kind.remember(before, 0) };
}

function readOnly(name: string, part: Part, key: string): Field {
  const before = part[key];
  const findFault = (): string | undefined =>
    part[key] === before ? undefined : `changed ${name}.${key}, which is read-only.`;
  return { key, part, findFault, restore: () => before };
}

/** Writes only a different value: the record may be frozen. */
function write(record: Record<string, unknown>, key: string, value: unknown): void {
  if (record[key] === value) return;
  if (value === undefined) Reflect.deleteProperty(record, key);
  else record[key] = value;
}

function firstFieldOf(part: string): string {
  return Object.keys(FIELDS[part as keyof typeof FIELDS])[0] ?? '';
}

/** The value itself may be content. */
function show(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;
}
