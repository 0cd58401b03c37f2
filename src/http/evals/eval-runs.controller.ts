import { NotFoundException, Param, Req, Res } from '@nestjs/common';

import { EVALUATION_ROUTES } from '../../protocol/routes.js';
import { EvalStore, type Evaluation } from '../../sessions/eval.store.js';
import { shortenEvaluation, toWireEvaluation, type WireEvaluation } from '../../protocol/evaluations.js';
import { toWirePage, type FoundPage } from '../../protocol/pages.js';
import { isOf } from '../../sessions/session.filter.js';
import { AgentOsRoutes, Handles } from '../agent-os-route.decorator.js';
import { isId } from '../../protocol/request.fields.js';
import { sortedRangeOf, type EvaluationsQuery } from '../../protocol/requests.js';
import { readBody, readQuery, type FieldRequest } from '../forms/read-request.js';
import { PageEntries, readInBatches } from '../page.entries.js';
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
    const { page, limit } = sortedRangeOf(query);
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
    const { page: _, limit, offset, ...order } = sortedRangeOf(query);
    const owned = { ...criteria, userId: await this.access.ownerFor(request) };
    const entries = new PageEntries<WireEvaluation>();
    const counting = this.evals.count(owned);
    const reading = readInBatches(
      { limit, offset },
      (part) => this.evals.list({ ...owned, ...order, ...part }),
      (evaluation) => entries.add(toWireEvaluation(evaluation), () => shortenEvaluation(evaluation)),
    );
    const [total] = await Promise.all([counting, reading]);
    return { data: entries.all, total };
  }

  async #find(request: FieldRequest, id: string): Promise<Evaluation | undefined> {
    const owner = await this.access.ownerFor(request);
    const evaluation = isId(id) ? await this.evals.find(id) : undefined;
    return evaluation && isOf(evaluation, owner) ? evaluation : undefined;
  }
}

function notFound(id: string): NotFoundException {
  return new NotFoundException(`Eval run with id '${id}' not found`);
}
