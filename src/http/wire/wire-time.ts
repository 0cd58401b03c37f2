/**
 * A time as sessions, their runs and evaluations have it: whole seconds.
 *
 * @param milliseconds - epoch milliseconds
 */
export function toIsoSeconds(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
}
