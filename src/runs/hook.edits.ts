import type { HookPhase } from '../execution/hook-execution.js';
import type { PostHookContext } from '../hooks/hook.context.js';

/** What a field of a hook's context must be. */
interface FieldKind {
  readonly expected: string;
  readonly isRight: (value: unknown) => boolean;
}

const TEXT: FieldKind = { expected: 'a text', isRight: (value) => typeof value === 'string' };
const LIST: FieldKind = { expected: 'an array', isRight: Array.isArray };
const LIST_OR_NOTHING: FieldKind = {
  expected: 'an array',
  isRight: (value) => value === undefined || Array.isArray(value),
};
const RECORD: FieldKind = { expected: 'an object', isRight: isRecord };

/** The parts of a context, with the fields that an inline hook could write something else into. */
const FIELDS = {
  runInput: { content: TEXT, files: LIST_OR_NOTHING },
  runOutput: {
    content: TEXT,
    messages: LIST,
    tools: LIST,
    memberResponses: LIST,
    stepResults: LIST,
    metadata: RECORD,
    metrics: RECORD,
  },
  runContext: { metadata: RECORD, dependencies: RECORD, sessionState: RECORD },
  session: { state: RECORD, metadata: RECORD },
} as const satisfies Partial<Record<keyof PostHookContext, Readonly<Record<string, FieldKind>>>>;

type Part = Record<string, unknown>;

interface Field {
  readonly name: string;
  readonly key: string;
  readonly part: Part;
  readonly kind: FieldKind;
  readonly before: unknown;
}

/**
 * Watches that what an inline hook writes has the kind it must have: the type checker does not see every hook, and a
 * number in place of the answer would reach the client.
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
      return Object.entries(kinds).map(([key, kind]: [string, FieldKind]) => ({
        name: `${name}.${key}`,
        key,
        part,
        kind,
        before: part[key],
      }));
    });
  }

  /** @throws TypeError if the hook has written or returned what would be ignored or break the run */
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
    const what = this.#returnedPart(phase, returned);
    if (what === undefined) return;
    throw new TypeError(
      `Hook "${hook}" returned ${what}, which has no effect. Write into the fields of the one it gets, and return nothing.`,
    );
  }

  /**
   * Gives fields with something of the wrong kind in them the value that they had.
   *
   * @returns what was wrong with the first of them
   */
  undo(): string | undefined {
    let problem: string | undefined;
    for (const { name, key, part, kind, before } of this.#fields) {
      const value = part[key];
      if (value === before || kind.isRight(value)) continue;
      part[key] = before;
      problem ??= `set ${name} to ${show(value)}; it must be ${kind.expected}.`;
    }
    return problem;
  }

  /** Ordinary values that an arrow function happens to return mean nothing; a context, or a part of one, does. */
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

function firstFieldOf(part: string): string {
  return Object.keys(FIELDS[part as keyof typeof FIELDS])[0] ?? '';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value itself may be content. */
function show(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;
}
