import { randomUUID } from 'node:crypto';

// Node concatenates a UUID from some twenty strings, and V8 keeps them until the string is flattened. toLowerCase()
// flattens it. Ids are kept with every run: a flat id cuts the memory of a run index record to a quarter.
const random = (): string => randomUUID().toLowerCase();
let source = random;

/** The id of something new: a run, a session, a message, a step, a file, an evaluation. */
export function newId(): string {
  return source();
}

/**
 * Replaces the id generator of the whole process, for tests that compare whole answers.
 *
 * @returns a function that restores random ids
 * @throws Error if the generator is already replaced
 */
export function useIds(next: () => string): () => void {
  if (source !== random)
    throw new Error('The source of ids is already replaced. Only one application can replace it at a time.');
  source = next;
  return () => {
    source = random;
  };
}
