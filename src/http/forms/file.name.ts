const MAX_LENGTH = 255;

/** Paths are no longer on any system. Of longer ones only the end is looked at: they could have millions of segments. */
const MAX_PATH_LENGTH = 4_096;

/** Characters that break lines, turn the direction of writing around, or are no characters. */
const UNSAFE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * The name of a file as run data may hold it: never a path, one line, of a length that can be stored.
 *
 * @returns undefined if nothing is left of it
 */
export function safeFileName(name: string): string | undefined {
  const path = name.slice(-MAX_PATH_LENGTH).replace(UNSAFE, '');
  const segment = path.split(/[\\/]/).at(-1)?.trim() ?? '';
  return /^\.{0,2}$/.test(segment) ? undefined : shorten(segment);
}

/** Keeps the end, which says what the file is. */
function shorten(name: string): string {
  if (name.length <= MAX_LENGTH) return name;
  const [extension = ''] = /\.[^.]{1,20}$/.exec(name) ?? [];
  // The cut may have gone through a character.
  return `${name.slice(0, MAX_LENGTH - extension.length)}${extension}`.replace(UNSAFE, '');
}
