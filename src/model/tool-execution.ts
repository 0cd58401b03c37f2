import type { PlainRecord } from './run-context.js';

/** A tool call that an engine made, with its result once it has one. */
export interface ToolExecution {
  readonly id: string;
  readonly name: string;
  readonly arguments: PlainRecord;
  result?: string;
  failed?: boolean;
  /** Epoch milliseconds. */
  startedAt?: number;
  /** Epoch milliseconds. */
  endedAt?: number;
  /** The run that it started: that of a team's member. */
  childRunId?: string;
}
