import { VersioningType, type RequestMethod, type Type } from '@nestjs/common';
import {
  HOST_METADATA,
  METHOD_METADATA,
  MODULE_PATH,
  PATH_METADATA,
  VERSION_METADATA,
} from '@nestjs/common/constants.js';
import { MetadataScanner, type ApplicationConfig, type ModulesContainer } from '@nestjs/core';
import { RoutePathFactory } from '@nestjs/core/router/route-path-factory.js';

import { isProtocolHandler } from './protocol.mark.js';
import { formsOf, type DeclaredRoute } from './route.overlap.js';

type PathParts = Parameters<RoutePathFactory['create']>[0];

/** A controller, and what its module and the application put in front of its paths. */
interface Place {
  readonly controller: Type;
  readonly modulePath: string | undefined;
  readonly config: ApplicationConfig;
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
): DeclaredRoute[] {
  return [...modules.values()].flatMap(({ metatype, controllers }) => {
    const modulePath = metadata<string>(`${MODULE_PATH}${modules.applicationId}`, metatype);
    return [...controllers.values()].flatMap(({ metatype: controller }) =>
      typeof controller === 'function'
        ? routesOf({
            controller: controller as Type,
            modulePath: modulePath ?? metadata<string>(MODULE_PATH, metatype),
            config,
            reading,
          })
        : [],
    );
  });
}

function routesOf({ controller, modulePath, config, reading }: Place): DeclaredRoute[] {
  const prototype = controller.prototype as Readonly<Record<string, object>>;
  const versioning = config.getVersioning();
  const paths = new RoutePathFactory(config);
  const globalPrefix = config.getGlobalPrefix();
  const controllerVersion = versioning
    ? (metadata<PathParts['controllerVersion']>(VERSION_METADATA, controller) ?? versioning.defaultVersion)
    : undefined;
  const hosts = listOf(metadata(HOST_METADATA, controller));

  return listOf(metadata<string | string[]>(PATH_METADATA, controller) ?? '').flatMap((ctrlPath) =>
    new MetadataScanner().getAllMethodNames(prototype).flatMap((name): DeclaredRoute[] => {
      const handler = prototype[name];
      const methodPaths = handler && metadata<string | string[]>(PATH_METADATA, handler);
      if (!handler || methodPaths === undefined) return [];
      const method = metadata<RequestMethod>(METHOD_METADATA, handler) as RequestMethod;
      const methodVersion = metadata<PathParts['methodVersion']>(VERSION_METADATA, handler);
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
          isOurs: isProtocolHandler(handler),
        })),
      );
    }),
  );
}

function formsFor(path: string, { isCaseSensitive, hasOptionalParts }: PathReading): DeclaredRoute['forms'] {
  const compared = isCaseSensitive ? path : path.toLowerCase();
  return hasOptionalParts ? formsOf(compared) : [compared];
}

/** Whether the first segment of a path is one for everything, such as `*`, `*path` and `{*path}`. */
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
