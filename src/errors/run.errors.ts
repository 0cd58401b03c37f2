import type { HttpException } from '@nestjs/common';

import { AgentRunError, type AgentRunErrorOptions } from './agent-run.error.js';
import { fieldsBesideText, textOf } from './http-exception.js';
import { reasonOf } from './log.text.js';

/** A guardrail failed, so its check has no result and the run ends. The cause is only in the log. */
export class GuardrailFailedError extends AgentRunError {
  constructor(guardrail: string, cause: unknown) {
    super({
      code: 'guardrail_failed',
      message: `Guardrail "${guardrail}" failed, so the run was stopped.`,
      publicMessage: 'A guardrail failed, so the run was stopped.',
      status: 500,
      cause,
    });
  }
}

/** An inline hook that is not a guardrail failed, and its `onError` does not let the run continue. */
export class HookFailedError extends AgentRunError {
  constructor(hook: string, cause: unknown) {
    super({
      code: 'hook_failed',
      message: `Hook "${hook}" failed and its onError is "fail", so the run was stopped.`,
      publicMessage: 'A hook failed, so the run was stopped.',
      status: 500,
      cause,
    });
  }
}

/** The engine, a workflow step or the session store failed. The original error is `cause`, never shown to clients. */
export class RunFailedError extends AgentRunError {
  constructor(message: string, cause: unknown) {
    super({ code: 'run_failed', message, publicMessage: 'The run failed.', status: 500, cause });
  }
}

/** A step of a workflow failed. Its status is that of its cause, if that has one. */
export class StepFailedError extends AgentRunError {
  constructor(
    readonly step: string,
    workflow: string,
    cause: unknown,
  ) {
    super({
      code: 'step_failed',
      message: `Step "${step}" of workflow "${workflow}" failed: ${reasonOf(cause)}`,
      publicMessage: `The step "${step}" failed.`,
      status: cause instanceof AgentRunError ? cause.getStatus() : 500,
      cause,
    });
  }
}

/** The provider of a model failed: it was not reachable, refused the request, or answered with an error. */
export class ProviderError extends AgentRunError {
  /** @param providerStatus - the HTTP status with which the provider answered, if it did */
  constructor(
    message: string,
    cause: unknown,
    readonly providerStatus?: number,
  ) {
    super({
      code: 'provider_error',
      message,
      publicMessage: 'The model provider failed.',
      status: 502,
      cause,
    });
  }
}

/** The run was cancelled: by `cancel()`, by the caller's signal, by a client that left, or at shutdown. */
export class RunCancelledError extends AgentRunError {
  constructor(
    readonly reason: string,
    { code = 'run_cancelled', status = 409 }: Partial<Pick<AgentRunErrorOptions, 'code' | 'status'>> = {},
  ) {
    super({ code, message: reason, status });
  }
}

/** The run was cancelled because the application shuts down and can wait no longer. */
export class RunShutDownError extends RunCancelledError {
  /** Seconds, sent as the header `Retry-After` of the AgentOS routes. */
  readonly retryAfter = 5;

  constructor() {
    super('The server is shutting down, so the run was stopped.', { code: 'shutting_down', status: 503 });
  }
}

/**
 * The run's background hooks could not be stored, and the executor was told to fail the run then (`onUnavailable: 'fail'`). The
 * run is not stored; its outcome is `failed`.
 */
export class HooksNotStoredError extends AgentRunError {
  /** Seconds, sent as the header `Retry-After` of the AgentOS routes. */
  readonly retryAfter = 5;

  /** @param run - its id, for the log */
  constructor(run: string, cause: unknown) {
    super({
      code: 'hooks_not_stored',
      message: `The background hooks of run ${run} could not be stored, so the run has failed.`,
      publicMessage: 'The server cannot keep the results of runs at the moment. Try again later.',
      status: 503,
      cause,
    });
  }
}

/** The run took longer than its component's `timeout`, or the module's `runTimeout`. Its outcome is `failed`. */
export class RunTimeoutError extends AgentRunError {
  /**
   * @param run - which run, for the log
   * @param timeout - milliseconds
   */
  constructor(
    run: string,
    readonly timeout: number,
  ) {
    super({
      code: 'run_timeout',
      message:
        `Run ${run} did not end within ${timeout} ms. Its signal was aborted; ` +
        'raise `timeout` of the component or `runTimeout` if it needs longer.',
      publicMessage: 'The run took too long, so it was stopped.',
      status: 504,
    });
  }
}

/** An inline hook or the engine threw an `HttpException` of its own, which keeps its status and body. */
export class RunHttpError extends AgentRunError {
  /** @param isOfGuardrail - a guardrail threw it */
  constructor(
    original: HttpException,
    readonly isOfGuardrail = false,
  ) {
    super({
      code: 'http_exception',
      message: textOf(original),
      status: original.getStatus(),
      cause: original,
    });
  }

  /** The fields of its body besides the message. */
  get additionalData(): Readonly<Record<string, unknown>> | undefined {
    return fieldsBesideText(this.cause as HttpException);
  }

  /** Must not read private fields: a parent run throws a view of the error, which has none. */
  override getResponse(): string | object {
    return (this.cause as HttpException).getResponse();
  }
}
