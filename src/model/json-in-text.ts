import { isRecord } from '../data/is-record.js';

/** A JSON value in a text. */
export interface JsonInText {
  /** As it stands there. */
  readonly text: string;
  readonly value: unknown;
}

const FENCE = '```';

/**
 * Objects and arrays, and what begins like them, that are looked at in one text: each costs some microseconds. Behind
 * these nothing is read, as if the text could not be.
 */
const MAX_VALUES = 1_000;

/** Characters looked at for each character of the text, at most: brackets that never close must not cost more. */
const MAX_LOOKS = 8;

/**
 * The JSON values in what a model has written, in their order: the whole text, else objects and arrays between words
 * or in code blocks. Reasoning before the answer (`<think>…</think>`) does not count.
 *
 * What begins like an object and is none is undefined in the list, with all that stands inside: an object in there may
 * be what somebody else has written and the model quotes.
 */
export function jsonInText(answer: string): readonly (JsonInText | undefined)[] {
  const text = withoutReasoning(answer);
  const whole = parse(text) ?? parse(withoutFence(text));
  return whole ? [whole] : search(text);
}

/**
 * The JSON values in an answer that should be structured data. More is forgiven than in {@link jsonInText}, as a schema
 * decides afterwards: reasoning ends with its last closing tag, wherever it began, and the only code block that is marked
 * as JSON is the answer, whatever stands around it. Verdicts must not be read so: what they quote could end their reasoning.
 */
export function jsonInAnswer(answer: string): readonly (JsonInText | undefined)[] {
  const strict = jsonInText(answer);
  // A tag inside a JSON value is part of the answer.
  if (strict.some((found) => found && afterReasoning(found.text) !== found.text)) return strict;
  const text = afterReasoning(answer);
  const fenced = onlyFencedJson(withoutReasoning(text));
  return fenced ? [fenced] : text === answer ? strict : jsonInText(text);
}

/** The last object among them; undefined if there is none, or if it is none that can be read. */
export function lastObjectInText(answer: string): object | undefined {
  const objects = jsonInText(answer).filter((found) => found === undefined || isRecord(found.value));
  return objects.at(-1)?.value as object | undefined;
}

const THINK_TAGS = 'think|thinking|thought|reasoning';

/** Reasoning that does not end leaves nothing: the answer was cut off. */
function withoutReasoning(answer: string): string {
  let text = answer;
  for (;;) {
    // Also takes a byte order mark away.
    text = text.trim();
    const tag = new RegExp(`^<(${THINK_TAGS})>`, 'i').exec(text)?.[1];
    if (tag === undefined) return text;
    const closing = new RegExp(`</${tag}>`, 'i').exec(text);
    if (!closing) return '';
    text = text.slice(closing.index + closing[0].length);
  }
}

/** What stands behind the last tag that ends reasoning; the whole text if there is none. */
function afterReasoning(text: string): string {
  const closing = new RegExp(`</(?:${THINK_TAGS})>`, 'gi');
  let end = 0;
  while (closing.test(text)) end = closing.lastIndex;
  return text.slice(end);
}

/** A code block that is marked as JSON, if the text has exactly one and does not begin with JSON itself. */
function onlyFencedJson(text: string): JsonInText | undefined {
  // What stands in a block of an answer that is itself JSON, and broken, is a quotation.
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
  // A million brackets that do not end would cost the parser much memory.
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

/** Braces and brackets also stand in prose; those of JSON are followed by what JSON allows. */
function beginningAt(text: string, from: number): 'object' | 'array' | undefined {
  const bracket = text[from];
  if (bracket !== '{' && bracket !== '[') return undefined;
  const next = /\S/.exec(text.slice(from + 1, from + 1_000))?.[0] ?? '';
  if (bracket === '{') return next === '"' || next === '}' ? 'object' : undefined;
  return /["[{\]\d\-tfn]/.test(next) ? 'array' : undefined;
}

/** Where the bracket at `from` is closed; undefined if it is not, as far as it may be looked. */
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
