import { Inject, Injectable, type StreamableFile } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

import { AgentOsLogger } from '../errors/agent-os.logger.js';
import type { ResolvedAgentOsOptions } from '../agent-os.options.js';
import { RESOLVED_OPTIONS } from '../agent-os.tokens.js';
import { rawResponseOf } from '../runs/background/response.lifecycle.js';
import type { RunPage } from './sessions/run.pages.js';
import { closeStalledReader } from './stalled.reader.js';

/** Sends the protocol's JSON unchanged: the host's global interceptors may rewrite a value that a handler returns. */
@Injectable()
export class ProtocolResponder {
  readonly #logger = new AgentOsLogger();
  /** Responses that have an answer. Fastify reports this only later; with Nest 11, for a stream only at its end. */
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
   * Answers, unless the request has been answered already, for example by an interceptor of the host that timed out.
   *
   * @param response - the adapter's, as `@Res()` gives it
   */
  reply(response: object, body: object, status = 200): void {
    if (this.hasReplied(response)) return;
    this.protect(response);
    this.#send(response, body, status);
    this.watch(response);
  }

  /**
   * Answers with a page of runs. In the protocol the list is an array, so the URL of the next page, if there is one,
   * is in the header `Link`.
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
   * Starts to answer with a stream of events, unless the request has been answered already.
   *
   * @returns whether the stream is the answer
   */
  replyStream(
    response: object,
    events: StreamableFile,
    headers: Readonly<Record<string, string>> = {},
  ): boolean {
    if (this.hasReplied(response)) return false;
    const { httpAdapter } = this.adapterHost;
    for (const [name, value] of Object.entries(headers)) httpAdapter.setHeader(response, name, value);
    // Compression would delay events until there are many; `no-transform` forbids it. The events belong to one
    // user's conversation, so no cache keeps them.
    httpAdapter.setHeader(response, 'Cache-Control', 'no-cache, no-transform, no-store');
    httpAdapter.setHeader(response, 'X-Accel-Buffering', 'no');
    httpAdapter.setHeader(response, 'X-Content-Type-Options', 'nosniff');
    refuseCompression(response);
    this.watch(response);
    this.#send(response, events, 200);
    return true;
  }

  /** Sends the answer of a host's interceptor in place of our handler's, with the status that the interceptor set. */
  replyForHost(response: object, body: unknown): void {
    if (this.hasReplied(response)) return;
    this.protect(response);
    // Nest sets 201 for each POST, but nothing is created here.
    const isNestsOwn = (response as { readonly statusCode?: number }).statusCode === 201;
    this.#send(response, body, isNestsOwn ? 200 : undefined);
  }

  /** Sets the header with the number of seconds after which the client may try again. */
  askToRetry(response: object, { retryAfter }: { readonly retryAfter: number }): void {
    this.adapterHost.httpAdapter.setHeader(response, 'Retry-After', String(retryAfter));
  }

  /** Answers with a file of a page. The page loads only files of this server, and no other page may frame it. */
  replyFile(
    response: object,
    { mediaType, content }: { readonly mediaType: string; readonly content: string },
  ): void {
    if (this.hasReplied(response)) return;
    const { httpAdapter } = this.adapterHost;
    httpAdapter.setHeader(response, 'Content-Type', mediaType);
    httpAdapter.setHeader(response, 'Cache-Control', 'no-cache');
    httpAdapter.setHeader(response, 'X-Content-Type-Options', 'nosniff');
    httpAdapter.setHeader(response, 'Content-Security-Policy', PAGE_POLICY);
    this.watch(response);
    this.#send(response, content, 200);
  }

  /** Sends the client to another address. */
  redirect(response: object, location: string): void {
    if (this.hasReplied(response)) return;
    this.adapterHost.httpAdapter.setHeader(response, 'Location', location);
    this.#send(response, undefined, 308);
  }

  /** Answers with success and no body. */
  replyNothing(response: object): void {
    if (this.hasReplied(response)) return;
    this.protect(response);
    this.#send(response, undefined, 204);
  }

  /** Closes the connection of a client that stops reading its answer. */
  watch(response: object): void {
    const raw = rawResponseOf(response);
    const { stallTimeout } = this.options.http;
    if (!raw) return;
    closeStalledReader(raw, stallTimeout, () =>
      this.#logger.warn(
        `The connection of a client was closed, which has read nothing of its answer for ${stallTimeout} ms (http.stallTimeout).`,
      ),
    );
  }

  /** Forbids caches to keep a copy, and browsers to guess another media type. */
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

const PAGE_POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** `@fastify/compress` ignores `no-transform` but obeys this request header; by default it does not compress events. */
function refuseCompression(response: object): void {
  const { request } = response as { readonly request?: { headers: Readonly<Record<string, unknown>> } };
  if (request) request.headers = { ...request.headers, 'x-no-compression': 'true' };
}

/** The same URL with `before`: the page of runs before this one. */
function withBefore(url: string, runId: string): string {
  const [path = '', ...queries] = url.split('?');
  const query = new URLSearchParams(queries.join('?'));
  query.set('before', runId);
  return `${path.replace(/[<>"]/g, encodeURIComponent)}?${query.toString()}`;
}
