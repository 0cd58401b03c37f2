import { NotImplementedException, UnprocessableEntityException } from '@nestjs/common';

import type { PlainRecord } from '../model/run-context.js';
import type { RunOptions } from '../model/runnable-component.js';
import type { FormFields } from './read-form.js';

/** What a client asks of a run. */
export interface RunForm {
  readonly message: string;
  readonly stream: boolean;
  readonly options: RunOptions;
}

/** What is wrong with a field, in the protocol's shape. */
interface FieldProblem {
  readonly type: string;
  readonly loc: readonly string[];
  readonly msg: string;
  readonly input: unknown;
}

/** Levels of nesting in JSON that a client may send. */
const MAX_DEPTH = 100;

const TRUE = ['true', '1', 'yes', 'on', 't', 'y'];
const FALSE = ['false', '0', 'no', 'off', 'f', 'n'];

/**
 * Reads the fields of a run request. Fields that the protocol does not know are ignored: none of them reaches hooks
 * or engine.
 *
 * @param acceptClientContext - whether the client may send `dependencies` and `session_state`
 * @throws UnprocessableEntityException with one problem for each field that is wrong
 */
export function parseRunForm(fields: FormFields, acceptClientContext: boolean): RunForm {
  const problems: FieldProblem[] = [];
  const reader = new FieldReader(fields, problems);
  const message = reader.requiredText('message');
  const stream = reader.flag('stream', true);
  const isInBackground = reader.flag('background', false);
  const options = readOptions(reader, acceptClientContext);
  if (problems.length > 0) throw new UnprocessableEntityException({ detail: problems });
  if (isInBackground) throw new NotImplementedException('Runs with background=true are not supported.');
  return { message, stream, options };
}

function readOptions(reader: FieldReader, acceptClientContext: boolean): RunOptions {
  const sessionId = reader.text('session_id');
  const userId = reader.text('user_id');
  const metadata = reader.record('metadata');
  const dependencies = acceptClientContext ? reader.record('dependencies') : undefined;
  const sessionState = acceptClientContext ? reader.record('session_state') : undefined;
  return {
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(userId === undefined ? {} : { userId }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(dependencies === undefined ? {} : { dependencies }),
    ...(sessionState === undefined ? {} : { sessionState }),
  };
}

class FieldReader {
  readonly #fields: FormFields;
  readonly #problems: FieldProblem[];

  constructor(fields: FormFields, problems: FieldProblem[]) {
    this.#fields = fields;
    this.#problems = problems;
  }

  requiredText(name: string): string {
    const text = this.text(name);
    if (text === undefined && !this.#hasProblem(name)) {
      this.#refuse(name, 'missing', 'Field required', this.#fields.get(name) ?? null);
    }
    return text ?? '';
  }

  /** An empty text is none: forms send empty fields. */
  text(name: string): string | undefined {
    const value = this.#fields.get(name);
    if (value === undefined || value === null || value === '') return undefined;
    if (typeof value === 'string') return value;
    this.#refuse(name, 'string_type', 'Input should be a valid string', value);
    return undefined;
  }

  flag(name: string, otherwise: boolean): boolean {
    const value = this.#fields.get(name);
    if (value === undefined || value === null || value === '') return otherwise;
    if (typeof value === 'boolean') return value;
    const text = typeof value === 'string' || typeof value === 'number' ? String(value).toLowerCase() : '';
    if (TRUE.includes(text)) return true;
    if (FALSE.includes(text)) return false;
    this.#refuse(name, 'bool_parsing', 'Input should be a valid boolean, unable to interpret input', value);
    return otherwise;
  }

  /** A JSON object, or the text of one. */
  record(name: string): PlainRecord | undefined {
    const value = this.#fields.get(name);
    if (value === undefined || value === null || value === '') return undefined;
    const parsed = typeof value === 'string' ? parseJson(value) : value;
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) && isShallow(parsed, 0))
      return parsed as PlainRecord;
    this.#refuse(name, 'json_invalid', 'Input should be a JSON object', value);
    return undefined;
  }

  #hasProblem(name: string): boolean {
    return this.#problems.some(({ loc }) => loc.includes(name));
  }

  #refuse(name: string, type: string, msg: string, input: unknown): void {
    this.#problems.push({ type, loc: ['body', name], msg, input });
  }
}

/** Deeper data, or a key that sets a prototype, could not be copied: the run would lose its background hooks. */
function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return (
    depth < MAX_DEPTH &&
    !Object.hasOwn(value, '__proto__') &&
    Object.values(value).every((item) => isShallow(item, depth + 1))
  );
}

function parseJson(text: string): unknown {
  try {
    // A key that sets a prototype when it is assigned has no business in run data.
    return JSON.parse(text, (key, value: unknown) => (key === '__proto__' ? undefined : value)) as unknown;
  } catch {
    return undefined;
  }
}
