import { z } from 'zod';

import type { PostHookContext, PreHookContext } from '../hooks/hook.context.js';
import { defineGuardrail, definePreparedGuardrail } from '../hooks/hook.functions.js';
import type { HookFunction } from '../hooks/hook.reference.js';
import { checkOptions } from '../options/check.options.js';
import { oneOf, optionsOf, regularExpression, text, valueOf } from '../options/option.schemas.js';
import { findCards } from './card.finder.js';
import { findEmails } from './email.finder.js';
import { Inspection, INSPECTION_CHECKS, type InspectionOptions } from './inspection.js';
import { NormalisedText, type Span } from './normalised.text.js';
import { PhoneFinder } from './phone.finder.js';
import { findSsns } from './ssn.finder.js';

/** The kinds of personal data that {@link piiGuardrail} knows. */
export type PiiType = (typeof PII_TYPES)[number];

/** The more specific ones first: a card also looks like a telephone number. */
const PII_TYPES = ['email', 'ssn', 'card', 'phone'] as const;

/** The options of {@link piiGuardrail}. */
export interface PiiGuardrailOptions extends InspectionOptions {
  /** `detect` (the default) rejects the run; `mask` replaces findings, for example with `[EMAIL]`, and lets it pass. */
  readonly strategy?: 'detect' | 'mask';
  /**
   * The built-in kinds to search for: `email`, `ssn`, `card`, `phone`. Default: all of them. `phone` needs the
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
   * Custom kinds by name: `{ customer: /C-\d{6}/ }` masks as `[CUSTOMER]`. They are matched against each original text
   * and its normalised form with ordinary digits, hyphens and blanks. Keep them linear: clients control the input.
   */
  readonly patterns?: Readonly<Record<string, RegExp>>;
  /** The name in events, logs and the ledger. Default `piiGuardrail`. */
  readonly name?: string;
}

const type = oneOf(...PII_TYPES);

const OPTIONS = optionsOf<PiiGuardrailOptions>()({
  strategy: oneOf('detect', 'mask').default('detect'),
  types: z
    .array(type)
    .describe(`an array of ${type.description}`)
    .default([...PII_TYPES])
    .readonly(),
  defaultCountry: valueOf<string | readonly string[]>(
    'two capital letters (ISO 3166-1), such as "GB", or an array of them',
    (value) => [value].flat().every(isCountryCode),
  ).default([]),
  patterns: z
    .record(z.string(), regularExpression())
    .describe('an object of regular expressions by kind')
    .default({}),
  name: text().default('piiGuardrail'),
  ...INSPECTION_CHECKS,
});

/** Finds one kind of personal data. */
interface Finder {
  readonly kind: string;
  /** Whether it also searches numbers: integers of data. */
  readonly findsNumbers: boolean;
  /** @returns spans of the original, from left to right */
  find(text: NormalisedText, findings: Findings): Iterable<Span>;
}

/** Maximum groups of digits that the phone library examines in one check: some hundred milliseconds. */
const MAX_PHONE_GROUPS = 2_500;

/**
 * A guardrail against personal data: e-mail addresses, social security numbers, payment cards, telephone numbers, and
 * custom patterns. As a pre-hook it guards the input: the question, names and texts of files, metadata, dependencies
 * and session state. As a post-hook it guards the output: the answer, structured data, tool calls, members' answers,
 * steps, and the metadata that the engine has added. It searches texts, numbers and keys. Masking applies everywhere:
 * to stored, streamed and displayed data, and to the data of background hooks.
 *
 * @throws AgentOsConfigurationError if an option is not usable
 *
 * @example `new Agent({ id: 'support', engine, preHooks: [piiGuardrail({ strategy: 'mask', defaultCountry: 'GB' })] })`
 */
