import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

/**
 * Gives the errors of this application the body that clients of the protocol expect, `{ "detail": … }`. The AgentOS
 * routes do so themselves; requests with an unknown route or malformed JSON do not reach them.
 */
@Catch()
export class HostErrorFilter implements ExceptionFilter {
  readonly #logger = new Logger(HostErrorFilter.name);

  constructor(private readonly adapterHost: HttpAdapterHost) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const { httpAdapter } = this.adapterHost;
    const response = host.switchToHttp().getResponse<object>();
    const { status, detail } = describe(thrown);
    if (status >= 500) this.#logger.error(thrown);
    if (!httpAdapter.isHeadersSent(response)) httpAdapter.reply(response, { detail }, status);
  }
}

function describe(thrown: unknown): { status: number; detail: string } {
  if (thrown instanceof HttpException) return { status: thrown.getStatus(), detail: thrown.message };
  // Body parsers throw errors of their own, such as 413.
  const { statusCode, message } = (thrown ?? {}) as { statusCode?: unknown; message?: unknown };
  if (typeof statusCode === 'number' && statusCode < 500)
    return { status: statusCode, detail: String(message) };
  return { status: 500, detail: 'Internal Server Error' };
}
