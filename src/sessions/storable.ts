import { types } from 'node:util';

import { Logger } from '@nestjs/common';

import { quoted } from '../errors/log.text.js';
import { copyPlainData, isPlainRecord } from '../data/copy-plain-data.js';
import type { RecordChanges, SessionChanges } from './session.changes.js';
import type { NewSession, SessionUpdate, StoredRun } from './session.store.js';

/** Characters of a key of state or metadata: what an index of PostgreSQL takes, whatever they are. */
const MAX_KEY_LENGTH = 600;

/** Deeper than any real data. */
const MAX_DEPTH = 400;

/** Paths that a log line names. */
const MAX_NAMED = 5;

const LEFT_OUT = Symbol('left out');

/**
 * What every store can keep of a value: plain data without keys that no database takes (`__proto__`, halves of
 * characters). What is left out is named, and the rest is kept: one bad value must not cost a whole turn.
 *
 * @param name - how the value is called in the paths
 * @param leftOut - gets the paths of what was left out
 */
function storable<T>(value: T, name: string, leftOut: string[]): T {
  if (isWholeStorable(value)) return value;
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
  const bad = Object.keys(kept).filter((key) => key.length > MAX_KEY_LENGTH);
  leftOut.push(...bad.map((key) => pathOf(name, key)));
  return Object.fromEntries(Object.entries(kept).filter(([key]) => !bad.includes(key))) as T;
}

function hasLongKey(record: Readonly<Record<string, unknown>>): boolean {
  for (const key in record) if (key.length > MAX_KEY_LENGTH) return true;
  return false;
}

/** Says in one line what was left out, if anything was. */
export function logLeftOut(describe: () => string, leftOut: readonly string[]): void {
  if (leftOut.length === 0) return;
  const named = [...new Set(leftOut)];
  const more = named.length > MAX_NAMED ? ` and ${named.length - MAX_NAMED} more` : '';
  new Logger('AgentOs').warn(
    `${describe()} was stored without ${named.slice(0, MAX_NAMED).map(quoted).join(', ')}${more}: ` +
      'stores keep plain data (JSON values, Date, Map, Set, Buffer, typed arrays) under keys of well-formed text.',
  );
}

/** A copy of run data without what is no plain data: for keeping a run that holds such a thing. */
export function copyWithout<T>(
  value: T,
  name: string,
): { readonly copy: T; readonly leftOut: readonly string[] } {
  const leftOut: string[] = [];
  return { copy: copyPlainData(keep(value, name, [], leftOut) as T, name), leftOut };
}

/** A run and the changes it makes, without what no store keeps. */
export function storableAppend(
  sessionId: string,
  run: StoredRun,
  changes: SessionChanges,
): { readonly run: StoredRun; readonly changes: SessionChanges } {
  const leftOut: string[] = [];
  const stored = { run: storable(run, 'run', leftOut), changes: storableChanges(changes, leftOut) };
  logLeftOut(() => `Run ${quoted(run.runId)} of session ${quoted(sessionId)}`, leftOut);
  return stored;
}

/** A new session without what no store keeps. */
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

/** Changes of a session without what no store keeps. */
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

function storableChanges<T extends SessionChanges>(changes: T, leftOut: string[]): T {
  const state = storableSet(changes.state, 'session.state', leftOut);
  const metadata = storableSet(changes.metadata, 'session.metadata', leftOut);
  return state === changes.state && metadata === changes.metadata ? changes : { ...changes, state, metadata };
}

/** What is left out is removed, too: the value before is not the new one. */
function storableSet(changes: RecordChanges, name: string, leftOut: string[]): RecordChanges {
  const { set, removed } = changes;
  const kept = storableRecord(set, name, leftOut);
  if (kept === set) return changes;
  const gone = Object.keys(set).filter((key) => !Object.hasOwn(kept, key));
  return { set: kept, removed: gone.length === 0 ? removed : [...removed, ...gone] };
}

/** Whether all of it can be kept as it is. Every run is looked at, so it makes no object. */
function isWholeStorable(value: unknown): boolean {
  try {
    return isStorable(value, 0);
  } catch {
    // A getter that throws, a revoked proxy: keep() finds out where.
    return false;
  }
}

function isStorable(value: unknown, depth: number): boolean {
  if (typeof value !== 'object')
    return typeof value !== 'bigint' && typeof value !== 'function' && typeof value !== 'symbol';
  if (value === null) return true;
  if (depth > MAX_DEPTH) return false;
  if (Array.isArray(value)) return !isOfSubclass(value) && areStorable(value, depth + 1);
  if (isPlainRecord(value)) return isRecordStorable(value, depth + 1);
  if (types.isProxy(value) || isOfSubclass(value)) return false;
  if (types.isMap(value))
    return areStorable(value.keys(), depth + 1) && areStorable(value.values(), depth + 1);
  if (types.isSet(value)) return areStorable(value, depth + 1);
  return isPlain(value);
}

function areStorable(values: Iterable<unknown>, depth: number): boolean {
  for (const value of values) if (!isStorable(value, depth)) return false;
  return true;
}

function isRecordStorable(record: Readonly<Record<string, unknown>>, depth: number): boolean {
  for (const key in record) if (!isKey(key) || !isStorable(record[key], depth)) return false;
  return true;
}

function keep(value: unknown, path: string, ancestors: readonly object[], leftOut: string[]): unknown {
  try {
    const kept = keepReadable(value, path, ancestors, leftOut);
    if (kept === LEFT_OUT) leftOut.push(path);
    return kept;
  } catch {
    // A getter that throws, a revoked proxy.
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
  if (typeof value !== 'object' || value === null) return isStorable(value, 0) ? value : LEFT_OUT;
  if (ancestors.includes(value) || ancestors.length > MAX_DEPTH || isOfSubclass(value)) return LEFT_OUT;
  const inside = [...ancestors, value];
  const inner = (item: unknown, at: string): unknown => keep(item, at, inside, leftOut);
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
  if (!isPlainRecord(value)) return isPlain(value) ? value : LEFT_OUT;
  return keepRecord(value, path, inner, leftOut);
}

function keepRecord(
  value: Readonly<Record<string, unknown>>,
  path: string,
  inner: (item: unknown, at: string) => unknown,
  leftOut: string[],
): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const at = pathOf(path, key);
    const item = isKey(key) ? inner(readOrLeaveOut(value, key), at) : LEFT_OUT;
    if (!isKey(key)) leftOut.push(at);
    if (item !== LEFT_OUT) kept[key] = item;
  }
  return kept;
}

/** A symbol is nothing that can be stored. */
function readOrLeaveOut(value: Readonly<Record<string, unknown>>, key: string): unknown {
  try {
    return value[key];
  } catch {
    return LEFT_OUT;
  }
}

function isKey(key: string): boolean {
  return key !== '__proto__' && key.isWellFormed();
}

function isPlain(value: object): boolean {
  try {
    copyPlainData(value, 'value');
    return true;
  } catch {
    return false;
  }
}

/** Whether it is a list, map or set with methods of its own, which a copy would lose. */
function isOfSubclass(value: object): boolean {
  if (!Array.isArray(value) && !types.isMap(value) && !types.isSet(value)) return false;
  const base = Object.getPrototypeOf(Object.getPrototypeOf(value) ?? {}) as object | null;
  return base === null || Object.getPrototypeOf(base) !== null;
}

function pathOf(path: string, key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
}
