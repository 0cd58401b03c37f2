/** Neither white space nor a character that is never shown, such as the zero width space (U+200B). */
const VISIBLE = /[^\s\p{Default_Ignorable_Code_Point}]/u;

/** Whether a text is empty, or holds nothing that can be seen. */
export function isBlank(text: string): boolean {
  return !VISIBLE.test(text);
}
