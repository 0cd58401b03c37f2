import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { reasonOf } from '../errors/log.text.js';
import { showValue } from '../model/show-value.js';
import type { EncodedSnapshot } from './stored.batch.js';

/**
 * Encrypts the payloads of hooks, or changes them in another way: the data of their runs, the contents of files, and the
 * captured context of `carry`. Both functions may be asynchronous; `decode` is only given what `encode` has returned, here or in another
 * process.
 *
 * @example
 * ```ts
 * const codec: PayloadCodec = {
 *   encode: (payload) => encrypt(payload, newestKey),
 *   decode: (payload) => decrypt(payload, keys),
 * };
 * ```
 */
export interface PayloadCodec {
  encode(this: void, payload: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** @throws Error if it cannot be decoded: its hook fails with `PayloadDecodeError` */
  decode(this: void, payload: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/** What a codec encodes of a batch. */
export interface BatchPayload {
  /** Host context for the worker, as JSON text. */
  readonly carry?: string;
  /** By run id. */
  readonly snapshots: ReadonlyMap<string, EncodedSnapshot>;
  /** Contents of files, by their key. */
  readonly files: ReadonlyMap<string, string>;
}

/** What an encoded text begins with; no JSON text does. */
const PREFIX = 'codec:';

/** A payload that the codec cannot decode, or that is no data of a run when it is decoded. Nothing of it is logged. */
export class PayloadDecodeError extends Error {
  readonly code = 'payload_not_decoded';

  /** @param reason - without content of the payload */
  constructor(what: string, reason: string, cause?: unknown) {
    super(`${what} could not be decoded: ${reason}`, { cause });
    this.name = new.target.name;
  }
}

/** A payload was encoded, and this process has no codec: it is left to others. */
export class CodecMissingError extends Error {
  constructor() {
    super('It was encoded by a codec, and bullmq() has no option codec in this process.');
    this.name = new.target.name;
  }
}

/** Encodes and decodes the texts of payloads. Without a codec they are stored as they are. */
export class PayloadTexts {
  readonly #codec: PayloadCodec | undefined;

  constructor(codec: PayloadCodec | undefined) {
    this.#codec = codec;
  }

  get isEncoding(): boolean {
    return this.#codec !== undefined;
  }

  /** @throws AgentOsConfigurationError if the codec does not give back what it has encoded */
  async check(): Promise<void> {
    const probe = '{"probe":"ä€🙂"}';
    let reason = 'decode() gives back something else than encode() was given';
    try {
      if ((await this.decode(await this.encode(probe), 'A probe')) === probe) return;
    } catch (thrown) {
      reason = reasonOf(thrown);
    }
    throw new AgentOsConfigurationError(`bullmq(): the option codec does not work: ${reason}`);
  }

  /** Encodes all texts of a batch. Files get keys that say nothing of their content, as hashes would. */
  async encodeBatch({ carry, snapshots, files }: BatchPayload): Promise<BatchPayload> {
    if (!this.#codec) return { ...(carry === undefined ? {} : { carry }), snapshots, files };
    const keys = new Map([...files.keys()].map((hash, index) => [hash, String(index)]));
    const encodedFiles = new Map<string, string>();
    for (const [hash, content] of files) encodedFiles.set(keys.get(hash) ?? '', await this.encode(content));
    const encodedSnapshots = new Map<string, EncodedSnapshot>();
    for (const [runId, { json, meta, files: hashes }] of snapshots)
      encodedSnapshots.set(runId, {
        json: await this.encode(json),
        meta: meta === null ? null : await this.encode(meta),
        files: hashes.map((hash) => (hash === null ? null : (keys.get(hash) ?? null))),
      });
    return {
      ...(carry === undefined ? {} : { carry: await this.encode(carry) }),
      snapshots: encodedSnapshots,
      files: encodedFiles,
    };
  }

  isEncoded(text: string): boolean {
    return text.startsWith(PREFIX);
  }

  async encode(text: string): Promise<string> {
    if (!this.#codec) return text;
    const bytes: unknown = await this.#codec.encode(new TextEncoder().encode(text));
    return PREFIX + Buffer.from(checkBytes(bytes, 'encode')).toString('base64');
  }

  /**
   * Decodes a text; one that was stored without a codec stays as it is.
   *
   * @param what - the payload, for the error
   * @throws CodecMissingError if it is encoded and there is no codec; PayloadDecodeError
   */
  async decode(text: string, what: string): Promise<string> {
    if (!this.isEncoded(text)) return text;
    if (!this.#codec) throw new CodecMissingError();
    try {
      const bytes: unknown = await this.#codec.decode(Buffer.from(text.slice(PREFIX.length), 'base64'));
      return new TextDecoder('utf-8', { fatal: true }).decode(checkBytes(bytes, 'decode'));
    } catch (thrown) {
      throw new PayloadDecodeError(what, reasonOf(thrown), thrown);
    }
  }
}

function checkBytes(bytes: unknown, method: string): Uint8Array {
  if (bytes instanceof Uint8Array) return bytes;
  throw new TypeError(
    `codec.${method}() answered with ${showValue(bytes).slice(0, 40)}; expected a Uint8Array.`,
  );
}
