import { ConflictException } from '@nestjs/common';

/** The run cannot be annotated yet: it has not ended, or guardrails hold it. An `HttpException` with status 409. */
export class RunNotStoredError extends ConflictException {
  readonly code = 'run_not_stored';

  constructor(readonly runId: string) {
    super(
      `Run ${runId} is not stored yet, so it cannot be annotated: it has not ended, or guardrails still hold it. ` +
        'Annotate it in a background hook, or after run() has resolved. Inline hooks change `runOutput.metadata` instead.',
    );
    this.name = new.target.name;
  }
}
