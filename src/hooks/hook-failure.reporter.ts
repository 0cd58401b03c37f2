import type { LoggerService } from '@nestjs/common';

import { CheckError } from '../errors/check.errors.js';
import { AgentOsLogger } from '../errors/agent-os.logger.js';
import { forLog, reasonOf } from '../errors/log.text.js';
import type { HookExecution } from '../execution/hook-execution.js';

/** A hook execution that failed or timed out, after its last attempt. */
export interface HookFailure {
  readonly error: Error;
  readonly execution: HookExecution;
  /** Where the hook comes from: `SupportHooks.notify`. */
  readonly source: string;
}

/** Called for every hook execution that failed. */
export type HookErrorHandler = (failure: HookFailure) => void | Promise<void>;

/** Reports failed hook executions, once each: to the log and to `onHookError`. */
export class HookFailureReporter {
  readonly #logger: AgentOsLogger;
  readonly #onHookError: HookErrorHandler | undefined;

  constructor(logger: Pick<LoggerService, 'error'>, onHookError?: HookErrorHandler) {
    this.#logger = new AgentOsLogger(logger);
    this.#onHookError = onHookError;
  }

  report(failure: HookFailure): void {
    this.#log(messageOf(failure), failure.error);
    if (this.#onHookError) void this.#tell(this.#onHookError, failure);
  }

  /** An error of the handler must not break a run or stop other hooks either. */
  async #tell(onHookError: HookErrorHandler, failure: HookFailure): Promise<void> {
    try {
      await onHookError({ ...failure, execution: { ...failure.execution } });
    } catch (thrown) {
      this.#log(`onHookError itself failed for ${failure.execution.id}: ${reasonOf(thrown)}`, thrown);
    }
  }

  #log(message: string, cause: unknown): void {
    this.#logger.error(message, forLog(cause).stack);
  }
}

function messageOf({ error, execution, source }: HookFailure): string {
  const { mode, phase, hook, component, runId, attempts } = execution;
  const which = `${mode} ${phase}-hook "${hook}" (${source}) of ${component.kind} "${component.id}" in run ${runId}`;
  if (mode === 'background' && error instanceof CheckError) {
    return (
      `The ${which} threw ${error.name} ("${reasonOf(error)}"), but a background hook cannot reject the run: the response ` +
      'has been sent. Make it a @Guardrail(), or mark it @Hook(false).'
    );
  }
  return `The ${which} failed${attempts > 1 ? ` after ${attempts} attempts` : ''}: ${reasonOf(error)}`;
}
