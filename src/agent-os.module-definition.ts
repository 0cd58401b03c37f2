import { ConfigurableModuleBuilder, type DynamicModule, type Provider } from '@nestjs/common';
import { APP_INTERCEPTOR, RouterModule } from '@nestjs/core';

import type { AgentOsExtras, AgentOsOptions } from './agent-os.options.js';
import { EXTRAS } from './agent-os.tokens.js';
import { DashboardController } from './dashboard/dashboard.controller.js';
import { FastifyModule } from './fastify.module.js';
import { HTTP_CONTROLLERS, HTTP_PROVIDERS } from './http/http.routes.js';
import { RouteConflictsModule } from './http/route-conflicts.module.js';
import { AgentOsInterceptor } from './runs/background/agent-os.interceptor.js';

export const {
  ConfigurableModuleClass: AgentOsConfigurableModule,
  MODULE_OPTIONS_TOKEN: GIVEN_OPTIONS,
  OPTIONS_TYPE: AGENT_OS_OPTIONS_TYPE,
  ASYNC_OPTIONS_TYPE: AGENT_OS_ASYNC_OPTIONS_TYPE,
} = new ConfigurableModuleBuilder<AgentOsOptions>({ moduleName: 'AgentOs' })
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createAgentOsOptions')
  .setExtras<AgentOsExtras>({ isGlobal: false, http: {}, interceptor: 'global', role: 'both' }, wire)
  .build();

/** Adds the routes and wiring that the extras define. */
function wire(definition: DynamicModule, extras: AgentOsExtras): DynamicModule {
  const { isGlobal = false, interceptor = 'global', role = 'both' } = extras;
  const http = role === 'worker' ? false : (extras.http ?? {});
  const { imports = [], controllers = [], providers = [] } = definition;
  const routes = http === false ? undefined : http;
  return {
    ...definition,
    global: isGlobal,
    imports: [
      ...imports,
      ...prefixed(definition, routes?.prefix),
      ...(routes ? [RouteConflictsModule, FastifyModule] : []),
    ],
    controllers: [
      ...controllers,
      ...(routes ? HTTP_CONTROLLERS : []),
      ...(routes?.dashboard ? [DashboardController] : []),
    ],
    providers: [
      ...providers,
      { provide: EXTRAS, useValue: { isGlobal, http, interceptor, role } satisfies AgentOsExtras },
      ...(routes ? HTTP_PROVIDERS : []),
      ...(interceptor === 'global' ? [GLOBAL_INTERCEPTOR] : []),
    ],
  };
}

const GLOBAL_INTERCEPTOR: Provider = { provide: APP_INTERCEPTOR, useExisting: AgentOsInterceptor };

function prefixed({ module }: DynamicModule, prefix: string | undefined): DynamicModule[] {
  return prefix === undefined ? [] : [RouterModule.register([{ path: prefix, module }])];
}
