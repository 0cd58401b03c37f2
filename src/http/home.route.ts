import { Inject, Injectable, RequestMethod, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost } from '@nestjs/core';

import type { AgentOsExtras, ResolvedAgentOsOptions } from '../agent-os.options.js';
import { EXTRAS, RESOLVED_OPTIONS } from '../agent-os.tokens.js';
import { ProtocolResponder } from './protocol.responder.js';
import { toWireHome } from '../protocol/config.js';

type Handler = (request: object, response: object, ...rest: unknown[]) => unknown;

/** The methods of an adapter that are used here. */
interface AdapterLike {
  setNotFoundHandler?: (handler: Handler, ...rest: unknown[]) => unknown;
  getRequestMethod(request: object): string;
  getRequestUrl(request: object): string;
}

/**
 * Answers `GET /`, unless the host answers it: with a controller, a static page or a route of the adapter itself,
 * whenever it was added. As an ordinary route it could win over those, or stop Fastify's start. So it belongs to
 * Nest's not-found handler. Nest has no hook for that handler, so it is wrapped when Nest passes it to the adapter.
 */
@Injectable()
export class HomeRoute implements OnModuleInit {
  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly application: ApplicationConfig,
    private readonly responder: ProtocolResponder,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedAgentOsOptions,
    @Inject(EXTRAS) private readonly extras: AgentOsExtras,
  ) {}

  /** Nest passes the handler once, after this hook of every module. */
  onModuleInit(): void {
    const adapter = this.adapterHost.httpAdapter as unknown as AdapterLike | null | undefined;
    const setNotFoundHandler = adapter?.setNotFoundHandler;
    if (!adapter || !setNotFoundHandler) return;
    adapter.setNotFoundHandler = (handler, ...rest) => {
      adapter.setNotFoundHandler = setNotFoundHandler;
      return setNotFoundHandler.call(adapter, this.#before(handler, adapter), ...rest);
    };
  }

  #before(notFound: Handler, adapter: AdapterLike): Handler {
    const home = this.#path();
    const { http } = this.extras;
    const body = toWireHome(this.options, http && http.dashboard ? pathOf(`${home}/dashboard`) : undefined);
    return (request, response, ...rest) => {
      const isRead = ['GET', 'HEAD'].includes(adapter.getRequestMethod(request));
      if (!isRead || pathOf(adapter.getRequestUrl(request)) !== home)
        return notFound(request, response, ...rest);
      return this.responder.reply(response, body);
    };
  }

  /** The path that a `@Get()` of one of our controllers would have. */
  #path(): string {
    const { http } = this.extras;
    const own = pathOf(`/${(http && http.prefix) || ''}`);
    const { exclude = [] } = this.application.getGlobalPrefixOptions();
    const isExcluded = exclude.some(
      ({ requestMethod, pathRegex }) =>
        [RequestMethod.GET, RequestMethod.ALL].includes(requestMethod) && pathRegex.test(own),
    );
    return isExcluded ? own : pathOf(`/${this.application.getGlobalPrefix()}${own}`);
  }
}

/** A path without its query, with repeated slashes joined and without a trailing one. */
function pathOf(url: string): string {
  const [path = ''] = url.split(/[?#]/, 1);
  return path.replace(/\/+/g, '/').replace(/(?<=.)\/$/, '');
}
