import { fileTypeOf, isTextType, type FileType } from './file.type.js';
import type { RunFile } from './run-input.js';
import { decodeText } from './text.decoding.js';

/**
 * The text of a file in a run's input, for guardrails and other hooks that inspect it. The engine on the AI SDK sends
 * the same text to the model.
 *
 * A byte order mark determines the encoding (UTF-8, UTF-16, UTF-32). Without one it is the `charset` of the media
 * type, then UTF-8 if the bytes are valid, then the encoding that an XML or HTML file declares, then Windows-1252.
 *
 * @returns undefined if the file is not text, or if it came as a URL or without its content. The media type decides;
 * where it is one that senders are known to get wrong, the name and the first bytes do
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
