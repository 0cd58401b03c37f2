import { isUtf8 } from 'node:buffer';

const TEXT =
  /^text\/|^application\/(?:x-)?(?:json|jsonl|ndjson|xml|yaml|toml|sql|sh|javascript|typescript|python)$|^application\/[^/]*\+(?:json|xml)$/;

/** Whether files of this type are texts that a model can read. */
export function isTextFile(mediaType: string): boolean {
  return TEXT.test(mediaType);
}

/** The text of a file. What is not UTF-8 is taken for the older encoding of Western Europe. */
export function textOfFile(base64: string): string {
  const bytes = Buffer.from(base64, 'base64');
  return new TextDecoder(isUtf8(bytes) ? 'utf-8' : 'windows-1252').decode(bytes);
}
