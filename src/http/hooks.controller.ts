import { Get, Query, Req, Res, UnprocessableEntityException } from '@nestjs/common';

import { AgentOsRuntime } from '../agent-os.runtime.js';
import { HOOK_EXECUTION_STATES, type HookExecutionState } from '../execution/hook-execution.js';
import { AgentOsRoutes } from './agent-os-route.decorator.js';
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
  executions(
    @Req() request: object,
    @Res() response: object,
    @Query('run_id') runId?: string,
    @Query('hook') hook?: string,
    @Query('state') state?: string,
    @Query('limit') limit?: string,
  ): void {
    const { ledger } = this.runtime;
    const filter = {
      limit: toLimit(limit),
      userId: this.access.ownerFor(request),
      ...(runId === undefined ? {} : { runId }),
      ...(hook === undefined ? {} : { hook }),
      ...(state === undefined ? {} : { state: toState(state) }),
    };
    const page: WireExecutions = {
      data: ledger.list(filter).map(toWireExecution),
      meta: { limit: filter.limit, open: ledger.openCount, counts: ledger.counts },
    };
    this.responder.reply(response, page);
  }
}

function toState(state: string): HookExecutionState {
  const known = HOOK_EXECUTION_STATES.find((candidate) => candidate === state);
  if (known) return known;
  throw invalid('state', `Input should be one of ${HOOK_EXECUTION_STATES.join(', ')}`, state);
}

function toLimit(limit: string | undefined): number {
  if (limit === undefined) return DEFAULT_LIMIT;
  const number = Number(limit);
  if (Number.isInteger(number) && number >= 1 && number <= MAX_LIMIT) return number;
  throw invalid('limit', `Input should be a whole number from 1 to ${MAX_LIMIT}`, limit);
}

function invalid(name: string, msg: string, input: string): UnprocessableEntityException {
  return new UnprocessableEntityException({
    detail: [{ type: 'value_error', loc: ['query', name], msg, input }],
  });
}
