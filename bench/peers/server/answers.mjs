import { prose } from '../../server/outputs.mjs';

/** The pieces in which a model sends an answer of this size. */
export function piecesOf({ size, tokens }) {
  const answer = prose(size);
  const length = Math.ceil(answer.length / tokens);
  return Array.from({ length: tokens }, (_, index) => answer.slice(index * length, (index + 1) * length));
}

/** The pieces as a model sends them: each in a turn of its own of the event loop, as if it had come over the network. */
export async function* inTurns(pieces) {
  for (const piece of pieces) {
    await nextTurn();
    yield piece;
  }
}

function nextTurn() {
  return new Promise((resolve) => setImmediate(resolve));
}
