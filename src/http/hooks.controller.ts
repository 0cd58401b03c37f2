import { Get, Req, Res } from '@nestjs/common';

import { AgentOsRuntime } from '../agent-os.runtime.js';
import { HOOK_EXECUTION_STATES } from '../execution/hook-execution.js';
import type { HookExecutionFilter } from '../execution/hook.executions.js';
import { describeRun } from '../runs/in-flight-run.js';
import { isOf } from '../sessions/session.filter.js';
import { AgentOsRoutes } from './agent-os-route.decorator.js';
import type { FieldReader } from './forms/field.reader.js';
import { readQuery, type FieldRequest } from './forms/request.fields.js';
import { ProtocolResponder } from './protocol.responder.js';
import { SessionAccess } from './sessions/session.access.js';
import { toWireRunInFlight, type WireRunsInFlight } from './wire/wire-run-in-flight.js';
import { toWireExecution, toWireHook, type WireExecutions } from './wire/wire-hook.js';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

/** Shows the hooks, and what became of their executions. */
@AgentOsRoutes()
export class HooksController {
  constructor(
    private readonly runtime: AgentOsRuntime,
    private readonly access: SessionAccess,
    private readonly responder: ProtocolResponder,
  ) {}

  @Get('hooks')
  hooks(@Res() response: object): void {
    this.responder.reply(response, this.runtime.listHooks().map(toWireHook));
  }

  @Get('hooks/runs')
  async runs(@Req() request: FieldRequest, @Res() response: object): Promise<void> {
    const { limit } = readQuery(request, readRunsFilter);
    const owner = await this.access.ownerFor(request);
    const seen = this.runtime.inFlight.all().filter((run) => isOf(run, owner));
    const data = seen.slice(0, limit).map((run) => toWireRunInFlight(describeRun(run)));
    const page: WireRunsInFlight = { data, meta: { limit, total: seen.length } };
    this.responder.reply(response, page);
  }

  @Get('hooks/executions')
  async executions(@Req() request: FieldRequest, @Res() response: object): Promise<void> {
    const { executions } = this.runtime;
    const query = readQuery(request, readFilter);
    const filter = { ...query, userId: await this.access.ownerFor(request) };
    const [listed, { open, ...counts }] = await Promise.all([executions.list(filter), executions.counts()]);
    const page: WireExecutions = {
      data: listed.map(toWireExecution),
      meta: { limit: filter.limit, open, counts },
    };
    this.responder.reply(response, page);
  }
}

function readRunsFilter(reader: FieldReader): { readonly limit: number } {
  reader.choice('state', ['running']);
  return { limit: readLimit(reader) };
}

function readLimit(reader: FieldReader): number {
  return reader.integer('limit', { minimum: 1, maximum: MAX_LIMIT }) ?? DEFAULT_LIMIT;
}

function readFilter(reader: FieldReader): HookExecutionFilter & { readonly limit: number } {
  return {
    runId: reader.text('run_id'),
    hook: reader.text('hook'),
    state: reader.choice('state', HOOK_EXECUTION_STATES),
    limit: readLimit(reader),
  };
}
