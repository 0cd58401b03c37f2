import { NotFoundException, Param, Req, Res } from '@nestjs/common';

import { EVALUATION_ROUTES } from '../../protocol/routes.js';
import { EvalStore, type Evaluation, type EvaluationFilter } from '../../sessions/eval.store.js';
import { shortenEvaluation, toWireEvaluation, type WireEvaluation } from '../../protocol/evaluations.js';
import { toWirePage, type FoundPage } from '../../protocol/pages.js';
import { isOf } from '../../sessions/session.filter.js';
import { AgentOsRoutes, Handles } from '../agent-os-route.decorator.js';
import { isId } from '../../protocol/request.fields.js';
import { rangeOf, type EvaluationsQuery } from '../../protocol/requests.js';
import { readBody, readQuery, type FieldRequest } from '../forms/read-request.js';
import { ENTRIES_AT_ONCE, PageEntries } from '../page.entries.js';
import { ProtocolResponder } from '../protocol.responder.js';
import { SessionAccess } from '../sessions/session.access.js';
import { EvaluationRunner } from './evaluation.runner.js';
import { criteriaOf } from './evaluation.criteria.js';

/** Lists, shows, renames and deletes the evaluations of judges. */
@AgentOsRoutes()
export class EvalRunsController {
  constructor(
    private readonly evals: EvalStore,
    private readonly access: SessionAccess,
    private readonly runner: EvaluationRunner,
    private readonly responder: ProtocolResponder,
  ) {}

  @Handles(EVALUATION_ROUTES.list)
  async list(@Req() request: FieldRequest, @Res() response: object): Promise<void> {
    const startedAt = performance.now();
    const query = readQuery(request, EVALUATION_ROUTES.list);
    const { page, limit } = rangeOf(query);
    const found = await this.#search(query, request);
    this.responder.reply(response, toWirePage({ ...found, page, limit, startedAt }));
  }

  @Handles(EVALUATION_ROUTES.run)
  async run(@Req() request: FieldRequest, @Res() response: object): Promise<void> {
    readQuery(request, EVALUATION_ROUTES.run);
    const evaluation = await this.runner.evaluate(readBody(request, EVALUATION_ROUTES.run), request);
    this.responder.reply(response, toWireEvaluation(evaluation));
  }

  @Handles(EVALUATION_ROUTES.show)
  async show(
    @Param('eval_run_id') id: string,
    @Req() request: FieldRequest,
    @Res() response: object,
  ): Promise<void> {
    readQuery(request, EVALUATION_ROUTES.show);
    const evaluation = await this.#find(request, id);
    if (!evaluation) throw notFound(id);
    this.responder.reply(response, toWireEvaluation(evaluation));
  }

  @Handles(EVALUATION_ROUTES.rename)
  async rename(
    @Param('eval_run_id') id: string,
    @Req() request: FieldRequest,
    @Res() response: object,
  ): Promise<void> {
    readQuery(request, EVALUATION_ROUTES.rename);
    const { name } = readBody(request, EVALUATION_ROUTES.rename);
    const owner = await this.access.ownerFor(request);
    const renamed = isId(id) ? await this.evals.rename(id, name, owner) : undefined;
    if (!renamed) throw notFound(id);
    this.responder.reply(response, toWireEvaluation(renamed));
  }

  @Handles(EVALUATION_ROUTES.deleteMany)
  async deleteMany(@Req() request: FieldRequest, @Res() response: object): Promise<void> {
    readQuery(request, EVALUATION_ROUTES.deleteMany);
    const { eval_run_ids: ids } = readBody(request, EVALUATION_ROUTES.deleteMany);
    const possible = ids.filter(isId);
    if (possible.length > 0) await this.evals.delete(possible, await this.access.ownerFor(request));
    this.responder.replyNothing(response);
  }

  async #search(
    query: EvaluationsQuery,
    request: FieldRequest,
  ): Promise<Pick<FoundPage<WireEvaluation>, 'data' | 'total'>> {
    const criteria = criteriaOf(query);
    if (!criteria) return { data: [], total: 0 };
    const { limit, offset, sortBy, sortOrder } = rangeOf(query);
    const owned = { ...criteria, userId: await this.access.ownerFor(request) };
    const entries = new PageEntries<WireEvaluation>();
    const counting = this.evals.count(owned);
    const reading = this.#read({ ...owned, limit, offset, sortBy, sortOrder }, entries);
    const [total] = await Promise.all([counting, reading]);
    return { data: entries.all, total };
  }

  /** In batches: evaluations may be large. */
  async #read(filter: EvaluationFilter & FoundRange, entries: PageEntries<WireEvaluation>): Promise<void> {
    const { limit, offset } = filter;
    for (let read = 0; read < limit; read += ENTRIES_AT_ONCE) {
      const part = { limit: Math.min(ENTRIES_AT_ONCE, limit - read), offset: offset + read };
      const evaluations = await this.evals.list({ ...filter, ...part });
      for (const evaluation of evaluations)
        entries.add(toWireEvaluation(evaluation), () => shortenEvaluation(evaluation));
      if (evaluations.length < part.limit) return;
    }
  }

  async #find(request: FieldRequest, id: string): Promise<Evaluation | undefined> {
    const owner = await this.access.ownerFor(request);
    const evaluation = isId(id) ? await this.evals.find(id) : undefined;
    return evaluation && isOf(evaluation, owner) ? evaluation : undefined;
  }
}

interface FoundRange {
  readonly limit: number;
  readonly offset: number;
}

function notFound(id: string): NotFoundException {
  return new NotFoundException(`Eval run with id '${id}' not found`);
}
