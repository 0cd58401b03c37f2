import { NotFoundException, Param, Req, Res } from '@nestjs/common';

import { COMPONENT_ROUTES } from '../protocol/routes.js';
import { AgentOsRuntime } from '../agent-os.runtime.js';
import type { Component } from '../components/component.js';
import type { ComponentKind } from '../model/component-identity.js';
import { AgentOsRoutes, Handles } from './agent-os-route.decorator.js';
import { readQuery, type FieldRequest } from './forms/read-request.js';
import { ProtocolResponder } from './protocol.responder.js';
import { toWireComponent, toWireWorkflowSummary } from '../protocol/components.js';

/** Shows the served components. */
@AgentOsRoutes()
export class ComponentsController {
  constructor(
    private readonly runtime: AgentOsRuntime,
    private readonly responder: ProtocolResponder,
  ) {}

  @Handles(COMPONENT_ROUTES.agent.list)
  agents(@Res() response: object): Promise<void> {
    return this.#list('agent', response);
  }

  @Handles(COMPONENT_ROUTES.agent.show)
  agent(@Param('id') id: string, @Res() response: object): Promise<void> {
    return this.#show('agent', id, response);
  }

  @Handles(COMPONENT_ROUTES.team.list)
  teams(@Res() response: object): Promise<void> {
    return this.#list('team', response);
  }

  @Handles(COMPONENT_ROUTES.team.show)
  team(@Param('id') id: string, @Res() response: object): Promise<void> {
    return this.#show('team', id, response);
  }

  @Handles(COMPONENT_ROUTES.workflow.list)
  workflows(@Res() response: object): void {
    this.responder.reply(response, this.runtime.components.list('workflow').map(toWireWorkflowSummary));
  }

  @Handles(COMPONENT_ROUTES.workflow.show)
  async workflow(
    @Param('id') id: string,
    @Req() request: FieldRequest,
    @Res() response: object,
  ): Promise<void> {
    readQuery(request, COMPONENT_ROUTES.workflow.show);
    await this.#show('workflow', id, response);
  }

  async #list(kind: ComponentKind, response: object): Promise<void> {
    const components = this.runtime.components.list(kind);
    this.responder.reply(response, await Promise.all(components.map(toWireComponent)));
  }

  async #show(kind: ComponentKind, id: string, response: object): Promise<void> {
    this.responder.reply(response, await toWireComponent(this.#find(kind, id)));
  }

  #find(kind: ComponentKind, id: string): Component {
    const component = this.runtime.components.get(id);
    if (component?.kind === kind) return component;
    throw new NotFoundException(`${kind[0]?.toUpperCase()}${kind.slice(1)} not found`);
  }
}
