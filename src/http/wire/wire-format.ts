/** A JSON object of the protocol. */
export type WireObject = Readonly<Record<string, unknown>>;

/** @param milliseconds - epoch milliseconds */
export function toIsoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
