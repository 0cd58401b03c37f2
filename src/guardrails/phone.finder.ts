import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { importNeeded } from '../peers/optional-peer.js';
import { digitGroupsIn } from './digit.groups.js';
import type { Span } from './normalised.text.js';

/** Counts what the finder of the library has still to be asked; it costs too much to be asked without end. */
export interface Effort {
  /** @throws if a text has more candidates than a guardrail looks at */
  spend(): void;
}

/** What is needed of libphonenumber-js: its types are no part of ours, since it need not be installed. */
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
/** Where a number that has a mark of its beginning may end. */
const MOST_ENDS = 4;
const GAP = /^[ \t().\-/]{1,4}$/;

/** `(555) 123-4567`, `555-123-4567` and `+1 555 123 4567`, also where the area is one for films. */
const NORTH_AMERICAN =
  /(?<![\d+(.-])(?:(?:\+?1[ .-]?)?(?:\([2-9]\d\d\)[ .-]?\d{3}[ .-]\d{4}|[2-9]\d\d([.-])\d{3}\1\d{4})|\+1[ .-]?[2-9]\d\d[ .-]?\d{3}[ .-]?\d{4})(?![\d]|[.-]\d)/g;

/**
 * Telephone numbers: international ones (`+49 …`) everywhere, those of the given countries as people there write
 * them, and what is written as in North America. Whether a number can exist, libphonenumber-js says.
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
      'piiGuardrail() looks for telephone numbers (leave "phone" out of its types if it should not), and for that it',
    );
    for (const country of this.#countries) {
      if (library.isSupportedCountry(country)) continue;
      throw new AgentOsConfigurationError(
        `piiGuardrail: no telephone numbers are known of the default country "${country}". ` +
          'Give the two letters of a country (ISO 3166-1), such as "GB".',
      );
    }
    this.#library = library;
  }

  find(text: string, effort: Effort): readonly Span[] {
    const phones = [...text.matchAll(NORTH_AMERICAN)].map(({ index, 0: phone }) => ({
      start: index,
      end: index + phone.length,
    }));
    const groups = digitGroupsIn(text);
    /** Groups since the row began, or since the last number in it. */
    let position = 0;
    for (let at = 0; at < groups.length; at++) {
      position = at > 0 && isJoined(text, groups, at) ? position : 0;
      const stands = position++;
      if (stands > 0 && !mayBegin(text, groups[at] as Span, stands)) continue;
      const found = this.#findAt(text, groups, at, stands, effort);
      if (found.length === 0) continue;
      phones.push(...found);
      const { end } = found.at(-1) as Span;
      while (at + 1 < groups.length && (groups[at + 1] as Span).start < end) at++;
      position = 0;
    }
    return phones.sort((one, other) => one.start - other.start);
  }

  /** The number that begins with this group; of several ends the farthest. */
  #findAt(
    text: string,
    groups: readonly Span[],
    at: number,
    position: number,
    effort: Effort,
  ): readonly Span[] {
    for (const candidate of candidatesAt(
      text,
      groups,
      at,
      this.#countries.length > 0 ? position : undefined,
    )) {
      const found = this.#findIn(text, candidate, effort);
      if (found.length > 0) return found;
    }
    return [];
  }

  #findIn(text: string, { start, end }: Span, effort: Effort): readonly Span[] {
    if (!this.#library) throw new Error('The library for telephone numbers is not loaded.');
    const written = text.slice(start, end);
    const countries = written.includes('+') ? [undefined] : this.#countries;
    for (const country of countries) {
      effort.spend();
      const found = this.#library
        .findPhoneNumbersInText(written, {
          v2: true,
          ...(country === undefined ? {} : { defaultCountry: country as never }),
        })
        .filter((phone) => country === undefined || isWrittenNationally(written, phone));
      if (found.length === 0) continue;
      return found.map(({ startsAt, endsAt }) => ({ start: start + startsAt, end: start + endsAt }));
    }
    return [];
  }
}

/**
 * Stretches of text that may be the telephone number which begins with this group: a few groups of digits, close
 * together. Those without a plus sign only with a country, and only where a row of groups begins, or after a quantity.
 *
 * @param position - how many groups stand before it in its row; undefined if there is no country
 */
