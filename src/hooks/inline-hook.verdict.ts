import { HttpException } from '@nestjs/common';

import { AgentRunError } from '../errors/agent-run.error.js';
import { CheckError } from '../errors/check.errors.js';
import { GuardrailFailedError, HookFailedError, RunHttpError } from '../errors/run.errors.js';
import type { BoundHook } from './bound-hook.js';

/** The effect of an inline hook's error on the run. */
export interface InlineHookVerdict {
  /** The hook did its work: it rejected the run. */
  readonly isRejection: boolean;
  /** Ends the run; undefined if the run goes on. */
  readonly ends: AgentRunError | undefined;
}

/**
 * Check errors and the hook's own `HttpException` end the run; a guardrail that breaks in any other way ends it too;
 * for any other error `onError` decides.
 * A rejection of a run that the hook had started is passed on; that run's other errors are no verdict of the hook.
 */
export function judgeInlineHookError(hook: BoundHook, thrown: unknown): InlineHookVerdict {
  const { name, isGuardrail, onError = hook.phase === 'pre' ? 'fail' : 'continue' } = hook.definition;
  if (thrown instanceof CheckError) return { isRejection: true, ends: thrown };
  if (thrown instanceof HttpException && !(thrown instanceof AgentRunError)) {
    return { isRejection: true, ends: new RunHttpError(thrown, isGuardrail) };
  }
  if (isGuardrail) return { isRejection: false, ends: new GuardrailFailedError(name, thrown) };
  return { isRejection: false, ends: onError === 'fail' ? new HookFailedError(name, thrown) : undefined };
}
