import { isDigit, type DigitGroups } from './digit.groups.js';
import type { Span } from './normalised.text.js';

/** Possible lengths of card numbers, the most common first. */
const LENGTHS = [16, 15, 14, 19, 18, 17, 13] as const;
const SHORTEST = 13;
/** Maximum length of an international telephone number (ITU-T E.164). */
const MOST_PHONE_DIGITS = 15;

/** Usual groupings of card numbers; any separator is allowed between the groups if it is always the same. */
const GROUPINGS = [
  [4, 4, 4, 4],
  [4, 6, 5],
  [4, 6, 4],
  [4, 4, 4, 4, 3],
] as const;

/** Separators allowed in any grouping: blanks, tabs, hyphens, dots, and one line break. */
const USUAL_GAP = /^(?:[ \t.-]{1,3}|[ \t-]{0,2}\r?\n[ \t]{0,2})$/;
const OTHER_GAP = /^(?:[^\p{L}\p{N}\s]|[^\p{L}\p{N}\r\n,;]{2,6}|\r?\n)$/u;
const LONGEST_GAP = 6;

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
const LENGTH_OF_UUID = 36;
const SHORTEST_DIGEST = 24;

const TAB = 0x09;
const LINE_FEED = 0x0a;
const SPACE = 0x20;
const PLUS = 0x2b;
const HYPHEN = 0x2d;
const DOT = 0x2e;

/** Prefixes and lengths assigned to card networks. */
const ISSUERS: readonly (readonly [from: number, to: number, min: number, max: number])[] = [
  [4, 4, 16, 16], // Visa
  [4, 4, 19, 19],
  [51, 55, 16, 16], // Mastercard
  [2221, 2720, 16, 16],
  [34, 34, 15, 15], // American Express
  [37, 37, 15, 15],
  [300, 305, 14, 19], // Diners Club
  [3095, 3095, 14, 19],
  [36, 36, 14, 19],
  [38, 39, 14, 19],
  [6011, 6011, 16, 19], // Discover
  [644, 659, 16, 19],
  [3528, 3589, 16, 19], // JCB
  [62, 62, 16, 19], // UnionPay
  [81, 82, 16, 19], // UnionPay, RuPay
  [5018, 5018, 13, 19], // Maestro
  [5020, 5020, 13, 19],
  [5038, 5038, 13, 19],
  [5893, 5893, 13, 19],
  [6304, 6304, 13, 19],
  [6759, 6759, 13, 19],
  [6761, 6763, 13, 19],
  [2200, 2205, 16, 19], // Mir, BORICA
  [60, 60, 16, 16], // RuPay, Hipercard
  [508, 509, 16, 16], // RuPay, Elo
  [506, 507, 16, 19], // Verve, Elo
  [5019, 5019, 16, 16], // Dankort
  [627, 627, 16, 16], // Elo
  [636, 639, 16, 16], // Elo, InstaPayment
  [8600, 8600, 16, 16], // UzCard
  [9704, 9704, 16, 19], // NAPAS
  [9792, 9792, 16, 16], // Troy
  [9860, 9860, 16, 16], // Humo
];

/** The assigned lengths for each prefix of four digits, as a bit set. */
const LENGTHS_BY_PREFIX = lengthsByPrefix();

/**
 * Finds payment cards: 13 to 19 digits in any groups, with the prefix of a card network and a correct check digit. Any
 * group of digits may be the first of a card, so that a quantity before it or a date after it hides no card.
 */
export function findCards(groups: DigitGroups): readonly Span[] {
  if (groups.text.length < SHORTEST || groups.count === 0) return [];
  const finder = new CardFinder(groups);
  const cards: Span[] = [];
  for (let first = 0; first < groups.count;) {
    const last = finder.lastGroupOfCard(first);
    if (last === undefined) {
      first += 1;
      continue;
    }
    cards.push({ start: groups.start(first), end: groups.end(last) });
    first = last + 1;
  }
  return cards;
}

/** Kinds of gaps between two groups of digits. This one cannot occur within a card. */
const APART = 0;
/** A separator that is allowed if it is the same between all groups. */
const OTHER = 1;
const USUAL = 2;
/** A usual separator with a line break. */
const LINE_END = 3;

/** The digits of a text without the gaps, so that each candidate takes only a few steps to check. */
class CardFinder {
  readonly #groups: DigitGroups;
  readonly #digits: Uint8Array;
  /** For each group, the offset of its first digit in `#digits`. */
  readonly #offsets: Uint32Array;
  /** For each digit, the number (from 1) of the group that ends before it. */
  readonly #ends: Uint32Array;
  /** For each group, the first group of the row that gaps of a card join it to. */
  readonly #runs: Uint32Array;
  /** For each group, the kind of the gap before it. */
  readonly #gaps: Uint8Array;
  readonly #sums: CheckSums;
  readonly #identifiers: Identifiers;