export function piiGuardrail(options: PiiGuardrailOptions = {}): HookFunction<PreHookContext> {
  const { strategy, name, types, defaultCountry, patterns, ...limits } = checkOptions(
    'piiGuardrail()',
    OPTIONS,
    options,
  );
  const phones = new PhoneFinder([defaultCountry].flat());
  const finders = [...ownFinders(patterns), ...builtInFinders(types, phones)];
  const guard = (context: PostHookContext): void => {
    const findings = new Findings(finders, new Inspection(context, limits));
    const apply = findings.collect();
    if (findings.kinds.length === 0) return;
    if (strategy === 'mask') apply();
    else findings.reject();
  };
  // Valid in both lists: as a pre-hook it does not read the output.
  return (
    types.includes('phone')
      ? definePreparedGuardrail(guard, { name }, () => phones.load())
      : defineGuardrail(guard, { name })
  ) as HookFunction<PreHookContext>;
}

/** The findings of one check of one run. */
class Findings {
  readonly #finders: readonly Finder[];
  readonly #numberFinders: readonly Finder[];
  readonly #inspection: Inspection;
  readonly #kinds = new Set<string>();
  #phoneGroupsLeft = MAX_PHONE_GROUPS;

  constructor(finders: readonly Finder[], inspection: Inspection) {
    this.#finders = finders;
    this.#numberFinders = finders.filter(({ findsNumbers }) => findsNumbers);
    this.#inspection = inspection;
  }

  /** The kinds found, in the order of the finders. */
  get kinds(): readonly string[] {
    return this.#finders.map(({ kind }) => kind).filter((kind) => this.#kinds.has(kind));
  }

  /** @returns a function that masks all findings */
  collect(): () => void {
    return this.#inspection.look({
      text: (text) => this.#mask(text, this.#finders),
      number: (number) => this.#maskNumber(number),
    });
  }

  reject(): never {
    const detected = this.kinds;
    return this.#inspection.reject(`contains personal data (${detected.join(', ')}).`, {
      trigger: 'pii_detected',
      additionalData: { detected },
    });
  }

  /** Counts groups of digits that the phone library has examined. */
  spend(groups: number): void {
    this.#phoneGroupsLeft -= groups;
    if (this.#phoneGroupsLeft >= 0) return;
    this.#inspection.reject('contains more numbers than can be checked for telephone numbers.');
  }

  #maskNumber(number: number | bigint): number | bigint | string {
    const text = String(number);
    const masked = this.#mask(text, this.#numberFinders);
    return masked === text ? number : masked;
  }

  #mask(original: string, finders: readonly Finder[]): string {
    if (original.length === 0) return original;
    const text = new NormalisedText(original);
    this.#inspection.spend(text.growth);
    const claims = new Claims(finders.map((finder) => ({ finder, spans: finder.find(text, this) })));
    const masked = new MaskedText(original);
    for (let claim = claims.next(); claim; claim = claims.next()) {
      this.#kinds.add(claim.kind);
      masked.replace(claim, `[${claim.kind.toUpperCase()}]`);
    }
    return masked.text;
  }
}

/** A span with the kind of its personal data. */
interface Claim extends Span {
  readonly kind: string;
}

/** The spans that one finder finds, from left to right. */
class Finds {
  readonly kind: string;
  readonly #spans: Iterator<Span>;
  #first: Span | undefined;

  constructor(kind: string, spans: Iterable<Span>) {
    this.kind = kind;
    this.#spans = spans[Symbol.iterator]();
    this.take();
  }

  /** The first span that was not taken yet. */
  get first(): Span | undefined {
    return this.#first;
  }

  take(): void {
    const next = this.#spans.next();
    this.#first = next.done === true ? undefined : next.value;
  }
}

/**
 * Merges the spans of several finders in one text, from left to right. Overlapping spans become one, of the kind that
 * comes first in the list of finders. Computed one by one, since a text may have a million.
 */
class Claims {
  readonly #finds: readonly Finds[];

  constructor(found: readonly { readonly finder: Finder; readonly spans: Iterable<Span> }[]) {
    this.#finds = found.map(({ finder, spans }) => new Finds(finder.kind, spans));
  }

