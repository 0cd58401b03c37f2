/**
 * A time in whole seconds, as in sessions, their runs and evaluations.
 *
 * @param milliseconds - epoch milliseconds
 */
export function toIsoSeconds(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
}
