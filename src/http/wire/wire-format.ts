/** A JSON object of the protocol. */
export type WireObject = Readonly<Record<string, unknown>>;

/** The protocol leaves out what is unknown. */
export function withoutUndefined(object: WireObject): WireObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

/** @param milliseconds - epoch milliseconds */
export function toIsoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
