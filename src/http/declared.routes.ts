import { VersioningType, type RequestMethod, type Type } from '@nestjs/common';
import { MetadataScanner, type ApplicationConfig, type ModulesContainer } from '@nestjs/core';
import type { RoutePathFactory } from '@nestjs/core/router/route-path-factory.js';

import { NEST_KEYS } from '../peers/nest.internals.js';
import { protocolRouteOf } from '../protocol.mark.js';
import { formsOf, type DeclaredRoute } from './route.overlap.js';

type PathParts = Parameters<RoutePathFactory['create']>[0];

/** A controller, with the path prefixes of its module and of the application. */
interface Place {
  readonly controller: Type;
  readonly modulePath: string | undefined;
  readonly config: ApplicationConfig;
  /** Creates route paths as Nest does. */
  readonly paths: RoutePathFactory;
  readonly reading: PathReading;
}

/** How the router of an application reads paths. */
export interface PathReading {
  readonly isCaseSensitive: boolean;
  /** Parts in braces are optional, as they are on Express. */
  readonly hasOptionalParts: boolean;
}

/** The routes of all controllers, in the order in which Nest adds them. */
export function declaredRoutes(
  modules: ModulesContainer,
  config: ApplicationConfig,
  reading: PathReading,
  paths: RoutePathFactory,
): DeclaredRoute[] {
  return [...modules.values()].flatMap(({ metatype, controllers }) => {
    const modulePath = metadata<string>(`${NEST_KEYS.modulePath}${modules.applicationId}`, metatype);
    return [...controllers.values()].flatMap(({ metatype: controller }) =>
      typeof controller === 'function'
        ? routesOf({
            controller: controller as Type,
            modulePath: modulePath ?? metadata<string>(NEST_KEYS.modulePath, metatype),
            config,
            reading,
            paths,
          })
        : [],
    );
  });
}

function routesOf({ controller, modulePath, config, reading, paths }: Place): DeclaredRoute[] {
  const prototype = controller.prototype as Readonly<Record<string, object>>;
  const versioning = config.getVersioning();
  const globalPrefix = config.getGlobalPrefix();
  const controllerVersion = versioning
    ? (metadata<PathParts['controllerVersion']>(NEST_KEYS.version, controller) ?? versioning.defaultVersion)
    : undefined;
  const hosts = listOf(metadata(NEST_KEYS.host, controller));

  return listOf(metadata<string | string[]>(NEST_KEYS.path, controller) ?? '').flatMap((ctrlPath) =>
    new MetadataScanner().getAllMethodNames(prototype).flatMap((name): DeclaredRoute[] => {
      const handler = prototype[name];
      const methodPaths = handler && metadata<string | string[]>(NEST_KEYS.path, handler);
      if (!handler || methodPaths === undefined) return [];
      const method = metadata<RequestMethod>(NEST_KEYS.method, handler) as RequestMethod;
      const methodVersion = metadata<PathParts['methodVersion']>(NEST_KEYS.version, handler);
      const isInPath = versioning?.type === VersioningType.URI;
      const versions = versioning && !isInPath ? listOf(methodVersion ?? controllerVersion) : undefined;
      const parts = {
        ctrlPath: withSlash(ctrlPath),
        modulePath,
        globalPrefix: globalPrefix === '' ? '' : withSlash(globalPrefix),
        controllerVersion,
        methodVersion,
        versioningOptions: versioning,
      };
      return listOf(methodPaths).flatMap((methodPath) =>
        paths.create({ ...parts, methodPath: withSlash(methodPath) } as PathParts, method).map((path) => ({
          method,
          path,
          forms: formsFor(path, reading),
          isCatchAll: isWildcardFirst(`${modulePath ?? ''}/${ctrlPath}/${methodPath}`),
          versions: versions?.length ? versions : undefined,
          hosts: hosts.length > 0 ? hosts : undefined,
          handler: `${controller.name}.${name}`,
          isOurs: protocolRouteOf(handler) !== undefined,
        })),
      );
    }),
  );
}

function formsFor(path: string, { isCaseSensitive, hasOptionalParts }: PathReading): DeclaredRoute['forms'] {
  const compared = isCaseSensitive ? path : path.toLowerCase();
  return hasOptionalParts ? formsOf(compared) : [compared];
}

/** Whether the first segment of a path is a wildcard, such as `*`, `*path` and `{*path}`. */
function isWildcardFirst(path: string): boolean {
  return /^[/{]*\*/.test(path);
}

function metadata<T>(key: string, target: object): T | undefined {
  return Reflect.getMetadata(key, target) as T | undefined;
}

function listOf<T>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

function withSlash(path: string): string {
  return path.startsWith('/') ? path : `/${path}`;
}
