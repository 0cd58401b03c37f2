import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

import { AgentOsLogger } from '../errors/agent-os.logger.js';
import { AgentRunError } from '../errors/agent-run.error.js';
import { saidBy, textOf } from '../errors/http-exception.js';
import { forLog } from '../errors/log.text.js';
import { HooksNotStoredError, RunShutDownError } from '../errors/run.errors.js';
import { TooManyRunsError } from '../errors/too-many-runs.error.js';
import { isRecord } from '../data/is-record.js';
import type { WireError, WireFieldProblem, WireValidationError } from '../protocol/errors.js';
import { isArray } from '../protocol/json.values.js';
import { ProtocolResponder } from './protocol.responder.js';

/** Answers the errors of the AgentOS routes as `{ "detail": … }`, without stacks or internals. */
@Catch()
export class AgentOsExceptionFilter implements ExceptionFilter {
  readonly #logger = new AgentOsLogger();

  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly responder: ProtocolResponder,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<object>();
    const isAnswered = this.responder.hasReplied(response);
    // A host's interceptor has timed out while a stream was being sent; the stream goes on.
    const isTimeout = isAnswered && thrown instanceof Error && thrown.name === 'TimeoutError';
    if (!(thrown instanceof HttpException) && !isTimeout) {
      const { reason, stack } = forLog(thrown);
      this.#logger.error(`An AgentOS route failed: ${reason}`, stack);
    }
    if (isAnswered) return;
    if (isTemporary(thrown)) this.responder.askToRetry(response, thrown);
    const status = thrown instanceof HttpException ? thrown.getStatus() : 500;
    this.responder.reply(response, bodyOf(thrown), status);
  }
}

/** Whether a client may try again, and when. */
function isTemporary(thrown: unknown): thrown is TooManyRunsError | RunShutDownError | HooksNotStoredError {
  return [TooManyRunsError, RunShutDownError, HooksNotStoredError].some((type) => thrown instanceof type);
}

/** The part of an error that a client may read. */
function bodyOf(thrown: unknown): WireError | WireValidationError {
  if (thrown instanceof AgentRunError) return { detail: thrown.publicMessage };
  if (!(thrown instanceof HttpException)) return { detail: 'Internal Server Error' };
  const said = saidBy(thrown);
  const isInvalid = isArray(said) && said.length > 0 && said.every(isProblem);
  return isInvalid ? { detail: [...said] } : { detail: textOf(thrown) };
}

/** Whether an item describes a field error, the only error detail of the protocol that is not a text. */
function isProblem(item: unknown): item is WireFieldProblem {
  return isRecord(item) && isArray(item['loc']) && typeof item['msg'] === 'string';
}
