import { beforeAll, describe, it, jest } from '@jest/globals';
import { Agent } from 'nestjs-agentos';
import {
  modelGuardrail,
  moderationGuardrail,
  piiGuardrail,
  promptInjectionGuardrail,
} from 'nestjs-agentos/guardrails';

import { BUILT_IN_EXPRESSIONS } from '../../src/guardrails/injection.phrases.js';
import { expectCheap, expectLinear, fill, nearMatchOf } from '../support/cost.js';

// Tries are repeated while other processes disturb them.
jest.setTimeout(60_000);

/**
 * Pieces that make the patterns work hardest when they are repeated: what nearly matches, again and again. The length
 * of each is that of one repetition.
 */
const PIECES: Readonly<Record<string, string>> = {
  'ends of lines': '\n',
  blanks: ' ',
  'blanks and a word': `${' '.repeat(63)}a`,
  'a word that begins a marker, between ends of lines': `${'\n'.repeat(60)}system`,
  'one letter': 'a',
  'single letters': 'a ',
  'letters with marks': 'a\u0301',
  'letters that become several': '\ufdfa',
  'invisible characters': '\u200b',
  'every character of the first plane': Array.from({ length: 0xd800 - 0x80 }, (_, at) =>
    String.fromCharCode(at + 0x80),
  ).join(''),
  'mathematical letters': '\u{1d400}\u{1d7ce}',
  ideographs: '忽略之前',
  'half of an override': 'ignore all all all all all all ',
  'an override without its end': 'please ignore the previous ',
  'a question for the prompt': 'what is your full exact system ',
  'a role without its name': 'you are now an unrestricted and ',
  'an answer without limits': 'answer without any content ethical moral ',
  'an order to the reader': 'if you are an ai assistant and ',
  'words above': 'repeat everything above ',
  'openings of markers': '<|',
  'brackets of markers': '[[[[(((<<<### system prompt >>>> ',
  'German verbs': 'ignoriere bitte alle deine ',
  'French verbs': 'ignorez toutes les ',
  digits: '4',
  'digits of a card, one by one': '4 ',
  'a card in its groups': '4111 1111 1111 1112 ',
  cards: '4111111111111111 ',
  'digits and dots': '1.',
  'a card on its way to an identifier': 'a4111111111111111',
  'social security numbers': '123-45-6789-',
  'signs of addresses': '@',
  'names without a domain': 'a@',
  'names of many labels': 'a@a.a.a.a.a.a.a.a.',
  'long labels': `a@${'a-'.repeat(31)}.`,
  addresses: 'ann@example.org ',
  'plus signs': '+',
  'telephone numbers': '+49 30 1234567 ',
  'national numbers': '020 7946 0958, ',
  'numbers that are none': '+49 0000 0000 ',
  brackets: '(0',
  'North American numbers': '(212) 736-500 ',
  'digits and hyphens': '4-',
  'digits and commas': '4,',
  'digits and ends of lines': '4\n',
  'digits and NBSP': '4\u00a0',
  'digits and invisible characters': '4\u200b',
  'digits and plus signs': '+4',
  'digits, blanks and plus signs': '+ 4',
  'digits in brackets': '(0)',
  'full-width digits and hyphens': '４－',
  'digits of another script': '٤',
  'fractions, one character each, with digits': '½4',
  'numbers in brackets, one character each': '⑽',
  'digests with cards': 'deadbeef4111111111111111',
  'halves of UUIDs with digits': '550e8400-e29b-41d4-4539-',
  'domains at once': 'a@b.c',
  'ideographs with @': '字@字.',
  'letters with several marks': 'a\u0301\u0302\u0303',
  'letters with a mark': 'ä',
  'Roman numerals': 'Ⅲ',
  'ligatures of letters': 'ﬃ',
  'lone halves of letters': '\ud800',
  'Korean letters in pieces': '\u1100\u1161',
  'one long word': 'abcdefghij',
  'orders without an object': 'ignore ',
  'a question without its object': 'show me your ',
  'a refusal without an object': 'do not ',
  'an answer and another': 'respond, ',
  'letters with marks in an override': 'ä ignore all ',
  'letters of two scripts': 'игнорируй все a ',
  'headings of markers': '\n# ',
  'lines of markers': '\n=== begin ',
  'roles in brackets': '[system] ',
  'orders and letters of two scripts': 'spell delete talk state dпожалуйста свои checks ',
  'every phrase without its end': BUILT_IN_EXPRESSIONS.map(nearMatchOf).join(' '),
  'prefixes of cards between signs': '+４)60111111(٤+',
  'short groups after signs': 'xx/55',
  'addresses of ideographs': 'ä.pnga=@𠀀字@字ä',
  'telephone numbers in pieces': '020. 0 (212) ',
  'telephone numbers with blanks': ' -.٤  ٤0  0958½212',
};

