import { readdirSync, readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file of the dashboard's page. */
export interface PageFile {
  readonly mediaType: string;
  readonly content: string;
}

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

/** The files of the page by name, read once: no name of a request is ever a path. */
export function readPageFiles(): ReadonlyMap<string, PageFile> {
  const folder = join(dirname(pathOfThisFile()), 'page');
  return new Map(
    readdirSync(folder).flatMap((name) => {
      const mediaType = MEDIA_TYPES[extname(name)];
      return mediaType ? [[name, { mediaType, content: readFileSync(join(folder, name), 'utf8') }]] : [];
    }),
  );
}

/**
 * Read from the call stack: a Jest of the host that compiles this package to CommonJS cannot compile `import.meta`, and an
 * ES module has no `__filename`.
 */
function pathOfThisFile(): string {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- it is put back, not called
  const { prepareStackTrace } = Error;
  try {
    Error.prepareStackTrace = (_error, [site]) => site?.getFileName();
    const holder: { stack?: unknown } = {};
    Error.captureStackTrace(holder);
    const file = String(holder.stack);
    return file.startsWith('file:') ? fileURLToPath(file) : file;
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
  }
}
