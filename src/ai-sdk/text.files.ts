import { isUtf8 } from 'node:buffer';

const TEXT =
  /^text\/|^application\/(?:x-)?(?:json|jsonl|ndjson|xml|yaml|toml|sql|sh|javascript|typescript|python)$|^application\/[^/]*\+(?:json|xml)$/;

/** Whether files of this type are texts that a model can read. */
export function isTextFile(mediaType: string): boolean {
  return TEXT.test(mediaType);
}

/** The text of a file. What is not UTF-8 is taken for Latin-1, so that no byte is lost. */
export function textOfFile(base64: string): string {
  const bytes = Buffer.from(base64, 'base64');
  return isUtf8(bytes) ? new TextDecoder().decode(bytes) : bytes.toString('latin1');
}
