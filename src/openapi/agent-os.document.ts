import type { INestApplication } from '@nestjs/common';
import {
  ApiExcludeController,
  SwaggerModule,
  type OpenAPIObject,
  type SwaggerDocumentOptions,
} from '@nestjs/swagger';

import { DashboardController } from '../dashboard/dashboard.controller.js';
import { HTTP_CONTROLLERS } from '../http/http.routes.js';
import { addHome } from './home.path.js';
import { describeOperation, type Operation } from './operation.js';
import {
  readAccess,
  SECURITY_KEY_SCHEME,
  type RouteAccess,
  type SecurityRequirements,
} from './route.access.js';
import { markRoutes, ROUTE_MARK } from './route.marks.js';
import { ALL_ROUTES, nameOf, SERVER_ROUTES } from '../protocol/routes.js';
import { SchemaComponents } from './schema.components.js';

type MarkedOperation = Operation & { readonly [ROUTE_MARK]?: string };

/** The options of `SwaggerModule.createDocument()`, and the security of the AgentOS routes. */
export interface AgentOsDocumentOptions extends SwaggerDocumentOptions {
  /**
   * The security requirements of the AgentOS routes, by the names of your security schemes: `[{ bearer: [] }]` after
   * `addBearerAuth()`. Default: the security key, if there is one.
   */
  readonly security?: SecurityRequirements;
}

/**
 * Creates the OpenAPI document of your application, as `SwaggerModule.createDocument()` does, including every route,
 * body, answer and event of AgentOS.
 *
 * @throws AgentOsConfigurationError if the application has no AgentOsModule
 *
 * @example
 * ```ts
 * const config = new DocumentBuilder().setTitle('Support').build();
 * SwaggerModule.setup('docs', app, () => createAgentOsDocument(app, config));
 * ```
 */
export function createAgentOsDocument(
  app: INestApplication,
  config: Omit<OpenAPIObject, 'paths'>,
  { security, ...options }: AgentOsDocumentOptions = {},
): OpenAPIObject {
  const access = readAccess(app, security);
  markRoutes(HTTP_CONTROLLERS);
  // A page for people is no part of an API.
  ApiExcludeController()(DashboardController);
  const schemas = new SchemaComponents(config.openapi, access.files);
  const document = SwaggerModule.createDocument(app, schemas.addTo(config), options);
  const described = describeRoutes(document, access);
  addHome(document, app, access, described.get(nameOf(SERVER_ROUTES.health)));
  if (described.size > 0) addSecurityKey(document, access);
  schemas.removeUnused(document);
  return document;
}

const ROUTES = new Map(ALL_ROUTES.map((route) => [nameOf(route), route]));

/** @returns the paths of our routes in the document */
function describeRoutes({ paths }: OpenAPIObject, access: RouteAccess): ReadonlyMap<string, string> {
  const described = new Map<string, string>();
  for (const [path, item] of Object.entries(paths)) {
    for (const [method, value] of Object.entries(item)) {
      const { [ROUTE_MARK]: mark, ...operation } = value as MarkedOperation;
      const route = mark === undefined ? undefined : ROUTES.get(mark);
      if (mark === undefined || !route) continue;
      described.set(mark, path);
      Object.assign(item, { [method]: describeOperation(operation, path, route, access) });
    }
  }
  return described;
}

function addSecurityKey(document: OpenAPIObject, { hasKey }: RouteAccess): void {
  if (!hasKey) return;
  const components = (document.components ??= {});
  components.securitySchemes = {
    [SECURITY_KEY_SCHEME]: {
      type: 'http',
      scheme: 'bearer',
      description: 'The security key of AgentOS (`http.securityKey`).',
    },
    ...components.securitySchemes,
  };
}
