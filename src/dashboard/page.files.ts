import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';

/** A file of the dashboard's page. */
export interface PageFile {
  readonly mediaType: string;
  readonly content: string;
}

const FOLDER = new URL('page/', import.meta.url);

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

/** The files of the page by name, read once: no name of a request is ever a path. */
export function readPageFiles(): ReadonlyMap<string, PageFile> {
  return new Map(
    readdirSync(FOLDER).flatMap((name) => {
      const mediaType = MEDIA_TYPES[extname(name)];
      return mediaType ? [[name, { mediaType, content: readFileSync(new URL(name, FOLDER), 'utf8') }]] : [];
    }),
  );
}
