import { Module, type NestModule, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

import { fastifyOf } from '../fastify.instance.js';
import { isOfProtocol } from './protocol.mark.js';

/** The options of a route that Nest passes to Fastify. */
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

/** The members of Fastify that are used here. */
interface FastifyLike {
  readonly initialConfig: RouterOptions & { readonly routerOptions?: RouterOptions };
  addHook(name: 'onRoute', hook: (route: FastifyRoute) => void): unknown;
  hasRoute(route: Pick<FastifyRoute, 'method' | 'url' | 'constraints'>): boolean;
  route(route: FastifyRoute): unknown;
  register(plugin: (instance: FastifyLike, options: unknown, done: () => void) => void): unknown;
}

/**
 * In the protocol, as on Express, a trailing slash has no meaning. On Fastify the path is then a different one, so
 * each of our routes is added a second time with the slash. Code that reads the declared routes, such as the OpenAPI
 * document, sees each route once.
 */
@Module({})
export class TrailingSlashModule implements NestModule, OnApplicationBootstrap {
  readonly #routes: FastifyRoute[] = [];

  constructor(private readonly adapterHost: HttpAdapterHost) {}

  /** Nest calls this before it adds routes; Fastify announces routes only to listeners that were there before. */
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

  /** Last of all, so that a host's own route with such a path is already there. */
  onApplicationBootstrap(): void {
    this.#fastify()?.register(
      unencapsulated((instance) => {
        for (const route of this.#routes.splice(0)) if (!instance.hasRoute(route)) instance.route(route);
      }),
    );
  }

  /** Undefined if there is no Fastify, or if the host has configured it to ignore trailing slashes. */
  #fastify(): FastifyLike | undefined {
    const instance = fastifyOf<FastifyLike>(this.adapterHost);
    if (!instance) return undefined;
    const { ignoreTrailingSlash = false, routerOptions } = instance.initialConfig;
    return ignoreTrailingSlash || routerOptions?.ignoreTrailingSlash ? undefined : instance;
  }
}

/** A plugin without encapsulation: its routes share all hooks of the application. */
function unencapsulated(add: (instance: FastifyLike) => void): Parameters<FastifyLike['register']>[0] {
  const plugin = (instance: FastifyLike, _options: unknown, done: () => void): void => {
    add(instance);
    done();
  };
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true });
}
