import { Inject, NotFoundException, Param, Post, Req, Res } from '@nestjs/common';

import type { AgentOsExtras, ResolvedAgentOsOptions } from '../agent-os.options.js';
import { AgentOsRuntime } from '../agent-os.runtime.js';
import { EXTRAS, RESOLVED_OPTIONS } from '../agent-os.tokens.js';
import type { Component } from '../components/component.js';
import type { ComponentKind } from '../model/component.js';
import { SessionStore } from '../sessions/session.store.js';
import { AgentOsRoutes } from './agent-os-route.decorator.js';
import { readForm, type FormRequest } from './read-form.js';
import { parseRunForm, type RunForm } from './run-form.js';
import { RunResponder } from './run.responder.js';

/** Runs components. The answer is JSON, or a stream of events unless `stream=false`. */
@AgentOsRoutes()
export class RunsController {
  constructor(
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedAgentOsOptions,
    @Inject(EXTRAS) private readonly extras: AgentOsExtras,
    private readonly runtime: AgentOsRuntime,
    private readonly responder: RunResponder,
    private readonly sessions: SessionStore,
  ) {}

  @Post('agents/:id/runs')
  runAgent(@Param('id') id: string, @Req() request: FormRequest, @Res() response: object): Promise<void> {
    return this.#run(this.#find('agent', id), request, response);
  }

  @Post('teams/:id/runs')
  runTeam(@Param('id') id: string, @Req() request: FormRequest, @Res() response: object): Promise<void> {
    return this.#run(this.#find('team', id), request, response);
  }

  @Post('workflows/:id/runs')
  runWorkflow(@Param('id') id: string, @Req() request: FormRequest, @Res() response: object): Promise<void> {
    return this.#run(this.#find('workflow', id), request, response);
  }

  /** Awaits the run: the handler's observable ends when the run has settled and its answer is under way. */
  async #run(component: Component, request: FormRequest, response: object): Promise<void> {
    const form = parseRunForm(await readForm(request), this.options.http.acceptClientContext ?? false);
    const asked = await this.#withUser(form, request);
    if (asked.stream) await this.responder.stream(component, asked, response);
    else await this.responder.json(component, asked, response);
  }

  #find(kind: ComponentKind, id: string): Component {
    const component = this.runtime.components.get(id);
    if (component?.kind === kind) return component;
    throw new NotFoundException(`${kind[0]?.toUpperCase()}${kind.slice(1)} not found`);
  }

  /** Who the host says it is counts, not who the client says; and nobody continues the session of another. */
  async #withUser(form: RunForm, request: FormRequest): Promise<RunForm> {
    const { http } = this.extras;
    if (!http || !http.userId) return form;
    const { userId: _claimed, ...options } = form.options;
    const userId = http.userId(request as never);
    if (options.sessionId !== undefined) await this.#refuseForeign(options.sessionId, userId);
    return { ...form, options: userId === undefined ? options : { ...options, userId } };
  }

  async #refuseForeign(id: string, userId: string | undefined): Promise<void> {
    const { userId: owner } = await this.sessions.open({ id });
    if (owner !== undefined && owner !== userId)
      throw new NotFoundException(`Session with id '${id}' not found`);
  }
}
