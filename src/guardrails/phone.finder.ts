import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { importNeeded } from '../peers/optional-peer.js';
import { isDigit, type DigitGroups } from './digit.groups.js';
import type { Span } from './normalised.text.js';

/** Limits calls of the library, which takes some 50 microseconds for each group of digits without a number. */
export interface Effort {
  /**
   * @param groups - number of groups of digits that the library has examined
   * @throws if a text has more candidates than a guardrail examines
   */
  spend(groups: number): void;
}

/** The used interface of libphonenumber-js, without its own types, since it is an optional dependency. */
interface PhoneLibrary {
  findPhoneNumbersInText(text: string, options: { defaultCountry?: never; v2: true }): readonly FoundPhone[];
  isSupportedCountry(country: string): boolean;
}

interface FoundPhone {
  readonly startsAt: number;
  readonly endsAt: number;
  readonly number: {
    readonly nationalNumber: string;
    readonly countryCallingCode: string;
    readonly country?: string;
    formatNational(): string;
    getType(): string | undefined;
  };
}

/** A telephone number has at least seven digits (a local one), at most fifteen (ITU-T E.164), and perhaps a prefix. */
const LEAST_DIGITS = 7;
const MOST_DIGITS = 17;
const MOST_GROUPS = 8;
/** Maximum number of possible ends to try for a number whose beginning is marked. */
const MOST_ENDS = 4;
const LONGEST_GAP = 4;
/** Digits of a North American number with its area code. */
const NORTH_AMERICAN_DIGITS = 10;
const AREA_DIGITS = 3;

