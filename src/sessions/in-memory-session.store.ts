import { AgentOsLogger } from '../errors/agent-os.logger.js';
import { quoted } from '../errors/log.text.js';
import { copyPlainData } from '../data/copy-plain-data.js';
import { DataPacker, type PackedData } from '../data/packed.data.js';
import type { PlainRecord } from '../model/run-context.js';
import type { Session } from '../model/session.js';
import { withoutUndefined } from '../data/without-undefined.js';
import { checkOptions } from '../options/check.options.js';
import { optionsOf } from '../options/option.schemas.js';
import type { SessionChanges } from './session.changes.js';
import { newSession, withMetadata, withRun, withUpdate } from './kept-session.js';
import { latestWithin, limit, type Sized } from './kept.size.js';
import { RecencyMap } from './recency.map.js';
import {
  filteredRunOf,
  isOf,
  matchesRun,
  matchesSession,
  orderOf,
  type FilteredRun,
} from './session.filter.js';
import { storableText } from './storable.text.js';
import { storableAnnotation, storableAppend, storableSession, storableUpdate } from './storable.js';
import { sizeOfStorable, sizeOfStorableRun } from '../data/storable.size.js';
import {
  SessionStore,
  type NewSession,
  type RunSession,
  type SessionFilter,
  type SessionOwner,
  type SessionPage,
  type SessionUpdate,
  type StoredRun,
  type StoredRunFilter,
  type StoredSession,
} from './session.store.js';
import { checkUserId } from './user-id.js';

interface KeptSession {
  session: StoredSession;
  /** Bytes of the session without its runs. */
  size: number;
  readonly runs: KeptRun[];
}

/** Filters look at the fields beside the packed run, so that only runs that are returned are unpacked. */
interface KeptRun extends Sized<PackedData<StoredRun>>, FilteredRun {}

/** Default maximum number of runs that one call returns. */
const DEFAULT_LIMIT = 100;

const MIB = 1_048_576;

/** The limits of an {@link InMemorySessionStore}. */
export interface InMemorySessionStoreOptions {
  /** Maximum number of sessions; beyond it the least recently used are dropped. Default 1,000. */
  readonly maxSessions?: number;
  /** Maximum number of runs per session; beyond it the oldest are dropped. Default 100. */
  readonly maxRunsPerSession?: number;
  /**
   * Maximum total size of all sessions and their runs in bytes, as the store estimates it. Beyond it the least recently
   * used sessions are dropped, then the oldest runs of the session in use. A single run that is larger is not stored, a
   * session whose state and metadata are larger is dropped; both are logged as warnings. Default 256 MiB.
   */
  readonly maxBytes?: number;
}

const OPTIONS = optionsOf<InMemorySessionStoreOptions>()({
  maxSessions: limit().default(1_000),
  maxRunsPerSession: limit().default(100),
  maxBytes: limit().default(256 * MIB),
});

/**
 * Stores sessions in the memory of this process: needs no installation, is limited in number and bytes, and loses them
 * when the process ends.
 *
 * @throws AgentOsConfigurationError if a limit is neither a positive integer nor `Infinity`
 * @example
 * ```ts
 * const sessionStore = new InMemorySessionStore({ maxSessions: 10_000, maxBytes: 512 * 1024 * 1024 });
 * ```
 */
export class InMemorySessionStore extends SessionStore {
  readonly #sessions = new RecencyMap<KeptSession>();
  /** The session of each run, by the run's id. */
  readonly #sessionOf = new Map<string, KeptSession>();
  /** Ids of deleted sessions. A session that was only dropped begins anew when a run of it settles. */
  readonly #deleted = new Set<string>();
  readonly #packer = new DataPacker();
  readonly #maxSessions: number;
  readonly #maxRuns: number;
  readonly #maxBytes: number;
  /** Bytes of all sessions with their runs. */
  #bytes = 0;

  constructor(options: InMemorySessionStoreOptions = {}) {
    super();
    const checked = checkOptions('InMemorySessionStore', OPTIONS, options);
    const { maxSessions, maxRunsPerSession, maxBytes } = checked;
    this.#maxSessions = maxSessions;
    this.#maxRuns = maxRunsPerSession;
    this.#maxBytes = maxBytes;
  }

