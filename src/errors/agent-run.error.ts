import { HttpException } from '@nestjs/common';

import type { RunOutput } from '../model/run-output.js';

/** What an {@link AgentRunError} is made of. */
export interface AgentRunErrorOptions {
  /** Stable, for programs: `error_type` in the protocol. */
  readonly code: string;
  /** For the log and the developer. */
  readonly message: string;
  /** What a client may read; defaults to `message`. */
  readonly publicMessage?: string;
  readonly status: number;
  readonly cause?: unknown;
}

/**
 * A run that did not complete. It is an `HttpException`, so a controller that just lets it pass answers with the
 * right status and without internals, and it carries the run's output as far as it got.
 */
export abstract class AgentRunError extends HttpException {
  /** Stable, for programs: `error_type` in the protocol. */
  readonly code: string;
  /** What a client may read. */
  readonly publicMessage: string;
  /** The output as far as the run got; set once the run has settled. */
  declare readonly runOutput: RunOutput;

  protected constructor({ code, message, publicMessage = message, status, cause }: AgentRunErrorOptions) {
    super({ statusCode: status, message: publicMessage, error: code }, status, { cause });
    this.message = message;
    this.name = new.target.name;
    this.code = code;
    this.publicMessage = publicMessage;
  }
}

/**
 * The error, carrying the run's output. An error object that already belongs to another run (a constant that a
 * hook throws every time) is left alone, and a view of it is returned.
 */
export function withRunOutput<E extends AgentRunError>(error: E, runOutput: RunOutput): E {
  const owner =
    Object.hasOwn(error, 'runOutput') || !Object.isExtensible(error) ? (Object.create(error) as E) : error;
  return Object.defineProperty(owner, 'runOutput', { value: runOutput, configurable: true });
}
