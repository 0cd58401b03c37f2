import { NotFoundException, Param, Req, Res } from '@nestjs/common';

import { toWirePage } from '../../protocol/pages.js';
import { rangeOf, type PageRange } from '../../protocol/requests.js';
import { TRACE_ROUTES } from '../../protocol/routes.js';
import {
  filterOfTraces,
  filterOfTraceSessions,
  toTraceFilter,
  TRACE_FILTER_SCHEMA,
} from '../../protocol/trace.filter.js';
import {
  shortenTrace,
  toWireTrace,
  toWireTraceSessions,
  toWireTraceSpan,
  toWireTraceSummary,
  type TraceFacts,
  type WireTrace,
} from '../../protocol/traces.js';
import { AgentOsRoutes, Handles } from '../agent-os-route.decorator.js';
import { readBody, readQuery, type FieldRequest } from '../forms/read-request.js';
import { PageEntries } from '../page.entries.js';
import { ProtocolResponder } from '../protocol.responder.js';
import { TraceFinder } from './trace.finder.js';

/** Shows the latest runs as traces. They come from the run index, which has no content. */
@AgentOsRoutes()
export class TracesController {
  constructor(
    private readonly finder: TraceFinder,
    private readonly responder: ProtocolResponder,
  ) {}

  @Handles(TRACE_ROUTES.list)
  async list(@Req() request: FieldRequest, @Res() response: object): Promise<void> {
    const startedAt = performance.now();
    const query = readQuery(request, TRACE_ROUTES.list);
    const range = rangeOf(query);
    const traces = await this.finder.visibleTo(request, query.user_id);
    const wanted = traces.matching(filterOfTraces(query));
    const data = (await traces.read(wanted, range)).map(toWireTraceSummary);
    this.responder.reply(response, toWirePage({ data, ...range, total: wanted.length, startedAt }));
  }

  @Handles(TRACE_ROUTES.sessions)
  async sessions(@Req() request: FieldRequest, @Res() response: object): Promise<void> {
    const startedAt = performance.now();
    const query = readQuery(request, TRACE_ROUTES.sessions);
    const traces = await this.finder.visibleTo(request, query.user_id);
    this.#replySessions(response, traces.matching(filterOfTraceSessions(query)), rangeOf(query), startedAt);
  }

  @Handles(TRACE_ROUTES.search)
  async search(@Req() request: FieldRequest, @Res() response: object): Promise<void> {
    const startedAt = performance.now();
    readQuery(request, TRACE_ROUTES.search);
    const { filter, group_by: group, ...page } = readBody(request, TRACE_ROUTES.search);
    const range = rangeOf(page);
    const isWanted = toTraceFilter(filter);
    const traces = await this.finder.visibleTo(request);
    const wanted = traces.matching(isWanted);
    if (group === 'session') return this.#replySessions(response, wanted, range, startedAt);
    const entries = new PageEntries<WireTrace>();
    for (const traced of await traces.read(wanted, range)) entries.add(toWireTrace(traced), shortenTrace);
    this.responder.reply(
      response,
      toWirePage({ data: entries.all, ...range, total: wanted.length, startedAt }),
    );
  }

  // Before `traces/:trace_id`, which matches this path, too.
  @Handles(TRACE_ROUTES.filterSchema)
  filterSchema(@Req() request: FieldRequest, @Res() response: object): void {
    readQuery(request, TRACE_ROUTES.filterSchema);
    this.responder.reply(response, TRACE_FILTER_SCHEMA);
  }

  @Handles(TRACE_ROUTES.show)
  async show(
    @Param('trace_id') id: string,
    @Req() request: FieldRequest,
    @Res() response: object,
  ): Promise<void> {
    const { span_id: spanId } = readQuery(request, TRACE_ROUTES.show);
    const traces = await this.finder.visibleTo(request);
    const traced = await traces.find(id);
    if (!traced) throw new NotFoundException('Trace not found');
    const shown = spanId === undefined ? toWireTrace(traced) : toWireTraceSpan(traced, spanId);
    if (!shown) throw new NotFoundException('Span not found');
    this.responder.reply(response, shown);
  }

  #replySessions(response: object, traces: readonly TraceFacts[], range: PageRange, startedAt: number): void {
    const sessions = toWireTraceSessions(traces);
    const { page, limit, offset } = range;
    const data = sessions.slice(offset, offset + limit);
    this.responder.reply(response, toWirePage({ data, page, limit, total: sessions.length, startedAt }));
  }
}
