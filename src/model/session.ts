import type { PlainRecord } from './run-context.js';

/** A conversation that several runs share. Its history comes from the `SessionStore`. */
export interface Session {
  readonly id: string;
  readonly userId?: string;
  name?: string;
  readonly state: PlainRecord;
  readonly metadata: PlainRecord;
}
