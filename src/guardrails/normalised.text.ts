import { DigitGroups } from './digit.groups.js';

/** A place in a text: from `start` up to, but not including, `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * A text as guardrails look at it, with the way back to what was written: compatibility forms (full-width digits,
 * NBSP) and the digits of every script as ASCII, every kind of hyphen as `-`, without invisible characters and marks.
 * Lines stay lines. What is passed on is never this, but the original.
 */
export class NormalisedText {
  readonly text: string;
  /** As it was written. */
  readonly original: string;
  /** Whether anything looks different from what was written. */
  readonly isChanged: boolean;
  /** Where each unit of `text` comes from. Made when it is asked for: most texts hold nothing that is looked for. */
  #origins: Uint32Array | undefined;
  #digits: DigitGroups | undefined;

  constructor(original: string) {
    this.original = original;
    this.isChanged = !PLAIN.test(original);
    this.text = this.isChanged ? normalise(original) : original;
  }

  /** How many characters it has more than the original. */
  get growth(): number {
    return Math.max(0, this.text.length - this.original.length);
  }

  /** Its groups of digits, looked for once. */
  get digits(): DigitGroups {
    this.#digits ??= new DigitGroups(this.text);
    return this.#digits;
  }

  /** The same place in the original, with the invisible characters that follow it. */
  toOriginal({ start, end }: Span): Span {
    if (!this.isChanged) return { start, end };
    const origins = (this.#origins ??= originsOf(this.original, this.text.length));
    let next = end;
    // A character such as ½ has become several: a place that ends within it holds all of it.
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

/** Where each unit of the normalised text comes from. */
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

/** Nothing to change: printable ASCII and white space. */
const PLAIN = /^[\t\n\v\f\r\x20-\x7e]*$/;

/** Units that one unit of the original may become; longer compatibility forms are words, and stay as they are. */
const LONGEST_FORM = 3;

const INVISIBLE = /^(?:\p{Default_Ignorable_Code_Point}|\p{Cf}|\p{M}|[^\P{Cc}\t\n\v\f\r\x85])$/u;
const HYPHEN = /^(?:\p{Pd}|[\u2212\u2043])$/u;
const DIGIT = /^\p{Nd}$/u;
/** Tag characters: letters of ASCII that nobody sees, and models read. */
const FIRST_TAG = 0xe0000;
const LAST_TAG = 0xe007f;

/** Forms by code point. Bounded: there are more code points than memory should be spent on. */
const known = new Map<number, string | undefined>();
const MAX_KNOWN = 65_536;

/** What a code point looks like; undefined if like itself. */
function formOf(point: number): string | undefined {
  if (point >= 0x20 && point < 0x7f) return undefined;
  if (isAlwaysItself(point)) return undefined;
  if (known.has(point)) return known.get(point);
  if (known.size >= MAX_KNOWN) known.clear();
  const form = computeForm(String.fromCodePoint(point), point);
  known.set(point, form);
  return form;
}

/** Ideographs, Hangul, pictures: most of what is not Latin, and never anything else. */
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
  // Numbers in one character, such as ④, ⒋ and ⑷, are their digits; ½ is no number in groups.
  if (/\d/.test(form)) return /^\D*(\d{1,2})\D*$/.exec(form)?.[1];
  return form === character || form.length > LONGEST_FORM * character.length ? undefined : form;
}

/** Decimal digits stand in blocks of ten, from zero to nine; some blocks follow one another. */
function digitOf(point: number): number {
  let first = point;
  while (DIGIT.test(String.fromCodePoint(first - 1))) first--;
  return (point - first) % 10;
}
