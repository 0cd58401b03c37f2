import type { PlainRecord } from '../../model/run-context.js';
import { FieldProblems } from './field.problems.js';
import { isRecord } from '../../data/is-record.js';
import { isArray, isShallow, isSimple, parseJson } from './json.values.js';

/** The fields of a request by name: texts, or any JSON value if they came as JSON. */
export type Fields = ReadonlyMap<string, unknown>;

const TRUE = ['true', '1', 'yes', 'on', 't', 'y'];
const FALSE = ['false', '0', 'no', 'off', 'f', 'n'];

/**
 * Reads the fields of a request and collects their errors; {@link FieldReader.finish} throws them all at once. An
 * empty text counts as a missing field: forms send empty fields.
 */
export class FieldReader {
  readonly #fields: Fields;
  readonly #location: readonly (string | number)[];
  readonly #problems: FieldProblems;

  /** @param location - the place of the fields in the request */
  constructor(fields: Fields, location: 'body' | 'query' | FieldPlace = 'body') {
    this.#fields = fields;
    const { path, problems } =
      typeof location === 'string' ? { path: [location], problems: new FieldProblems() } : location;
    this.#location = path;
    this.#problems = problems;
  }

  /** Reads an object of a list; the {@link FieldReader.finish} of this reader throws its errors. */
  within(name: string, index: number, record: PlainRecord): FieldReader {
    const place = { path: [...this.#location, name, index], problems: this.#problems };
    return new FieldReader(new Map(Object.entries(record)), place);
  }

  /** @throws UnprocessableEntityException with one error for each field that is wrong */
  finish(): void {
    this.#problems.finish();
  }

  requiredText(name: string): string {
    const text = this.text(name);
    if (text === undefined) this.refuseBlank(name);
    return text ?? '';
  }

  /** Refuses a text that is missing or blank, unless the field has another error. */
  refuseBlank(name: string): void {
    if (this.#problems.has(this.#location, name)) return;
    const given = this.#given(name);
    if (given === undefined) this.refuse(name, 'missing', 'Field required', this.#fields.get(name) ?? null);
    else this.refuse(name, 'value_error', 'Input should not be blank', given);
  }

  text(name: string): string | undefined {
    const value = this.#given(name);
    if (value === undefined || typeof value === 'string') return value;
    this.refuse(name, 'string_type', 'Input should be a valid string', value);
    return undefined;
  }

  flag(name: string, otherwise: boolean): boolean {
    const value = this.#given(name);
    if (value === undefined) return otherwise;
    if (typeof value === 'boolean') return value;
    const text = typeof value === 'string' || typeof value === 'number' ? String(value).toLowerCase() : '';
    if (TRUE.includes(text)) return true;
    if (FALSE.includes(text)) return false;
    this.refuse(name, 'bool_parsing', 'Input should be a valid boolean, unable to interpret input', value);
    return otherwise;
  }

  /** A whole number within limits. */
  integer(name: string, { minimum, maximum = Number.MAX_SAFE_INTEGER }: IntegerLimits): number | undefined {
    const value = this.#given(name);
    if (value === undefined) return undefined;
    const number = typeof value === 'string' && /^[+-]?\d+$/.test(value) ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isSafeInteger(number)) {
      this.refuse(name, 'int_parsing', 'Input should be a valid integer', value);
    } else if (number < minimum || number > maximum) {
      this.refuse(name, 'value_error', `Input should be a whole number from ${minimum} to ${maximum}`, value);
    } else {
      return number;
    }
    return undefined;
  }

  /** One of these texts. */
  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const value = this.#given(name);
    if (value === undefined) return undefined;
    const known = choices.find((choice) => choice === value);
    if (known === undefined) this.refuse(name, 'enum', `Input should be one of ${choices.join(', ')}`, value);
    return known;
  }

  /** A list of texts that is not empty. */
  texts(name: string): readonly string[] {
    const value = this.#fields.get(name);
    if (isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string')) return value;
    this.refuse(name, 'list_type', 'Input should be a list of strings that is not empty', value ?? null);
    return [];
  }

  /** A JSON object, also as text. */
  record(name: string): PlainRecord | undefined {
    const value = this.#json(name);
    if (value === undefined) return undefined;
    if (typeof value === 'object' && value !== null && !Array.isArray(value) && isShallow(value))
      return value as PlainRecord;
    this.refuse(name, 'json_invalid', 'Input should be a JSON object', this.#fields.get(name));
    return undefined;
  }

  /**
   * A JSON array of objects, also as text.
   *
   * @param maxParts - the maximum number of objects, arrays, texts and commas in the text
   */
  records(name: string, maxParts: number): readonly PlainRecord[] {
    const given = this.#given(name);
    const value = typeof given === 'string' && !isSimple(given, maxParts) ? null : this.#json(name);
    if (value === undefined) return [];
    if (isArray(value) && value.every(isRecord) && isShallow(value)) return value;
    this.refuse(name, 'json_invalid', 'Input should be a JSON array of objects', this.#fields.get(name));
    return [];
  }

  /** Adds the error of a field. */
  refuse(name: string, type: string, msg: string, input: unknown): void {
    this.#problems.add({ type, loc: [...this.#location, name], msg, input });
  }

  #given(name: string): unknown {
    const value = this.#fields.get(name);
    return value === null || value === '' ? undefined : value;
  }

  #json(name: string): unknown {
    const value = this.#given(name);
    return typeof value === 'string' ? parseJson(value) : value;
  }
}

/** The place of an object, and the collection for its errors. */
interface FieldPlace {
  readonly path: readonly (string | number)[];
  readonly problems: FieldProblems;
}

/** Both are inclusive. */
interface IntegerLimits {
  readonly minimum: number;
  readonly maximum?: number;
}
