import { Module, type NestModule, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

import { fastifyOf } from '../fastify.instance.js';
import { isOfProtocol } from './protocol.mark.js';

/** What Nest says to Fastify of a route. */
interface FastifyRoute {
  readonly method: string | readonly string[];
  readonly url: string;
  readonly handler: unknown;
  readonly constraints?: object;
  readonly config?: object;
  readonly schema?: object;
}

interface RouterOptions {
  readonly ignoreTrailingSlash?: boolean;
}

/** The little of Fastify that is needed here. */
interface FastifyLike {
  readonly initialConfig: RouterOptions & { readonly routerOptions?: RouterOptions };
  addHook(name: 'onRoute', hook: (route: FastifyRoute) => void): unknown;
  hasRoute(route: Pick<FastifyRoute, 'method' | 'url' | 'constraints'>): boolean;
  route(route: FastifyRoute): unknown;
  register(plugin: (instance: FastifyLike, options: unknown, done: () => void) => void): unknown;
}

/**
 * In the protocol a slash at the end of a path means nothing, and Express takes it like that. To Fastify it is another
 * path, so that each of our routes is there a second time with it. Those that look at declared routes, such as the
 * OpenAPI document, see each once.
 */
@Module({})
export class TrailingSlashModule implements NestModule, OnApplicationBootstrap {
  readonly #routes: FastifyRoute[] = [];

  constructor(private readonly adapterHost: HttpAdapterHost) {}

  /** Nest calls this before it adds routes, which Fastify announces to nobody who comes later. */
  configure(): void {
    this.#fastify()?.addHook('onRoute', ({ method, url, handler, constraints, config, schema }) => {
      // Fastify adds HEAD by itself.
      if (!isOfProtocol(config) || method === 'HEAD' || url.endsWith('/')) return;
      const more = {
        ...(constraints && { constraints }),
        ...(config && { config }),
        ...(schema && { schema }),
      };
      this.#routes.push({ method, url: `${url}/`, handler, ...more });
    });
  }

  /** Last of all, so that a host's own route with such a path is there already. */
  onApplicationBootstrap(): void {
    this.#fastify()?.register(
      unencapsulated((instance) => {
        for (const route of this.#routes.splice(0)) if (!instance.hasRoute(route)) instance.route(route);
      }),
    );
  }

  /** Undefined if there is none, or if the host has told Fastify to ignore such slashes. */
  #fastify(): FastifyLike | undefined {
    const instance = fastifyOf<FastifyLike>(this.adapterHost);
    if (!instance) return undefined;
    const { ignoreTrailingSlash = false, routerOptions } = instance.initialConfig;
    return ignoreTrailingSlash || routerOptions?.ignoreTrailingSlash ? undefined : instance;
  }
}

/** A plugin whose routes stand beside those of the application, with all its hooks. */
function unencapsulated(add: (instance: FastifyLike) => void): Parameters<FastifyLike['register']>[0] {
  const plugin = (instance: FastifyLike, _options: unknown, done: () => void): void => {
    add(instance);
    done();
  };
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true });
}
