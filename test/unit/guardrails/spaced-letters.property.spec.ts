import { describe, it } from '@jest/globals';
import fc from 'fast-check';

import { foldText } from '../../../src/guardrails/injection.phrases.js';
import { NormalisedText } from '../../../src/guardrails/normalised.text.js';

/** Texts in which letters with one blank between them are frequent. */
const texts = fc
  .array(fc.constantFrom('a', 'b', 'i', ' ', ' ', '1', '.', '-', '\n'), { maxLength: 40 })
  .map((units) => units.join(''));

/** Five letters or more with one blank between them, none of which is part of a longer word. */
const SPACED = /(?<![a-z0-9])[a-z](?: [a-z](?![a-z0-9])){4,}/g;

describe('A text folded for phrases', () => {
  it('has spaced letters joined into one word, and nothing else', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const words = text.replaceAll(/[- \n]+/g, ' ');
        const joined = words.replaceAll(SPACED, (letters) => letters.replaceAll(' ', ''));
        return foldText(new NormalisedText(text)).flat === joined;
      }),
      { numRuns: 2_000 },
    );
  });
});