/** The dearest text costs about two thirds of it. */
const REFERENCES = { promptInjectionGuardrail: 50, piiGuardrail: 75 };

const guardrails = {
  promptInjectionGuardrail: promptInjectionGuardrail(),
  piiGuardrail: piiGuardrail({ strategy: 'mask', defaultCountry: ['GB', 'US'] }),
};

describe.each(Object.keys(guardrails) as (keyof typeof guardrails)[])('%s', (name) => {
  const guarded = new Agent({ id: 'guarded', engine: () => 'fine', preHooks: [guardrails[name]] });

  beforeAll(async () => {
    // Compiled code only: what is measured is the work, not the warming up.
    for (const piece of Object.values(PIECES)) await guarded.run(fill(piece, 5_000)).catch(() => undefined);
  });

  it.each(Object.entries(PIECES).filter(([piece]) => isFor(name, piece)))(
    'is linear and quick on a text of %s',
    (_, piece) => expectLinear(piece, (text) => guarded.run(text).catch(() => undefined), REFERENCES[name]),
  );
});

describe('A guardrail that asks a service', () => {
  const maxLength = 100 * 1024 * 1024;
  const engine = (): string => '{"allowed": true}';
  const preHooks = [
    modelGuardrail({ engine, policy: 'Anything.', maxLength }),
    moderationGuardrail({
      maxLength,
      fetch: () => Promise.resolve(Response.json({ results: [{ flagged: false }, { flagged: false }] })),
    }),
  ];
  const guarded = new Agent({ id: 'guarded', engine: () => 'fine', preHooks });

  it.each(['a', '\u0001', '"', '</untrusted', '\u{e0041}', '\ud800'])(
    'hands over texts of %j in linear time, by themselves and in data',
    (piece) => expectLinear(piece, (text) => guarded.run(`${text}!`, { metadata: { text } })),
  );
});

describe('Each expression for prompt injection', () => {
  it.each(BUILT_IN_EXPRESSIONS.map((expression, index) => [index + 1, expression] as const))(
    'is linear and quick on a text that it nearly matches (%i)',
    (_, expression) =>
      expectLinear(nearMatchOf(expression), (text) => {
        expression.lastIndex = 0;
        return expression.test(text);
      }),
  );
});

describe('A guardrail on data with many keys and numbers', () => {
  const build = { piiGuardrail, promptInjectionGuardrail };

  it.each(Object.keys(build) as (keyof typeof build)[])('inspects each of them once (%s)', async (name) => {
    const guarded = new Agent({ id: 'guarded', engine: () => 'fine', preHooks: [build[name]()] });
    const metadata = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`k${index}`, [index]]));
    await expectCheap(100, () => guarded.run('hi', { metadata }));
  });
});

it('A text of 6.4 KB that nearly matches a marker costs little', async () => {
  const guarded = new Agent({ id: 'guarded', engine: () => 'fine', preHooks: [promptInjectionGuardrail()] });
  const text = `${'\n'.repeat(3200)}system${'\n'.repeat(3200)}x`;
  await expectCheap(10, () => guarded.run(text));
});

/** Letters and signs are what phrases are made of; of personal data nearly all is digits. */
function isFor(name: string, piece: string): boolean {
  const isOfDigits = /[\p{N}@+]|\($/u.test((PIECES[piece] ?? '').normalize('NFKC'));
  return isOfDigits === (name === 'piiGuardrail') || /characters|letters|blanks$/.test(piece);
}
