import { digitGroupsIn } from './digit.groups.js';
import type { Span } from './normalised.text.js';

/** Numbers of digits that a card may have, the usual ones first. */
const LENGTHS = [16, 15, 14, 19, 18, 17, 13] as const;
const SHORTEST = 13;

/** Ways of writing a card in groups; between them may stand any sign, if it is always the same. */
const GROUPINGS = new Set(['4-4-4-4', '4-6-5', '4-6-4', '4-4-4-4-3']);

/** Between the groups of a card: blanks, tabs, hyphens and dots in any grouping, and one end of a line. */
const USUAL_GAP = /^(?:[ \t.-]{1,3}|[ \t-]{0,2}\r?\n[ \t]{0,2})$/;
const OTHER_GAP = /^(?:[^\p{L}\p{N}\s]|\r?\n)$/u;

/** First digits and lengths that the networks have assigned. */
const ISSUERS: readonly (readonly [from: number, to: number, min: number, max: number])[] = [
  [4, 4, 13, 13], // Visa, old
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

/** For each four first digits, the lengths that are assigned, as a set of bits. */
const LENGTHS_BY_PREFIX = lengthsByPrefix();

/**
 * Payment cards: 13 to 19 digits, in whatever groups, that begin as a network's cards do and whose check digit is
 * right. Each group of digits may be the first of a card, so that a quantity before it or a date after it hides
 * nothing.
 */
export function findCards(text: string): readonly Span[] {
  const run = new DigitRuns(text);
  const cards: Span[] = [];
  for (let first = 0; first < run.groups.length;) {
    const last = run.lastGroupOfCard(first);
    if (last === undefined) {
      first += 1;
      continue;
    }
    cards.push({ start: (run.groups[first] as Span).start, end: (run.groups[last] as Span).end });
    first = last + 1;
  }
  return cards;
}

/** The digits of a text without what stands between them, so that each possible card costs a few steps only. */
class DigitRuns {
  readonly groups: readonly Span[];
  readonly #text: string;
  readonly #digits: Uint8Array;
  /** Of each group, where its digits begin. */
  readonly #offsets: Uint32Array;
  /** Of each digit, which group ends before it, counted from 1. */
  readonly #ends: Uint32Array;
  /** Of each group, the first one of those that gaps of a card join. */
  readonly #runs: Uint32Array;

  constructor(text: string) {
    this.#text = text;
    this.groups = digitGroupsIn(text);
    const count = this.groups.reduce((sum, { start, end }) => sum + end - start, 0);
    this.#digits = new Uint8Array(count);
    this.#ends = new Uint32Array(count + 1);
    this.#offsets = new Uint32Array(this.groups.length);
    this.#runs = new Uint32Array(this.groups.length);
    let offset = 0;
    this.groups.forEach(({ start, end }, index) => {
      this.#offsets[index] = offset;
      this.#runs[index] = index > 0 && this.#isJoined(index) ? (this.#runs[index - 1] as number) : index;
      for (let at = start; at < end; at++) this.#digits[offset++] = text.charCodeAt(at) - 48;
      this.#ends[offset] = index + 1;
    });
  }

  /** Which group ends the card that begins with this one. */
  lastGroupOfCard(first: number): number | undefined {
    const offset = this.#offsets[first] as number;
    if (offset + SHORTEST > this.#digits.length || this.#isFraction(first)) return undefined;
    const lengths = LENGTHS_BY_PREFIX[this.#prefixAt(offset)] as number;
    if (lengths === 0) return undefined;
    for (const length of LENGTHS) {
      const end = this.#ends[offset + length];
      if (!end || (lengths & (1 << length)) === 0) continue;
      const last = end - 1;
      if (this.#runs[last] !== this.#runs[first] || !this.#isCardNumber(offset, length)) continue;
      if (this.#isWritten(first, last)) return last;
    }
    return undefined;
  }

  #prefixAt(offset: number): number {
    let prefix = 0;
    for (let place = 0; place < 4; place++) prefix = prefix * 10 + (this.#digits[offset + place] as number);
    return prefix;
  }

  /** Whether what stands before a group may stand within a card. */
  #isJoined(index: number): boolean {
    const length = (this.groups[index] as Span).start - (this.groups[index - 1] as Span).end;
    if (length > 5) return false;
    const gap = this.#gapBefore(index);
    if (gap === ' ' || gap === '-') return true;
    if (gap === '.') return !this.#isFraction(index);
    return USUAL_GAP.test(gap) || OTHER_GAP.test(gap);
  }

  /** `3.141592653589793` is a number, not groups of digits. */
  #isFraction(index: number): boolean {
    const { start, end } = this.groups[index] as Span;
    return end - start > 6 && index > 0 && this.#gapBefore(index) === '.';
  }

  #gapBefore(index: number): string {
    const { end } = this.groups[index - 1] as Span;
    const { start } = this.groups[index] as Span;
    return this.#text.slice(end, Math.min(start, end + 6));
  }

  /** The right check digit (ISO/IEC 7812-1, annex B). */
  #isCardNumber(offset: number, length: number): boolean {
    let sum = 0;
    for (let place = 0; place < length; place++) {
      const digit = this.#digits[offset + length - 1 - place] as number;
      const doubled = digit * 2;
      sum += place % 2 === 0 ? digit : doubled > 9 ? doubled - 9 : doubled;
    }
    return sum % 10 === 0 && !(length === 13 && this.#isArticleNumber(offset));
  }

  /** Articles of German makers have 13 digits that begin with 4 (EAN-13), as only cards of the last century do. */
  #isArticleNumber(offset: number): boolean {
    let sum = 0;
    for (let place = 0; place < 13; place++) {
      sum += (this.#digits[offset + place] as number) * (place % 2 === 0 ? 1 : 3);
    }
    return sum % 10 === 0;
  }

  /** Whether people write cards like this, and this is no part of an identifier. */
  #isWritten(first: number, last: number): boolean {
    const groups = this.groups.slice(first, last + 1);
    if (isInIdentifier(this.#text, (groups[0] as Span).start, (groups.at(-1) as Span).end)) return false;
    const gaps = groups.slice(1).map((_, index) => this.#gapBefore(first + index + 1));
    if (gaps.every((gap) => USUAL_GAP.test(gap)) && gaps.filter(hasLineEnd).length <= 1) return true;
    const grouping = groups.map(({ start, end }) => end - start).join('-');
    // A column of numbers looks like a card on four lines, and one in ten has the right check digit.
    return new Set(gaps).size === 1 && !gaps.some(hasLineEnd) && GROUPINGS.has(grouping);
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

function hasLineEnd(gap: string): boolean {
  return gap.includes('\n');
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;
const LONGEST_UUID = 36;
const LONGEST_IDENTIFIER = 64;
const HYPHEN = 0x2d;

/** UUIDs and hexadecimal digests hold long runs of digits. */
function isInIdentifier(text: string, start: number, end: number): boolean {
  const neighbours = [text.charCodeAt(start - 1), text.charCodeAt(end)];
  if (!neighbours.some((unit) => unit === HYPHEN || isHexadecimal(unit))) return false;
  const around = text.slice(Math.max(0, start - LONGEST_UUID), end + LONGEST_UUID);
  if (UUID.exec(around)?.[0].includes(text.slice(start, end))) return true;
  let from = start;
  let to = end;
  while (start - from < LONGEST_IDENTIFIER && isHexadecimal(text.charCodeAt(from - 1))) from--;
  while (to - end < LONGEST_IDENTIFIER && isHexadecimal(text.charCodeAt(to))) to++;
  const token = text.slice(from, to);
  return token.length >= 24 && /^[0-9a-f]+$/i.test(token) && /[a-f]/i.test(token);
}

/** @param unit - of a text; NaN outside it */
function isHexadecimal(unit: number): boolean {
  const small = unit | 0x20;
  return (unit >= 0x30 && unit <= 0x39) || (small >= 0x61 && small <= 0x66);
}
