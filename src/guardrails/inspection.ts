import { types } from 'node:util';

import { z } from 'zod';

import {
  InputCheckError,
  OutputCheckError,
  type CheckErrorOptions,
  type CheckTrigger,
} from '../errors/check.errors.js';
import type { PostHookContext } from '../hooks/hook.context.js';
import { toJsonValue } from '../data/to-json-value.js';
import { oneOf, wholeNumber } from '../options/option.schemas.js';
import { DataCopy, type Replacements } from './data.copy.js';
import {
  GUARDED_SURFACES,
  lookAtInput,
  lookAtOutput,
  type Apply,
  type GuardedSurface,
  type Look,
} from './run.surfaces.js';

/** Common options of the built-in guardrails. */
export interface InspectionOptions {
  /**
   * Maximum total characters of all texts and numbers that the guardrail checks in one run; a character that expands to
   * several, such as `⑽` to `10`, counts as several. A run with more is rejected, so that no unchecked text passes.
   * Default 1,048,576.
   */
  readonly maxLength?: number;
  /**
   * How to treat a run with data that cannot be searched: files other than text (pictures, PDF files, archives), files
   * given as a URL, bytes and class instances. `pass` (the default) lets the run pass, `refuse` rejects it.
   */
  readonly opaque?: 'pass' | 'refuse';
  /** Places to leave unchecked. Default: none. */
  readonly ignore?: readonly GuardedSurface[];
}

const surface = oneOf(...GUARDED_SURFACES);

/** The checks of {@link InspectionOptions}. */
export const INSPECTION_CHECKS = {
  maxLength: wholeNumber(1).default(1024 * 1024),
  opaque: oneOf('pass', 'refuse').default('pass'),
  ignore: z.array(surface).describe(`an array of ${surface.description}`).default([]).readonly(),
};

/** One check of one run by a guardrail. */
export class Inspection {
  readonly #context: PostHookContext;
  readonly #options: Required<InspectionOptions>;
  #charactersLeft: number;

  constructor(context: PostHookContext, options: Required<InspectionOptions>) {
    this.#context = context;
    this.#options = options;
    this.#charactersLeft = options.maxLength;
  }

  get isOfInput(): boolean {
    return this.#context.hook.phase === 'pre';
  }

  /**
   * Checks all guarded data.
   *
   * @returns a function that writes the replaced texts and numbers into the run
   * @throws InputCheckError or OutputCheckError if there are more than `maxLength` characters
   */
  look(replace: Pick<Replacements, 'text' | 'number'>): Apply {
    const replacements: Replacements = {
      text: (text) => {
        this.spend(text.length);
        return replace.text(text);
      },
      number: (number) => {
        this.spend(String(number).length);
        return replace.number(number);
      },
      opaque: () => this.#refuseOpaque(),
    };
    const copy = new DataCopy(replacements);
    return this.#walk({ of: (value) => copy.of(value), opaque: () => replacements.opaque() });
  }

  /**
   * Counts additional characters to check: normalising a text may lengthen it.
   *
   * @throws InputCheckError or OutputCheckError if there are more than `maxLength`
   */
  spend(length: number): void {
    this.#charactersLeft -= length;
    if (this.#charactersLeft < 0) this.#refuseLength();
  }

  /**
   * All guarded data: texts unchanged, other data as JSON, without duplicates and blank texts, of at most `maxLength`
   * characters together.
   *
   * @throws InputCheckError or OutputCheckError if they are longer, or contain data that `opaque` refuses
   */
  texts(): readonly string[] {
    const texts = new Set<string>();
    const opaque = (): void => this.#refuseOpaque();
    const data = new DataCopy({ text: (text) => text, number: (number) => number, opaque });
    const collect = <T>(value: T): T => {
      data.of(value);
      const text = textOf(value);
      // Blank, not invisible: models can read some invisible characters.
      if (text.trim() === '' || texts.has(text)) return value;
      this.spend(text.length);
      texts.add(text);
      return value;
    };
    this.#walk({ of: collect, opaque });
    return [...texts];
  }

  /** The trigger for a run that is rejected for another reason than a finding of the guardrail. */
  get trigger(): CheckTrigger {
    return this.isOfInput ? 'input_not_allowed' : 'output_not_allowed';
  }

  /**
   * @param problem - the problem of the input or the answer, for clients, unless there is a `message` for them
   * @throws InputCheckError or OutputCheckError, depending on the guarded side
   */
  reject(
    problem: string,
    { message, ...details }: CheckErrorOptions & { readonly message?: string } = {},
  ): never {
    const subject = this.isOfInput ? 'The input' : 'The answer';
    const CheckError = this.isOfInput ? InputCheckError : OutputCheckError;
    throw new CheckError(message ?? `${subject} ${problem}`, { trigger: this.trigger, ...details });
  }

  #walk(look: Omit<Look, 'ignored'>): Apply {
    const looked = { ...look, ignored: new Set(this.#options.ignore) };
    if (this.isOfInput) return lookAtInput(this.#context, looked);
    const { givenMetadata = {} } = this.#context as { readonly givenMetadata?: Record<string, unknown> };
    return lookAtOutput(this.#context, looked, givenMetadata);
  }

  #refuseLength(): never {
    const limit = this.#options.maxLength.toLocaleString('en');
    return this.reject(`is longer than the ${limit} characters that can be checked.`);
  }

  #refuseOpaque(): void {
    if (this.#options.opaque === 'refuse') this.reject('contains data that cannot be inspected.');
  }
}

function textOf(data: unknown): string {
  if (typeof data === 'string') return data;
  const isEmpty =
    data === undefined || (typeof data === 'object' && data !== null && Object.keys(data).length === 0);
  return isEmpty && !types.isMap(data) && !types.isSet(data) ? '' : (JSON.stringify(toJsonValue(data)) ?? '');
}
