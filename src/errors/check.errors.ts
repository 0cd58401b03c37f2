import { AgentRunError } from './agent-run.error.js';

/** The reason for a rejection: a trigger of the AgentOS protocol, or one of your own. */
export type CheckTrigger =
  | 'off_topic'
  | 'input_not_allowed'
  | 'output_not_allowed'
  | 'validation_failed'
  | 'prompt_injection'
  | 'pii_detected'
  | (string & {});

/** Details of a rejection. */
export interface CheckErrorOptions {
  /** `error_id` in the protocol. */
  readonly trigger?: CheckTrigger;
  /** Sent to the client as `additional_data`: plain JSON without secrets. */
  readonly additionalData?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** The base class of {@link InputCheckError} and {@link OutputCheckError}. */
export abstract class CheckError extends AgentRunError {
  readonly trigger: CheckTrigger;
  readonly additionalData?: Readonly<Record<string, unknown>>;

  protected constructor(code: string, message: string, trigger: CheckTrigger, options: CheckErrorOptions) {
    super({ code, message, status: 400, cause: options.cause });
    this.trigger = trigger;
    if (options.additionalData) this.additionalData = options.additionalData;
  }
}

/**
 * Thrown by an inline pre-hook or guardrail: the input is not acceptable and the run ends as `rejected`.
 * An `HttpException` with status 400; the message is shown to the client.
 *
 * @example
 * ```ts
 * throw new InputCheckError('Please do not send card numbers.', { trigger: 'pii_detected' });
 * ```
 */
export class InputCheckError extends CheckError {
  constructor(message: string, options: CheckErrorOptions = {}) {
    super('input_check_error', message, options.trigger ?? 'input_not_allowed', options);
  }
}

/**
 * Thrown by an inline post-hook or guardrail: the answer must not be shown and the run ends as `rejected`.
 * An `HttpException` with status 400; the message is shown in place of the answer.
 *
 * @example
 * ```ts
 * throw new OutputCheckError('I cannot help with that.', { trigger: 'output_not_allowed' });
 * ```
 */
export class OutputCheckError extends CheckError {
  constructor(message: string, options: CheckErrorOptions = {}) {
    super('output_check_error', message, options.trigger ?? 'output_not_allowed', options);
  }
}
