import { NotFoundException, Param, Req, Res } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

import { Handles, OpenRoutes } from '../http/agent-os-route.decorator.js';
import { ProtocolResponder } from '../http/protocol.responder.js';
import type { Route } from '../protocol/routes.js';
import { readPageFiles } from './page.files.js';

const ROUTES = {
  page: {
    method: 'GET',
    path: 'dashboard',
    tag: 'AgentOS',
    isOpen: true,
    summary: 'Show runs and hooks on a page',
    answers: { 200: { description: 'The page.' } },
  },
  file: {
    method: 'GET',
    path: 'dashboard/:file',
    tag: 'AgentOS',
    isOpen: true,
    summary: 'Read a file of the page',
    answers: { 200: { description: 'The file.' } },
  },
} as const satisfies Readonly<Record<string, Route>>;

/**
 * Serves the page that shows runs and hooks. The page is open to all clients, since it holds no data: it asks for the
 * security key and reads the routes of the protocol with it.
 */
@OpenRoutes()
export class DashboardController {
  readonly #files = readPageFiles();

  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly responder: ProtocolResponder,
  ) {}

  @Handles(ROUTES.page)
  page(@Req() request: object, @Res() response: object): void {
    const [path = ''] = (this.adapterHost.httpAdapter.getRequestUrl(request) as string).split('?');
    // The page names its files relative to its own address, which must not end with a slash.
    if (path.endsWith('/')) this.responder.redirect(response, '../dashboard');
    else this.#send(response, 'index.html');
  }

  @Handles(ROUTES.file)
  file(@Param('file') name: string, @Res() response: object): void {
    this.#send(response, name);
  }

  #send(response: object, name: string): void {
    const file = this.#files.get(name);
    if (!file) throw new NotFoundException(`The dashboard has no file ${name}`);
    this.responder.replyFile(response, file);
  }
}
