import type { PlainRecord } from '../model/run-context.js';
import type { ActiveRun } from './active-run.js';
import { copyToKeep } from './lenient-copy.js';

/** What an engine and hooks may add to, as a run had it before: after its pre-hooks, or at its start. */
export interface GivenData {
  readonly metadata: Readonly<PlainRecord>;
  readonly dependencies: Readonly<PlainRecord>;
  readonly sessionName: string | undefined;
  readonly sessionMetadata: Readonly<PlainRecord>;
}

/** Remembers what a run is given. */
export function takeGiven({ context, session }: Pick<ActiveRun, 'context' | 'session'>): GivenData {
  return {
    metadata: copyToKeep(context.metadata),
    dependencies: copyToKeep(context.dependencies),
    sessionName: session.name,
    sessionMetadata: copyToKeep(session.metadata),
  };
}

/** The answer does not count: what was put into the metadata beside it goes with it. */
export function restoreMetadata(run: ActiveRun): void {
  run.output.metadata = copyToKeep(run.given.metadata);
  followMetadata(run);
}

/** What was put into the dependencies goes as well: background hooks would read it. */
export function restoreDependencies(run: ActiveRun): void {
  run.context = { ...run.context, dependencies: copyToKeep(run.given.dependencies) };
}

/** Hooks and engines read the metadata in two places, and a hook may have replaced it in one. */
export function followMetadata(run: ActiveRun): void {
  const { metadata } = run.output;
  if (run.context.metadata !== metadata) run.context = { ...run.context, metadata };
}

/** Takes back the name that the session was given meanwhile. In place, as runs beside this one share the session. */
export function restoreSessionName({ session, given: { sessionName } }: ActiveRun): void {
  if (sessionName === undefined) delete session.name;
  else session.name = sessionName;
}

/** Takes back what was put into the session's metadata meanwhile, in place as well. */
export function restoreSessionMetadata({ session: { metadata }, given }: ActiveRun): void {
  replaceContent(metadata, given.sessionMetadata);
}

/** Writes a copy of `source` into a record that others hold on to. */
export function replaceContent(record: PlainRecord, source: Readonly<PlainRecord>): void {
  for (const key of Object.keys(record)) delete record[key];
  Object.assign(record, copyToKeep(source));
}
