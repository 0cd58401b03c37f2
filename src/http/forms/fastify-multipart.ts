import { Injectable, UnsupportedMediaTypeException, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

import { fastifyOf } from '../fastify.instance.js';

/** The little of Fastify that is needed here. */
interface FastifyLike {
  hasContentTypeParser(type: string): boolean;
  addContentTypeParser(
    type: string,
    parser: (request: RoutedRequest, payload: unknown, done: Done) => void,
  ): void;
  register(plugin: (instance: FastifyLike, options: unknown, done: Done) => void): unknown;
}

interface RoutedRequest {
  /** The path as it was declared; undefined for a request that no route is there for. */
  readonly routeOptions: { readonly url?: string };
}

type Done = (error?: Error | null, body?: unknown) => void;

const MULTIPART = 'multipart/form-data';
const RUN_ROUTE = /\/(?:agents|teams|workflows)\/:id\/runs(?:\/:run_id\/(?:continue|resume|cancel))?\/?$/;

/**
 * Fastify refuses multipart bodies that it has no parser for. This one lets them through to the run routes, unread,
 * for the route to read. It is added last, and only if the host has none, so that a host's own uploads work as
 * before; other routes refuse such bodies as before.
 */
@Injectable()
export class FastifyMultipart implements OnApplicationBootstrap {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  onApplicationBootstrap(): void {
    fastifyOf<FastifyLike>(this.adapterHost)?.register(passMultipartThrough);
  }
}

function passMultipartThrough(instance: FastifyLike, _options: unknown, done: Done): void {
  if (!instance.hasContentTypeParser(MULTIPART)) {
    instance.addContentTypeParser(MULTIPART, ({ routeOptions }, _payload, parsed) =>
      parsed(RUN_ROUTE.test(routeOptions.url ?? '') ? null : new UnsupportedMediaTypeException()),
    );
  }
  done();
}

// Without this a plugin's parsers hold only inside the plugin.
Object.assign(passMultipartThrough, { [Symbol.for('skip-override')]: true });
