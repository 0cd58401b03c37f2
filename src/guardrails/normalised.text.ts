import { DigitGroups } from './digit.groups.js';

/** A place in a text: from `start` up to, but not including, `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * A text normalised for searching, with a mapping back to the original: compatibility forms (full-width digits, NBSP)
 * and the digits of every script become ASCII, every kind of hyphen becomes `-`, invisible characters and marks are
 * removed. Line breaks are kept. Only the original is ever passed on.
 */
export class NormalisedText {
  readonly text: string;
  /** The unchanged text. */
  readonly original: string;
  /** Whether the normalised text differs from the original. */
  readonly isChanged: boolean;
  /** The original index of each code unit of `text`. Computed on demand: most texts have no findings. */
  #origins: Uint32Array | undefined;
  #digits: DigitGroups | undefined;

  constructor(original: string) {
    this.original = original;
    this.isChanged = !PLAIN.test(original);
    this.text = this.isChanged ? normalise(original) : original;
  }

  /** The number of characters that normalising has added. */
  get growth(): number {
    return Math.max(0, this.text.length - this.original.length);
  }

  /** The groups of digits in `text`, searched once. */
  get digits(): DigitGroups {
    this.#digits ??= new DigitGroups(this.text);
    return this.#digits;
  }

  /** The corresponding span of the original, with the invisible characters that follow it. */
  toOriginal({ start, end }: Span): Span {
    if (!this.isChanged) return { start, end };
    const origins = (this.#origins ??= originsOf(this.original, this.text.length));
    let next = end;
    // A character such as ½ becomes several: a span that ends within these includes the whole character.
    while (next < origins.length && next > 0 && origins[next] === origins[next - 1]) next++;
    return { start: origins[start] ?? 0, end: origins[next] ?? this.original.length };
  }
}

function normalise(original: string): string {
  const units = new Uint16Array(original.length * LONGEST_FORM);
  let length = 0;
  for (let at = 0; at < original.length;) {
    const point = original.codePointAt(at) as number;
    const form = formOf(point);
    if (form === undefined) {
      units[length++] = original.charCodeAt(at);
      if (point > 0xffff) units[length++] = original.charCodeAt(at + 1);
    } else {
      for (let unit = 0; unit < form.length; unit++) units[length++] = form.charCodeAt(unit);
    }
    at += point > 0xffff ? 2 : 1;
  }
  return Buffer.from(units.buffer, 0, length * 2).toString('utf16le');
}

/** The original index of each code unit of the normalised text. */
function originsOf(original: string, length: number): Uint32Array {
  const origins = new Uint32Array(length);
  let next = 0;
  for (let at = 0; at < original.length;) {
    const point = original.codePointAt(at) as number;
    const width = point > 0xffff ? 2 : 1;
    const count = formOf(point)?.length ?? width;
    for (let unit = 0; unit < count; unit++) origins[next++] = at;
    at += width;
  }
  return origins;
}

/** Texts that need no change: printable ASCII and white space. */
const PLAIN = /^[\t\n\v\f\r\x20-\x7e]*$/;

/** Maximum code units that one may become; characters with longer compatibility forms, which are words, are kept. */
const LONGEST_FORM = 3;

const INVISIBLE = /^(?:\p{Default_Ignorable_Code_Point}|\p{Cf}|\p{M}|[^\P{Cc}\t\n\v\f\r\x85])$/u;
const HYPHEN = /^(?:\p{Pd}|[\u2212\u2043])$/u;
const DIGIT = /^\p{Nd}$/u;
/** Tag characters: invisible copies of ASCII, which models can read. */
const FIRST_TAG = 0xe0000;
const LAST_TAG = 0xe007f;

/** A cache of forms by code point, limited to save memory. */
const known = new Map<number, string | undefined>();
const MAX_KNOWN = 65_536;

/** The normalised form of a code point; undefined if it does not change. */
function formOf(point: number): string | undefined {
  if (point >= 0x20 && point < 0x7f) return undefined;
  if (isAlwaysItself(point)) return undefined;
  if (known.has(point)) return known.get(point);
  if (known.size >= MAX_KNOWN) known.clear();
  const form = computeForm(String.fromCodePoint(point), point);
  known.set(point, form);
  return form;
}

/** Whether it is an ideograph, Hangul or a picture: the most frequent non-Latin characters, which never change. */
function isAlwaysItself(point: number): boolean {
  return (
    (point >= 0x3400 && point <= 0x9fff) ||
    (point >= 0xac00 && point <= 0xdfff) ||
    (point >= 0x1fc00 && point < 0xe0000)
  );
}

function computeForm(character: string, point: number): string | undefined {
  if (point >= FIRST_TAG && point <= LAST_TAG) {
    return point < LAST_TAG && point >= FIRST_TAG + 0x20 ? String.fromCharCode(point - FIRST_TAG) : ' ';
  }
  if (INVISIBLE.test(character)) return '';
  if (HYPHEN.test(character)) return '-';
  if (DIGIT.test(character)) return String(digitOf(point));
  if (point === 0x85 || point === 0x2028 || point === 0x2029) return '\n';
  if (point === 0x3002 || point === 0xff61) return '.';
  if (/^\p{Zs}$/u.test(character)) return ' ';
  const form = character
    .normalize('NFKC')
    .replace(/\p{M}/gu, '')
    .replace(/\p{Pd}/gu, '-');
  // Numbers in one character, such as ④, ⒋ and ⑷, become their digits; ½ cannot be part of a number in groups.
  if (/\d/.test(form)) return /^\D*(\d{1,2})\D*$/.exec(form)?.[1];
  return form === character || form.length > LONGEST_FORM * character.length ? undefined : form;
}

/** Decimal digits form blocks of ten in Unicode, from zero to nine; some blocks are adjacent. */
function digitOf(point: number): number {
  let first = point;
  while (DIGIT.test(String.fromCodePoint(first - 1))) first--;
  return (point - first) % 10;
}
