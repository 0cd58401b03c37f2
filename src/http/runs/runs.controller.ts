import { Inject, NotFoundException, Param, Req, Res, type Type } from '@nestjs/common';

import { COMPONENT_ROUTES } from '../../protocol/routes.js';
import type { ResolvedAgentOsOptions } from '../../agent-os.options.js';
import { AgentOsRuntime } from '../../agent-os.runtime.js';
import { RESOLVED_OPTIONS } from '../../agent-os.tokens.js';
import type { ComponentKind } from '../../model/component-identity.js';
import type { Component } from '../../components/component.js';
import type { EventPlace } from '../../protocol/event.ids.js';
import { AgentOsRoutes, Handles } from '../agent-os-route.decorator.js';
import { BodyMemory, type BodyCount } from '../forms/body.memory.js';
import { readForm, type Form, type FormRequest } from '../forms/read-form.js';
import { RUN_STATUSES } from '../../protocol/requests.js';
import { readQuery, type FieldRequest } from '../forms/read-request.js';
import { parseRunForm, type RunForm } from '../forms/run-form.js';
import { ProtocolResponder } from '../protocol.responder.js';
import type { StoredRun } from '../../sessions/session.store.js';
import { NO_RUNS, RunPages, withRunning } from '../sessions/run.pages.js';
import { SessionAccess } from '../sessions/session.access.js';
import { toWireRun } from '../../protocol/runs.js';
import { toWireSessionRun, type WireSessionRun } from '../../protocol/session-runs.js';
import { BackgroundRunResponder } from './background-run.responder.js';
import { lastEventOf } from './last.event.js';
import { nameController } from './name-controller.js';
import { ResumeResponder } from './resume.responder.js';
import { RunFinder } from './run.finder.js';
import { RunResponder } from './run.responder.js';
import { withUser } from './run.user.js';

/** The routes that run components of a kind and show their runs; a separate class for each kind. */
export function runsControllerOf(kind: ComponentKind): Type {
  const routes = COMPONENT_ROUTES[kind];
  @AgentOsRoutes()
  class RunsController {
    constructor(
      @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedAgentOsOptions,
      private readonly runtime: AgentOsRuntime,
      private readonly finder: RunFinder,
      private readonly access: SessionAccess,
      private readonly pages: RunPages,
      private readonly responder: ProtocolResponder,
      private readonly memory: BodyMemory,
      private readonly runs: RunResponder,
      private readonly background: BackgroundRunResponder,
      private readonly resuming: ResumeResponder,
    ) {}

    /** Awaits the run: the handler's observable ends when the run has settled and its answer is being sent. */
    @Handles(routes.start)
    async run(@Param('id') id: string, @Req() request: FormRequest, @Res() response: object): Promise<void> {
      const component = this.finder.component(kind, id);
      const last = lastEventOf(request);
      // Checked before the files are read, and again when the run starts.
      if (!last) this.runtime.inFlight.admit();
      const { http } = this.options;
      const memory = this.memory.open(response);
      const reading = this.#read(request, memory);
      const read = parseRunForm(reading instanceof Promise ? await reading : reading, http);
      const form = this.access.isHostAsked ? await withUser(read, request, this.access) : read;
      if (last && form.stream) return this.#resume(component, last, form, request, response);
      const responder = form.background ? this.background : this.runs;
      if (form.stream) await responder.stream(component, form, response, memory);
      else await responder.json(component, form, response, memory);
    }

    @Handles(routes.runs)
    async list(
      @Param('id') id: string,
      @Req() request: FieldRequest,
      @Res() response: object,
    ): Promise<void> {
      const component = this.finder.component(kind, id);
      const { session_id: sessionId, status: asked, ...part } = readQuery(request, routes.runs);
      const status = asked && RUN_STATUSES[asked];
      const isRunningWanted = part.before === undefined && (status === undefined || status === 'RUNNING');
      const running = isRunningWanted ? await this.finder.running(request, component, sessionId) : [];
      const session = await this.access.find(request, sessionId);
      if (!session && running.length === 0) throw new NotFoundException('Session not found');
      const { userId: owner = null } = session ?? {};
      if (status === null) return this.responder.reply(response, []);
      const filter = {
        owner,
        componentId: component.id,
        ...(status === undefined ? {} : { statuses: [status] }),
      };
      const show = (run: StoredRun): WireSessionRun => toWireSessionRun(run, null);
      const page = session ? await this.pages.read(sessionId, part, filter, show) : NO_RUNS;
      this.responder.replyPage(request, response, withRunning(page, running, show));
    }

    @Handles(routes.run)
    async find(
      @Param('id') id: string,
      @Param('run_id') runId: string,
      @Req() request: FieldRequest,
      @Res() response: object,
    ): Promise<void> {
      const component = this.finder.component(kind, id);
      const { session_id: sessionId } = readQuery(request, routes.run);
      const run = await this.finder.find(request, component, sessionId, runId);
      if (!run) throw new NotFoundException('Run not found');
      this.responder.reply(response, toWireRun(run.output, { sessionState: run.sessionState }));
    }

    /** A client that has lost a stream sends the same request again, with the id of the last event that it has received. */
    async #resume(
      component: Component,
      last: EventPlace,
      { options: { sessionId } }: RunForm,
      request: FormRequest,
      response: object,
    ): Promise<void> {
      const recording = await this.finder.recorded(request, component, last.runId, 'runs');
      if (recording) return this.resuming.after(last, recording, response);
      const stored = sessionId && (await this.finder.stored(request, component, sessionId, last.runId));
      if (!stored) throw new NotFoundException('Run not found');
      await this.resuming.afterStored(last, stored, response);
    }

    #read(request: FormRequest, memory: BodyCount): Promise<Form> | Form {
      return readForm(request, { ...this.options.http, memory });
    }
  }
  return nameController(RunsController, kind);
}
