import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

import { fastifyOf } from '../fastify.instance.js';

/** The little of Fastify that is needed here. */
interface FastifyLike {
  addHook(
    name: 'onRequest',
    hook: (request: RoutedRequest, reply: unknown, done: () => void) => void,
  ): unknown;
  register(plugin: (instance: FastifyLike, options: unknown, done: () => void) => void): unknown;
}

interface RoutedRequest {
  /** The path as it was declared; undefined for a request that no route is there for. */
  readonly routeOptions: { readonly url?: string };
  readonly raw: { readonly headers: Record<string, string | string[] | undefined> };
}

const AGENT_OS_ROUTE =
  /\/(?:(?:agents|teams|workflows)\/:id\/runs(?:\/.+)?|sessions(?:\/:session_id(?:\/rename)?)?|eval-runs(?:\/:eval_run_id)?)\/?$/;

/**
 * Clients of the protocol say that their body is JSON even if they send none. Fastify refuses that where a body is
 * possible, other servers do not care. On the routes of the protocol such a request comes to Fastify without a
 * content type; other routes refuse it as before.
 */
@Injectable()
export class FastifyEmptyJson implements OnApplicationBootstrap {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  onApplicationBootstrap(): void {
    fastifyOf<FastifyLike>(this.adapterHost)?.register(forgetTypeOfNothing);
  }
}

function forgetTypeOfNothing(instance: FastifyLike, _options: unknown, done: () => void): void {
  instance.addHook('onRequest', ({ routeOptions, raw: { headers } }, _reply, next) => {
    if (AGENT_OS_ROUTE.test(routeOptions.url ?? '') && isEmptyJson(headers)) delete headers['content-type'];
    next();
  });
  done();
}

function isEmptyJson(headers: RoutedRequest['raw']['headers']): boolean {
  const isJson = /^application\/json/i.test(String(headers['content-type']));
  return isJson && headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0';
}

// Without this a plugin's hooks hold only inside the plugin.
Object.assign(forgetTypeOfNothing, { [Symbol.for('skip-override')]: true });
