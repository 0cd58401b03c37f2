import { HttpException } from '@nestjs/common';

import type { RunOutput } from '../model/run-output.js';

/** The options of an {@link AgentRunError}. */
export interface AgentRunErrorOptions {
  /** Stable identifier for programs: `error_type` in the protocol. */
  readonly code: string;
  /** For the log and the developer. */
  readonly message: string;
  /** The message for clients; defaults to `message`. */
  readonly publicMessage?: string;
  readonly status: number;
  readonly cause?: unknown;
}

/**
 * A run that did not complete. It is an `HttpException`: a controller that does not catch it answers with the right
 * status and without internals. It carries the run's output so far.
 */
export abstract class AgentRunError extends HttpException {
  /** Stable identifier for programs: `error_type` in the protocol. */
  readonly code: string;
  /** The message for clients. */
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
 * Attaches the run's output to the error. An error object that already belongs to another run (a constant that a hook
 * throws every time) is not modified: a view of it is returned.
 */
export function withRunOutput<E extends AgentRunError>(error: E, runOutput: RunOutput): E {
  const owner =
    Object.hasOwn(error, 'runOutput') || !Object.isExtensible(error) ? (Object.create(error) as E) : error;
  return Object.defineProperty(owner, 'runOutput', { value: runOutput, configurable: true });
}