  constructor(groups: DigitGroups) {
    const { text, count } = groups;
    let total = 0;
    for (let group = 0; group < count; group++) total += groups.size(group);
    this.#groups = groups;
    this.#digits = new Uint8Array(total);
    this.#ends = new Uint32Array(total + 1);
    this.#offsets = new Uint32Array(count);
    this.#runs = new Uint32Array(count);
    this.#gaps = new Uint8Array(count);
    let offset = 0;
    for (let group = 0; group < count; group++) {
      const gap = group > 0 ? gapBefore(groups, group) : APART;
      this.#offsets[group] = offset;
      this.#gaps[group] = gap;
      this.#runs[group] = gap === APART ? group : (this.#runs[group - 1] as number);
      const end = groups.end(group);
      for (let at = groups.start(group); at < end; at++) this.#digits[offset++] = text.charCodeAt(at) - 48;
      this.#ends[offset] = group + 1;
    }
    this.#sums = new CheckSums(this.#digits);
    this.#identifiers = new Identifiers(text);
  }

  /** The last group of the card that begins with this group; undefined if no card begins here. */
  lastGroupOfCard(first: number): number | undefined {
    const offset = this.#offsets[first] as number;
    if (offset + SHORTEST > this.#digits.length) return undefined;
    const lengths = LENGTHS_BY_PREFIX[this.#prefixAt(offset)] as number;
    if (lengths === 0 || (first > 0 && isFraction(this.#groups, first))) return undefined;
    const isPhone = isAfterPlus(this.#groups, first);
    for (const length of LENGTHS) {
      const end = this.#ends[offset + length];
      if (!end || (lengths & (1 << length)) === 0 || (isPhone && length <= MOST_PHONE_DIGITS)) continue;
      const last = end - 1;
      if (this.#runs[last] !== this.#runs[first] || !this.#sums.isRight(offset, length)) continue;
      if (this.#isWritten(first, last)) return last;
    }
    return undefined;
  }

  #prefixAt(offset: number): number {
    const digits = this.#digits;
    return (
      (digits[offset] as number) * 1000 +
      (digits[offset + 1] as number) * 100 +
      (digits[offset + 2] as number) * 10 +
      (digits[offset + 3] as number)
    );
  }

  /** Whether the gaps are those of a card, and the digits are not part of an identifier. */
  #isWritten(first: number, last: number): boolean {
    const isInGroups = this.#hasUsualGaps(first, last) || this.#isInUsualGroups(first, last);
    return isInGroups && !this.#identifiers.hold(this.#groups.start(first), this.#groups.end(last));
  }

  /** A column of numbers looks like a card on several lines, and one in ten has the right check digit. */
  #hasUsualGaps(first: number, last: number): boolean {
    let lineEnds = 0;
    for (let group = first + 1; group <= last; group++) {
      if (this.#gaps[group] === OTHER) return false;
      if (this.#gaps[group] === LINE_END) lineEnds += 1;
    }
    return lineEnds <= 1;
  }

  #isInUsualGroups(first: number, last: number): boolean {
    const count = last - first + 1;
    const groups = this.#groups;
    const isGrouping = GROUPINGS.some(
      (sizes) => sizes.length === count && sizes.every((size, at) => size === groups.size(first + at)),
    );
    if (!isGrouping) return false;
    const gap = groups.gap(last);
    if (gap.includes('\n')) return false;
    for (let group = first + 1; group < last; group++) if (groups.gap(group) !== gap) return false;
    return true;
  }
}

function gapBefore(groups: DigitGroups, group: number): number {
  const size = groups.gapSize(group);
  if (size > LONGEST_GAP) return APART;
  const first = groups.text.charCodeAt(groups.end(group - 1));
  // Most gaps are one character: a regular expression would cost ten times as much.
  if (size === 1) {
    if (first === SPACE || first === HYPHEN || first === TAB) return USUAL;
    if (first === DOT) return isFraction(groups, group) ? APART : USUAL;
    if (first === LINE_FEED) return LINE_END;
    if (first < 0x7f) return isWordOrSpace(first) ? APART : OTHER;
  }
  if (isWordAt(groups.text, groups.end(group - 1)) || isWordAt(groups.text, groups.start(group) - 1))
    return APART;
  const gap = groups.gap(group);
  if (USUAL_GAP.test(gap)) return gap.includes('\n') ? LINE_END : USUAL;
  return OTHER_GAP.test(gap) ? OTHER : APART;
}

/** Whether an ASCII letter stands there, which no card contains: the usual case, tested without an expression. */
function isWordAt(text: string, at: number): boolean {
  const unit = text.charCodeAt(at) | 0x20;
  return unit >= 0x61 && unit <= 0x7a;
}

/** Whether a plus sign precedes the group, as in the telephone number `+49 151 1058 4831`. */
function isAfterPlus(groups: DigitGroups, group: number): boolean {
  return groups.text.charCodeAt(groups.start(group) - 1) === PLUS;
}

/** Whether the group is the fraction of a decimal number such as `3.141592653589793`. */
function isFraction(groups: DigitGroups, group: number): boolean {
  return (
    groups.size(group) > 6 &&
    groups.gapSize(group) === 1 &&
    groups.text.charCodeAt(groups.start(group) - 1) === DOT
  );
}

/** @param unit - an ASCII character */
function isWordOrSpace(unit: number): boolean {
  return unit <= SPACE || isDigit(unit) || (unit >= 0x41 && unit <= 0x5a) || (unit >= 0x61 && unit <= 0x7a);
}

/** Prefix sums that verify the check digit (ISO/IEC 7812-1, annex B) of any range of digits in one step. */
class CheckSums {
  /** Sums modulo 10 in which the digits at even places (or, in `#odd`, at odd places) are doubled. */
  readonly #even: Uint8Array;
  readonly #odd: Uint8Array;

  constructor(digits: Uint8Array) {
    this.#even = new Uint8Array(digits.length + 1);
    this.#odd = new Uint8Array(digits.length + 1);
    let even = 0;
    let odd = 0;
    for (let place = 0; place < digits.length; place++) {
      const digit = digits[place] as number;
      const doubled = digit > 4 ? digit * 2 - 9 : digit * 2;
      even = (even + (place % 2 === 0 ? doubled : digit)) % 10;
      odd = (odd + (place % 2 === 0 ? digit : doubled)) % 10;
      this.#even[place + 1] = even;
      this.#odd[place + 1] = odd;
    }
  }

  isRight(offset: number, length: number): boolean {
    // The last digit is not doubled, the one before it is.
    const sums = (offset + length) % 2 === 0 ? this.#even : this.#odd;
    return sums[offset + length] === sums[offset];
  }
}

/** Finds the UUIDs and hexadecimal digests of a text, which contain long sequences of digits. */
class Identifiers {
  readonly #text: string;
  /** Computed on first use. */
  #uuids: readonly Span[] | undefined;
  #nextUuid = 0;
  /** The latest sequence of hexadecimal digits that was measured; places are tested from left to right. */
  #start = 0;
  #end = 0;
  #isDigest = false;

  constructor(text: string) {
    this.#text = text;
  }

  /** Whether this range, which begins and ends with a digit, is part of an identifier. */
  hold(start: number, end: number): boolean {
    const before = this.#text.charCodeAt(start - 1);
    const after = this.#text.charCodeAt(end);
    if (isHexadecimal(before) || isHexadecimal(after)) {
      if (this.#isInDigest(start, end)) return true;
    } else if (before !== HYPHEN && after !== HYPHEN) return false;
    return this.#isInUuid(start, end);
  }

  #isInUuid(start: number, end: number): boolean {
    this.#uuids ??= Array.from(this.#text.matchAll(UUID), ({ index }) => ({
      start: index,
      end: index + LENGTH_OF_UUID,
    }));
    let uuid = this.#uuids[this.#nextUuid];
    while (uuid && uuid.end < end) uuid = this.#uuids[++this.#nextUuid];
    return uuid !== undefined && uuid.start <= start && uuid.end >= end;
  }

  #isInDigest(start: number, end: number): boolean {
    if (start < this.#start || start >= this.#end) this.#measure(start);
    return this.#isDigest && end <= this.#end;
  }

  #measure(within: number): void {
    let start = within;
    let end = within;
    let letters = 0;
    while (isHexadecimal(this.#text.charCodeAt(start - 1))) start--;
    while (isHexadecimal(this.#text.charCodeAt(end))) end++;
    for (let at = start; at < end && letters === 0; at++) {
      if (!isDigit(this.#text.charCodeAt(at))) letters++;
    }
    this.#start = start;
    this.#end = end;
    this.#isDigest = end - start >= SHORTEST_DIGEST && letters > 0;
  }
}

function lengthsByPrefix(): Uint32Array {
  const lengths = new Uint32Array(10_000);
  for (const [from, to, min, max] of ISSUERS) {
    const scale = 10 ** (4 - String(from).length);
    for (let prefix = from * scale; prefix < (to + 1) * scale; prefix++) {
      for (let length = min; length <= max; length++)
        lengths[prefix] = (lengths[prefix] as number) | (1 << length);
    }
  }
  return lengths;
}

/** @param unit - a UTF-16 code unit; NaN outside the text */
function isHexadecimal(unit: number): boolean {
  const small = unit | 0x20;
  return (unit >= 0x30 && unit <= 0x39) || (small >= 0x61 && small <= 0x66);
}
