import type { PlainRecord, RunContext } from '../../model/run-context.js';
import type { Session } from '../../model/session.js';
import { copyToKeep } from '../../data/lenient-copy.js';

/** Data that an engine and hooks may add to, as it was before: after the run's pre-hooks, or at its start. */
export interface GivenData {
  readonly metadata: Readonly<PlainRecord>;
  readonly dependencies: Readonly<PlainRecord>;
  readonly session: Readonly<Pick<Session, 'name' | 'metadata'>>;
}

/** Copies the data that a run is given, before hooks or its engine can change it. */
export function takeGiven({ metadata, dependencies }: RunContext, session: Session): GivenData {
  return {
    metadata: copyRecord(metadata),
    dependencies: copyRecord(dependencies),
    session: { name: session.name, metadata: copyRecord(session.metadata) },
  };
}

/** Copies nothing if the record is empty, as in most runs. */
function copyRecord(record: Readonly<PlainRecord>): Readonly<PlainRecord> {
  for (const _ in record) return copyToKeep(record);
  return NOTHING;
}

const NOTHING: Readonly<PlainRecord> = Object.freeze({});
