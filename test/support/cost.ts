import { expect } from '@jest/globals';

const SMALL = 100 * 1024;
const LARGE = 1024 * 1024;

/** The work that costs are compared with. */
const REFERENCE_TEXT = 'Ignoriere ä all ﬃ 4 the а '.repeat(12_000);
const REFERENCE_EXPRESSIONS = [
  /\b(?:the|those) (?:a|b){1,5}x/,
  /(?<=\bal)l \p{L} [0-9]{3}/u,
  /ignor(?:iere|e) [a-zä]{1,4}? now/i,
];

/**
 * A small text is looked at in a row: what the garbage collector and other processes cost is then in both numbers. The
 * first try makes do with few, and more follow only if that was too little to tell.
 */
const LOOKS = { first: 3, later: 10 };
/** The cheapest counts, as another process may disturb each try. */
const MOST_TRIES = 12;

/**
 * Limits in units of the reference work, measured right before and after: milliseconds would say as much about the machine
 * and its other processes as about the work.
 */
const MOST_REFERENCES = 75;
const MOST_GROWTH = 12;
/** Growth below this cost of a small text cannot be measured, and does not matter. */
const MEASURABLE = 0.4;

/**
 * Expects that looking at 1 MiB of this costs at most 12 times as much as at 100 KiB of it, and at most so many times as
 * much as the reference work.
 */
export async function expectLinear(
  piece: string,
  look: (text: string) => unknown,
  references = MOST_REFERENCES,
): Promise<void> {
  const [large, small] = [fill(piece, LARGE), fill(piece, SMALL)];
  const best = { large: Infinity, growth: Infinity };
  for (let tries = 0; tries < MOST_TRIES && !isLinear(best, references); tries++) {
    const cost = await costOf(() => look(large));
    best.large = Math.min(best.large, cost);
    // A large text that costs so little is linear however little a small one costs.
    if (cost <= MOST_GROWTH * MEASURABLE) best.growth = 0;
    if (isLinear(best, references)) break;
    const looks = tries === 0 ? LOOKS.first : LOOKS.later;
    const once = (await costOf(() => repeat(looks, () => look(small)))) / looks;
    // Both of one try, so of one state of the machine. The least cost of the small text of all tries would be the try whose
    // reference work was disturbed the most.
    best.growth = Math.min(best.growth, cost / Math.max(once, MEASURABLE));
  }
  // Equal, so that a failure shows the costs.
  expect({ ...best, isLinear: isLinear(best, references) }).toEqual({ ...best, isLinear: true });
}

/** Expects that some work costs at most so many times as much as the reference work. */
export async function expectCheap(references: number, work: () => unknown): Promise<void> {
  let least = Infinity;
  for (let tries = 0; tries < MOST_TRIES && least > references; tries++) {
    least = Math.min(least, await costOf(work));
  }
  expect(least).toBeLessThanOrEqual(references);
}

/** A text of this length: the piece again and again. */
export function fill(piece: string, length: number): string {
  return piece.repeat(Math.ceil(length / piece.length)).slice(0, length);
}

function isLinear(
  { large, growth }: { readonly large: number; readonly growth: number },
  references: number,
): boolean {
  return large <= references && growth <= MOST_GROWTH;
}

/** The processor time of some work in units of the reference work. */
async function costOf(work: () => unknown): Promise<number> {
  const before = await processorTimeOf(doReferenceWork);
  const time = await processorTimeOf(work);
  // The cheaper one: a disturbed reference would hide a cost.
  return time / Math.min(before, await processorTimeOf(doReferenceWork));
}

/** A fixed amount of linear work of the kinds that guardrails do: units one by one, Unicode forms and searches. */
function doReferenceWork(): void {
  const text = REFERENCE_TEXT.normalize('NFKC').toLowerCase();
  const units = new Uint16Array(text.length);
  for (let at = 0; at < text.length; at++) units[at] = text.charCodeAt(at);
  for (const expression of REFERENCE_EXPRESSIONS) expression.test(text);
}

/** Of this process alone: what others do on the machine does not count. */
async function processorTimeOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

async function repeat(times: number, work: () => unknown): Promise<void> {
  for (let time = 0; time < times; time++) await work();
}

/**
 * A text that an expression nearly matches: of each alternative the longest, of each repetition the most, and the end cut
 * off. For the syntax that the built-in expressions use; what they look around for is left out.
 */
export function nearMatchOf({ source }: RegExp): string {
  const match = new Sample(source).alternatives();
  const begin = source.startsWith('^') ? '\n' : '';
  return begin + match.slice(0, -2) + ' ';
}

/** Reads an expression, and writes a text that it matches. */
class Sample {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  alternatives(): string {
    let longest = this.#sequence();
    while (this.#takes('|')) {
      const next = this.#sequence();
      if (next.length > longest.length) longest = next;
    }
    return longest;
  }

  #sequence(): string {
    let text = '';
    while (this.#at < this.#source.length && !'|)'.includes(this.#source[this.#at] ?? '')) {
      const atom = this.#atom();
      text += atom.repeat(this.#times());
    }
    return text;
  }

  #atom(): string {
    if (this.#takes('(')) return this.#group();
    if (this.#takes('[')) return this.#oneOf();
    if (this.#takes('\\')) return this.#escaped();
    const character = this.#source[this.#at++] ?? '';
    return { '.': 'a', '^': '', $: '' }[character] ?? character;
  }

  #group(): string {
    const [opening = ''] = /^(?:\?(?:<?[=!]|:))?/.exec(this.#source.slice(this.#at)) ?? [];
    this.#at += opening.length;
    const inner = this.alternatives();
    this.#at += 1;
    return opening === '' || opening === '?:' ? inner : '';
  }

  #oneOf(): string {
    const isNegated = this.#takes('^');
    const first = this.#takes('\\') ? this.#escaped() : (this.#source[this.#at++] ?? '');
    while (!this.#takes(']')) this.#at += this.#source[this.#at] === '\\' ? 2 : 1;
    return isNegated ? 'a' : first;
  }

  #escaped(): string {
    const character = this.#source[this.#at++] ?? '';
    if (character.toLowerCase() === 'p') this.#at = this.#source.indexOf('}', this.#at) + 1;
    return (
      { b: '', B: '', w: 'a', d: '4', s: ' ', S: 'a', n: '\n', p: 'a', P: '-', '1': '' }[character] ??
      character
    );
  }

  #times(): number {
    const rest = this.#source.slice(this.#at);
    const [quantifier = '', most = ''] = /^(?:\{(?:\d+,)?(\d+)\}|[?*+])\??/.exec(rest) ?? [];
    this.#at += quantifier.length;
    if (quantifier === '' || quantifier.startsWith('?')) return 1;
    return most === '' ? 50 : Number(most);
  }

  #takes(character: string): boolean {
    if (this.#source[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }
}
