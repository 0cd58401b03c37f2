import { isUtf8 } from 'node:buffer';

import { looksLikeText } from '../../model/file.signature.js';

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** The number of bytes that a base64 text encodes; undefined if it is not base64, or is empty. */
export function sizeOfBase64(text: string): number | undefined {
  if (text === '' || text.length % 4 !== 0 || !BASE64.test(text)) return undefined;
  return (text.length / 4) * 3 - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0);
}

/** The base64 of a text that was sent as plain text or in base64. */
export function textToBase64(given: string): string {
  return isEncodedText(given) ? given : Buffer.from(given).toString('base64');
}

/** Plain words may look like base64, but do not decode to text. */
function isEncodedText(given: string): boolean {
  if (sizeOfBase64(given) === undefined) return false;
  const bytes = Buffer.from(given, 'base64');
  if (isUtf8(bytes) || hasUtf16Mark(bytes)) return true;
  // In older encodings all bytes are valid: so base64 must have padding, which follows no word, or many ASCII
  // letters.
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
