import { types } from 'node:util';

import { AgentOsLogger } from '../errors/agent-os.logger.js';
import { quoted } from '../errors/log.text.js';
import { assignOwn } from '../data/assign-own.js';
import { copyPlainData, isPlainRecord } from '../data/copy-plain-data.js';
import type { PlainRecord } from '../model/run-context.js';
import {
  isCopyable,
  isOfSubclass,
  isEndless,
  MAX_DEPTH,
  sizeOfStorable,
  sizeOfStorableRun,
} from '../data/storable.size.js';
import type { RecordChanges, SessionChanges } from './session.changes.js';
import type { NewSession, SessionUpdate, StoredRun } from './session.store.js';
import { storableKey } from './storable.text.js';

/** Maximum characters of a key of state or metadata as databases store it: any such key fits a PostgreSQL index. */
const MAX_KEY_LENGTH = 600;

/** Maximum number of paths in a log line. */
const MAX_NAMED = 5;

const LEFT_OUT = Symbol('left out');

/**
 * Reduces a value to plain data, which every store can keep. Collects the paths of omitted values and keeps the rest:
 * one bad value must not lose a whole turn.
 *
 * @param name - the name of the value in the paths
 * @param leftOut - receives the paths of omitted values
 */
function storable<T>(value: T, name: string, leftOut: string[]): T {
  if (!Number.isNaN(sizeOf(() => sizeOfStorable(value)))) return value;
  const kept = keep(value, name, [], leftOut);
  return kept === LEFT_OUT ? (undefined as T) : (kept as T);
}

/** The same for state or metadata, whose keys are columns in a database. */
function storableRecord<T extends Readonly<Record<string, unknown>>>(
  record: T,
  name: string,
  leftOut: string[],
): T {
  const kept = storable(record, name, leftOut);
  if (!hasLongKey(kept)) return kept;
  const bad = Object.keys(kept).filter(isLongKey);
  leftOut.push(...bad.map((key) => pathOf(name, key)));
  return Object.fromEntries(Object.entries(kept).filter(([key]) => !bad.includes(key))) as T;
}

function hasLongKey(record: Readonly<Record<string, unknown>>): boolean {
  for (const key in record) if (isLongKey(key)) return true;
  return false;
}

function isLongKey(key: string): boolean {
  return key.length > MAX_KEY_LENGTH || storableKey(key).length > MAX_KEY_LENGTH;
}

/** Logs omitted values, if there are any, in one line. */
export function logLeftOut(describe: () => string, leftOut: readonly string[]): void {
  if (leftOut.length === 0) return;
  const named = [...new Set(leftOut)];
  const more = named.length > MAX_NAMED ? ` and ${named.length - MAX_NAMED} more` : '';
  new AgentOsLogger().warn(
    `${describe()} was stored without ${named.slice(0, MAX_NAMED).map(quoted).join(', ')}${more}: ` +
      `stores keep plain data (JSON values, Date, Map, Set, Buffer, typed arrays), and keys of state and metadata of at most ${MAX_KEY_LENGTH} characters.`,
  );
}

/** A copy of run data reduced to plain data, for storing a run that contains other values. */
export function copyWithout<T>(
  value: T,
  name: string,
): { readonly copy: T; readonly leftOut: readonly string[] } {
  const leftOut: string[] = [];
  return { copy: copyPlainData(keep(value, name, [], leftOut) as T, name), leftOut };
}

/** A run and its changes, without values that no store can keep. */
export interface StorableAppend {
  readonly run: StoredRun;
  readonly changes: SessionChanges;
  /** Estimated bytes that the run takes in memory. */
  readonly size: number;
}

/** A run and its changes, without values that no store can keep. */
export function storableAppend(sessionId: string, given: StoredRun, changes: SessionChanges): StorableAppend {
  const leftOut: string[] = [];
  const size = sizeOf(() => sizeOfStorableRun(given));
  const run = Number.isNaN(size) ? (keep(given, 'run', [], leftOut) as StoredRun) : given;
  const stored = {
    run,
    changes: storableChanges(changes, leftOut),
    size: Number.isNaN(size) ? sizeOfStorableRun(run) : size,
  };
  logLeftOut(() => `Run ${quoted(given.runId)} of session ${quoted(sessionId)}`, leftOut);
  return stored;
}

/** A new session without values that no store can keep. */
export function storableSession(session: NewSession): NewSession {
  const leftOut: string[] = [];
  const { state = {}, metadata = {} } = session;
  const stored = {
    ...session,
    state: storableRecord(state, 'session.state', leftOut),
    metadata: storableRecord(metadata, 'session.metadata', leftOut),
  };
  logLeftOut(() => `Session ${quoted(session.id)}`, leftOut);
  return stored;
}

