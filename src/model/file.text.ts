import { fileTypeOf, isTextType, type FileType } from './file.type.js';
import type { RunFile } from './run-input.js';
import { decodeText } from './text.decoding.js';

/**
 * The text of a file that came with the input of a run, for guardrails and other hooks that look into it. It is the
 * text that a model gets of the file from the engine on the AI SDK.
 *
 * A byte order mark tells the encoding (UTF-8, UTF-16, UTF-32); without one it is the `charset` of the media type, then
 * UTF-8 if the bytes are valid, then what an XML or HTML file says of itself, then Windows-1252.
 *
 * @returns undefined if the file is no text (by its media type; by its name and its first bytes where that type is one
 * that senders are known to get wrong), or if it came as a URL or without its content
 *
 * @example
 * ```ts
 * const texts = (runInput.files ?? []).map((file) => textOfFile(file) ?? '');
 * if (texts.some(leaks)) throw new InputCheckError('Secrets in a file');
 * ```
 */
export function textOfFile({ content, mediaType, name }: RunFile): string | undefined {
  if (content === undefined) return undefined;
  const bytes = Buffer.from(content, 'base64');
  const type = fileTypeOf(mediaType, name, bytes)?.mediaType;
  return type !== undefined && isTextType(type) ? decodeText(bytes, charsetOf(mediaType)) : undefined;
}

/**
 * The type of a file with the character set that its sender names for it. Left out where {@link textOfFile} finds the
 * encoding without it, so that UTF-8 has one spelling only.
 */
export function withCharset(type: FileType, said: string | undefined): FileType {
  const charset = charsetOf(said);
  if (charset === undefined || !isTextType(type.mediaType) || /^(?:utf-?8|us-ascii)$/i.test(charset))
    return type;
  return { ...type, mediaType: `${type.mediaType}; charset=${charset.toLowerCase()}` };
}

function charsetOf(mediaType = ''): string | undefined {
  return /;\s*charset\s*=\s*"?([\w.:-]+)/i.exec(mediaType)?.[1];
}
