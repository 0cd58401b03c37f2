import type { TextStreamPart, ToolSet } from 'ai';

import { fileKindOf } from '../model/file.type.js';
import { newId } from '../model/ids.js';
import type { RunFile } from '../model/run-input.js';
import type { RunSource } from '../model/run-source.js';
type StreamPart = TextStreamPart<ToolSet>;
type PartOf<T extends StreamPart['type']> = Extract<StreamPart, { readonly type: T }>;

/** A source of the answer, as runs describe it. */
export function toSource(part: PartOf<'source'>): RunSource {
  const { id, title } = part;
  if (part.sourceType === 'url')
    return { kind: 'url', id, url: part.url, ...(title === undefined ? {} : { title }) };
  const { mediaType, filename } = part;
  return {
    kind: 'document',
    id,
    title: part.title,
    mediaType,
    ...(filename === undefined ? {} : { name: filename }),
  };
}

/** A file of the answer, as runs describe it. */
export function toFile({ file: { base64, mediaType } }: PartOf<'file'>): RunFile {
  return { id: newId(), kind: fileKindOf(mediaType), mediaType, content: base64 };
}
