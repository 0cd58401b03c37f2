import { setTimeout } from 'node:timers/promises';

import type { RunFile } from 'nestjs-agentos';
import type { EngineFunction } from 'nestjs-agentos/engine';

import { FAQ, type FaqEntry, type FaqTopic } from './faq.js';

/** Milliseconds between two words, so that streaming is visible. */
const PAUSE = 10;

/**
 * The engine of this sample: names the files that came with the question, looks the question up in the FAQ and yields
 * the answer word by word. No network and no language model are involved. Your application
 * calls a model here.
 */
export function faqEngine(entries: readonly FaqEntry[] = FAQ): EngineFunction {
  return ({ input, files, signal }) => {
    const answer = findEntry(input, entries)?.answer ?? dontKnow(entries);
    return wordByWord([...receiptOf(files), answer].join('\n\n'), signal);
  };
}

/** The topic of a question; undefined if the FAQ does not answer it. */
export function topicOf(question: string): FaqTopic | undefined {
  return findEntry(question, FAQ)?.topic;
}

/** Explains the demo and its FAQ, instead of guessing an answer. */
export function dontKnow(entries: readonly FaqEntry[]): string {
  const examples = entries.slice(0, 3).map(({ question }) => `"${question}"`);
  return (
    'I do not know. I am an offline demo: I look questions up in a small FAQ about accounts, invoices and plans, ' +
    `and no entry matches yours. Ask me, for example: ${examples.join(' ')}`
  );
}

/** Lists the received files; empty without files. */
function receiptOf(files: readonly RunFile[]): string[] {
  if (files.length === 0) return [];
  const described = files.map(
    ({ name = 'a file without a name', mediaType = 'unknown type', content = '' }) => {
      const size = Buffer.byteLength(content, 'base64').toLocaleString('en');
      return `${name} (${mediaType}, ${size} bytes)`;
    },
  );
  return [`Received: ${described.join(', ')}. I am an offline demo and do not read files.`];
}

/** The words that matter in a question, cut short so that "cancel" and "cancelling" are the same. */
export function keywordsOf(text: string): string[] {
  const words = text.toLowerCase().match(/[a-z]{3,}/g) ?? [];
  return [...new Set(words.filter((word) => !COMMON_WORDS.has(word)).map((word) => word.slice(0, 5)))];
}

/** The entry that shares most words with the question, if it holds more than half of them. */
function findEntry(question: string, entries: readonly FaqEntry[]): FaqEntry | undefined {
  const asked = keywordsOf(question);
  let best: FaqEntry | undefined;
  let bestScore = 0;
  for (const entry of entries) {
    const inQuestion = keywordsOf(entry.question);
    const inEntry = new Set([...inQuestion, ...keywordsOf(entry.answer)]);
    const shared = asked.filter((word) => inEntry.has(word));
    if (shared.length * 2 <= asked.length) continue;
    const score = shared.length + 2 * asked.filter((word) => inQuestion.includes(word)).length;
    if (score > bestScore) [best, bestScore] = [entry, score];
  }
  return best;
}

async function* wordByWord(text: string, signal: AbortSignal): AsyncGenerator<string> {
  for (const word of text.split(/(?<= )/)) {
    yield word;
    await setTimeout(PAUSE, undefined, { signal });
  }
}

const COMMON_WORDS = new Set(
  (
    'about and any are can could did does for from get have help how into its like may much need not now one our ' +
    'out please shall should some tell that the their them then there they this want was what when where which who ' +
    'why will with would you your find'
  ).split(' '),
);
