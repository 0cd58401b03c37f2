import { randomUUID } from 'node:crypto';

const random = (): string => randomUUID();
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
