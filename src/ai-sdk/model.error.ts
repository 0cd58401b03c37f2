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

/** Errors of the AI SDK that are about how it is used: no provider was asked. */
const USAGE_ERRORS = [
  InvalidArgumentError,
  InvalidPromptError,
  LoadAPIKeyError,
  LoadSettingError,
  NoSuchModelError,
  UnsupportedFunctionalityError,
];

/**
 * What a failed model call means for the run: the provider failed, unless the AI SDK says that it was used wrongly.
 * The provider's own words, which may quote keys and prompts, stay in the cause.
 */
export function toModelError(thrown: unknown, model: ModelIdentity): unknown {
  if (USAGE_ERRORS.some((type) => type.isInstance(thrown))) return thrown;
  const status = statusOf(RetryError.isInstance(thrown) ? thrown.lastError : thrown);
  const what = isTimeout(thrown) ? 'did not answer in time' : 'failed';
  return providerError(
    model,
    status === undefined ? what : `failed with status ${status}`,
    toCause(thrown),
    status,
  );
}

/** The run itself was not aborted. */
function isTimeout(thrown: unknown): boolean {
  const { name } = toError(thrown);
  return name === 'TimeoutError' || name === 'AbortError';
}

/** An answer that broke off began with status 200, which says nothing. */
function statusOf(thrown: unknown): number | undefined {
  const status = APICallError.isInstance(thrown) ? thrown.statusCode : undefined;
  return status !== undefined && status >= 400 ? status : undefined;
}

/** @param what - completes a sentence that begins with the model */
export function providerError(
  { id, provider }: ModelIdentity,
  what: string,
  cause?: unknown,
  status?: number,
): ProviderError {
  return new ProviderError(`The model "${id}" of "${provider}" ${what}.`, cause, status);
}

/** Providers report errors in the middle of a stream as text or as objects; the log wants an `Error`. */
function toCause(thrown: unknown): Error {
  const isReport = typeof thrown === 'object' && thrown !== null && !('name' in thrown);
  return isReport ? new Error(`The provider reported an error: ${JSON.stringify(thrown)}`) : toError(thrown);
}
