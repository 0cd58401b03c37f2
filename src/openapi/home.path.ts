import { VersioningType, type INestApplication } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import type { OpenAPIObject } from '@nestjs/swagger';

import { describeOperation } from './operation.js';
import type { RouteAccess } from './route.access.js';
import { SERVER_ROUTES } from '../protocol/routes.js';

/**
 * Adds `GET /`, which has no controller, unless the host has a controller there. The route has no version, and the
 * host may exclude other routes from the global prefix; in these cases it is left out rather than shown at a wrong
 * path.
 *
 * @param healthPath - the path of `GET /health`: its prefix is the prefix of `GET /` too
 */
export function addHome(
  document: OpenAPIObject,
  app: INestApplication,
  access: RouteAccess,
  healthPath: string | undefined,
): void {
  const config = app.get(ApplicationConfig);
  const hasVersions = config.getVersioning()?.type === VersioningType.URI;
  const { exclude = [] } = config.getGlobalPrefixOptions();
  if (healthPath === undefined || hasVersions || exclude.length > 0) return;
  const path = healthPath.replace(/\/health$/, '') || '/';
  if (document.paths[path]?.get) return;
  const operation = { operationId: 'AgentOs_home', responses: {} };
  document.paths[path] = {
    ...document.paths[path],
    get: describeOperation(operation, path, SERVER_ROUTES.home, access),
  };
}