/** Changes of a session without values that no store can keep. */
export function storableUpdate(id: string, update: SessionUpdate): SessionUpdate {
  const leftOut: string[] = [];
  const { summary } = update;
  const stored = {
    ...storableChanges(update, leftOut),
    ...(summary === undefined ? {} : { summary: storable(summary, 'session.summary', leftOut) }),
  };
  logLeftOut(() => `Session ${quoted(id)}`, leftOut);
  return stored;
}

/** Metadata for a stored run without values that no store can keep. */
export function storableAnnotation(runId: string, metadata: Readonly<PlainRecord>): Readonly<PlainRecord> {
  const leftOut: string[] = [];
  const stored = storable(metadata, 'metadata', leftOut);
  logLeftOut(() => `The annotation of run ${quoted(runId)}`, leftOut);
  return stored;
}

function storableChanges<T extends SessionChanges>(changes: T, leftOut: string[]): T {
  const state = storableSet(changes.state, 'session.state', leftOut);
  const metadata = storableSet(changes.metadata, 'session.metadata', leftOut);
  return state === changes.state && metadata === changes.metadata ? changes : { ...changes, state, metadata };
}

/** Omitted keys are also removed from the store: their previous values are outdated. */
function storableSet(changes: RecordChanges, name: string, leftOut: string[]): RecordChanges {
  const { set, removed } = changes;
  const kept = storableRecord(set, name, leftOut);
  if (kept === set) return changes;
  const gone = Object.keys(set).filter((key) => !Object.hasOwn(kept, key));
  return { set: kept, removed: gone.length === 0 ? removed : [...removed, ...gone] };
}

/** Estimated bytes of data that can be kept completely; otherwise NaN. */
function sizeOf(measure: () => number): number {
  try {
    return measure();
  } catch {
    // A getter that throws, or a revoked proxy: keep() finds its path.
    return NaN;
  }
}

function keep(value: unknown, path: string, ancestors: readonly object[], leftOut: string[]): unknown {
  try {
    const kept = keepReadable(value, path, ancestors, leftOut);
    if (kept === LEFT_OUT) leftOut.push(path);
    return kept;
  } catch {
    // A getter that throws, or a revoked proxy.
    leftOut.push(path);
    return LEFT_OUT;
  }
}

function keepReadable(
  value: unknown,
  path: string,
  ancestors: readonly object[],
  leftOut: string[],
): unknown {
  if (typeof value !== 'object' || value === null) return isStorablePrimitive(value) ? value : LEFT_OUT;
  if (ancestors.includes(value) || ancestors.length > MAX_DEPTH || isOfSubclass(value)) return LEFT_OUT;
  const inside = [...ancestors, value];
  const inner = (item: unknown, at: string): unknown => keep(item, at, inside, leftOut);
  if (Array.isArray(value) && isEndless(value)) return LEFT_OUT;
  if (Array.isArray(value))
    return value.map((item, index) => inner(item, `${path}[${index}]`)).filter((item) => item !== LEFT_OUT);
  if (types.isMap(value)) {
    const entries = [...value].map(
      ([key, item]) => [inner(key, `${path}.keys()`), inner(item, `${path}.get(…)`)] as const,
    );
    return new Map(entries.filter((entry) => !entry.includes(LEFT_OUT)));
  }
  if (types.isSet(value))
    return new Set(
      [...value].map((item) => inner(item, `${path}.values()`)).filter((item) => item !== LEFT_OUT),
    );
  if (!isPlainRecord(value)) return isCopyable(value) ? value : LEFT_OUT;
  return keepRecord(value, path, inner);
}

function keepRecord(
  value: Readonly<Record<string, unknown>>,
  path: string,
  inner: (item: unknown, at: string) => unknown,
): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const item = inner(readOrLeaveOut(value, key), pathOf(path, key));
    if (item !== LEFT_OUT) assignOwn(kept, { [key]: item });
  }
  return kept;
}

/** Reads a property. If its getter throws, returns a symbol, which cannot be stored and is left out. */
function readOrLeaveOut(value: Readonly<Record<string, unknown>>, key: string): unknown {
  try {
    return value[key];
  } catch {
    return LEFT_OUT;
  }
}

function isStorablePrimitive(value: unknown): boolean {
  return typeof value !== 'bigint' && typeof value !== 'function' && typeof value !== 'symbol';
}

function pathOf(path: string, key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
}
