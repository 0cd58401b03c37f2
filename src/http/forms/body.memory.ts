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
    const raw = rawResponseOf(response);
    let size = 0;
    let isOver = false;
    const countedOf = (bytes: number): number => Math.max(0, bytes - FREE);
    const add = (bytes: number): void => {
      if (isOver) return;
      const more = countedOf(size + bytes) - countedOf(size);
      // A body may be as large as the file limits allow if it is the only one.
      if (this.#used + more > this.#limit && this.#used > countedOf(size)) {
        raw?.setHeader('Retry-After', RETRY_AFTER);
        throw new ServiceUnavailableException(
          'The server reads too many large requests. Please try again later.',
        );
      }
      size += bytes;
      this.#used += more;
    };
    let kept: Promise<unknown> | undefined;
    const giveBack = (): void => {
      this.#used -= countedOf(size);
    };
    const onClosed = (): void => {
      isOver = true;
      if (kept) void kept.then(giveBack, giveBack);
      else giveBack();
    };
    if (raw) watchHttpResponse(raw).onClosed(onClosed);
    return { add, keepUntil: (end) => void (kept = end) };
  }
}
