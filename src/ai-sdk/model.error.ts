import {
  APICallError,
  InvalidArgumentError,
  InvalidPromptError,
  LoadAPIKeyError,
  LoadSettingError,
  NoSuchModelError,
  RetryError,
  UnsupportedFunctionalityError,
} from 'ai';

import { ProviderError } from '../errors/run.errors.js';
import { toError } from '../data/to-error.js';
import type { ModelIdentity } from '../model/run-output.js';

/** Errors of the AI SDK about its own usage: no provider was called. */
const USAGE_ERRORS = [
  InvalidArgumentError,
  InvalidPromptError,
  LoadAPIKeyError,
  LoadSettingError,
  NoSuchModelError,
  UnsupportedFunctionalityError,
];

/**
 * The run's error for a failed model call: a provider error, unless the AI SDK reports wrong usage. The provider's own
 * message, which may quote keys and prompts, is only in the cause.
 */
export function toModelError(thrown: unknown, model: ModelIdentity): unknown {
  if (USAGE_ERRORS.some((type) => type.isInstance(thrown))) return thrown;
  const status = statusOf(RetryError.isInstance(thrown) ? thrown.lastError : thrown);
  const reason = isTimeout(thrown) ? 'did not answer in time' : 'failed';
  return providerError(
    model,
    status === undefined ? reason : `failed with status ${status}`,
    toCause(thrown),
    status,
  );
}

/** A timeout of the call: the run itself was not aborted. */
function isTimeout(thrown: unknown): boolean {
  const { name } = toError(thrown);
  return name === 'TimeoutError' || name === 'AbortError';
}

/** An answer that broke off started with status 200, which is meaningless here. */
function statusOf(thrown: unknown): number | undefined {
  const status = APICallError.isInstance(thrown) ? thrown.statusCode : undefined;
  return status !== undefined && status >= 400 ? status : undefined;
}

/** @param failure - the predicate of the message, whose subject is the model */
export function providerError(
  { id, provider }: ModelIdentity,
  failure: string,
  cause?: unknown,
  status?: number,
): ProviderError {
  return new ProviderError(`The model "${id}" of "${provider}" ${failure}.`, cause, status);
}

/** Providers report errors in the middle of a stream as text or objects; the log needs an `Error`. */
function toCause(thrown: unknown): Error {
  const isReport = typeof thrown === 'object' && thrown !== null && !('name' in thrown);
  return isReport ? new Error(`The provider reported an error: ${JSON.stringify(thrown)}`) : toError(thrown);
}
