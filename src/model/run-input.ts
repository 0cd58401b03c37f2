import type { PlainRecord } from './run-context.js';

/** The kind of a file, by its media type; `file` is any document. */
export type RunFileKind = 'image' | 'audio' | 'video' | 'file';

/** A file that comes with the input of a run, or is part of its answer. */
export interface RunFile {
  readonly id: string;
  readonly kind: RunFileKind;
  /** As the client calls it: never a path. */
  readonly name?: string;
  /** Such as `image/png`. */
  readonly mediaType?: string;
  /** The bytes as base64 text, which copies share. Left out where runs are stored. */
  readonly content?: string;
  /** The location of the file, in place of its content. */
  readonly url?: string;
  /** What the client says about an upload (`files_metadata`), if it says something. Stored with the run. */
  readonly metadata?: Readonly<PlainRecord>;
}

/** The input of a run. Inline pre-hooks may change it; background hooks see it with their changes. */
export interface RunInput {
  /** The user's message. */
  content: string;
  /** Files that came with it; members and steps get them too. */
  files?: RunFile[];
}
