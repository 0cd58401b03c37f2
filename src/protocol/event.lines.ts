/** JSON may contain them unescaped, but readers in Python take them for the end of the line. */
const UNICODE_LINE_BREAKS = /[\u0085\u2028\u2029]/g;

/** JSON as one line of a stream of events. */
export function toLine(json: string): string {
  return json.replace(UNICODE_LINE_BREAKS, escapeUnicode);
}

function escapeUnicode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
