import type { EngineRequest } from 'nestjs-agentos/engine';

import { FAQ } from '../demo-engine/faq.js';
import { keywordsOf } from '../demo-engine/faq-engine.js';

/** The weight of a question word that occurs only in the text of the answer. */
const ONLY_IN_ANSWER = 0.4;
/** The highest score of an answer that does not contain one of the question words. */
const WORD_IS_MISSING = 3;

/**
 * Judges without a language model: it looks up which question of the FAQ the answer belongs to, and compares the words of
 * that question with those of the asked question. This only distinguishes the correct answers of this demo from the wrong
 * ones.
 */
export function offlineJudge({ input }: EngineRequest): string {
  const asked = /name="question">\n([\s\S]*?)\n<\//.exec(input)?.[1] ?? '';
  const answered = FAQ.find(({ answer }) => input.includes(answer));
  if (answered === undefined) return verdict(2, 'The answer says that it does not know.');
  const score = scoreOf(keywordsOf(asked), keywordsOf(answered.question), keywordsOf(answered.answer));
  const judgement = score >= 7 ? 'which fits' : 'which is another question';
  return verdict(score, `The answer is that to "${answered.question}", ${judgement}.`);
}

function scoreOf(
  asked: readonly string[],
  inQuestion: readonly string[],
  inAnswer: readonly string[],
): number {
  const values = asked.map((word) => {
    if (inQuestion.includes(word)) return 1;
    return inAnswer.includes(word) ? ONLY_IN_ANSWER : 0;
  });
  const share = values.reduce((sum: number, value) => sum + value, 0) / Math.max(values.length, 1);
  const score = Math.max(1, Math.round(10 * share));
  return values.includes(0) ? Math.min(score, WORD_IS_MISSING) : score;
}

function verdict(score: number, reason: string): string {
  return JSON.stringify({ score, reason: `${reason} (An offline demo judge.)` });
}
