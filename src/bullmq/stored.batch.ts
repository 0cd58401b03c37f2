import { createHash } from 'node:crypto';

import { z } from 'zod';

import type { HookIdentity } from '../execution/hook-execution.js';
import { isRecord } from '../data/is-record.js';
import { fromExactJson, toExactJson } from '../data/exact-json.js';

/**
 * The versions of stored data. Data is stored in the lowest version that can hold it, so that workers of the release before can
 * run its hook in a rolling deployment; a worker leaves data of a later version to others.
 *
 * - 1: the first one.
 * - 2: the run's data is encoded by a codec, or the hook is retried (`retryOf`).
 */
export const PAYLOAD_VERSION = 2;

/** The lowest version for data with these properties. */
export function versionOf({
  isEncoded,
  isRetry,
}: {
  readonly isEncoded: boolean;
  readonly isRetry: boolean;
}): number {
  return isEncoded || isRetry ? 2 : 1;
}

/** The data of a hook's job: the ids of its batch, execution and run in the store, and the origin of the run. */
export interface JobData {
  readonly version: number;
  readonly batch: string;
  readonly execution: string;
  readonly run: string;
  readonly origin: {
    readonly sessionId: string;
    readonly userId?: string | undefined;
    readonly owner?: string | null | undefined;
    readonly isWithdrawn: boolean;
  };
  /** The ids of the run's span. */
  readonly traceparent?: string | undefined;
  /** Earlier batches of the same tree run first. */
  readonly isLater: boolean;
  /** The hook, by which a worker finds its limits. */
  readonly hook?: HookIdentity | undefined;
  /**
   * The hook is retried: a fence beyond those of its earlier jobs, on which the number of times that this job is started
   * counts. Absent if it runs in the order of its batch.
   */
  readonly retryOf?: number | undefined;
}

/** Characters of an id or a name. */
const text = z.string().max(10_000);

const jobData1 = z.object({
  version: z.literal(1),
  batch: text,
  execution: text,
  run: text,
  origin: z.object({
    sessionId: text,
    userId: text.optional(),
    owner: text.nullable().optional(),
    isWithdrawn: z.boolean(),
  }),
  traceparent: text.optional(),
  isLater: z.boolean(),
  hook: z
    .object({
      component: z.object({ kind: z.enum(['agent', 'team', 'workflow']), id: text }),
      position: z.enum(['root', 'member', 'inside-hook']),
      phase: z.enum(['pre', 'post']),
      hook: text,
    })
    .optional(),
});

const jobData2 = jobData1.extend({ version: z.literal(2), retryOf: z.int().min(0).optional() });

/** Reads data of version 1, which the release before stores. */
function readVersion1(data: unknown): JobData {
  return jobData1.parse(data);
}

function readVersion2(data: unknown): JobData {
  return jobData2.parse(data);
}

const READERS: ReadonlyMap<unknown, (data: unknown) => JobData> = new Map([
  [1, readVersion1],
  [2, readVersion2],
]);

/** The data of a hook is of a later version of this library: it is left to others. */
export class PayloadVersionError extends Error {
  readonly code = 'payload_version';

  constructor(version: number) {
    super(`It was stored in version ${version}; this process reads the versions 1 to ${PAYLOAD_VERSION}.`);
    this.name = new.target.name;
  }
}

/** The data of a job is not that of a hook. Nothing of it is in the message but the names of fields. */
export class JobDataError extends Error {
  constructor(problem: string) {
    super(`Its data is not that of a hook: ${problem}.`);
    this.name = new.target.name;
  }
}

/**
 * Checks the data of a job.
 *
 * @throws PayloadVersionError if a later version of this library has stored it
 * @throws JobDataError if it is no data of a hook
 */
export function readJobData(data: unknown): JobData {
  const version = isRecord(data) ? data['version'] : undefined;
  const read = READERS.get(version);
  if (!read) {
    if (typeof version === 'number' && Number.isSafeInteger(version) && version > PAYLOAD_VERSION)
      throw new PayloadVersionError(version);
    throw new JobDataError('it has no version');
  }
  const found = tryTo(() => read(data));
  // The id of an execution begins with that of its run: so no hook gets the data of another run.
  if (!found.execution.startsWith(`${found.run}:`)) throw new JobDataError('its execution is not of its run');
  return found;
}

function tryTo(read: () => JobData): JobData {
  try {
    return read();
  } catch (thrown) {
    if (!(thrown instanceof z.ZodError)) throw thrown;
    const [issue] = thrown.issues;
    throw new JobDataError(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  }
}

/** The snapshot of a run as it is stored. */
export interface EncodedSnapshot {
  readonly json: string;
  readonly meta: string | null;
  /** Hashes of the contents of its files, in their order; null for a file without content. */
  readonly files: readonly (string | null)[];
}

/** An encoded snapshot, and the contents of its files by their hash. */
export interface EncodedRun {
  readonly snapshot: EncodedSnapshot;
  readonly files: ReadonlyMap<string, string>;
  /** Characters of the snapshot and its files. */
  readonly size: number;
}

interface WithFiles {
  readonly runInput: { readonly files?: readonly { readonly content?: string }[] };
}

/**
 * Encodes a snapshot. Files are taken out: the runs of a tree share them.
 *
 * @throws TypeError if it is no plain data
 */
export function encodeSnapshot(given: unknown): EncodedRun {
  const files = new Map<string, string>();
  let size = 0;
  let rest = given;
  let hashes: (string | null)[] = [];
  if (hasFiles(given)) {
    const { runInput } = given;
    const all = runInput.files ?? [];
    hashes = all.map(({ content }) => {
      if (content === undefined) return null;
      const hash = createHash('sha256').update(content).digest('base64url');
      files.set(hash, content);
      return hash;
    });
    const emptied = all.map((file) => (file.content === undefined ? file : { ...file, content: '' }));
    rest = { ...given, runInput: { ...runInput, files: emptied } };
  }
  const { json, meta } = toExactJson(rest);
  for (const content of files.values()) size += content.length;
  return { snapshot: { json, meta, files: hashes }, files, size: size + json.length + (meta?.length ?? 0) };
}

/**
 * Decodes a snapshot.
 *
 * @param contents - of its files, by their hash
 * @throws Error if one is missing, or the snapshot cannot be read
 */
export function decodeSnapshot(
  { json, meta, files }: EncodedSnapshot,
  contents: ReadonlyMap<string, string>,
): unknown {
  const decoded = fromExactJson({ json, meta });
  if (!hasFiles(decoded)) return decoded;
  const restored = (decoded.runInput.files ?? []).map((file, index) => {
    const hash = files[index] ?? null;
    if (hash === null) return file;
    const content = contents.get(hash);
    if (content === undefined) throw new Error('A file of the run is not in the store any more.');
    return { ...file, content };
  });
  return { ...decoded, runInput: { ...decoded.runInput, files: restored } };
}

function hasFiles(value: unknown): value is WithFiles {
  if (!isRecord(value) || !isRecord(value['runInput'])) return false;
  return Array.isArray(value['runInput']['files']);
}
