import { isUtf8 } from 'node:buffer';

import { looksLikeText } from '../../model/file.signature.js';

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** How many bytes a base64 text stands for; undefined if it is none, or stands for nothing. */
export function sizeOfBase64(text: string): number | undefined {
  if (text === '' || text.length % 4 !== 0 || !BASE64.test(text)) return undefined;
  return (text.length / 4) * 3 - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0);
}

/** A text that was sent as it is, or in base64. */
export function textToBase64(given: string): string {
  return isEncodedText(given) ? given : Buffer.from(given).toString('base64');
}

/** Words may happen to look like base64. Then they decode to what is no text. */
function isEncodedText(given: string): boolean {
  if (sizeOfBase64(given) === undefined) return false;
  const bytes = Buffer.from(given, 'base64');
  if (isUtf8(bytes) || hasUtf16Mark(bytes)) return true;
  // Older encodings forbid no bytes: it takes padding, which stands behind no word, or many letters that are plain ones.
  const isPlausible = given.endsWith('=') || (bytes.length >= 24 && isMostlyAscii(bytes));
  return isPlausible && looksLikeText(bytes);
}

function hasUtf16Mark([first, second]: Buffer): boolean {
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
}

function isMostlyAscii(bytes: Buffer): boolean {
  const plain = bytes.reduce((count, byte) => count + (byte < 0x80 ? 1 : 0), 0);
  return plain > bytes.length * 0.7;
}
