/** Neither white space nor a character that is never shown: the zero width space (U+200B), say, or the empty Braille cell (U+2800). */
const VISIBLE = /[^\s\p{Default_Ignorable_Code_Point}\u2800]/u;

/** Whether a text is empty, or holds nothing that can be seen. */
export function isBlank(text: string): boolean {
  return !VISIBLE.test(text);
}
