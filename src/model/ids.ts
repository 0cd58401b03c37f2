import { randomUUID } from 'node:crypto';

// Node joins a UUID of some twenty pieces, and V8 keeps the pieces until it has to read the text as a whole. Ids are kept with
// every run: as one text a record of the run index takes a quarter of the memory.
const random = (): string => randomUUID().toLowerCase();
let source = random;

/** The id of something new: a run, a session, a message, a step, a file, an evaluation. */
export function newId(): string {
  return source();
}

/**
 * Takes ids from elsewhere, in this whole process: for tests that compare whole answers.
 *
 * @returns puts the random ones back
 * @throws Error if they are taken from elsewhere already
 */
export function useIds(next: () => string): () => void {
  if (source !== random) throw new Error('Ids are taken from elsewhere already: one application at a time.');
  source = next;
  return () => {
    source = random;
  };
}
