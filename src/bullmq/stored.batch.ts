import { createHash } from 'node:crypto';

import { z } from 'zod';

import type { HookIdentity } from '../execution/hook-execution.js';
import { isRecord } from '../data/is-record.js';
import { fromExactJson, toExactJson } from '../data/exact-json.js';

/** The version of stored job data. A worker leaves data of another version to other workers. */
export const PAYLOAD_VERSION = 1;

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

const jobData = z.object({
  version: z.literal(PAYLOAD_VERSION),
  batch: z.string(),
  execution: z.string(),
  run: z.string(),
  origin: z.object({
    sessionId: z.string(),
    userId: z.string().optional(),
    owner: z.string().nullable().optional(),
    isWithdrawn: z.boolean(),
  }),
  traceparent: z.string().optional(),
  isLater: z.boolean(),
  hook: z
    .object({
      component: z.object({ kind: z.enum(['agent', 'team', 'workflow']), id: z.string() }),
      position: z.enum(['root', 'member', 'inside-hook']),
      phase: z.enum(['pre', 'post']),
      hook: z.string(),
    })
    .optional(),
  retryOf: z.int().optional(),
});

/** The data is of a later version of this library, or of no version. */
export class PayloadVersionError extends Error {
  constructor(version: unknown) {
    super(
      `The hook was stored in version ${String(version)}; this process reads version ${PAYLOAD_VERSION}.`,
    );
  }
}

/**
 * Checks the data of a job.
 *
 * @throws PayloadVersionError if another version of this library has stored it
 * @throws ZodError if it is no data of a hook
 */
export function readJobData(data: unknown): JobData {
  const version = isRecord(data) ? data['version'] : undefined;
  if (version !== PAYLOAD_VERSION) throw new PayloadVersionError(version);
  return jobData.parse(data);
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
