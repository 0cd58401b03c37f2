import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import type { PostHookContext, PreHookContext } from '../hooks/hook.context.js';
import { defineGuardrail, definePreparedGuardrail } from '../hooks/hook.functions.js';
import type { HookFunction } from '../hooks/hook.reference.js';
import { findCards } from './card.finder.js';
import { findEmails } from './email.finder.js';
import {
  checkInspectionOptions,
  Inspection,
  refuseUnknownOptions,
  type InspectionOptions,
} from './inspection.js';
import { NormalisedText, type Span } from './normalised.text.js';
import { PhoneFinder } from './phone.finder.js';
import { findSsns } from './ssn.finder.js';

/** The kinds of personal data that {@link piiGuardrail} knows. */
export type PiiType = (typeof PII_TYPES)[number];

/** The more specific ones first: a card also looks like a telephone number. */
const PII_TYPES = ['email', 'ssn', 'card', 'phone'] as const;

/** What a {@link piiGuardrail} looks for, and what it does about it. */
export interface PiiGuardrailOptions extends InspectionOptions {
  /** `detect` (the default) rejects the run; `mask` replaces what was found, such as `[EMAIL]`, and lets it pass. */
  readonly strategy?: 'detect' | 'mask';
  /**
   * Which of the built-in kinds to look for: `email`, `ssn`, `card`, `phone`. Default: all of them. `phone` needs the
   * package `libphonenumber-js`; the application does not start without it.
   */
  readonly types?: readonly PiiType[];
  /**
   * The country, or the countries, whose telephone numbers are found as people there write them, without `+`: two
   * letters each (ISO 3166-1), such as `'GB'`. Default: none, so that only international numbers and those written as
   * in North America (`(212) 736-5000`) are found.
   */
  readonly defaultCountry?: string | readonly string[];
  /**
   * Kinds of your own, by name: `{ customer: /C-\d{6}/ }` masks as `[CUSTOMER]`. They see each text as it was written
   * and as it looks with ordinary digits, hyphens and blanks. Keep them linear: they get whatever a client sends.
   */
  readonly patterns?: Readonly<Record<string, RegExp>>;
  /** In events, logs and the ledger. Default `piiGuardrail`. */
  readonly name?: string;
}

/** Finds one kind of personal data. */
interface Finder {
  readonly kind: string;
  /** Looks at the original as well: a pattern of your own may ask for what a normalised text has lost. */
  readonly isOwn: boolean;
  /** Whether a number may be one: integers of data. */
  readonly findsNumbers: boolean;
  find(text: string, findings: Findings): readonly Span[];
}

/**
 * Telephone numbers that the library is asked about in one look: some hundred milliseconds, so that no text stops the
 * server.
 */
const MAX_LOOKUPS = 1_000;

/**
 * A guardrail against personal data: e-mail addresses, social security numbers, payment cards, telephone numbers, and
 * patterns of your own. Among pre-hooks it guards the input: the question, names and texts of files, metadata,
 * dependencies and session state. Among post-hooks the output: the answer, structured data, tool calls, members'
 * answers, steps, and the metadata that the engine has added. It looks at numbers and keys as well as at texts. What
 * it masks is masked everywhere: in what is stored, streamed and shown, and in what background hooks see.
 *
 * @throws AgentOsConfigurationError if an option is not usable
 *
 * @example `new Agent({ id: 'support', engine, preHooks: [piiGuardrail({ strategy: 'mask', defaultCountry: 'GB' })] })`
 */
export function piiGuardrail(options: PiiGuardrailOptions = {}): HookFunction<PreHookContext> {
  refuseUnknownOptions('piiGuardrail', options, [
    ...['strategy', 'types', 'defaultCountry', 'patterns', 'name', 'maxLength', 'opaque', 'ignore'],
  ]);
  const { strategy = 'detect', name = 'piiGuardrail', types = PII_TYPES } = options;
  const limits = checkInspectionOptions('piiGuardrail', options);
  if (strategy !== 'detect' && strategy !== 'mask') {
    throw new AgentOsConfigurationError(
      `piiGuardrail: expected strategy to be "detect" or "mask", got ${JSON.stringify(strategy)}.`,
    );
  }
  const phones = new PhoneFinder(countriesOf(options));
  const finders = [...ownFinders(options), ...builtInFinders(types, phones)];
  const guard = (context: PostHookContext): void => {
    const findings = new Findings(finders, new Inspection(context, limits));
    const apply = findings.collect();
    if (findings.kinds.length === 0) return;
    if (strategy === 'mask') apply();
    else findings.reject();
  };
  // It fits both lists: among pre-hooks it does not read the output.
  return (
    types.includes('phone')
      ? definePreparedGuardrail(guard, { name }, () => phones.load())
      : defineGuardrail(guard, { name })
  ) as HookFunction<PreHookContext>;
}

/** What one look at one run has found. */
class Findings {
  readonly #finders: readonly Finder[];
  readonly #numberFinders: readonly Finder[];
  readonly #ranks: ReadonlyMap<string, number>;
  readonly #inspection: Inspection;
  readonly #kinds = new Set<string>();
  #lookupsLeft = MAX_LOOKUPS;

  constructor(finders: readonly Finder[], inspection: Inspection) {
    this.#finders = finders;
    this.#numberFinders = finders.filter(({ findsNumbers }) => findsNumbers);
    this.#ranks = new Map(finders.map(({ kind }, index) => [kind, index]));
    this.#inspection = inspection;
  }

