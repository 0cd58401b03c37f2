import type { RouteDescriptions } from '../open-api.types.js';
import { componentRoutes } from './component.routes.js';
import { coreRoutes } from './core.routes.js';
import { evalRunRoutes } from './eval-run.routes.js';
import { hookRoutes } from './hook.routes.js';
import { runControlRoutes } from './run-control.routes.js';
import { runRoutes } from './run.routes.js';
import { sessionRoutes } from './session.routes.js';

/** The descriptions of all routes that have a controller. */
export const ALL_ROUTES: RouteDescriptions = {
  ...coreRoutes,
  ...componentRoutes,
  ...runRoutes,
  ...runControlRoutes,
  ...sessionRoutes,
  ...evalRunRoutes,
  ...hookRoutes,
};
