import { ServiceUnavailableException } from '@nestjs/common';

/** `maxRuns` runs are in flight, so this one was not started. An `HttpException` with status 503. */
export class TooManyRunsError extends ServiceUnavailableException {
  readonly code = 'too_many_runs';
  /** Seconds, sent as the header `Retry-After` of the AgentOS routes. */
  readonly retryAfter = 5;

  constructor(readonly maxRuns: number) {
    super(`The server is busy: ${maxRuns} runs are in flight. Try again later.`);
    this.name = new.target.name;
  }
}
