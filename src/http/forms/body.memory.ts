import type { ServerResponse } from 'node:http';

import { Inject, Injectable, ServiceUnavailableException } from '@nestjs/common';

import type { ResolvedAgentOsOptions } from '../../agent-os.options.js';
import { RESOLVED_OPTIONS } from '../../agent-os.tokens.js';
import { rawResponseOf, watchHttpResponse } from '../../runs/background/response.lifecycle.js';

/** Bytes of every body that are not counted, so that large bodies do not block clients that send only a question. */
const FREE = 1024 * 1024;

/** Seconds after which a refused client may try again. */
const RETRY_AFTER = 10;

/** Counts the bytes of one body. */
export interface BodyCount {
  /** @throws ServiceUnavailableException if there is not enough memory for more */
  add(bytes: number): void;
  /** The body is kept for longer than its request: its bytes stay counted until this promise has settled, too. */
  keepUntil(end: Promise<unknown>): void;
}

/**
 * The memory that the multipart bodies of all connections may take together. The bytes of a body are counted as it
 * is read. They are released when its request has been answered and the background run with its files, if there is
 * one, has settled.
 */
@Injectable()
export class BodyMemory {
  readonly #limit: number;
  #used = 0;

  constructor(@Inject(RESOLVED_OPTIONS) { http }: ResolvedAgentOsOptions) {
    this.#limit = http.maxBodyMemory;
  }

  /** @param response - the adapter's, as `@Res()` gives it */
  open(response: object): BodyCount {
    return new OpenBody(this, rawResponseOf(response));
  }

  /** @returns whether there is enough memory for more bytes of a body, which then count as used */
  take(bytes: number, more: number): boolean {
    // A body may be as large as the file limits allow if it is the only one.
    if (this.#used + more > this.#limit && this.#used > countedOf(bytes)) return false;
    this.#used += more;
    return true;
  }

  /** @param bytes - the size of a body that is no longer in memory */
  giveBack(bytes: number): void {
    this.#used -= countedOf(bytes);
  }
}

/** A body that is being read. Most have no bytes to count: their responses are not watched. */
class OpenBody implements BodyCount {
  readonly #memory: BodyMemory;
  readonly #response: ServerResponse | undefined;
  #size = 0;
  #isWatched = false;
  #isOver = false;
  #kept: Promise<unknown> | undefined;

  constructor(memory: BodyMemory, response: ServerResponse | undefined) {
    this.#memory = memory;
    this.#response = response;
  }

  add(bytes: number): void {
    this.#watch();
    if (this.#isOver) return;
    const more = countedOf(this.#size + bytes) - countedOf(this.#size);
    if (!this.#memory.take(this.#size, more)) {
      this.#response?.setHeader('Retry-After', RETRY_AFTER);
      throw new ServiceUnavailableException(
        'The server reads too many large requests. Please try again later.',
      );
    }
    this.#size += bytes;
  }

  keepUntil(end: Promise<unknown>): void {
    this.#kept = end;
  }

  #watch(): void {
    if (this.#isWatched || !this.#response) return;
    this.#isWatched = true;
    watchHttpResponse(this.#response).onClosed(() => {
      this.#isOver = true;
      const giveBack = (): void => this.#memory.giveBack(this.#size);
      if (this.#kept) void this.#kept.then(giveBack, giveBack);
      else giveBack();
    });
  }
}

function countedOf(bytes: number): number {
  return Math.max(0, bytes - FREE);
}
