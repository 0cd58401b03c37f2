import { z } from 'zod';

import type { RunFile, RunFileKind, RunInput } from '../model/run-input.js';
import { jsonObject, named, toJsonObject } from './schema.js';

const WireFile = named(
  'Media',
  'A file that came with an input: its description, without its content.',
  z.object({
    id: z.string(),
    url: z.string().optional().describe('The address of the file.'),
    filename: z.string().optional().describe("The client's name for the file."),
    mime_type: z.string().optional().describe('Such as `image/png`.'),
    metadata: jsonObject('What the client says about the file.').optional(),
  }),
);
type WireFile = z.infer<typeof WireFile>;

/** Files by kind. */
export const WireMedia = named(
  'InputMedia',
  'Files that came with the input, by kind.',
  z.object({
    images: z.array(WireFile),
    videos: z.array(WireFile),
    audios: z.array(WireFile),
    files: z.array(WireFile),
  }),
);
type WireMedia = z.infer<typeof WireMedia>;

/** The input of an agent's or team's run. */
export const WireInput = named(
  'RunInput',
  'The input of a run, with the changes of its inline pre-hooks.',
  z.object({
    input_content: z.string().describe('The message.'),
    images: z.array(WireFile).optional(),
    videos: z.array(WireFile).optional(),
    audios: z.array(WireFile).optional(),
    files: z.array(WireFile).optional(),
  }),
);
type WireInput = z.infer<typeof WireInput>;

/**
 * The input of an agent's or team's run. Only files with a URL are included: contents are not sent back, and clients
 * refuse files that have neither content nor a URL.
 */
export function toWireInput({ content, files = [] }: RunInput): WireInput {
  if (files.length === 0) return { input_content: content };
  const { images, videos, audios, files: others } = toWireMedia(files.filter(({ url }) => url !== undefined));
  return {
    input_content: content,
    images: someOf(images),
    videos: someOf(videos),
    audios: someOf(audios),
    files: someOf(others),
  };
}

/** Files by kind, as sessions show them: their descriptions without their contents. */
export function toWireMedia(files: readonly RunFile[]): WireMedia {
  return {
    images: mediaOf(files, 'image'),
    videos: mediaOf(files, 'video'),
    audios: mediaOf(files, 'audio'),
    files: mediaOf(files, 'file'),
  };
}

function mediaOf(files: readonly RunFile[], kind: RunFileKind): WireFile[] {
  return files.filter((file) => file.kind === kind).map(toWireFile);
}

function toWireFile({ id, url, name, mediaType, metadata }: RunFile): WireFile {
  return { id, url, filename: name, mime_type: mediaType, metadata: metadata && toJsonObject(metadata) };
}

function someOf(files: WireFile[]): WireFile[] | undefined {
  return files.length > 0 ? files : undefined;
}
