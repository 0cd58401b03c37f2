import { Controller, Get, Query } from '@nestjs/common';
import { ApiQuery } from '@nestjs/swagger';
import { EvalStore, type Evaluation } from 'nestjs-agentos/stores';

/** Shows the evaluations of judges, the newest first. */
@Controller('evaluations')
export class EvaluationsController {
  constructor(private readonly evaluations: EvalStore) {}

  @Get()
  @ApiQuery({ name: 'run_id', required: false })
  list(@Query('run_id') runId?: string): Promise<readonly Evaluation[]> {
    return this.evaluations.list({ limit: 20, ...(runId === undefined ? {} : { runId }) });
  }
}
