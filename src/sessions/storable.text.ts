/**
 * Names, first inputs and the texts of evaluations as every store keeps them: databases take neither zero bytes nor
 * halves of characters in text.
 */
export function storableText(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}