  next(): Claim | undefined {
    let rank = this.#leftmost();
    if (rank === undefined) return undefined;
    const { start, end: firstEnd } = this.#take(rank);
    let end = firstEnd;
    for (let other = this.#leftmost(end); other !== undefined; other = this.#leftmost(end)) {
      end = Math.max(end, this.#take(other).end);
      rank = Math.min(rank, other);
    }
    return { kind: this.#finds[rank]?.kind ?? '', start, end };
  }

  /** The finder with the leftmost span that begins before this index. */
  #leftmost(before = Infinity): number | undefined {
    let rank: number | undefined;
    let least = before;
    for (let other = 0; other < this.#finds.length; other++) {
      const start = this.#finds[other]?.first?.start;
      if (start === undefined || start >= least) continue;
      least = start;
      rank = other;
    }
    return rank;
  }

  #take(rank: number): Span {
    const finds = this.#finds[rank] as Finds;
    const span = finds.first as Span;
    finds.take();
    return span;
  }
}

/** A text with spans replaced, from left to right. Joined regularly: a million pieces would take too much memory. */
class MaskedText {
  readonly #original: string;
  readonly #parts: string[] = [];
  #pieces: string[] = [];
  #at = 0;

  constructor(original: string) {
    this.#original = original;
  }

  get text(): string {
    return [...this.#parts, ...this.#pieces, this.#original.slice(this.#at)].join('');
  }

  replace({ start, end }: Span, text: string): void {
    this.#pieces.push(this.#original.slice(this.#at, start), text);
    this.#at = end;
    if (this.#pieces.length < MOST_PIECES) return;
    this.#parts.push(this.#pieces.join(''));
    this.#pieces = [];
  }
}

const MOST_PIECES = 4_096;

function builtInFinders(types: readonly PiiType[], phones: PhoneFinder): readonly Finder[] {
  const finders: Readonly<Record<PiiType, Search>> = {
    email: ({ text }) => findEmails(text),
    ssn: ({ text }) => findSsns(text),
    card: ({ digits }) => findCards(digits),
    phone: ({ digits }, findings) => phones.find(digits, findings),
  };
  return PII_TYPES.filter((type) => types.includes(type)).map((kind) => ({
    kind,
    // Among plain numbers only cards can be recognised.
    findsNumbers: kind === 'card',
    find: (text, findings) => inOriginal(text, finders[kind](text, findings)),
  }));
}

/** @returns spans of the normalised text */
type Search = (text: NormalisedText, findings: Findings) => Iterable<Span>;

function inOriginal(text: NormalisedText, spans: Iterable<Span>): Iterable<Span> {
  return text.isChanged ? eachInOriginal(text, spans) : spans;
}

function* eachInOriginal(text: NormalisedText, spans: Iterable<Span>): Generator<Span, void> {
  for (const span of spans) yield text.toOriginal(span);
}

function ownFinders(patterns: Readonly<Record<string, RegExp>>): readonly Finder[] {
  return Object.entries(patterns).map(([kind, expression]) => {
    const global = everywhere(expression);
    const search = (text: string): readonly Span[] =>
      Array.from(text.matchAll(global), ({ index, 0: match }) => ({
        start: index,
        end: index + match.length,
      })).filter(({ start, end }) => end > start);
    // Also in the original: a pattern may match characters that normalising removes.
    const find = (text: NormalisedText): Iterable<Span> =>
      text.isChanged
        ? [...inOriginal(text, search(text.text)), ...search(text.original)].sort(byStart)
        : search(text.text);
    return { kind, findsNumbers: true, find };
  });
}

function byStart(one: Span, other: Span): number {
  return one.start - other.start;
}

/** A global copy of the expression: all runs would share the `lastIndex` of the original. */
function everywhere({ source, flags }: RegExp): RegExp {
  return new RegExp(source, `${flags.replace('y', '').replace('g', '')}g`);
}

function isCountryCode(country: unknown): country is string {
  return typeof country === 'string' && /^[A-Z]{2}$/.test(country);
}
