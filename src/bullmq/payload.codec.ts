import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { reasonOf } from '../errors/log.text.js';
import { showValue } from '../model/show-value.js';
import type { EncodedSnapshot } from './stored.batch.js';

/**
 * Encrypts the payloads of hooks, or changes them in another way: the data of their runs, the contents of files, and the
 * captured context of `carry`. Both functions may be asynchronous, and must answer within `storeTimeout`; `decode` is only given what
 * `encode` has returned, here or in another process.
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

/** The parts of a batch that a codec encodes. */
export interface BatchPayload {
  /** Host context for the worker, as JSON text. */
  readonly carry?: string;
  /** By run id. */
  readonly snapshots: ReadonlyMap<string, EncodedSnapshot>;
  /** Contents of files, by their key. */
  readonly files: ReadonlyMap<string, string>;
}

/** The prefix of an encoded text; no JSON text begins with it. */
const PREFIX = 'codec:';

/** A payload that the codec cannot decode, or that does not decode to the data of a run. No part of it is logged. */
export class PayloadDecodeError extends Error {
  readonly code = 'payload_not_decoded';

  /**
   * @param payload - the name of the payload
   * @param reason - without content of the payload
   */
  constructor(payload: string, reason: string, cause?: unknown) {
    super(`${payload} could not be decoded: ${reason}`, { cause });
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
  readonly #timeout: number;

  /** @param timeout - milliseconds that the codec may take for one payload */
  constructor(codec: PayloadCodec | undefined, timeout: number) {
    this.#codec = codec;
    this.#timeout = timeout;
  }

  get isEncoding(): boolean {
    return this.#codec !== undefined;
  }

  /** @throws AgentOsConfigurationError if `decode` does not return the payload that `encode` was given */
  async check(): Promise<void> {
    const probe = '{"probe":"ä€🙂"}';
    let reason = 'decode() does not return the payload that encode() was given';
    try {
      if ((await this.decode(await this.encode(probe), 'A probe')) === probe) return;
    } catch (thrown) {
      reason = reasonOf(thrown);
    }
    throw new AgentOsConfigurationError(`bullmq(): the option codec does not work: ${reason}`);
  }

  /** Encodes all texts of a batch. Files get numbers as keys: hashes would tell something about their content. */
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
    const bytes = await this.#inTime(this.#codec.encode(new TextEncoder().encode(text)), 'encode');
    return PREFIX + Buffer.from(checkBytes(bytes, 'encode')).toString('base64');
  }

  /**
   * Decodes a text; one that was stored without a codec stays as it is.
   *
   * @param payload - the name of the payload, for the error
   * @throws CodecMissingError if it is encoded and there is no codec; PayloadDecodeError
   */
  async decode(text: string, payload: string): Promise<string> {
    if (!this.isEncoded(text)) return text;
    if (!this.#codec) throw new CodecMissingError();
    try {
      const encoded = Buffer.from(text.slice(PREFIX.length), 'base64');
      const bytes = await this.#inTime(this.#codec.decode(encoded), 'decode');
      return new TextDecoder('utf-8', { fatal: true }).decode(checkBytes(bytes, 'decode'));
    } catch (thrown) {
      throw new PayloadDecodeError(payload, reasonOf(thrown), thrown);
    }
  }

  /** @throws Error if the answer takes too long: a key management service may be away */
  async #inTime(answer: unknown, method: string): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const isLate = (): void => reject(new Error(`${method}() did not answer within ${this.#timeout} ms`));
      timer = setTimeout(isLate, this.#timeout);
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function checkBytes(bytes: unknown, method: string): Uint8Array {
  if (bytes instanceof Uint8Array) return bytes;
  throw new TypeError(
    `codec.${method}() answered with ${showValue(bytes).slice(0, 40)}; expected a Uint8Array.`,
  );
}
