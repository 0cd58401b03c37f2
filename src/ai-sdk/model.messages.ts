import type { FilePart, ModelMessage, TextPart } from 'ai';

import { quoted } from '../errors/log.text.js';
import { textOfFile } from '../model/file.text.js';
import { headOf } from '../model/file.signature.js';
import { fileTypeOf } from '../model/file.type.js';
import { isBlank } from '../model/blank.js';
import type { Message } from '../model/message.js';
import type { RunFile } from '../model/run-input.js';

/**
 * Converts the conversation into messages of the AI SDK.
 *
 * @param files - the files of the last question
 */
export function toModelMessages(messages: readonly Message[], files: readonly RunFile[]): ModelMessage[] {
  const question = files.length === 0 ? undefined : messages.findLast(({ role }) => role === 'user');
  return messages.flatMap((message) => {
    if (message !== question) return toModelMessage(message) ?? [];
    // Providers refuse blank texts; then the question consists of the files.
    const words = isBlank(message.content) ? [] : [{ type: 'text' as const, text: message.content }];
    return { role: 'user', content: [...words, ...files.map(toPart)] };
  });
}

/** Providers refuse a blank answer, and a tool result without its call. */
function toModelMessage({ role, content }: Message): ModelMessage | undefined {
  if (role === 'tool') return undefined;
  if (role === 'assistant' && isBlank(content)) return undefined;
  return { role, content };
}

/** Most providers refuse text files: the model gets the text itself. */
function toPart(file: RunFile): TextPart | FilePart {
  const { name, content, url } = file;
  if (content === undefined && url === undefined)
    return { type: 'text', text: `${labelOf(file)} has no content.` };
  const text = textOfFile(file);
  if (text !== undefined) return { type: 'text', text: `${labelOf(file)}:\n${text}` };
  const data = content ?? new URL(url as string);
  return {
    type: 'file',
    data,
    mediaType: mediaTypeOf(file),
    ...(name === undefined ? {} : { filename: name }),
  };
}

/** In direct runs the application sets the type of a file, or leaves it out. */
function mediaTypeOf({ kind, name, mediaType, content }: RunFile): string {
  const bytes = content === undefined ? undefined : headOf(content);
  const unknown = kind === 'file' ? 'application/octet-stream' : `${kind}/*`;
  return fileTypeOf(mediaType, name, bytes)?.mediaType ?? mediaType ?? unknown;
}

function labelOf({ name }: RunFile): string {
  return name === undefined ? 'A file' : `The file ${quoted(name)}`;
}
