import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

/** Answers with the protocol's JSON as it is: what a handler returns, the host's global interceptors may rewrite. */
@Injectable()
export class ProtocolResponder {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  /** @param response - the adapter's, as `@Res()` gives it */
  reply(response: object, body: object, status = 200): void {
    this.protect(response);
    this.adapterHost.httpAdapter.reply(response, body, status);
  }

  /** Answers that it is done, and nothing else. */
  replyNothing(response: object): void {
    this.protect(response);
    this.adapterHost.httpAdapter.reply(response, undefined, 204);
  }

  /** Says that caches on the way keep no copy, and that browsers take the body for what it says it is. */
  protect(response: object): void {
    const { httpAdapter } = this.adapterHost;
    httpAdapter.setHeader(response, 'Cache-Control', 'no-store');
    httpAdapter.setHeader(response, 'X-Content-Type-Options', 'nosniff');
  }
}
