import { z } from 'zod';

import type { RunFile, RunFileKind } from '../model/run-input.js';
import type { RunOutput } from '../model/run-output.js';
import type { RunSource } from '../model/run-source.js';
import { jsonObject, named } from './schema.js';

/** A file of an answer. */
export const WireAnswerFile = named(
  'AnswerMedia',
  'A file that is part of an answer.',
  z.object({
    id: z.string(),
    url: z.string().describe('The address of the file, or a `data:` URL with its content.'),
    filename: z.string().optional(),
    mime_type: z.string().optional().describe('Such as `image/png`.'),
  }),
);
type WireAnswerFile = z.infer<typeof WireAnswerFile>;

/** The sources of an answer. */
export const WireCitations = z
  .object({
    urls: z.array(z.object({ url: z.string(), title: z.string().optional() })).optional(),
    documents: z
      .array(
        z.object({
          document_title: z.string(),
          cited_text: z.string().optional().describe('The text that the answer relies on.'),
          file_name: z.string().optional(),
        }),
      )
      .optional(),
  })
  .describe('The sources of the answer.');
type WireCitations = z.infer<typeof WireCitations>;

/** The texts that an answer relies on. */
export const WireReferences = z
  .array(
    z.object({
      query: z.string().describe('Always empty: engines do not report it.'),
      references: z.array(
        z.object({ name: z.string(), content: z.string(), meta_data: jsonObject('Where it comes from.') }),
      ),
    }),
  )
  .describe('The sources whose text is known.');
type WireReferences = z.infer<typeof WireReferences>;

/** The parts of an answer besides its text. Parts that it does not have are left out. */
export const WireAnswerParts = z.object({
  reasoning_content: z.string().optional().describe('The reasoning of the model.'),
  citations: WireCitations.optional(),
  references: WireReferences.optional(),
  images: z.array(WireAnswerFile).optional(),
  videos: z.array(WireAnswerFile).optional(),
  audio: z.array(WireAnswerFile).optional().describe('All audio except the first.'),
  files: z.array(WireAnswerFile).optional().describe('Other files.'),
  response_audio: WireAnswerFile.optional().describe('The first audio.'),
});
export type WireAnswerParts = z.infer<typeof WireAnswerParts>;

type Extras = Pick<RunOutput, 'reasoning' | 'sources' | 'files'>;

/** The parts of an answer besides its text; undefined if there are none, as in most answers. */
export function toWireAnswerParts({ reasoning, sources, files }: Extras): WireAnswerParts | undefined {
  if (reasoning === undefined && !sources && !files) return undefined;
  const audio = filesOf(files, 'audio');
  return {
    reasoning_content: reasoning,
    citations: sources && toWireCitations(sources),
    references: sources && someOf(toWireReferences(sources)),
    images: someOf(filesOf(files, 'image')),
    videos: someOf(filesOf(files, 'video')),
    audio: someOf(audio.slice(1)),
    files: someOf(filesOf(files, 'file')),
    response_audio: audio[0],
  };
}

/** The sources of an answer by kind. */
export function toWireCitations(sources: readonly RunSource[]): WireCitations {
  const urls = sources.flatMap((source) =>
    source.kind === 'url' ? [{ url: source.url, title: source.title }] : [],
  );
  const documents = sources.flatMap((source) =>
    source.kind === 'document'
      ? [{ document_title: source.title, cited_text: source.excerpt, file_name: source.name }]
      : [],
  );
  return { urls: someOf(urls), documents: someOf(documents) };
}

/** The sources whose text is known. */
export function toWireReferences(sources: readonly RunSource[]): WireReferences {
  const references = sources.flatMap((source) =>
    source.excerpt === undefined
      ? []
      : [{ name: titleOf(source), content: source.excerpt, meta_data: placeOf(source) }],
  );
  return references.length > 0 ? [{ query: '', references }] : [];
}

/** The files of a kind. Those without content and URL, as sessions store them, are left out: clients refuse them. */
export function filesOf(files: readonly RunFile[] | undefined, kind: RunFileKind): WireAnswerFile[] {
  return files?.filter((file) => file.kind === kind).flatMap((file) => toWireAnswerFile(file) ?? []) ?? [];
}

/** A file of an answer; undefined if it has neither content nor URL. */
export function toWireAnswerFile(file: RunFile): WireAnswerFile | undefined {
  const url = urlOf(file);
  return url === undefined ? undefined : { id: file.id, url, filename: file.name, mime_type: file.mediaType };
}

/** The address of a file: its URL, or a `data:` URL with its content. */
export function urlOf({ content, url, mediaType = 'application/octet-stream' }: RunFile): string | undefined {
  return content === undefined ? url : `data:${mediaType};base64,${content}`;
}

function titleOf(source: RunSource): string {
  return source.kind === 'url' ? (source.title ?? source.url) : source.title;
}

function placeOf(source: RunSource): Record<string, unknown> {
  return source.kind === 'url' ? { url: source.url } : { file_name: source.name };
}

function someOf<T>(list: T[]): T[] | undefined {
  return list.length > 0 ? list : undefined;
}
