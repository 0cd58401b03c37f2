/** A JSON value in a text. */
export interface JsonInText {
  /** As it stands there. */
  readonly text: string;
  readonly value: unknown;
}

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

/** The last object among them; undefined if there is none, or if it is none that can be read. */
export function lastObjectInText(answer: string): object | undefined {
  const objects = jsonInText(answer).filter((found) => found === undefined || isObject(found.value));
  return objects.at(-1)?.value as object | undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reasoning that does not end leaves nothing: the answer was cut off. */
function withoutReasoning(answer: string): string {
  let text = answer;
  for (;;) {
    // Also takes a byte order mark away.
    text = text.trim();
    const tag = /^<(think|thinking|thought|reasoning)>/i.exec(text)?.[1];
    if (tag === undefined) return text;
    const closing = `</${tag}>`;
    const end = text.indexOf(closing);
    if (end < 0) return '';
    text = text.slice(end + closing.length);
  }
}

/** The content of a code block that is the whole text. */
function withoutFence(text: string): string {
  const from = text.indexOf('\n');
  return text.startsWith('```') && text.endsWith('```') && from > 0 ? text.slice(from, -3) : '';
}

function parse(text: string): JsonInText | undefined {
  const trimmed = text.trim();
  try {
    return { text: trimmed, value: JSON.parse(trimmed) as unknown };
  } catch {
    return undefined;
  }
}

function search(text: string): readonly (JsonInText | undefined)[] {
  const found: (JsonInText | undefined)[] = [];
  let looks = MAX_LOOKS * text.length;
  let from = 0;
  while (from < text.length) {
    const begins = beginningAt(text, from);
    if (!begins) {
      from += 1;
      continue;
    }
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
