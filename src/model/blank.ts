/** White space, and characters that are never shown, such as the zero width space (U+200B). */
const BLANK = /^[\s\p{Default_Ignorable_Code_Point}]*$/u;

/** Whether a text is empty, or holds nothing that can be seen. */
export function isBlank(text: string): boolean {
  return BLANK.test(text);
}
