import { isDeepStrictEqual } from 'node:util';

import type { PlainRecord } from '../model/run-context.js';
import type { Session } from '../model/session.js';

/** The changes of a record, key by key. */
export interface RecordChanges {
  readonly set: Readonly<PlainRecord>;
  readonly removed: readonly string[];
}

/** The changes that a run has made to its session. Concurrent runs that change different keys lose nothing. */
export interface SessionChanges {
  readonly name?: string;
  readonly state: RecordChanges;
  readonly metadata: RecordChanges;
}

/** The data of a session that runs change. */
interface ChangingData extends Pick<Session, 'state' | 'metadata'> {
  readonly name?: string | undefined;
}

/** The difference between the session when it was opened and after the run. */
export function changesOf(before: ChangingData, after: ChangingData): SessionChanges {
  return {
    ...(after.name === undefined || after.name === before.name ? {} : { name: after.name }),
    state: recordChanges(before.state, after.state),
    metadata: recordChanges(before.metadata, after.metadata),
  };
}

/** A copy of the record with the changes applied. */
export function withChanges(
  record: Readonly<PlainRecord>,
  { set, removed }: RecordChanges,
): Readonly<PlainRecord> {
  if (removed.length === 0) return isEmpty(set) ? record : { ...record, ...set };
  const kept = Object.entries(record).filter(([key]) => !removed.includes(key));
  return { ...Object.fromEntries(kept), ...set };
}

/** Most runs change nothing. */
const NO_CHANGES: RecordChanges = Object.freeze({ set: Object.freeze({}), removed: Object.freeze([]) });

function recordChanges(before: PlainRecord, after: PlainRecord): RecordChanges {
  if (isEmpty(before) && isEmpty(after)) return NO_CHANGES;
  const set = Object.entries(after).filter(([key, value]) => !isDeepStrictEqual(before[key], value));
  return {
    set: Object.fromEntries(set),
    removed: Object.keys(before).filter((key) => !Object.hasOwn(after, key)),
  };
}

function isEmpty(record: Readonly<PlainRecord>): boolean {
  for (const _ in record) return false;
  return true;
}
