export const HOOK_COUNT = 10;

let charactersRead = 0;

/** Somebody could ask, so that the reading cannot be optimized away. */
export function countOfCharactersRead() {
  return charactersRead;
}

/** What every hook of the benchmark does: it reads the answer. An async function, as hooks mostly are. */
export async function readContent({ runOutput }) {
  charactersRead += runOutput.content.length;
}
