const MAX_LENGTH = 255;

/** No system has longer paths. Only the end of longer ones is read: they could have millions of segments. */
const MAX_PATH_LENGTH = 4_096;

/** Characters that break lines, change the direction of writing, or are no valid characters. */
const UNSAFE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * The name of a file for run data: never a path, a single line, of a length that can be stored.
 *
 * @returns undefined if no character of the name is left
 */
export function safeFileName(name: string): string | undefined {
  const path = name.slice(-MAX_PATH_LENGTH).replace(UNSAFE, '');
  const segment = path.split(/[\\/]/).at(-1)?.trim() ?? '';
  return /^\.{0,2}$/.test(segment) ? undefined : shorten(segment);
}

/** Cuts a name and keeps its extension, which tells the file type. */
function shorten(name: string): string {
  if (name.length <= MAX_LENGTH) return name;
  const [extension = ''] = /\.[^.]{1,20}$/.exec(name) ?? [];
  // The cut may have split a character.
  return `${name.slice(0, MAX_LENGTH - extension.length)}${extension}`.replace(UNSAFE, '');
}
