import { Req, Res } from '@nestjs/common';

import { AgentOsRuntime } from '../../agent-os.runtime.js';
import { now } from '../../model/clock.js';
import {
  METRICS_REFRESH,
  toWireDailyMetrics,
  toWireMetricsRefreshState,
  type WireDailyMetrics,
} from '../../protocol/daily.metrics.js';
import type { MetricsQuery } from '../../protocol/requests.js';
import { METRICS_ROUTES } from '../../protocol/routes.js';
import { AgentOsRoutes, Handles } from '../agent-os-route.decorator.js';
import { readQuery, type FieldRequest } from '../forms/read-request.js';
import { ProtocolResponder } from '../protocol.responder.js';
import { SessionAccess } from '../sessions/session.access.js';
import { SettledRuns } from '../settled.runs.js';

/** Shows the numbers of the latest runs by day, counted from the run index at each request. */
@AgentOsRoutes()
export class MetricsController {
  constructor(
    private readonly runtime: AgentOsRuntime,
    private readonly runs: SettledRuns,
    private readonly access: SessionAccess,
    private readonly responder: ProtocolResponder,
  ) {}

  @Handles(METRICS_ROUTES.list)
  async list(@Req() request: FieldRequest, @Res() response: object): Promise<void> {
    const query = readQuery(request, METRICS_ROUTES.list);
    this.responder.reply(response, await this.#count(request, query));
  }

  @Handles(METRICS_ROUTES.refresh)
  async refresh(@Req() request: FieldRequest, @Res() response: object): Promise<void> {
    const { background, user_id } = readQuery(request, METRICS_ROUTES.refresh);
    if (background) return this.responder.reply(response, METRICS_REFRESH, 202);
    const { metrics } = await this.#count(request, { user_id });
    this.responder.reply(response, metrics);
  }

  @Handles(METRICS_ROUTES.refreshState)
  refreshState(@Req() request: FieldRequest, @Res() response: object): void {
    readQuery(request, METRICS_ROUTES.refreshState);
    this.responder.reply(response, toWireMetricsRefreshState(now()));
  }

  async #count(request: object, query: MetricsQuery): Promise<WireDailyMetrics> {
    const { starting_date: first = '', ending_date: last = '9999-12-31', user_id: claimed } = query;
    const owner = await this.access.ownerFor(request, claimed);
    const runs = this.runs.of(owner).filter(({ startedAt }) => {
      const day = new Date(startedAt).toISOString().slice(0, 10);
      return day >= first && day <= last;
    });
    const { components } = this.runtime;
    return toWireDailyMetrics(runs, ({ id }) => components.get(id)?.model);
  }
}
