import { Inject, Injectable, type StreamableFile } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

import { AgentOsLogger } from '../errors/agent-os.logger.js';
import type { ResolvedAgentOsOptions } from '../agent-os.options.js';
import { RESOLVED_OPTIONS } from '../agent-os.tokens.js';
import { rawResponseOf } from '../runs/background/response.lifecycle.js';
import type { RunPage } from './sessions/run.pages.js';
import { letGoOfStalledReader } from './stalled.reader.js';

/** Answers with the protocol's JSON as it is: what a handler returns, the host's global interceptors may rewrite. */
@Injectable()
export class ProtocolResponder {
  readonly #logger = new AgentOsLogger();
  /** Responses that were replied with. Fastify says so of a response only later; with Nest 11, of a stream only at its end. */
  readonly #replied = new WeakSet();

  constructor(
    private readonly adapterHost: HttpAdapterHost,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedAgentOsOptions,
  ) {}

  /** Whether a response has been sent, or is on its way. */
  hasReplied(response: object): boolean {
    return this.#replied.has(response) || (this.adapterHost.httpAdapter.isHeadersSent(response) as boolean);
  }

  /**
   * Answers, unless the request has an answer already: an interceptor of the host may have timed out meanwhile.
   *
   * @param response - the adapter's, as `@Res()` gives it
   */
  reply(response: object, body: object, status = 200): void {
    if (this.hasReplied(response)) return;
    this.protect(response);
    this.watch(response);
    this.#send(response, body, status);
  }

  /**
   * Answers with a part of a list of runs. The protocol knows the list as an array, so that the address of the next
   * part, if there is one, stands in the header `Link`.
   */
  replyPage(request: object, response: object, { items, next }: RunPage): void {
    if (this.hasReplied(response)) return;
    const { httpAdapter } = this.adapterHost;
    this.protect(response);
    this.watch(response);
    if (next !== undefined) {
      const url = withBefore(httpAdapter.getRequestUrl(request) as string, next);
      httpAdapter.setHeader(response, 'Link', `<${url}>; rel="next"`);
    }
    httpAdapter.setHeader(response, 'Content-Type', 'application/json; charset=utf-8');
    this.#send(response, `[${items.map(({ json }) => json).join(',')}]`, 200);
  }

  /**
   * Answers with a stream of events, from now on, unless the request has an answer already.
   *
   * @returns whether the stream is the answer
   */
  replyStream(response: object, events: StreamableFile): boolean {
    if (this.hasReplied(response)) return false;
    const { httpAdapter } = this.adapterHost;
    // What compresses answers would keep events back until there are many; `no-transform` forbids it. The events are
    // somebody's conversation, so no cache keeps them.
    httpAdapter.setHeader(response, 'Cache-Control', 'no-cache, no-transform, no-store');
    httpAdapter.setHeader(response, 'X-Accel-Buffering', 'no');
    httpAdapter.setHeader(response, 'X-Content-Type-Options', 'nosniff');
    refuseCompression(response);
    this.watch(response);
    this.#send(response, events, 200);
    return true;
  }

  /** Sends what an interceptor of the host has answered in place of a handler of ours, with the status it has set. */
  replyForHost(response: object, body: unknown): void {
    if (this.hasReplied(response)) return;
    this.protect(response);
    // Nest has set 201 for each POST, which creates nothing here.
    const isNestsOwn = (response as { readonly statusCode?: number }).statusCode === 201;
    this.#send(response, body, isNestsOwn ? 200 : undefined);
  }

  /** Says, before the answer, after how many seconds to try again. */
  askToRetry(response: object, { retryAfter }: { readonly retryAfter: number }): void {
    this.adapterHost.httpAdapter.setHeader(response, 'Retry-After', String(retryAfter));
  }

  /** Answers that it is done, and nothing else. */
  replyNothing(response: object): void {
    if (this.hasReplied(response)) return;
    this.protect(response);
    this.#send(response, undefined, 204);
  }

  /** Closes the connection of a client that does not read what it is answered from now on. */
  watch(response: object): void {
    const raw = rawResponseOf(response);
    const { stallTimeout } = this.options.http;
    if (!raw) return;
    letGoOfStalledReader(raw, stallTimeout, () =>
      this.#logger.warn(
        `The connection of a client was closed, which has read nothing of its answer for ${stallTimeout} ms (http.stallTimeout).`,
      ),
    );
  }

  /** Says that caches on the way keep no copy, and that browsers take the body for what it says it is. */
  protect(response: object): void {
    const { httpAdapter } = this.adapterHost;
    httpAdapter.setHeader(response, 'Cache-Control', 'no-store');
    httpAdapter.setHeader(response, 'X-Content-Type-Options', 'nosniff');
  }

  #send(response: object, body: unknown, status?: number): void {
    this.adapterHost.httpAdapter.reply(response, body, status);
    this.#replied.add(response);
  }
}

/** `@fastify/compress` does not heed `no-transform`, but this header of the request; by default it leaves events alone. */
function refuseCompression(response: object): void {
  const { request } = response as { readonly request?: { headers: Readonly<Record<string, unknown>> } };
  if (request) request.headers = { ...request.headers, 'x-no-compression': 'true' };
}

/** The same address, for the runs before this one. */
function withBefore(url: string, runId: string): string {
  const [path = '', ...queries] = url.split('?');
  const query = new URLSearchParams(queries.join('?'));
  query.set('before', runId);
  return `${path.replace(/[<>"]/g, encodeURIComponent)}?${query.toString()}`;
}
