import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';

import { Module, type NestModule, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

import { isOfProtocol } from './protocol.mark.js';

/*
 * The only place that knows how Fastify differs from Express. The library does not depend on Fastify, so the types
 * below describe the members that are used.
 */

/** The application's instance of Fastify. */
export interface FastifyInstance {
  readonly initialConfig: RouterOptions & { readonly routerOptions?: RouterOptions };
  addHook(name: 'onRoute', hook: (route: FastifyRoute) => void): unknown;
  addHook(name: 'onListen', hook: (done: () => void) => void): unknown;
  addContentTypeParser(
    type: string,
    parser: (request: FastifyRequest, payload: unknown, done: Done) => void,
  ): unknown;
  hasContentTypeParser(type: string): boolean;
  hasRoute(route: Pick<FastifyRoute, 'method' | 'url' | 'constraints'>): boolean;
  route(route: FastifyRoute): unknown;
  /** Calls back when the plugins registered so far are loaded. */
  after(callback: () => void): unknown;
}

/** Options that Fastify also takes at its top level. */
interface RouterOptions {
  readonly caseSensitive?: boolean;
  readonly ignoreTrailingSlash?: boolean;
}

/** A route as it is declared. */
interface FastifyRoute {
  readonly method: string | readonly string[];
  readonly url: string;
  readonly handler?: unknown;
  readonly constraints?: object;
  readonly config?: object;
  readonly schema?: object;
  onRequest?: OneOrMore<OnRequest>;
  preParsing?: OneOrMore<PreParsing>;
}

type OneOrMore<T> = T | readonly T[];
type OnRequest = (request: FastifyRequest, reply: unknown, done: Done) => void;
type PreParsing = (request: FastifyRequest, reply: unknown, payload: Readable) => Promise<Readable>;
type Done = (error?: Error | null, body?: unknown) => void;

interface FastifyRequest {
  readonly raw: { readonly headers: IncomingMessage['headers'] };
}

/**
 * The Fastify instance; undefined with another adapter, and without HTTP: in an application context or a microservice
 * Nest's adapter is null.
 */
export function fastifyOf({ httpAdapter }: HttpAdapterHost): FastifyInstance | undefined {
  const adapter = httpAdapter as HttpAdapterHost['httpAdapter'] | null | undefined;
  return adapter?.getType() === 'fastify' ? adapter.getInstance<FastifyInstance>() : undefined;
}

/** Whether Fastify's router tells upper case from lower case. */
export function isCaseSensitive({ initialConfig }: FastifyInstance): boolean {
  return (initialConfig.routerOptions?.caseSensitive ?? initialConfig.caseSensitive) !== false;
}

/**
 * Calls back with each server that Fastify listens with besides its main one. For `localhost`, its default host, it
 * has one for `::1` besides one for `127.0.0.1`.
 */
export function onFurtherServers(host: HttpAdapterHost, callback: (server: unknown) => void): void {
  const fastify = fastifyOf(host);
  fastify?.addHook('onListen', (done) => {
    for (const server of furtherServersOf(fastify)) callback(server);
    done();
  });
}

/** Fastify has no public API for them. */
function furtherServersOf(fastify: object): readonly unknown[] {
  const key = Object.getOwnPropertySymbols(fastify).find(
    ({ description }) => description === 'fastify.serverBindings',
  );
  const servers = key && (fastify as Readonly<Record<symbol, unknown>>)[key];
  return Array.isArray(servers) ? servers : [];
}

const MULTIPART = 'multipart/form-data';
/** The content type of multipart bodies while they pass through Fastify. */
const UNREAD_MULTIPART = 'application/vnd.nestjs-agentos.multipart';

/**
 * Makes the routes of the protocol behave on Fastify as they do on Express. It adds hooks to these routes alone, so
 * the host's other routes stay as they are.
 *
 * - A trailing slash has no meaning: each route is added a second time with the slash. Code that reads the declared
 *   routes, such as the OpenAPI document, sees each route once.
 * - Multipart bodies reach the handler unread, unless the host has a parser for them. A parser of ours for all
 *   multipart bodies would change the answers of the host's routes.
 * - Clients of the protocol declare a JSON body even if they send none. Such a request loses its content type.
 */
@Module({})
export class FastifyModule implements NestModule, OnApplicationBootstrap {
  readonly #withSlash: FastifyRoute[] = [];
  /** The content types of multipart requests that pass through. */
  readonly #types = new WeakMap<FastifyRequest['raw'], string>();

  constructor(private readonly adapterHost: HttpAdapterHost) {}

  /** Nest calls this before it adds routes; Fastify announces routes only to listeners that were there before. */
  configure(): void {
    const fastify = fastifyOf(this.adapterHost);
    if (!fastify) return;
    const passMultipart: OnRequest = ({ raw }, _reply, done) => {
      const { 'content-type': type = '' } = raw.headers;
      if (isOfType(type, MULTIPART) && !fastify.hasContentTypeParser(MULTIPART)) {
        this.#types.set(raw, type);
        raw.headers['content-type'] = UNREAD_MULTIPART;
      }
      done();
    };
    fastify.addContentTypeParser(UNREAD_MULTIPART, ({ raw }, _payload, done) => {
      raw.headers['content-type'] = this.#types.get(raw);
      done(null);
    });
    fastify.addHook('onRoute', (route) => {
      if (!isOfProtocol(route.config) || isRead(route)) return;
      route.onRequest = [...listOf(route.onRequest), passMultipart];
      route.preParsing = [...listOf(route.preParsing), forgetTypeOfNothing];
    });
    if (!ignoresTrailingSlash(fastify)) fastify.addHook('onRoute', (route) => this.#noteSlash(route));
  }

  /** Last of all, so that a host's own route with such a path is already there. */
  onApplicationBootstrap(): void {
    const fastify = fastifyOf(this.adapterHost);
    fastify?.after(() => {
      for (const route of this.#withSlash.splice(0)) if (!fastify.hasRoute(route)) fastify.route(route);
    });
  }

  #noteSlash({ method, url, handler, constraints, config, schema }: FastifyRoute): void {
    // Fastify adds HEAD by itself.
    if (!isOfProtocol(config) || method === 'HEAD' || url.endsWith('/')) return;
    const more = {
      ...(constraints && { constraints }),
      ...(config && { config }),
      ...(schema && { schema }),
    };
    this.#withSlash.push({ method, url: `${url}/`, handler, ...more });
  }
}

function ignoresTrailingSlash({ initialConfig }: FastifyInstance): boolean {
  return initialConfig.ignoreTrailingSlash || initialConfig.routerOptions?.ignoreTrailingSlash || false;
}

/** Fastify reads no body for these methods, so it would not call the parser. */
function isRead({ method }: FastifyRoute): boolean {
  return method === 'GET' || method === 'HEAD';
}

function isOfType(contentType: string, type: string): boolean {
  return contentType.toLowerCase().startsWith(type);
}

/** No header tells whether there is a body: over HTTP/2 and in chunked requests, none gives its length. */
async function forgetTypeOfNothing(
  { raw: { headers } }: FastifyRequest,
  _reply: unknown,
  payload: Readable,
): Promise<Readable> {
  const isJson = isOfType(headers['content-type'] ?? '', 'application/json');
  const isLengthKnown = Number(headers['content-length']) > 0;
  if (isJson && !isLengthKnown && (await isEmpty(payload))) {
    delete headers['content-type'];
    delete headers['transfer-encoding'];
  }
  return payload;
}

/** Waits for the first bytes of a body without consuming them. */
function isEmpty(body: Readable): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (empty: boolean): void => {
      body.off('readable', look).off('end', end).off('error', fail).off('close', end);
      resolve(empty);
    };
    const look = (): void => {
      const chunk: unknown = body.read();
      if (chunk === null) return;
      body.unshift(chunk);
      settle(false);
    };
    const end = (): void => settle(true);
    const fail = (): void => settle(false);
    if (body.readableEnded) return resolve(true);
    body.on('readable', look).on('end', end).on('error', fail).on('close', end);
  });
}

function listOf<T>(hooks: OneOrMore<T> | undefined): readonly T[] {
  if (hooks === undefined) return [];
  return Array.isArray(hooks) ? (hooks as readonly T[]) : [hooks as T];
}
