import { Get, Req, Res } from '@nestjs/common';

import { AgentOsRuntime } from '../agent-os.runtime.js';
import { HOOK_EXECUTION_STATES } from '../execution/hook-execution.js';
import type { HookExecutionFilter } from '../execution/hook.ledger.js';
import { AgentOsRoutes } from './agent-os-route.decorator.js';
import type { FieldReader } from './forms/field.reader.js';
import { readQuery, type FieldRequest } from './forms/request.fields.js';
import { ProtocolResponder } from './protocol.responder.js';
import { SessionAccess } from './sessions/session.access.js';
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

  @Get('hooks/executions')
  async executions(@Req() request: FieldRequest, @Res() response: object): Promise<void> {
    const { ledger } = this.runtime;
    const query = readQuery(request, readFilter);
    const filter = { ...query, userId: await this.access.ownerFor(request) };
    const page: WireExecutions = {
      data: ledger.list(filter).map(toWireExecution),
      meta: { limit: filter.limit, open: ledger.openCount, counts: ledger.counts },
    };
    this.responder.reply(response, page);
  }
}

function readFilter(reader: FieldReader): HookExecutionFilter & { readonly limit: number } {
  return {
    runId: reader.text('run_id'),
    hook: reader.text('hook'),
    state: reader.choice('state', HOOK_EXECUTION_STATES),
    limit: reader.integer('limit', { minimum: 1, maximum: MAX_LIMIT }) ?? DEFAULT_LIMIT,
  };
}