  /** Which kinds, in the order of the finders. */
  get kinds(): readonly string[] {
    return this.#finders.map(({ kind }) => kind).filter((kind) => this.#kinds.has(kind));
  }

  /** @returns what masks all that was found */
  collect(): () => void {
    return this.#inspection.look({
      text: (text) => this.#mask(text, this.#finders),
      number: (number) => this.#maskNumber(number),
    });
  }

  reject(): never {
    const detected = this.kinds;
    return this.#inspection.reject(`holds personal data (${detected.join(', ')}).`, 'pii_detected', {
      detected,
    });
  }

  /** A telephone number that the library is asked about. */
  spend(): void {
    this.#lookupsLeft -= 1;
    if (this.#lookupsLeft >= 0) return;
    const trigger = this.#inspection.isOfInput ? 'input_not_allowed' : 'output_not_allowed';
    this.#inspection.reject('holds more numbers than can be checked for telephone numbers.', trigger);
  }

  #maskNumber(number: number | bigint): number | bigint | string {
    const text = String(number);
    const masked = this.#mask(text, this.#numberFinders);
    return masked === text ? number : masked;
  }

  #mask(original: string, finders: readonly Finder[]): string {
    // Nothing that is looked for is shorter.
    if (original.length === 0) return original;
    const normalised = new NormalisedText(original);
    const found: Found[] = [];
    for (const finder of finders) {
      const { kind } = finder;
      for (const span of finder.find(normalised.text, this)) {
        found.push({ kind, ...normalised.toOriginal(span) });
      }
      if (!finder.isOwn || !normalised.isChanged) continue;
      for (const span of finder.find(original, this)) found.push({ kind, ...span });
    }
    if (found.length === 0) return original;
    return this.#replace(original, found);
  }

  /** Where two kinds claim the same place, the finder that stands first has it. */
  #replace(original: string, found: readonly Found[]): string {
    const rank = ({ kind }: Found): number => this.#ranks.get(kind) as number;
    const pieces: string[] = [];
    let at = 0;
    for (const { kind, start, end } of withoutOverlap(found, rank)) {
      this.#kinds.add(kind);
      pieces.push(original.slice(at, start), `[${kind.toUpperCase()}]`);
      at = end;
    }
    return [...pieces, original.slice(at)].join('');
  }
}

interface Found extends Span {
  readonly kind: string;
}

/** In the order of the text; of places that overlap the one of the best rank, reaching over all of them. */
function withoutOverlap(found: readonly Found[], rank: (found: Found) => number): readonly Found[] {
  const kept: Found[] = [];
  for (const next of [...found].sort((one, other) => one.start - other.start || rank(one) - rank(other))) {
    if (next.end <= next.start) continue;
    const last = kept.at(-1);
    if (!last || next.start >= last.end) {
      kept.push(next);
      continue;
    }
    const { kind } = rank(next) < rank(last) ? next : last;
    kept[kept.length - 1] = { kind, start: last.start, end: Math.max(last.end, next.end) };
  }
  return kept;
}

function builtInFinders(types: readonly PiiType[], phones: PhoneFinder): readonly Finder[] {
  const finders: Readonly<Record<PiiType, Omit<Finder, 'kind' | 'isOwn'>>> = {
    email: { find: findEmails, findsNumbers: false },
    ssn: { find: findSsns, findsNumbers: false },
    card: { find: findCards, findsNumbers: true },
    phone: { find: (text, findings) => phones.find(text, findings), findsNumbers: false },
  };
  for (const type of types) {
    if (PII_TYPES.includes(type)) continue;
    throw new AgentOsConfigurationError(
      `piiGuardrail: unknown type "${String(type)}". Known types: ${PII_TYPES.join(', ')}.`,
    );
  }
  return PII_TYPES.filter((type) => types.includes(type)).map((kind) => ({
    kind,
    isOwn: false,
    ...finders[kind],
  }));
}

function ownFinders({ patterns = {} }: PiiGuardrailOptions): readonly Finder[] {
  return Object.entries(patterns).map(([kind, expression]) => {
    if (!(expression instanceof RegExp)) {
      throw new AgentOsConfigurationError(
        `piiGuardrail: expected pattern "${kind}" to be a regular expression.`,
      );
    }
    const global = everywhere(expression);
    const find = (text: string): readonly Span[] =>
      [...text.matchAll(global)].map(({ index, 0: match }) => ({ start: index, end: index + match.length }));
    return { kind, isOwn: true, findsNumbers: true, find };
  });
}

/** The expression, finding all places. A copy: the `lastIndex` of a shared one would be shared by all runs. */
function everywhere({ source, flags }: RegExp): RegExp {
  return new RegExp(source, `${flags.replace('y', '').replace('g', '')}g`);
}

function countriesOf({ defaultCountry = [] }: PiiGuardrailOptions): readonly string[] {
  const countries: unknown = typeof defaultCountry === 'string' ? [defaultCountry] : defaultCountry;
  if (Array.isArray(countries) && countries.every(isCountryCode)) return countries;
  throw new AgentOsConfigurationError(
    'piiGuardrail: expected defaultCountry to be two capital letters (ISO 3166-1), such as "GB", or an array of them, ' +
      `got ${JSON.stringify(defaultCountry)}.`,
  );
}

function isCountryCode(country: unknown): country is string {
  return typeof country === 'string' && /^[A-Z]{2}$/.test(country);
}
