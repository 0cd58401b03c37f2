import { Logger, type LoggerService } from '@nestjs/common';

import { reasonOf } from './log.text.js';

/**
 * Writes to the log of the application. A logger that throws must not change the outcome of a run, a hook or a
 * response: a Node process warning takes its place.
 */
export class AgentOsLogger {
  readonly #logger: Partial<Pick<LoggerService, 'error' | 'warn' | 'log'>>;

  constructor(logger: Partial<Pick<LoggerService, 'error' | 'warn' | 'log'>> = new Logger('AgentOs')) {
    this.#logger = logger;
  }

  error(message: string, stack?: string): void {
    this.#write(message, () => void this.#logger.error?.(message, stack));
  }

  warn(message: string): void {
    this.#write(message, () => void this.#logger.warn?.(message));
  }

  log(message: string): void {
    this.#write(message, () => void this.#logger.log?.(message));
  }

  #write(message: string, write: () => void): void {
    try {
      write();
    } catch (thrown) {
      process.emitWarning(`${message} (The logger failed as well: ${reasonOf(thrown)})`);
    }
  }
}