function candidatesAt(
  text: string,
  groups: readonly Span[],
  at: number,
  position: number | undefined,
): readonly Span[] {
  const group = groups[at] as Span;
  if (text[group.start - 1] === '.' && /\d/.test(text.charAt(group.start - 2)) && isLong(group)) return [];
  const sign =
    /[+(]{0,2} ?$/.exec(text.slice(Math.max(0, group.start - 3), group.start))?.[0].trimEnd() ?? '';
  const isMarked =
    sign.includes('+') || (position !== undefined && position <= 1 && canBegin(text, group, sign));
  if (!isMarked && position !== 0) return [];
  const last = lastGroup(text, groups, at);
  // The head of a long row of numbers is no number of a country.
  if (!isMarked && last < groups.length - 1 && isJoined(text, groups, last + 1)) return [];
  const start = sign === '' ? group.start : text.lastIndexOf(sign, group.start - 1);
  const ends: Span[] = [];
  for (let end = last; end >= at && ends.length < (isMarked ? MOST_ENDS : 1); end--) {
    const digits = groups.slice(at, end + 1).reduce((sum, { start, end }) => sum + end - start, 0);
    const candidate = { start, end: (groups[end] as Span).end };
    if (digits < LEAST_DIGITS) break;
    if (digits <= MOST_DIGITS && !isTouchedByWord(text, candidate)) ends.push(candidate);
  }
  return ends;
}

/** A quick look: what {@link canBegin} asks for, or a plus sign. */
function mayBegin(text: string, { start }: Span, position: number): boolean {
  const before = text[start - 1];
  const isInternational = before === '+' || ((before === ' ' || before === '(') && text[start - 2] === '+');
  return isInternational || (position <= 1 && (text[start] === '0' || before === '('));
}

/** Within a row of groups a number begins with a bracket or with the trunk prefix, as in `2 020 7946 0958`. */
function canBegin(text: string, { start, end }: Span, sign: string): boolean {
  return sign === '(' || (end - start > 1 && text[start] === '0' && text[start + 1] !== '0');
}

function lastGroup(text: string, groups: readonly Span[], first: number): number {
  let last = first;
  const { start, end } = groups[first] as Span;
  let digits = end - start;
  while (last + 1 < groups.length && last + 1 - first < MOST_GROUPS && isJoined(text, groups, last + 1)) {
    const next = groups[last + 1] as Span;
    digits += next.end - next.start;
    if (digits > MOST_DIGITS) break;
    last += 1;
  }
  return last;
}

function isJoined(text: string, groups: readonly Span[], at: number): boolean {
  const { end } = groups[at - 1] as Span;
  const { start } = groups[at] as Span;
  if (start - end > 4) return false;
  const gap = text.slice(end, start);
  if (gap === ' ' || gap === '-') return true;
  return GAP.test(gap) && !(gap === '.' && isLong(groups[at] as Span));
}

/** After a dot the digits of a fraction, not of a number in groups: `0.371234567`. */
function isLong({ start, end }: Span): boolean {
  return end - start > 6;
}

/** A part of an identifier is no number: `v1234567`, `1234567ms`. */
function isTouchedByWord(text: string, { start, end }: Span): boolean {
  return /[\p{L}\d_]/u.test(text.charAt(start - 1)) || /[\p{L}_]/u.test(text.charAt(end));
}

/** Where mobile numbers are usually written without the trunk prefix. */
const WITHOUT_PREFIX = new Set(['IN', 'CN', 'BR']);

/** `212 736 5000`, but not `2026/004711`, which has as many digits. */
const NORTH_AMERICAN_GROUPS = /^1?\D*(?:\d{10}|\(?\d{3}\D*\d{3}\D*\d{4})$/;

/**
 * Whether somebody in that country would write the number like this: with its trunk prefix, where there is one, or with
 * its area in brackets. Dates and prices are not.
 */
function isWrittenNationally(text: string, { startsAt, endsAt, number }: FoundPhone): boolean {
  const written = text.slice(startsAt, endsAt);
  const digits = written.replace(/\D/g, '');
  const national = number.formatNational().replace(/\D/g, '');
  if (digits.startsWith('00')) return true;
  if (number.countryCallingCode === '1') return NORTH_AMERICAN_GROUPS.test(written);
  if (digits === national) return true;
  const isMobile = WITHOUT_PREFIX.has(number.country ?? '') && number.getType() === 'MOBILE';
  return digits === number.nationalNumber && (written.includes('(') || isMobile);
}
