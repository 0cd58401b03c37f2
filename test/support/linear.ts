import { expect } from '@jest/globals';

const SMALL = 100 * 1024;
const LARGE = 1024 * 1024;

/**
 * Looks at the small text in a row: what the garbage collector and other processes cost is then in both numbers. The
 * first try makes do with few, and more follow only if that was too little to tell.
 */
const LOOKS = { first: 3, later: 10 };
/** The cheapest counts, as another process may disturb each try. */
const MOST_TRIES = 12;

const MOST_MILLISECONDS = 500;
const MOST_GROWTH = 12;
/** Below this many milliseconds for a small text growth cannot be measured, and does not matter. */
const MEASURABLE = 2;

/** Expects that looking at 1 MiB of this costs at most 12 times as much as at 100 KiB of it, and less than 500 ms. */
export async function expectLinear(piece: string, look: (text: string) => unknown): Promise<void> {
  const [large, small] = [fill(piece, LARGE), fill(piece, SMALL)];
  const best = { large: Infinity, small: 0 };
  for (let tries = 0; tries < MOST_TRIES && !isLinear(best); tries++) {
    best.large = Math.min(best.large, await processorTimeOf(() => look(large)));
    // A large text that costs so little is linear however little a small one costs.
    if (isLinear(best)) break;
    const looks = tries === 0 ? LOOKS.first : LOOKS.later;
    const once = (await processorTimeOf(() => repeat(looks, () => look(small)))) / looks;
    best.small = tries === 0 ? once : Math.min(best.small, once);
  }
  // Equal, so that a failure shows the milliseconds.
  expect({ ...best, isLinear: isLinear(best) }).toEqual({ ...best, isLinear: true });
}

/** Expects that some work costs at most so many milliseconds of processor time. */
export async function expectCheap(milliseconds: number, work: () => unknown): Promise<void> {
  let least = Infinity;
  for (let tries = 0; tries < MOST_TRIES && least > milliseconds; tries++) {
    least = Math.min(least, await processorTimeOf(work));
  }
  expect(least).toBeLessThanOrEqual(milliseconds);
}

/** A text of this length: the piece again and again. */
export function fill(piece: string, length: number): string {
  return piece.repeat(Math.ceil(length / piece.length)).slice(0, length);
}

function isLinear({ large, small }: { readonly large: number; readonly small: number }): boolean {
  return large < MOST_MILLISECONDS && large <= MOST_GROWTH * Math.max(small, MEASURABLE);
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
