import type { RunFile, RunFileKind, RunInput } from '../../model/run-input.js';
import { withoutUndefined, type WireObject } from './wire-format.js';

/** The input of an agent's or team's run; files are named, not sent back. */
export function toWireInput({ content, files = [] }: RunInput): WireObject {
  const media = Object.entries(toWireMedia(files)).filter(([, items]) => items.length > 0);
  return { input_content: content, ...Object.fromEntries(media) };
}

/** Files by kind, each list with what has come, perhaps nothing. */
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
