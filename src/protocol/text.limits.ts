const HALF_CHARACTER = /[\ud800-\udbff]$/;

/** The first characters of a text. The last one is never half of a surrogate pair. */
export function beginningOf(text: string, length: number): string {
  return text.length > length ? text.slice(0, length).replace(HALF_CHARACTER, '') : text;
}
