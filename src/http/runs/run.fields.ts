import type { RunStatus } from '../../model/run-output.js';
import { FieldReader, type Fields } from '../forms/field.reader.js';
import { shortText } from '../forms/request.fields.js';
import { readRunPage, type RunPageQuery } from '../sessions/run.pages.js';

/** The run status of each status of the protocol. No run has null: runs are neither paused nor regenerated here. */
const STATUSES: ReadonlyMap<string, RunStatus | null> = new Map([
  ['PENDING', 'RUNNING'],
  ['RUNNING', 'RUNNING'],
  ['COMPLETED', 'COMPLETED'],
  ['PAUSED', null],
  ['CANCELLED', 'CANCELLED'],
  ['ERROR', 'ERROR'],
  ['REGENERATED', null],
]);

/** The statuses that a client may filter by. */
export const ASKED_STATUSES: readonly string[] = [...STATUSES.keys()];

/** The session and the filter of a list of runs. */
export interface RunsQuery {
  readonly sessionId: string;
  /** Undefined for any status; null for one that no run has. */
  readonly status: RunStatus | null | undefined;
  readonly part: RunPageQuery;
}

/** Reads the id of the session of a run. */
export function readSessionId(reader: FieldReader): string {
  return reader.requiredText('session_id');
}

/** Reads the query of a list of runs. */
export function readRunsQuery(reader: FieldReader): RunsQuery {
  return { sessionId: readSessionId(reader), status: readStatus(reader), part: readRunPage(reader) };
}

function readStatus(reader: FieldReader): RunStatus | null | undefined {
  const asked = reader.text('status');
  const status = asked === undefined ? undefined : STATUSES.get(asked.toUpperCase());
  if (asked !== undefined && status === undefined)
    reader.refuse('status', 'enum', `Input should be one of ${ASKED_STATUSES.join(', ')}`, asked);
  return status;
}

/** A past run that a client wants to resume. */
export interface RunReference {
  readonly sessionId: string | undefined;
  /** Index of the last event that the client has received; -1 if none. */
  readonly lastEventIndex: number;
}

/** @throws UnprocessableEntityException with one error for each field that is wrong */
export function parseRunReference(fields: Fields): RunReference {
  const reader = new FieldReader(fields);
  const sessionId = shortText(reader, 'session_id');
  const lastEventIndex = reader.integer('last_event_index', { minimum: -1 }) ?? -1;
  reader.finish();
  return { sessionId, lastEventIndex };
}
