import { Inject, Module, RequestMethod, type NestModule } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';

import { AgentOsLogger } from '../errors/agent-os.logger.js';
import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { fastifyOf, isCaseSensitive, type FastifyInstance } from '../fastify.module.js';
import { findRoutePathFactory } from '../peers/nest.internals.js';
import { declaredRoutes, type PathReading } from './declared.routes.js';
import { describeConflicts, findConflicts, findDuplicates, type RouteChoice } from './route.conflicts.js';
import type { DeclaredRoute } from './route.overlap.js';

/** The members of an application's configuration that only Nest 12 has. */
interface RouteResolution {
  getRouteResolutionStrategy?(): string | undefined;
}

/** The members of Express that are used here; other adapters may have none of them. */
interface ExpressLike {
  enabled?(setting: string): boolean;
}

/** Reports at start-up which of our routes conflict with routes of the host. */
@Module({})
export class RouteConflictsModule implements NestModule {
  constructor(
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    private readonly config: ApplicationConfig,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  /**
   * Nest calls this before it adds routes, where Fastify would throw its own error.
   *
   * @throws AgentOsConfigurationError on Fastify, if there are two routes for the same method and path
   */
  async configure(): Promise<void> {
    const RoutePathFactory = await findRoutePathFactory();
    if (!RoutePathFactory) return;
    const fastify = fastifyOf(this.adapterHost);
    const routes = declaredRoutes(
      this.modules,
      this.config,
      this.#reading(fastify),
      new RoutePathFactory(this.config),
    );
    const duplicates = fastify ? findDuplicates([...routes, ...addedBefore(fastify, routes)]) : [];
    if (duplicates.length > 0)
      throw new AgentOsConfigurationError(
        `Fastify takes each route once, and AgentOS has routes that this application has too. ${MEND}\n` +
          describeConflicts(duplicates),
      );
    const conflicts = findConflicts(routes, this.#choice(fastify !== undefined));
    if (conflicts.length > 0)
      new AgentOsLogger().warn(
        `Routes of AgentOS meet routes of this application. ${MEND}\n${describeConflicts(conflicts)}`,
      );
  }

  #reading(fastify: FastifyInstance | undefined): PathReading {
    if (fastify) return { isCaseSensitive: isCaseSensitive(fastify), hasOptionalParts: false };
    const adapter = this.adapterHost.httpAdapter as HttpAdapterHost['httpAdapter'] | null | undefined;
    const express = adapter?.getInstance<ExpressLike | undefined>();
    return {
      isCaseSensitive: express?.enabled?.('case sensitive routing') ?? false,
      hasOptionalParts: true,
    };
  }

  #choice(isFastify: boolean): RouteChoice {
    const isSorted = (this.config as RouteResolution).getRouteResolutionStrategy?.() === 'specificity';
    return isFastify || isSorted ? 'most-specific' : 'declared-first';
  }
}

const MEND =
  "Give those of AgentOS a path of their own with the option http.prefix, such as AgentOsModule.forRoot({ http: { prefix: 'os' } }):";

/** Routes that the host has added to Fastify itself, at the paths of our routes. */
function addedBefore(fastify: FastifyInstance, routes: readonly DeclaredRoute[]): DeclaredRoute[] {
  return routes
    .filter(
      ({ isOurs, method, path }) => isOurs && fastify.hasRoute({ method: RequestMethod[method], url: path }),
    )
    .map((route) => ({ ...route, handler: 'a route that was added to Fastify itself', isOurs: false }));
}