  override open(id: string): Promise<Session | undefined> {
    const kept = this.#sessions.get(id);
    if (!kept) return Promise.resolve(undefined);
    this.#use(id, kept);
    const { userId, name, state, metadata } = kept.session;
    return Promise.resolve(
      copyPlainData({ id, ...withoutUndefined({ userId, name }), state, metadata }, 'session'),
    );
  }

  /** @internal `append()` of a store for a caller that waits for nothing; undefined if the store cannot do it at once. */
  static appendNowOf(
    store: SessionStore,
  ): ((session: RunSession, run: StoredRun, changes: SessionChanges) => boolean) | undefined {
    // Neither of a subclass, which may have an append() of its own, nor of a proxy, which has no private fields.
    if (!(#packer in store) || store.append !== InMemorySessionStore.prototype.append) return undefined;
    return (...call) => store.#append(...call);
  }

  override append(...[session, run, changes]: Parameters<SessionStore['append']>): Promise<boolean> {
    return Promise.resolve(this.#append(session, run, changes));
  }

  #append(
    { isKnown = false, owner, ...init }: RunSession,
    givenRun: StoredRun,
    givenChanges: SessionChanges,
  ): boolean {
    const { run, changes, size } = storableAppend(init.id, givenRun, givenChanges);
    checkUserId(owner);
    const known = this.#sessions.get(init.id);
    const isOpen = known ? isOf(known.session, owner) : !(isKnown && this.#deleted.has(init.id));
    if (!isOpen) return false;
    const kept = known ?? { session: newSession(init), size: 0, runs: [] };
    const session = withRun(withUpdate(kept.session, changes), init, run);
    if (this.#put(init.id, kept, session)) this.#addRun(init.id, kept, this.#keptRun(run, size));
    return true;
  }

  override runs(sessionId: string, filter: StoredRunFilter = {}): Promise<readonly StoredRun[]> {
    const { limit = DEFAULT_LIMIT, owner, before, maxSize } = filter;
    const kept = this.#find(sessionId, owner)?.runs ?? [];
    const end = before === undefined ? kept.length : kept.findIndex(({ runId }) => runId === before);
    const latest: KeptRun[] = [];
    for (let index = end - 1; index >= 0 && latest.length < limit; index--) {
      const run = kept[index] as KeptRun;
      if (matchesRun(run, filter)) latest.push(run);
    }
    const found = latest.reverse();
    const fitting = maxSize === undefined ? found : latestWithin(found, maxSize);
    return Promise.resolve(fitting.map(({ value }) => value.read()));
  }

  override find(id: string, owner?: SessionOwner): Promise<StoredSession | undefined> {
    const kept = this.#find(id, owner);
    return Promise.resolve(kept && copyPlainData(kept.session, 'session'));
  }

  override list(filter: SessionFilter = {}): Promise<SessionPage> {
    const { limit = 20, offset = 0, userId } = filter;
    checkUserId(userId);
    const sessions = [...this.#sessions.values()].map(({ session }) => session);
    const found = sessions.filter((session) => matchesSession(session, filter)).sort(orderOf(filter));
    const page = found.slice(offset, offset + limit);
    return Promise.resolve({ sessions: copyPlainData(page, 'sessions'), total: found.length });
  }

  override create(given: NewSession): Promise<boolean> {
    const { name, state = {}, metadata = {}, ...init } = storableSession(given);
    if (this.#sessions.has(init.id)) return Promise.resolve(false);
    const session = {
      ...newSession(init),
      ...(name === undefined ? {} : { name: storableText(name) }),
      state,
      metadata,
    };
    const kept = { session: newSession(init), size: 0, runs: [] };
    this.#put(init.id, kept, copyPlainData(session, 'session'));
    return Promise.resolve(true);
  }

  override update(id: string, update: SessionUpdate, owner?: SessionOwner): Promise<boolean> {
    const kept = this.#find(id, owner);
    if (!kept) return Promise.resolve(false);
    this.#put(id, kept, withUpdate(kept.session, copyPlainData(storableUpdate(id, update), 'update')));
    return Promise.resolve(true);
  }

  override annotate(runId: string, metadata: Readonly<PlainRecord>, owner?: SessionOwner): Promise<boolean> {
    const added = storableAnnotation(runId, metadata);
    checkUserId(owner);
    const kept = this.#sessionOf.get(runId);
    if (!kept || !isOf(kept.session, owner)) return Promise.resolve(false);
    const index = kept.runs.findIndex((run) => run.runId === runId);
    const run = kept.runs[index]?.value.read();
    if (!run || run.isWithdrawn) return Promise.resolve(false);
    const annotated = withMetadata(run, copyPlainData(added, 'metadata'));
    const size = sizeOfStorableRun(annotated);
    return Promise.resolve(this.#replaceRun(kept, index, this.#keptRun(annotated, size)));
  }

  override delete(ids: readonly string[], owner?: SessionOwner): Promise<readonly string[]> {
    const deleted = ids.filter((id) => this.#find(id, owner) && this.#forget(id));
    for (const id of deleted) this.#deleted.add(id);
    while (this.#deleted.size > this.#maxSessions) this.#deleted.delete(firstOf(this.#deleted));
    return Promise.resolve(deleted);
  }

  #find(id: string, owner: SessionOwner | undefined): KeptSession | undefined {
    checkUserId(owner);
    const kept = this.#sessions.get(id);
    return kept && isOf(kept.session, owner) ? kept : undefined;
  }

  /** Stores the current session. @returns false if it is too large */
  #put(id: string, kept: KeptSession, session: StoredSession): boolean {
    const size = sizeOfStorable(session);
    this.#use(id, kept);
    this.#bytes += size - kept.size;
    kept.session = session;
    kept.size = size;
    if (size > this.#maxBytes) {
      this.#forget(id);
      warn(
        `Session ${quoted(id)} was forgotten: it has about ${size} bytes, and maxBytes is ${this.#maxBytes}.`,
      );
      return false;
    }
    this.#makeRoom(kept);
    return true;
  }

  #keptRun(run: StoredRun, size: number): KeptRun {
    return { ...filteredRunOf(run), value: this.#packer.pack(run), size };
  }

  #addRun(id: string, kept: KeptSession, run: KeptRun): void {
    const { size } = run;
    if (kept.size + size > this.#maxBytes) {
      warn(
        `Run ${quoted(run.runId)} of session ${quoted(id)} was not kept: it has about ${size} bytes, and maxBytes is ${this.#maxBytes}.`,
      );
      return;
    }
    kept.runs.push(run);
    this.#sessionOf.set(run.runId, kept);
    this.#bytes += size;
    if (kept.runs.length > this.#maxRuns) this.#dropOldestRun(kept);
    this.#makeRoom(kept);
  }

  /** @returns false if the run would be too large */
  #replaceRun(kept: KeptSession, index: number, run: KeptRun): boolean {
    const { id } = kept.session;
    if (kept.size + run.size > this.#maxBytes) {
      warn(
        `Run ${quoted(run.runId)} of session ${quoted(id)} was not annotated: it would have about ${run.size} bytes, and maxBytes is ${this.#maxBytes}.`,
      );
      return false;
    }
    const [earlier] = kept.runs.splice(index, 1, run);
    this.#bytes += run.size - (earlier?.size ?? 0);
    this.#use(id, kept);
    this.#makeRoom(kept);
    return true;
  }

  /** @param used - the session to keep */
  #makeRoom(used: KeptSession): void {
    // The session in use is the last one.
    while (this.#bytes > this.#maxBytes && this.#sessions.size > 1) this.#forgetOldest();
    while (this.#bytes > this.#maxBytes && used.runs.length > 0) this.#dropOldestRun(used);
  }

  #dropOldestRun({ runs }: KeptSession): void {
    const run = runs.shift();
    if (!run) return;
    this.#sessionOf.delete(run.runId);
    this.#bytes -= run.size;
  }

  #forget(id: string): boolean {
    const kept = this.#sessions.get(id);
    if (!kept) return false;
    this.#bytes -= kept.runs.reduce((total, { size }) => total + size, kept.size);
    for (const { runId } of kept.runs) this.#sessionOf.delete(runId);
    return this.#sessions.delete(id);
  }

  #forgetOldest(): void {
    const { oldest } = this.#sessions;
    if (oldest) this.#forget(oldest.key);
  }

  #use(id: string, kept: KeptSession): void {
    this.#sessions.use(id, kept);
    this.#deleted.delete(id);
    if (this.#sessions.size > this.#maxSessions) this.#forgetOldest();
  }
}

function warn(message: string): void {
  new AgentOsLogger().warn(message);
}

function firstOf(ids: { keys(): Iterator<string> }): string {
  return ids.keys().next().value as string;
}
