import type { RunFile, RunFileKind, RunInput } from '../../model/run-input.js';
import { withoutUndefined } from '../../data/without-undefined.js';
import type { WireObject } from './wire-format.js';

/**
 * The input of an agent's or team's run. Only files with a URL are included: contents are not sent back, and clients
 * refuse files that have neither content nor a URL.
 */
export function toWireInput({ content, files = [] }: RunInput): WireObject {
  if (files.length === 0) return { input_content: content };
  const linked = files.filter(({ url }) => url !== undefined);
  const media = Object.entries(toWireMedia(linked)).filter(([, items]) => items.length > 0);
  return { input_content: content, ...Object.fromEntries(media) };
}

/** Files by kind, as sessions show them: their descriptions without their contents. */
export function toWireMedia(files: readonly RunFile[]): Readonly<Record<MediaField, readonly WireObject[]>> {
  return {
    images: mediaOf(files, 'image'),
    videos: mediaOf(files, 'video'),
    audios: mediaOf(files, 'audio'),
    files: mediaOf(files, 'file'),
  };
}

type MediaField = 'images' | 'videos' | 'audios' | 'files';

function mediaOf(files: readonly RunFile[], kind: RunFileKind): readonly WireObject[] {
  return files.filter((file) => file.kind === kind).map(toWireFile);
}

function toWireFile({ id, url, name, mediaType }: RunFile): WireObject {
  return withoutUndefined({ id, url, filename: name, mime_type: mediaType });
}
