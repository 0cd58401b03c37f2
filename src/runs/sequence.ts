/** A part of a sequence: returns nothing if it has ended at once. */
export type Step = () => Promise<void> | undefined;

/**
 * Takes steps one after another. Waits only for those that return a promise: in most runs none does, and each async
 * function costs more than such a step.
 *
 * @returns nothing if all have ended at once
 * @throws the error of a step, at once or later
 */
export function inTurn(steps: readonly Step[]): Promise<void> | undefined {
  for (let index = 0; index < steps.length; index++) {
    const waiting = steps[index]?.();
    if (waiting) return waiting.then(() => inTurn(steps.slice(index + 1)));
  }
  return undefined;
}
