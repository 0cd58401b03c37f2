import type { RunStatus } from '../../model/run-output.js';
import { FieldReader, type Fields } from '../forms/field.reader.js';
import { shortText } from '../forms/request.fields.js';

const STATUSES = ['RUNNING', 'COMPLETED', 'ERROR', 'CANCELLED'] as const satisfies readonly RunStatus[];

/** In which session to look for runs, and for which. */
export interface RunsQuery {
  readonly sessionId: string;
  readonly status: RunStatus | undefined;
}

/** Reads the query of a list of runs. */
export function readRunsQuery(reader: FieldReader): RunsQuery {
  return { sessionId: reader.requiredText('session_id'), status: reader.choice('status', STATUSES) };
}

/** A run of the past that a client wants to go on with. */
export interface RunReference {
  readonly sessionId: string | undefined;
  /** Index of the last event that the client has; -1 if it has none. */
  readonly lastEventIndex: number;
}

/** @throws UnprocessableEntityException with one problem for each field that is wrong */
export function parseRunReference(fields: Fields): RunReference {
  const reader = new FieldReader(fields);
  const sessionId = shortText(reader, 'session_id');
  const lastEventIndex = reader.integer('last_event_index', { minimum: -1 }) ?? -1;
  reader.finish();
  return { sessionId, lastEventIndex };
}
