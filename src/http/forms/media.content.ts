import { isUtf8 } from 'node:buffer';

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** How many bytes a base64 text stands for; undefined if it is none, or stands for nothing. */
export function sizeOfBase64(text: string): number | undefined {
  if (text === '' || text.length % 4 !== 0 || !BASE64.test(text)) return undefined;
  return (text.length / 4) * 3 - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0);
}

/** Whether files of this type come as text that is not encoded. */
export function isTextType(mediaType = ''): boolean {
  return mediaType.startsWith('text/');
}

/** A text that was sent as it is, or in base64: words that happen to look like base64 decode to no text. */
export function textToBase64(given: string): string {
  const isEncoded = sizeOfBase64(given) !== undefined && isUtf8(Buffer.from(given, 'base64'));
  return isEncoded ? given : Buffer.from(given).toString('base64');
}
