import { isRecord } from '../data/is-record.js';

/** A JSON value in a text. */
export interface JsonInText {
  /** Verbatim. */
  readonly text: string;
  readonly value: unknown;
}

const FENCE = '```';

/**
 * Candidates (text that begins like an object or array) that are examined in one text; each costs some microseconds.
 * The text behind them is not read, as if it could not be parsed.
 */
const MAX_VALUES = 1_000;

/** Characters examined per character of the text, at most: it bounds the cost of brackets that never close. */
const MAX_LOOKS = 8;

/**
 * The JSON values in a model's answer, in their order: the whole text, else objects and arrays between words or in
 * code blocks. Reasoning before the answer (`<think>…</think>`) does not count.
 *
 * Text that begins like an object but cannot be parsed is undefined in the list, with everything inside it: an object
 * in there may be a quotation of someone else's text.
 */
export function jsonInText(answer: string): readonly (JsonInText | undefined)[] {
  const text = withoutReasoning(answer);
  const whole = parse(text) ?? parse(withoutFence(text));
  return whole ? [whole] : search(text);
}

/**
 * The JSON values in an answer that should be structured data. This is more lenient than {@link jsonInText}, since a
 * schema decides afterwards: reasoning ends with its last closing tag, wherever it began, and a code block that is the
 * only one marked as JSON is the answer, regardless of the text around it. Do not use it for verdicts: text that they
 * quote could end their reasoning.
 */
export function jsonInAnswer(answer: string): readonly (JsonInText | undefined)[] {
  const strict = jsonInText(answer);
  // A tag inside a JSON value is part of the answer.
  if (strict.some((found) => found && afterReasoning(found.text) !== found.text)) return strict;
  const text = afterReasoning(answer);
  const fenced = onlyFencedJson(withoutReasoning(text));
  return fenced ? [fenced] : text === answer ? strict : jsonInText(text);
}

/** The last object in a text; undefined if there is none or if it cannot be parsed. */
export function lastObjectInText(answer: string): object | undefined {
  const objects = jsonInText(answer).filter((found) => found === undefined || isRecord(found.value));
  return objects.at(-1)?.value as object | undefined;
}

const THINK_TAGS = 'think|thinking|thought|reasoning';

/** Empty if the reasoning does not end: the answer was cut off. */
function withoutReasoning(answer: string): string {
  let text = answer;
  for (;;) {
    // Also removes a byte order mark.
    text = text.trim();
    const tag = new RegExp(`^<(${THINK_TAGS})>`, 'i').exec(text)?.[1];
    if (tag === undefined) return text;
    const closing = new RegExp(`</${tag}>`, 'i').exec(text);
    if (!closing) return '';
    text = text.slice(closing.index + closing[0].length);
  }
}

/** The text behind the last tag that ends reasoning; the whole text if there is no such tag. */
function afterReasoning(text: string): string {
  const closing = new RegExp(`</(?:${THINK_TAGS})>`, 'gi');
  let end = 0;
  while (closing.test(text)) end = closing.lastIndex;
  return text.slice(end);
}

/** A code block that is marked as JSON, if the text has exactly one and does not begin with JSON itself. */
function onlyFencedJson(text: string): JsonInText | undefined {
  // A code block inside an answer that is itself (broken) JSON is a quotation.
  if (/^\s*[{[]/.test(text)) return undefined;
  const blocks: string[][] = [];
  let block: string[] | undefined;
  let isOpen = false;
  for (const line of text.split('\n')) {
    const mark = line.trim();
    if (isOpen && mark === FENCE) {
      if (block) blocks.push(block);
      block = undefined;
      isOpen = false;
    } else if (!isOpen && mark.startsWith(FENCE)) {
      isOpen = true;
      block = mark.slice(FENCE.length).trim().toLowerCase() === 'json' ? [] : undefined;
    } else block?.push(line);
  }
  const [only, ...others] = blocks;
  return only && others.length === 0 ? parse(only.join('\n')) : undefined;
}

/** The content of a code block that is the whole text. */
function withoutFence(text: string): string {
  const from = text.indexOf('\n');
  return text.startsWith(FENCE) && text.endsWith(FENCE) && from > 0 ? text.slice(from, -3) : '';
}

const CLOSING: ReadonlyMap<string, string> = new Map([
  ['{', '}'],
  ['[', ']'],
]);

function parse(text: string): JsonInText | undefined {
  const trimmed = text.trim();
  // A million brackets that never close would cost the parser much memory.
  const closing = CLOSING.get(trimmed.charAt(0));
  if (closing !== undefined && !trimmed.endsWith(closing)) return undefined;
  try {
    return { text: trimmed, value: JSON.parse(trimmed) as unknown };
  } catch {
    return undefined;
  }
}

function search(text: string): readonly (JsonInText | undefined)[] {
  const found: (JsonInText | undefined)[] = [];
  let looks = MAX_LOOKS * text.length;
  let values = 0;
  let from = 0;
  while (from < text.length) {
    const begins = beginningAt(text, from);
    if (!begins) {
      from += 1;
      continue;
    }
    values += 1;
    if (values > MAX_VALUES) return [...found, undefined];
    const end = endOf(text, from, looks);
    looks -= (end ?? text.length) - from;
    const value = end === undefined ? undefined : parse(text.slice(from, end));
    if (value ?? begins === 'object') found.push(value);
    if (looks <= 0 || (begins === 'object' && end === undefined)) return [...found, undefined];
    from = value || begins === 'object' ? (end as number) : from + 1;
  }
  return found;
}

/** Braces and brackets also occur in prose; only those followed by valid JSON syntax count. */
function beginningAt(text: string, from: number): 'object' | 'array' | undefined {
  const bracket = text[from];
  if (bracket !== '{' && bracket !== '[') return undefined;
  const next = /\S/.exec(text.slice(from + 1, from + 1_000))?.[0] ?? '';
  if (bracket === '{') return next === '"' || next === '}' ? 'object' : undefined;
  return /["[{\]\d\-tfn]/.test(next) ? 'array' : undefined;
}

/** The end of the bracket at `from`; undefined if it does not close within `looks` characters. */
function endOf(text: string, from: number, looks: number): number | undefined {
  const to = Math.min(text.length, from + looks);
  let depth = 0;
  let isQuoted = false;
  for (let index = from; index < to; index++) {
    const character = text[index];
    if (isQuoted) {
      if (character === '\\') index += 1;
      else if (character === '"') isQuoted = false;
    } else if (character === '"') isQuoted = true;
    else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') {
      depth -= 1;
      if (depth === 0) return index + 1;
    }
  }
  return undefined;
}