/** `(555) 123-4567`, `555-123-4567` and `+1 555 123 4567`, including fictional area codes. */
const NORTH_AMERICAN =
  /(?<![\d+(.-])(?:(?:\+?1[ .-]?)?(?:\([2-9]\d\d\)[ .-]?\d{3}[ .-]\d{4}|[2-9]\d\d([.-])\d{3}\1\d{4})|\+1[ .-]?[2-9]\d\d[ .-]?\d{3}[ .-]?\d{4})(?![\d]|[.-]\d)/g;

/**
 * Finds telephone numbers: international ones (`+49 …`), national ones of the given countries, and those in North
 * American notation. libphonenumber-js decides whether a number can exist.
 */
export class PhoneFinder {
  readonly #countries: readonly string[];
  #library: PhoneLibrary | undefined;

  /** @param countries - two letters each (ISO 3166-1) */
  constructor(countries: readonly string[]) {
    this.#countries = countries;
  }

  /** @throws AgentOsConfigurationError if the library is not installed, or does not know a country */
  async load(): Promise<void> {
    if (this.#library) return;
    const library = await importNeeded<PhoneLibrary>(
      { name: 'libphonenumber-js', load: () => import('libphonenumber-js/max') },
      'piiGuardrail() with the type "phone" (leave it out of types if you need no telephone numbers)',
    );
    for (const country of this.#countries) {
      if (library.isSupportedCountry(country)) continue;
      throw new AgentOsConfigurationError(
        `piiGuardrail(): the default country "${country}" is unknown. ` +
          'Use a two-letter country code (ISO 3166-1), such as "GB".',
      );
    }
    this.#library = library;
  }

  find(groups: DigitGroups, effort: Effort): readonly Span[] {
    if (groups.text.length < LEAST_DIGITS || groups.count === 0) return [];
    const phones = northAmericanIn(groups);
    /** The number of groups since the row began, or since the last number in it. */
    let position = 0;
    for (let at = 0; at < groups.count; at++) {
      position = at > 0 && isJoined(groups, at) ? position : 0;
      const stands = position++;
      if (stands > 0 && !mayBegin(groups, at, stands)) continue;
      const found = this.#findAt(groups, at, stands, effort);
      if (found.length === 0) continue;
      phones.push(...found);
      const { end } = found.at(-1) as Span;
      while (at + 1 < groups.count && groups.start(at + 1) < end) at++;
      position = 0;
    }
    return phones.sort((one, other) => one.start - other.start);
  }

  /** The longest number that begins with this group. */
  #findAt(groups: DigitGroups, at: number, position: number, effort: Effort): readonly Span[] {
    const candidates = candidatesAt(groups, at, this.#countries.length > 0 ? position : undefined);
    for (const candidate of candidates) {
      const found = this.#findIn(groups.text, candidate, effort);
      if (found.length > 0) return found;
    }
    return [];
  }

  #findIn(text: string, { start, end, groups }: Candidate, effort: Effort): readonly Span[] {
    if (!this.#library) throw new Error('The library for telephone numbers is not loaded.');
    const written = text.slice(start, end);
    if (OTHER_NUMBERS.test(written)) return [];
    const countries = written.includes('+') ? [undefined] : this.#countries;
    let longest: readonly Span[] = [];
    for (const country of countries) {
      const found = this.#library
        .findPhoneNumbersInText(written, {
          v2: true,
          ...(country === undefined ? {} : { defaultCountry: country as never }),
        })
        .filter((phone) => country === undefined || isWrittenNationally(written, phone))
        .map(({ startsAt, endsAt }) => ({ start: start + startsAt, end: start + endsAt }));
      // A prefix of one country's number may be a valid number in another country.
      if (lengthOf(found) > lengthOf(longest)) longest = found;
      const isWhole = lengthOf(found) === written.length;
      effort.spend(isWhole ? 1 : groups);
      if (isWhole) break;
    }
    return longest;
  }
}

/** A span that may be a telephone number. */
interface Candidate extends Span {
  /** The number of its groups of digits. */
  readonly groups: number;
}

function lengthOf(spans: readonly Span[]): number {
  return spans.reduce((length, { start, end }) => length + end - start, 0);
}

/** The matches of {@link NORTH_AMERICAN}, which is only applied where enough digits are close together. */
function northAmericanIn(groups: DigitGroups): Span[] {
  const phones: Span[] = [];
  let first = 0;
  while (first < groups.count) {
    let last = first;
    let digits = groups.size(first);
    let mayBeArea = digits >= AREA_DIGITS;
    while (last + 1 < groups.count && groups.gapSize(last + 1) <= LONGEST_GAP) {
      const size = groups.size(++last);
      digits += size;
      mayBeArea ||= size >= AREA_DIGITS;
    }
    if (digits >= NORTH_AMERICAN_DIGITS && mayBeArea) {
      // Includes the context that the expression tests: the characters before and after the number.
      const from = Math.max(0, groups.start(first) - LONGEST_GAP);
      const row = groups.text.slice(from, groups.end(last) + LONGEST_GAP);
      for (const { index, 0: phone } of row.matchAll(NORTH_AMERICAN)) {
        phones.push({ start: from + index, end: from + index + phone.length });
      }
    }
    first = last + 1;
  }
  return phones;
}

/**
 * The candidates for a telephone number that begins with this group: a few groups of digits close together. Without a
 * plus sign, only if there is a country, and only at the beginning of a row of groups or after a quantity.
 *
 * @param position - the number of groups before it in its row; undefined if there is no country
 */
function candidatesAt(groups: DigitGroups, at: number, position: number | undefined): readonly Candidate[] {
  const { text } = groups;
  const begin = groups.start(at);
  const last = lastGroup(groups, at);
  // The cheap test first: there may be a million groups.
  if (digitsOf(groups, at, last) < LEAST_DIGITS) return [];
  if (isFraction(groups, at)) return [];
  const sign = /[+(]{0,2} ?$/.exec(text.slice(Math.max(0, begin - 3), begin))?.[0].trimEnd() ?? '';
  const isMarked =
    sign.includes('+') || (position !== undefined && position <= 1 && canBegin(groups, at, sign));
  if (!isMarked && position !== 0) return [];
  // The beginning of a long row of groups is not a national number.
  if (!isMarked && last < groups.count - 1 && isJoined(groups, last + 1)) return [];
  const start = sign === '' ? begin : text.lastIndexOf(sign, begin - 1);
  const isOfAmount = isAmount(text, groups.end(last));
  if ((isOfAmount && isInThousands(groups, at, last)) || isTouchedByDate(text, begin)) return [];
  const ends: Candidate[] = [];
  for (let end = last; end >= at && ends.length < (isMarked ? MOST_ENDS : 1); end--) {
    const digits = digitsOf(groups, at, end);
    const candidate = { start, end: groups.end(end), groups: end - at + 1 };
    if (digits < LEAST_DIGITS) break;
    if (isOfAmount && end === last) continue;
    if (digits <= MOST_DIGITS && !isTouchedByWord(text, candidate)) ends.push(candidate);
  }
  return ends;
}

function digitsOf(groups: DigitGroups, first: number, last: number): number {
  let digits = 0;
  for (let group = first; group <= last; group++) digits += groups.size(group);
  return digits;
}

const TAB = 0x09;
const SPACE = 0x20;
const OPENING = 0x28;
const CLOSING = 0x29;
const PLUS = 0x2b;
const HYPHEN = 0x2d;
const DOT = 0x2e;
const SLASH = 0x2f;
const ZERO = 0x30;

/** A quick test for a plus sign, or for the condition of {@link canBegin}. */
function mayBegin(groups: DigitGroups, at: number, position: number): boolean {
  const { text } = groups;
  const start = groups.start(at);
  const before = text.charCodeAt(start - 1);
  if (before === PLUS) return true;
  if ((before === SPACE || before === OPENING) && text.charCodeAt(start - 2) === PLUS) return true;
  return position <= 1 && (before === OPENING || text.charCodeAt(start) === ZERO);
}

/** Within a row of groups a number begins with a bracket or with the trunk prefix, as in `2 020 7946 0958`. */
function canBegin(groups: DigitGroups, at: number, sign: string): boolean {
  const start = groups.start(at);
  if (sign === '(') return true;
  return groups.size(at) > 1 && groups.text[start] === '0' && groups.text[start + 1] !== '0';
}

function lastGroup(groups: DigitGroups, first: number): number {
  let last = first;
  let digits = groups.size(first);
  while (last + 1 < groups.count && last + 1 - first < MOST_GROUPS && isJoined(groups, last + 1)) {
    digits += groups.size(last + 1);
    if (digits > MOST_DIGITS) break;
    last += 1;
  }
  return last;
}

/** Whether blanks, brackets, dots, hyphens or slashes stand before a group, up to four. */
function isJoined(groups: DigitGroups, at: number): boolean {
  const size = groups.gapSize(at);
  if (size > LONGEST_GAP) return false;
  const start = groups.start(at);
  for (let place = start - size; place < start; place++) {
    if (!isGapSign(groups.text.charCodeAt(place))) return false;
  }
  return !isFraction(groups, at);
}

function isGapSign(unit: number): boolean {
  switch (unit) {
    case TAB:
    case SPACE:
    case OPENING:
    case CLOSING:
    case HYPHEN:
    case DOT:
    case SLASH:
      return true;
    default:
      return false;
  }
}

/** Whether the group is the fraction of a decimal number such as `0.371234567`. */
function isFraction(groups: DigitGroups, at: number): boolean {
  const { text } = groups;
  const start = groups.start(at);
  if (groups.size(at) <= 6 || text.charCodeAt(start - 1) !== DOT) return false;
  return isDigit(text.charCodeAt(start - 2));
}

/** Whether it is part of a word, such as `v1234567` or `1234567ms`. */
function isTouchedByWord(text: string, { start, end }: Span): boolean {
  return /[\p{L}\d_]/u.test(text.charAt(start - 1)) || /[\p{L}_]/u.test(text.charAt(end));
}

/** A currency symbol or code right after an amount. */
const CURRENCY = /[ \u00a0\u202f]{0,2}(?:[€$£]|(?:EUR|USD|CHF|GBP)(?![\p{L}\d]))/uy;

function isAmount(text: string, end: number): boolean {
  CURRENCY.lastIndex = end;
  return CURRENCY.test(text);
}

function isInThousands(groups: DigitGroups, first: number, last: number): boolean {
  for (let group = first + 1; group <= last; group++) if (groups.size(group) !== 3) return false;
  return true;
}

/** A day such as `02.` or `05/` before a month and a year, which are not a telephone number. */
const DAY_BEFORE = /(?<=(?<![\d./])\d{1,2}([./]))(?=(?:0?[1-9]|1[0-2])\1(?:19|20)\d\d(?!\d))/y;

function isTouchedByDate(text: string, begin: number): boolean {
  DAY_BEFORE.lastIndex = begin;
  return DAY_BEFORE.test(text);
}

const DAY = '(?:0?[1-9]|[12]\\d|3[01])';
const MONTH = '(?:0?[1-9]|1[0-2])';
const TIME = '(?:[01]\\d|2[0-4])[.:]?[0-5]\\d';

/** Dates, time ranges, number ranges and decimals, which are not telephone numbers. */
const OTHER_NUMBERS = new RegExp(
  [
    `(?<![\\d.])${DAY}\\.${MONTH}\\.(?:19|20)?\\d\\d(?![\\d.])`,
    `(?<![\\d/])${DAY}/${DAY}/(?:19|20)\\d\\d(?!\\d)`,
    `(?<!\\d)(?:19|20)\\d\\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])(?!\\d)`,
    `^${TIME} ?[-/] ?${TIME}$`,
    // 0301-0305
    '^(?:\\d{4} ?[-/] ?\\d{4}|\\d{5} ?[-/] ?\\d{5})$',
    // 0.25-0.75 0.5
    '^0\\.\\d{1,3}(?!\\d)',
  ].join('|'),
);

/** Countries in which mobile numbers are usually written without the trunk prefix. */
const WITHOUT_PREFIX = new Set(['IN', 'CN', 'BR']);

/** `212 736 5000`, but not `2026/004711`, which has as many digits. */
const NORTH_AMERICAN_GROUPS = /^1?\D*(?:\d{10}|\(?\d{3}\D*\d{3}\D*\d{4})$/;

/**
 * Whether the number is in its country's usual notation: with the trunk prefix, if the country has one, or with the
 * area code in brackets. Dates and prices are not.
 */
function isWrittenNationally(text: string, { startsAt, endsAt, number }: FoundPhone): boolean {
  const written = text.slice(startsAt, endsAt);
  const digits = written.replace(/\D/g, '');
  const national = number.formatNational().replace(/\D/g, '');
  // From abroad: 00 in most countries, 011 in North America, 0011 in Australia.
  const international = number.countryCallingCode + number.nationalNumber;
  if (digits.startsWith('00')) return true;
  if (digits.length > international.length && digits.endsWith(international)) return true;
  if (number.countryCallingCode === '1') return NORTH_AMERICAN_GROUPS.test(written);
  if (digits === national) return true;
  const isMobile = WITHOUT_PREFIX.has(number.country ?? '') && number.getType() === 'MOBILE';
  return digits === number.nationalNumber && (written.includes('(') || isMobile);
}
