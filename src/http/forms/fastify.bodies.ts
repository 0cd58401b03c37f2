import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';

import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

import { fastifyOf } from '../../fastify.instance.js';
import { isOfProtocol } from '../protocol.mark.js';

/** The members of Fastify that are used here. */
interface FastifyLike {
  hasContentTypeParser(type: string): boolean;
  addContentTypeParser(
    type: string,
    parser: (request: RoutedRequest, payload: unknown, done: Done) => void,
  ): void;
  addHook(name: 'onRequest', hook: (request: RoutedRequest, reply: unknown, done: Done) => void): unknown;
  addHook(
    name: 'preParsing',
    hook: (request: RoutedRequest, reply: unknown, payload: Readable) => Promise<Readable>,
  ): unknown;
  register(plugin: (instance: FastifyLike, options: unknown, done: Done) => void): unknown;
}

interface RoutedRequest {
  /** The route as it was declared; without URL if no route matches the request. */
  readonly routeOptions: { readonly url?: string; readonly config?: object };
  readonly raw: { readonly headers: IncomingMessage['headers'] };
}

type Done = (error?: Error | null, body?: unknown) => void;

const MULTIPART = 'multipart/form-data';
/** The content type of multipart bodies while they pass through Fastify. */
const UNREAD_MULTIPART = 'application/vnd.nestjs-agentos.multipart';
const RUN_ROUTE = /\/(?:agents|teams|workflows)\/:id\/runs(?:\/:run_id\/(?:continue|resume|cancel))?\/?$/;

/**
 * Accepts bodies that Fastify would refuse before a route of the protocol sees them. Other routes are left alone.
 *
 * - Multipart bodies reach the run routes unread, unless the host has a parser for multipart bodies.
 * - Clients of the protocol declare a JSON body even if they send none. Such a request loses its content type.
 */
@Injectable()
export class FastifyBodies implements OnApplicationBootstrap {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  /** Last of all, so that the host's own parsers are there. */
  onApplicationBootstrap(): void {
    const fastify = fastifyOf<FastifyLike>(this.adapterHost);
    fastify?.register(unencapsulated(passMultipartThrough));
    fastify?.register(unencapsulated(forgetTypeOfNothing));
  }
}

/** Not a parser for all multipart bodies: that would change the answers of the host's other routes. */
function passMultipartThrough(instance: FastifyLike): void {
  if (instance.hasContentTypeParser(MULTIPART)) return;
  const types = new WeakMap<RoutedRequest['raw'], string>();
  instance.addHook('onRequest', ({ routeOptions, raw }, _reply, done) => {
    const { 'content-type': type = '' } = raw.headers;
    if (RUN_ROUTE.test(routeOptions.url ?? '') && isOfProtocol(routeOptions.config) && isMultipart(type)) {
      types.set(raw, type);
      raw.headers['content-type'] = UNREAD_MULTIPART;
    }
    done();
  });
  instance.addContentTypeParser(UNREAD_MULTIPART, ({ raw }, _payload, done) => {
    raw.headers['content-type'] = types.get(raw);
    done(null);
  });
}

/** Whether a content type is multipart. */
function isMultipart(type: string): boolean {
  return /^multipart\/form-data/i.test(type);
}

/** No header tells whether there is a body: over HTTP/2 and in chunked requests, none gives its length. */
function forgetTypeOfNothing(instance: FastifyLike): void {
  instance.addHook('preParsing', async ({ routeOptions, raw: { headers } }, _reply, payload) => {
    const isJson = /^application\/json/i.test(headers['content-type'] ?? '');
    const isLengthKnown = Number(headers['content-length']) > 0;
    if (isJson && !isLengthKnown && isOfProtocol(routeOptions.config) && (await isEmpty(payload))) {
      delete headers['content-type'];
      delete headers['transfer-encoding'];
    }
    return payload;
  });
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

/** Without the mark, a plugin's parsers and hooks apply only inside the plugin. */
function unencapsulated(add: (instance: FastifyLike) => void): Parameters<FastifyLike['register']>[0] {
  const plugin = (instance: FastifyLike, _options: unknown, done: Done): void => {
    add(instance);
    done();
  };
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true });
}
